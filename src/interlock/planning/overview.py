"""A plan before it runs, for programs and for people: what waits for what, and for how long."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from interlock.domain.forecast import Spread
from interlock.domain.group import StageGroup
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import ESTIMATE_MINUTES_DEFAULT, Dependency, PlannedTask
from interlock.planning.faults import Fault
from interlock.planning.forecast import Forecast, Minutes, Slot, forecast
from interlock.planning.graph import levels
from interlock.planning.history import Expected
from interlock.planning.network import WHOLE
from interlock.planning.outlook import Outlook, Pair
from interlock.planning.profiles import Suggestion
from interlock.planning.spread import Guess

_ID_COLUMN_MAX: Final = 32
_TITLE_COLUMN_MAX: Final = 48
_CHAIN_MAX: Final = 20
_MINUTES_PER_HOUR: Final = 60
_MINUTES_DIGITS: Final = 1
_USD_DIGITS: Final = 4
_CONFLICTS_SHOWN: Final = 5
_PATHS_SHOWN: Final = 3
_TASKS_SHOWN: Final = 5


# --- for programs ---------------------------------------------------------------------------------


class Prospect(msgspec.Struct, frozen=True):
    """What history adds to the estimates: an outlook, and profiles that it proposes."""

    outlook: Outlook
    suggestions: Mapping[TaskName, Suggestion]


def overview_document(
    plan: Plan, workers: int, parallel_stages: int, prospect: Prospect
) -> dict[str, object]:
    """What `interlock plan --json` prints; what nobody has computed is null."""
    expected = forecast(plan, workers, parallel_stages)
    found = prospect.outlook
    return {
        "goal": plan.goal,
        "faults": [],
        "tasks": [
            _task_entry(task, expected.slots.get(task.id)) | _prospects(task, prospect)
            for task in plan.tasks
        ],
        "groups": [_group_entry(group) for group in plan.groups],
        "critical_path": list(expected.critical_path),
        "minutes": {
            "sequential": expected.minutes.sequential,
            "parallel": expected.minutes.parallel,
            "lower_bound": expected.minutes.lower_bound,
            **_spread(found.minutes, _MINUTES_DIGITS),
        },
        "cost_usd": _spread(found.cost_usd, _USD_DIGITS),
        "conflicts": [_conflict_entry(pair) for pair in found.conflicts],
        "forecast": {"based_on": list(found.basis), "samples": found.samples},
    }


def refusal_document(faults: Iterable[Fault]) -> dict[str, object]:
    """What `interlock plan --json` prints of a wrong plan: its faults and nothing else."""
    return {"faults": [{"where": f.where, "what": f.what, "mend": f.mend} for f in faults]}


def _task_entry(task: PlannedTask, slot: Slot | None) -> dict[str, object]:
    return {
        "id": task.id,
        "title": task.title,
        "depends_on": [d.task for d in task.depends_on if d.task is not None],
        "depends_on_groups": [d.group for d in task.depends_on if d.group is not None],
        "tier": None,
        "score": None,
        "raw_score": None,
        "reasons": [],
        "factors": [],
        "start_minutes": None if slot is None else slot.start_minutes,
        "finish_minutes": None if slot is None else slot.finish_minutes,
    }


def _prospects(task: PlannedTask, prospect: Prospect) -> dict[str, object]:
    expected = prospect.outlook.tasks.get(task.id)
    suggestion = prospect.suggestions.get(task.id)
    return {
        "forecast": None if expected is None else _expected_entry(expected),
        "suggested_agent": None if suggestion is None else suggestion.agent,
        "suggested_because": None if suggestion is None else suggestion.because,
    }


def _expected_entry(expected: Expected) -> dict[str, object]:
    return {
        "minutes": _spread(expected.minutes, _MINUTES_DIGITS),
        "cost_usd": _spread(expected.cost_usd, _USD_DIGITS),
        "sent_back": round(expected.fails, 2),
        "based_on": expected.basis,
    }


def _spread(spread: Spread | Guess | None, digits: int) -> dict[str, float | None]:
    if spread is None:
        return {"p50": None, "p80": None}
    return {"p50": round(spread.p50, digits), "p80": round(spread.p80, digits)}


def _conflict_entry(pair: Pair) -> dict[str, object]:
    return {
        "tasks": list(pair.tasks),
        "paths": list(pair.paths),
        "probability": round(pair.probability, 2),
    }


def _group_entry(group: StageGroup) -> dict[str, object]:
    return {
        "id": group.id,
        "stages": list(group.stages),
        "depends_on": list(group.depends_on),
        "parallel": group.parallel,
    }


# --- for people -----------------------------------------------------------------------------------


def overview_text(plan: Plan, workers: int, parallel_stages: int, prospect: Prospect) -> str:
    """The plan drawn group by group, or level by level, with times and the critical path."""
    page = _Page(plan, forecast(plan, workers, parallel_stages))
    lines = [plan.goal, ""]
    for heading, tasks, in_turn in _sections(plan):
        lines.append(heading)
        lines.extend(page.rows(tasks, in_turn=in_turn))
    lines += ["", *page.sums(workers, parallel_stages), "", *_outlook_lines(plan, prospect)]
    return "\n".join(lines) + "\n"


def refusal_text(faults: Sequence[Fault]) -> str:
    """Every fault in a line of its own: where, what, how to mend."""
    lines = [f"{fault.where}: {fault.what}; {fault.mend}" for fault in faults]
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return "\n".join([*lines, f"The plan has {count}; nothing was started."]) + "\n"


def _sections(plan: Plan) -> list[tuple[str, Sequence[PlannedTask], bool]]:
    """Heading, tasks, and whether they come one after another."""
    tasks = {task.id: task for task in plan.tasks}
    found: list[tuple[str, Sequence[PlannedTask], bool]] = []
    for group in plan.groups:
        stages = [tasks[stage] for stage in group.stages]
        found.append((_group_heading(group), stages, not group.parallel))
    grouped = {stage for group in plan.groups for stage in group.stages}
    outside = ", outside the groups" if grouped else ""
    free = [[tasks[name] for name in level if name not in grouped] for level in levels(plan)]
    steps = enumerate(filter(None, free), 1)
    return found + [(f"step {number}{outside}", step, False) for number, step in steps]


def _group_heading(group: StageGroup) -> str:
    words = [f"group {group.id}"]
    if group.depends_on:
        words.append("after " + ", ".join(str(before) for before in group.depends_on))
    if len(group.stages) > 1:
        words.append("all at once" if group.parallel else "one after another")
    return ", ".join(words)


class _Page:
    """Draws one forecast."""

    def __init__(self, plan: Plan, expected: Forecast) -> None:
        self._plan, self._expected = plan, expected
        self._critical = frozenset(expected.critical_path)
        self._id_width = max((min(len(t.id), _ID_COLUMN_MAX) for t in plan.tasks), default=0)
        self._agent_width = max((len(t.agent) for t in plan.tasks), default=0)

    def rows(self, tasks: Sequence[PlannedTask], *, in_turn: bool) -> list[str]:
        strokes = _strokes(len(tasks), in_turn=in_turn)
        return [f"  {s} {self._row(task)}".rstrip() for s, task in zip(strokes, tasks, strict=True)]

    def _row(self, task: PlannedTask) -> str:
        mark = "*" if task.id in self._critical else " "
        name = f"{mark} {task.id:<{self._id_width}}"
        slot = self._expected.slots.get(task.id)
        if slot is None:
            return f"{name}  skipped: {task.when} is false"
        span = f"{_clock(slot.start_minutes):>6} - {_clock(slot.finish_minutes):<6}"
        guess = "~" if task.estimate_minutes is None else " "
        length = f"{guess}{_duration(slot.finish_minutes - slot.start_minutes):<10}"
        what = f"{_clipped(task.title)}{_after(task.depends_on)}"
        return f"{name}  {span} {length} {task.agent:<{self._agent_width}}  {what}"

    def sums(self, workers: int, parallel_stages: int) -> list[str]:
        lines = [f"* critical path: {_chain(self._expected.critical_path)}"]
        if any(task.estimate_minutes is None for task in self._plan.tasks):
            lines.append(f"~ no estimate given, {ESTIMATE_MINUTES_DEFAULT:.0f} min assumed")
        limits = "1 worker" if workers == 1 else f"{workers} workers"
        if self._plan.groups:
            limits += f" and {parallel_stages} stages at once"
        minutes = self._expected.minutes
        return [
            *lines,
            f"one after another   {_duration(minutes.sequential)}",
            f"in parallel         {_duration(minutes.parallel)}{_saving(minutes)}, with {limits}",
            f"never less than     {_duration(minutes.lower_bound)}",
        ]


def _outlook_lines(plan: Plan, prospect: Prospect) -> Iterator[str]:
    found = prospect.outlook
    minutes, cost = found.minutes, found.cost_usd
    often = "eight times of ten"
    yield f"expected            {_duration(minutes.p50)}, {often} {_duration(minutes.p80)}"
    if cost is not None:
        yield f"expected to cost    ${cost.p50:,.2f}, {often} ${cost.p80:,.2f}"
    yield from (f"  {basis}" for basis in found.basis)
    shown = found.conflicts[:_CONFLICTS_SHOWN]
    if shown:
        yield "may collide"
    for pair in shown:
        where = ", ".join(pair.paths[:_PATHS_SHOWN])
        where += ", …" if len(pair.paths) > _PATHS_SHOWN else ""
        yield f"  {pair.probability:4.0%}  {pair.tasks[0]} and {pair.tasks[1]}: {_safe(where)}"
    if len(found.conflicts) > len(shown):
        yield f"        {len(found.conflicts) - len(shown):,} more pairs; --json lists them"
    yield from _proposals(plan, prospect)


def _proposals(plan: Plan, prospect: Prospect) -> Iterator[str]:
    """One line for all tasks to which the same applies; nothing is switched by itself."""
    agreeing: dict[tuple[str, str], list[str]] = {}
    for task in plan.tasks:
        found = prospect.suggestions.get(task.id)
        if found is not None and found.agent != task.agent:
            agreeing.setdefault((found.agent, found.because), []).append(task.id)
    if agreeing:
        yield "cheaper, and good enough by what happened here"
    for (agent, because), names in agreeing.items():
        more = f" and {len(names) - _TASKS_SHOWN:,} more" if len(names) > _TASKS_SHOWN else ""
        yield f"  {agent} for {', '.join(names[:_TASKS_SHOWN])}{more}: {because}"


def _safe(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _strokes(count: int, *, in_turn: bool) -> list[str]:
    """What holds the rows of one section together at their left."""
    if count == 1:
        return ["──"]
    if in_turn:
        return [*["│ "] * (count - 1), "▼ "]
    return ["┌─", *["├─"] * (count - 2), "└─"]


def _after(dependencies: Iterable[Dependency]) -> str:
    words = [_dependency(dependency) for dependency in dependencies]
    return f"  (after {', '.join(words)})" if words else ""


def _dependency(dependency: Dependency) -> str:
    name: TaskName | str = dependency.task or f"group {dependency.group}"
    return name if dependency.at >= WHOLE else f"{dependency.at} % of {name}"


def _clipped(title: str) -> str:
    return title if len(title) <= _TITLE_COLUMN_MAX else title[: _TITLE_COLUMN_MAX - 1] + "…"


def _clock(minutes: float) -> str:
    hours, rest = divmod(round(minutes), _MINUTES_PER_HOUR)
    return f"{hours}:{rest:02}"


def _duration(minutes: float) -> str:
    hours, rest = divmod(minutes, _MINUTES_PER_HOUR)
    if not hours:
        return f"{rest:.3g} min"
    return f"{hours:.0f} h {rest:.0f} min" if round(rest) else f"{hours:.0f} h"


def _chain(names: Sequence[str]) -> str:
    if len(names) > _CHAIN_MAX:
        left_out = f"({len(names) - _CHAIN_MAX:,} more)"
        names = [*names[: _CHAIN_MAX // 2], left_out, *names[-_CHAIN_MAX // 2 :]]
    return " -> ".join(names) or "none"


def _saving(minutes: Minutes) -> str:
    if not minutes.sequential or minutes.parallel >= minutes.sequential:
        return ""
    return f" ({100 * (1 - minutes.parallel / minutes.sequential):.1f} % less)"
