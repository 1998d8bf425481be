"""How facts about runs, groups, workers and the plane are written into the referee's books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from interlock.domain.facts.base import Fact
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRecovered,
    GroupRestarted,
    GroupSettled,
    GroupStarted,
    GroupVerifying,
)
from interlock.domain.facts.plane import (
    EmergencyStopped,
    P0Began,
    P0Ended,
    PartLost,
    PartRestored,
    PlaneStarted,
    StartsPaused,
    StartsResumed,
)
from interlock.domain.facts.run import (
    RunCompleted,
    RunFailed,
    RunPaused,
    RunPlanned,
    RunResumed,
    RunStarted,
)
from interlock.domain.facts.task import (
    TaskSubmitted,
)
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered, WorkerWentOffline
from interlock.testing.simulation.books import (
    RunEntry,
    Seen,
    TaskEntry,
    WorkerEntry,
)


def _run_started(seen: Seen[RunStarted]) -> None:
    seen.books.runs[seen.fact.run_id] = RunEntry(seen.fact)


def _submitted(seen: Seen[TaskSubmitted]) -> None:
    run = seen.books.runs.get(seen.fact.run_id)
    if run is not None:
        task = run.tasks[seen.fact.planned.id] = TaskEntry(seen.fact, run)
        seen.books.tasks[task.id] = task


def _run_moved(seen: Seen[Fact]) -> None:
    run = seen.run
    match seen.fact:
        case RunPlanned():
            run.planned = True
        case RunPaused():
            run.paused = True
        case RunResumed():
            run.paused = False
        case _:
            run.ended = True


GroupFact = (
    GroupStarted
    | GroupSettled
    | GroupVerifying
    | GroupPassed
    | GroupBlocked
    | GroupRestarted
    | GroupInterrupted
    | GroupRecovered
)

GROUP_STEPS: Final[dict[type[Fact], tuple[str, str]]] = {
    GroupStarted: ("planned", "running"),
    GroupSettled: ("running", "settled"),
    GroupVerifying: ("settled", "verifying"),
    GroupPassed: ("verifying", "passed"),
    GroupBlocked: ("verifying", "blocked"),
    GroupRestarted: ("blocked", "running"),
    GroupInterrupted: ("running", "interrupted"),
    GroupRecovered: ("interrupted", "running"),
}
"""From where to where each fact about a group leads."""


def _group_moved(seen: Seen[GroupFact]) -> None:
    if seen.fact.group in seen.run.groups:
        seen.run.groups[seen.fact.group].status = GROUP_STEPS[type(seen.fact)][1]


def _registered(seen: Seen[WorkerRegistered]) -> None:
    if seen.subject is None:
        seen.books.workers[seen.fact.worker_id] = WorkerEntry(seen.fact)
    else:
        seen.worker.register(seen.fact)


def _offline(seen: Seen[WorkerWentOffline]) -> None:
    seen.worker.online = False


def _came_back(seen: Seen[WorkerCameBack]) -> None:
    seen.worker.online, seen.worker.session = True, seen.fact.session


# --- the plane ------------------------------------------------------------------------------------


def _plane_started(seen: Seen[PlaneStarted]) -> None:
    seen.books.epochs[seen.fact.repo_id] = seen.fact.epoch
    seen.books.processes[seen.fact.repo_id] = seen.fact.process


def _plane_moved(seen: Seen[Fact]) -> None:
    books = seen.books
    match seen.fact:
        case StartsPaused():
            books.paused = True
        case EmergencyStopped():
            books.stopped = True
        case StartsResumed():
            books.paused = books.stopped = False
        case PartLost():
            books.part_lost = True
        case PartRestored():
            books.part_lost = False
        case P0Began(task_id=task_id):
            books.p0.add(task_id)
        case P0Ended(task_id=task_id):
            books.p0.discard(task_id)
        case _:
            pass


def _given(seen: Seen[CommandGiven]) -> None:
    seen.books.commands.add(seen.fact.command_id)


def _answered(seen: Seen[CommandAccepted | CommandRefused]) -> None:
    seen.books.answers.add(seen.fact.command_id)


Writers = dict[type[Fact], Callable[..., None]]

HOUSE_WRITERS: Final[Writers] = {
    TaskSubmitted: _submitted,
    RunStarted: _run_started,
    **dict.fromkeys((RunPlanned, RunPaused, RunResumed, RunCompleted, RunFailed), _run_moved),
    WorkerRegistered: _registered,
    WorkerWentOffline: _offline,
    WorkerCameBack: _came_back,
    PlaneStarted: _plane_started,
    **dict.fromkeys(
        (StartsPaused, StartsResumed, EmergencyStopped, PartLost, PartRestored, P0Began, P0Ended),
        _plane_moved,
    ),
    CommandGiven: _given,
    CommandAccepted: _answered,
    CommandRefused: _answered,
    **dict.fromkeys(GROUP_STEPS, _group_moved),
}
