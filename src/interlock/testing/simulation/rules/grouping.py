"""Stage groups: step by step, judged once all have settled, blocked with exactly what failed."""

from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeJudged
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRestarted,
    GroupStarted,
)
from interlock.testing.simulation.books import RunEntry, Seen, stages_of
from interlock.testing.simulation.housekeeping import GROUP_STEPS, GroupFact


def step_by_step(seen: Seen[GroupFact]) -> str:
    run, fact = seen.run, seen.fact
    group, name = run.groups.get(fact.group), type(fact).__name__
    if group is None:
        return f"{name} of a group that is not in the plan"
    expected = GROUP_STEPS[type(fact)][0]
    return "" if group.status == expected else f"{name} while group {group.id} is {group.status}"


def after_its_groups(seen: Seen[GroupStarted]) -> str:
    run, fact = seen.run, seen.fact
    group = run.groups.get(fact.group)
    before_it = () if group is None else group.depends_on
    open_groups = [before for before in before_it if run.groups[before].status != "passed"]
    return f"group {fact.group} starts before {open_groups}" if open_groups else ""


def _unfinished(run: RunEntry, fact: GroupFact) -> set[str]:
    group = run.groups.get(fact.group)
    if group is None:
        return set()
    return {stage.planned.id for stage in stages_of(run, group) if not stage.satisfied}


def all_satisfied(seen: Seen[GroupPassed]) -> str:
    run, fact = seen.run, seen.fact
    rest = _unfinished(run, fact)
    return f"group {fact.group} passes without {sorted(rest)}" if rest else ""


def full_report(seen: Seen[GroupBlocked]) -> str:
    run, fact = seen.run, seen.fact
    named = [failure.stage for failure in fact.report]
    rest = _unfinished(run, fact)
    if sorted(named) == sorted(rest):
        return ""
    return f"group {fact.group} reports {sorted(named)}, unfinished are {sorted(rest)}"


def only_the_unfinished(seen: Seen[GroupRestarted]) -> str:
    run, fact = seen.run, seen.fact
    again = set(fact.stages)
    if again and again <= _unfinished(run, fact):
        return ""
    return f"group {fact.group} restarts {sorted(again)}, which is not what failed"


def for_a_reason(seen: Seen[GroupInterrupted]) -> str:
    books, fact = seen.books, seen.fact
    p0 = fact.p0 is not None and fact.p0 in books.p0
    return "" if p0 or books.part_lost else f"group {fact.group} is interrupted by nothing"


def judged_after_settling(seen: Seen[ChangeJudged]) -> str:
    group = seen.task.group
    if group is None or not group.parallel or group.status not in ("running", "interrupted"):
        return ""
    return f"a stage is judged while group {group.id} is {group.status}"


def freezes_for_p0(seen: Seen[Fact]) -> str:
    return "" if seen.books.p0 else "it is frozen although no p0 task has the plane"
