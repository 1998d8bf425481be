"""Folders to measure in: on the disk this repository lies on, never in memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_BUILD: Final = Path(__file__).parents[1] / "build"
"""Git ignores it, and unlike the usual place for temporary files it is never memory."""


@contextmanager
def folder() -> Iterator[Path]:
    """A private folder that is gone afterwards."""
    _BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_BUILD) as made:
        yield Path(made)
