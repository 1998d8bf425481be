"""A run as a whole: when it is over, and what people's commands do to it and to the plane."""

from __future__ import annotations

from typing import assert_never

from interlock.domain.command import Pause, Resume, Stop
from interlock.domain.facts.base import Fact
from interlock.domain.facts.plane import EmergencyStopped, StartsPaused, StartsResumed
from interlock.domain.facts.run import RunCompleted, RunFailed, RunPaused, RunResumed
from interlock.domain.ids import RunId
from interlock.domain.lifecycle import Refusal
from interlock.domain.task import TaskStatus as S
from interlock.flows.run.pictures import PlanePicture, RunPicture

Facts = tuple[Fact, ...]


def decide(plane: PlanePicture, run: RunPicture) -> Facts:
    """The end of a run: complete, failed for good, or not yet."""
    if run.ended or not run.planned:
        return ()
    satisfied = run.count(S.DONE, S.SKIPPED)
    if satisfied == run.tasks:
        return (RunCompleted(),)
    if satisfied + run.count(S.REJECTED, S.CANCELLED) == run.tasks:
        return (RunFailed(_reasons(plane, run)),)
    return ()


def _reasons(plane: PlanePicture, run: RunPicture) -> tuple[str, ...]:
    ended = (plane.tasks[run.task_ids[index]] for index in range(run.tasks))
    lost = [t for t in ended if t.status in (S.REJECTED, S.CANCELLED)]
    return tuple(
        f"{t.planned.id} was {t.status}: {t.reason or 'no reason given'}" for t in lost[:20]
    )


def on_plane_command(
    plane: PlanePicture, command: Pause | Resume | Stop
) -> tuple[Facts, Facts] | Refusal:
    """(facts of the plane, facts of the run), or why not."""
    if not isinstance(command, Stop) and command.run_id is not None:
        return _on_run_command(plane, command, command.run_id)
    match command:
        case Stop():
            wrong = "everything is stopped already" if plane.stopped else ""
            fact: Fact = EmergencyStopped(command.reason)
        case Pause():
            wrong = "new starts are held already" if plane.paused else ""
            fact = StartsPaused(command.reason)
        case Resume():
            wrong = "" if plane.paused or plane.stopped else "nothing is paused or stopped"
            fact = StartsResumed(command.reason)
        case _:
            assert_never(command)
    asked = type(command).__name__.lower()
    return Refusal(None, asked, _ALLOWED[asked], wrong) if wrong else ((fact,), ())


_ALLOWED = {"stop": ("resume",), "pause": ("resume",), "resume": ("pause", "stop")}


def _on_run_command(
    plane: PlanePicture, command: Pause | Resume, run_id: RunId
) -> tuple[Facts, Facts] | Refusal:
    run = plane.runs.get(run_id)
    asked = type(command).__name__.lower()
    if run is None or run.ended:
        return Refusal(None, asked, (), "there is no such unfinished run")
    if isinstance(command, Pause) == run.paused:
        wrong = "the run is paused already" if run.paused else "the run is not paused"
        return Refusal(None, asked, _ALLOWED[asked], wrong)
    return (), (RunPaused(command.reason) if isinstance(command, Pause) else RunResumed(),)
