"""The live screen: redrawn when something happened or the window changed, else at rest."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing

from rich.box import ASCII, DOUBLE
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from interlock.control.dashboard import Dashboard
from interlock.control.desk import FrontDesk
from interlock.interfaces.cli.board import board_lines
from interlock.interfaces.cli.text import Screen

_FRAME_CELLS = 6
"""Two sides of the frame and two spaces next to each."""


def framed(seen: Dashboard, console: Console) -> Panel:
    """The board in its frame, as wide as the console is now."""
    text = Text(no_wrap=True, overflow="crop")
    for number, line in enumerate(board_lines(seen, console.width - _FRAME_CELLS)):
        text.append(("\n" if number else "") + line.text, style=line.colour or "")
    box = DOUBLE if console.encoding.startswith("utf") else ASCII
    return Panel(text, box=box, padding=(0, 2))


async def show_live(desk: FrontDesk, screen: Screen) -> None:
    """Until the person leaves; the last board stays on the screen when they do."""
    console = Console(no_color=not screen.colour, highlight=False, markup=False, emoji=False)
    latest: list[Dashboard] = []
    loop = asyncio.get_running_loop()
    live = Live(console=console, screen=True, auto_refresh=False)

    def draw() -> None:
        if latest:
            live.update(framed(latest[-1], console), refresh=True)

    try:
        with live:
            loop.add_signal_handler(signal.SIGWINCH, draw)
            async with aclosing(desk.watch()) as boards:
                async for seen in boards:
                    latest[:] = [seen]
                    draw()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        for seen in latest:
            console.print(framed(seen, console))
