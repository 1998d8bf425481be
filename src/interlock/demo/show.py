"""How the story looks in lines, for pipes and for programs; and the report in words."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final, Protocol

from interlock.demo.report import Report
from interlock.demo.story import Life, Scene
from interlock.domain.plan import Plan
from interlock.domain.task import TaskStatus
from interlock.flows.task.state import TaskPicture

TITLE: Final = "Interlock: the engine at work"
SUBTITLE: Final = "SIMULATED: pretend clock, pretend workers; no agent runs, no code is touched"

STATES: Final = {
    TaskStatus.DONE: ("done", "green"),
    TaskStatus.IN_PROGRESS: ("working", "cyan"),
    TaskStatus.CLAIMED: ("starting", "cyan"),
    TaskStatus.FAILED: ("failed", "red"),
    TaskStatus.SKIPPED: ("skipped", "dim"),
}
NEWS: Final[dict[Life, tuple[str, str]]] = {
    "first": ("the plane runs as process demo-1", "green"),
    "none": ("KILLED: demo-1 is gone without a word. Workers work on; nobody records.", "red"),
    "second": ("demo-2 took over; it knows nothing but the log", "green"),
}


class Show(Protocol):
    """Somebody who watches the story."""

    frame_minutes: float

    def open(self) -> None: ...

    def frame(self, scene: Scene) -> None: ...

    def close(self) -> None: ...


class Silent:
    """For programs: they get the report."""

    frame_minutes = 15.0

    def open(self) -> None:
        """Nothing to open."""

    def frame(self, scene: Scene) -> None:
        """Nothing to show."""

    def close(self) -> None:
        """Nothing to close."""


class Lines:
    """One line per news, for pipes and for the hasty."""

    frame_minutes = 5.0

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seen: dict[str, TaskStatus] = {}
        self._life: Life = "first"

    def open(self) -> None:
        _say(f"{TITLE} ({SUBTITLE})\n{self._plan.goal}\n")

    def frame(self, scene: Scene) -> None:
        if scene.life != self._life:
            self._life = scene.life
            _say(f"{clock(scene.minutes):>6}  {NEWS[scene.life][0]}")
        for planned in self._plan.tasks:
            task = scene.stage(planned.id)
            if task is not None and task.status is not self._seen.get(task.id):
                self._seen[task.id] = task.status
                self._tell(scene, task)

    def _tell(self, scene: Scene, task: TaskPicture) -> None:
        word, _ = STATES.get(task.status, ("", ""))
        if word not in ("working", "done", "failed"):
            return
        at = task.started_at if word == "working" else task.completed_at
        said = "begins" if word == "working" else word
        group, agent = f"group {task.group}", f"({task.planned.agent})"
        time = time_of(scene, at)
        _say(f"{time:>6}  {group}  {task.planned.id:<13}  {agent:<10} {said}")

    def close(self) -> None:
        _say("")


def time_of(scene: Scene, at: datetime | None) -> str:
    """An instant of the story as its pretend time; empty while it has not come."""
    if scene.run is None or at is None:
        return ""
    return clock((at - scene.run.started_at).total_seconds() / 60)


def clock(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours}:{rest:02}"


def tell(report: Report) -> None:
    """The report in words."""
    kill, minutes = report.kill, report.minutes
    stages = [
        f"  {stage.id:<14}{stage.agent:<10}{_span(stage.start_minutes):>5} - "
        f"{_span(stage.finish_minutes):<6}{_tries(stage.attempts):<12}{stage.state}"
        for stage in report.stages
    ]
    under_way = " and ".join(kill.under_way) or "nothing"
    _say("Report (all of it simulated: pretend clock, pretend workers)")
    _say("\n".join(stages))
    _say(
        f"\nrun         {report.state} after {_whole(minutes.run)} min; one after another "
        f"{_whole(minutes.sequential)} min; {minutes.saved_percent} % saved"
    )
    _say(
        f"kill        at {clock(kill.at_minutes)}, {_whole(kill.down_minutes)} min without a plane"
        f", {under_way} under way\n"
        f"its cost    {kill.events_lost} events, {kill.attempts_lost} attempts, "
        f"{_whole(kill.minutes_lost)} minutes"
    )
    intact = "intact" if report.audit.ok else f"BROKEN: {report.audit.first_broken}"
    _say(f"history     {report.events} events, {intact}, kept in {report.store}")
    if not report.as_told:
        _say("\nThis did not end as told: something is out of order in this installation.")
    _say("\nLook for yourself:")
    _say("\n".join(f"  {command}" for command in report.next))
    _say("  interlock plan --help")


def _tries(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"


def _span(minutes: float | None) -> str:
    return "" if minutes is None else clock(minutes)


def _whole(minutes: float | None) -> str:
    return "?" if minutes is None else f"{minutes:g}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
