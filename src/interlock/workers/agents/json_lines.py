"""JSON lines: one document a line, both ways, between us and an agent that talks.

    async for heard in documents_of(box.output()):
        match heard:
            case Garbled(): ...                     # a line that is no document
            case _: text_in(heard, "message", "id")
    await tell(box, {"type": "user"})

What comes in may have any shape: `..._in` answer with something empty where the place is missing or
holds something else, so that no reader has to trust it.
"""

import contextlib
import json
import math
from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from interlock.sandbox.ports import BoxRefused, RunningBox
from interlock.workers.agents.lines import batches_of

LINE_BYTES_MAX: Final = 2_000_000
"""A longer line is garbled: decoded it could take twenty times as much."""

DEPTH_MAX: Final = 100
"""What is nested deeper is garbled: one that can just be read could not be written any more."""

GARBLED_MAX: Final = 300

Document = dict[str, object]
"""A JSON object of which nothing is known yet."""


class Garbled(msgspec.Struct, frozen=True):
    """A line that is no document, and its beginning."""

    text: str


async def documents_of(
    pieces: AsyncIterator[bytes], line_bytes_max: int = LINE_BYTES_MAX
) -> AsyncIterator[Document | Garbled]:
    """Every line that is not blank, understood or not."""
    async for lines in batches_of(pieces, line_bytes_max):
        for line in lines:
            if line.strip():
                yield _read(line)


def _read(line: str) -> Document | Garbled:
    # The standard library's reader: agents written in JavaScript cut texts between two surrogates,
    # and a stricter one would lose the whole line for that.
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return Garbled(line[:GARBLED_MAX])
    if not isinstance(document, dict) or _is_too_deep(document, line):
        return Garbled(line[:GARBLED_MAX])
    return document


def _is_too_deep(document: Document, line: str) -> bool:
    if line.count("{") + line.count("[") <= DEPTH_MAX:
        return False
    level: list[object] = [document]
    for _ in range(DEPTH_MAX):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[object]:
    """What can hold more in its turn."""
    values = value.values() if isinstance(value, dict) else value
    inside = values if isinstance(values, Iterable) else ()
    return [each for each in inside if isinstance(each, dict | list)]


async def tell(box: RunningBox, *documents: Document) -> None:
    """One that has ended or listens no more is told nothing; its end says why."""
    data = "".join(f"{json.dumps(document)}\n" for document in documents).encode()
    with contextlib.suppress(OSError, BoxRefused):
        await box.feed(data)


# --- reading without trust -----------------------------------------------------------------------


def value_in(document: Document, *path: str) -> object:
    """What stands there, whatever it is; None: nothing."""
    value: object = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_in(document: Document, *path: str) -> str:
    """Halves of surrogate pairs are replaced: nothing else could store them."""
    value = value_in(document, *path)
    return _storable(value) if isinstance(value, str) else ""


def count_in(document: Document, *path: str) -> int:
    """A whole number that is not negative; 0 for anything else."""
    value = value_in(document, *path)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return max(value, 0) if whole and isinstance(value, int) else 0


def amount_in(document: Document, *path: str) -> float | None:
    """A number that is finite and not negative; None for anything else."""
    value = value_in(document, *path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        amount = float(value)
    except OverflowError:
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None


def document_in(document: Document, *path: str) -> Document:
    value = value_in(document, *path)
    return value if isinstance(value, dict) else {}


def documents_in(document: Document, *path: str) -> list[Document]:
    """The documents of a list there; what else it holds is left out."""
    value = value_in(document, *path)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def texts_in(document: Document, *path: str) -> list[str]:
    """The texts of a list there, as `text_in` would give each."""
    value = value_in(document, *path)
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    return [_storable(text) for text in texts]


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode()
