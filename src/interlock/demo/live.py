"""The board on a terminal, drawn in place; the last picture stays when it is over."""

from __future__ import annotations

import io
import shutil
import sys
from typing import Final, TextIO

from interlock.control.desk import FrontDesk
from interlock.control.read_models import Status
from interlock.demo.board import ROWS_BESIDE_TASKS, WIDTH_MIN, Scene, board_lines
from interlock.demo.screen import Canvas, painted
from interlock.domain.plan import Plan
from interlock.engine.ports import Clock
from interlock.engine.supervisor import Supervisor

FRAME_SECONDS: Final = 0.2


def has_room(plan: Plan) -> bool:
    """For every task at once; on a smaller screen lines are better."""
    size = shutil.get_terminal_size()
    return size.lines >= len(plan.tasks) + ROWS_BESIDE_TASKS and size.columns > WIDTH_MIN


class LiveBoard:
    """Drawn a few times a second: the time goes on and the busy rows turn."""

    def __init__(self, plan: Plan, stream: TextIO, clock: Clock, *, colour: bool) -> None:
        self._plan, self._stream, self._clock, self._colour = plan, stream, clock, colour
        self._began = clock.monotonic()
        self._canvas = Canvas()
        self._news: list[str] = []
        self._status: Status | None = None
        self._box, self._tick = "", 0
        self._errors, self._aside = sys.stderr, io.StringIO()

    def open(self, box: str) -> None:
        """What others say on standard error meanwhile would tear the picture: it is said after."""
        self._box = box
        sys.stderr = self._aside
        self._stream.write("\n")
        self._draw()

    def say(self, sentence: str) -> None:
        self._news.append(sentence)

    async def follow(self, desk: FrontDesk) -> None:
        """Until it is cancelled."""
        async with Supervisor() as crew:
            crew.start("look", self._look(desk))
            crew.start("turn", self._turn())

    async def close(self, desk: FrontDesk) -> None:
        self._status = await desk.status()
        self._draw()
        self._stream.write("\n")

    def drop(self) -> None:
        """Whatever happened, the terminal is the person's again."""
        sys.stderr = self._errors
        self._stream.write(self._canvas.end())
        self._stream.flush()
        self._errors.write(self._aside.getvalue())
        self._errors.flush()
        self._aside = io.StringIO()

    async def _look(self, desk: FrontDesk) -> None:
        async for _ in desk.watch():
            self._status = await desk.status()

    async def _turn(self) -> None:
        while True:
            self._draw()
            await self._clock.sleep(FRAME_SECONDS)

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        seconds = self._clock.monotonic() - self._began
        scene = Scene(self._status, self._news, self._box, seconds, self._tick)
        lines = board_lines(self._plan, scene, size.columns - 1, size.lines)
        shown = [painted(line, self._colour) for line in lines][: size.lines - 1]
        self._stream.write(self._canvas.frame(shown, (size.columns, size.lines)))
        self._stream.flush()
        self._tick += 1
