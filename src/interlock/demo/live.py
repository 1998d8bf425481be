"""How the story looks on a terminal: the picture of the plan, drawn in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from interlock.demo.show import NEWS, STATES, SUBTITLE, TITLE, clock, time_of
from interlock.demo.story import Life, Scene
from interlock.domain.plan import Plan
from interlock.domain.task import PlannedTask, TaskStatus
from interlock.flows.task.state import TaskPicture

BAR_CELLS: Final = 24
SHOW_SECONDS: Final = 9.0
"""What the frames take together; the kill and the take-over are held a little on top."""

HOLD_SECONDS: Final = 1.6


def can_draw() -> bool:
    """A terminal that can be drawn on."""
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


class LiveShow:
    """The picture of the plan, drawn again and again in place."""

    frame_minutes = 2.5

    def __init__(self, plan: Plan, minutes: float, pause: Callable[[float], None]) -> None:
        self._plan, self._pause = plan, pause
        self._seconds = SHOW_SECONDS * self.frame_minutes / max(minutes, 1.0)
        self._life: Life = "first"
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)

    def open(self) -> None:
        self._live.start()

    def frame(self, scene: Scene) -> None:
        self._live.update(self._drawn(scene), refresh=True)
        self._pause(self._seconds)
        if scene.life != self._life:
            self._life = scene.life
            self._pause(HOLD_SECONDS)

    def close(self) -> None:
        self._live.stop()

    def _drawn(self, scene: Scene) -> Group:
        news, colour = NEWS[scene.life]
        head = Text.assemble((TITLE, "bold"), "   ", (SUBTITLE, "yellow"))
        time = Text.assemble(
            ("pretend time ", "dim"),
            (f"{_now(scene):>5}", "bold"),
            ("   events ", "dim"),
            (f"{scene.picture.position:>3}", "bold"),
            "   ",
            (news, f"bold {colour}" if scene.life == "none" else colour),
        )
        return Group(Text(), head, Text(), self._stages(scene), Text(), time, Text())

    def _stages(self, scene: Scene) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
        for name in ("group", "", "stage", "agent", "", "begin", "end", "tries", "state"):
            table.add_column(name, no_wrap=True)
        group_of = {stage: group for group in self._plan.groups for stage in group.stages}
        for planned in self._plan.tasks:
            group = group_of[planned.id]
            at = group.stages.index(planned.id)
            number = str(group.id) if at == 0 else ""
            table.add_row(number, _stroke(at, len(group.stages)), *self._row(scene, planned))
        return table

    def _row(self, scene: Scene, planned: PlannedTask) -> tuple[str | Text, ...]:
        task = scene.stage(planned.id)
        status = TaskStatus.BACKLOG if task is None else task.status
        word, colour = STATES.get(status, ("waits", "dim"))
        if scene.life == "none" and word == "working":
            word, colour = "works on, unseen", "yellow"
        return (
            planned.id,
            planned.agent,
            _bar(_share(scene, task), colour),
            time_of(scene, None if task is None else task.started_at),
            time_of(scene, None if task is None else task.completed_at),
            "" if task is None or not task.attempts_made else str(task.attempts_made),
            Text(word, colour),
        )


def _now(scene: Scene) -> str:
    """The story's time; once its run is over, the time at which that happened."""
    ended = None if scene.run is None else scene.run.ended_at
    return time_of(scene, ended) or clock(scene.minutes)


def _share(scene: Scene, task: TaskPicture | None) -> float:
    """How much of its estimate has passed: on the pretend clock estimates come true."""
    if task is None or task.started_at is None or scene.run is None:
        return 0.0
    if task.status is TaskStatus.DONE:
        return 1.0
    began = (task.started_at - scene.run.started_at).total_seconds() / 60
    return min(1.0, (scene.minutes - began) / (task.planned.estimate_minutes or 1.0))


def _bar(share: float, colour: str) -> Text:
    full = round(share * BAR_CELLS)
    return Text.assemble(("━" * full, colour), ("─" * (BAR_CELLS - full), "dim"))


def _stroke(at: int, count: int) -> str:
    if count == 1:
        return "──"
    return "┌─" if at == 0 else "└─" if at == count - 1 else "├─"
