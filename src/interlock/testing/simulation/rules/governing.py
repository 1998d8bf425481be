"""The plane itself: epochs, commands, p0, and how runs end."""

from collections.abc import Iterator

from interlock.domain.facts.base import Fact
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.facts.plane import P0Began, P0Ended, PlaneStarted
from interlock.domain.facts.run import RunCompleted, RunFailed, RunPlanned, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.lifecycle import ENDED
from interlock.domain.task import TaskStatus as S
from interlock.testing.simulation.books import Books, Seen, trigger_of


def by_the_table(seen: Seen[Fact]) -> str:
    task, fact = seen.task, seen.fact
    trigger = trigger_of(fact)
    if trigger is None or task.may(trigger):
        return ""
    return f"{type(fact).__name__} of a task that is {task.status}"


def submitted_once(seen: Seen[TaskSubmitted]) -> str:
    if seen.subject is not None:
        return "it is submitted a second time"
    fact = seen.fact
    run = seen.books.runs.get(fact.run_id)
    if run is None or run.planned or run.ended:
        return f"it is submitted to run {fact.run_id}, which takes no tasks now"
    return ""


def next_epoch(seen: Seen[PlaneStarted]) -> str:
    books, fact = seen.books, seen.fact
    before = books.epochs.get(fact.repo_id, 0)
    return "" if fact.epoch == before + 1 else f"epoch {fact.epoch} follows epoch {before}"


def answers_a_command(seen: Seen[CommandAccepted | CommandRefused]) -> str:
    books, fact = seen.books, seen.fact
    if fact.command_id not in books.commands:
        return f"{fact.command_id} is answered and was never given"
    return f"{fact.command_id} is answered twice" if fact.command_id in books.answers else ""


def given_once(seen: Seen[CommandGiven]) -> str:
    books, fact = seen.books, seen.fact
    return f"{fact.command_id} is given twice" if fact.command_id in books.commands else ""


def unanswered(books: Books) -> Iterator[tuple[str, str]]:
    for command_id in sorted(books.commands - books.answers):
        yield "commands", f"{command_id} was never answered"


def begins_and_ends(seen: Seen[P0Began | P0Ended]) -> str:
    books, fact = seen.books, seen.fact
    if isinstance(fact, P0Began):
        return f"{fact.task_id} begins as p0 twice" if fact.task_id in books.p0 else ""
    return "" if fact.task_id in books.p0 else f"{fact.task_id} ends as p0 and never began"


def run_starts_once(seen: Seen[RunStarted]) -> str:
    return "" if seen.subject is None else f"run {seen.fact.run_id} starts a second time"


def plan_is_complete(seen: Seen[RunPlanned]) -> str:
    run, fact = seen.run, seen.fact
    if run.planned or not len(run.tasks) == fact.tasks == run.expected:
        return "a plan is called complete that is not, or was before"
    return ""


def run_may_end(seen: Seen[RunCompleted | RunFailed]) -> str:
    run, fact = seen.run, seen.fact
    if run.ended or not run.planned:
        return "a run ends that is not under way"
    statuses = {task.status for task in run.tasks.values()}
    if isinstance(fact, RunCompleted):
        left = statuses - {S.DONE, S.SKIPPED}
        return f"the run is complete with tasks that are {sorted(left)}" if left else ""
    open_statuses = statuses - ENDED | statuses & {S.FAILED}
    return f"the run is over with tasks that are {sorted(open_statuses)}" if open_statuses else ""
