"""What a program says, line by line, however it cuts it into pieces."""

from collections.abc import AsyncIterator
from typing import Final

LINE_BYTES_MAX: Final = 256_000
"""Of a longer line only the first part is given on: no agent fills the worker's memory."""


async def lines_of(
    pieces: AsyncIterator[bytes], line_bytes_max: int = LINE_BYTES_MAX
) -> AsyncIterator[str]:
    """Every line without its end; what is no UTF-8 is replaced, and the last needs no end."""
    async for lines in batches_of(pieces, line_bytes_max):
        for line in lines:
            yield line


async def batches_of(
    pieces: AsyncIterator[bytes], line_bytes_max: int = LINE_BYTES_MAX
) -> AsyncIterator[list[str]]:
    """The same, but all lines that ended in one piece at once: cheaper where there are many."""
    line, cut = bytearray(), False
    async for piece in pieces:
        first, *rest = piece.split(b"\n")
        cut = _add(line, first, line_bytes_max) or cut
        if not rest:
            continue
        lines = [_text(line, cut)]
        lines += [_text(whole[:line_bytes_max], len(whole) > line_bytes_max) for whole in rest[:-1]]
        yield lines
        line.clear()
        cut = _add(line, rest[-1], line_bytes_max)
    if line:
        yield [_text(line, cut)]


def _add(line: bytearray, more: bytes, line_bytes_max: int) -> bool:
    """True when something had to be left out."""
    room = line_bytes_max - len(line)
    line += more[: max(room, 0)]
    return len(more) > room


def _text(line: bytes | bytearray, cut: bool) -> str:
    text = line.decode(errors="replace").rstrip("\r")
    return f"{text} [... cut]" if cut else text
