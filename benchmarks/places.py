"""Folders to measure in: on a disk, never in memory, and outside of this repository.

Programs look for their settings in the folders above: a project measured inside this one would be
tested with our settings of pytest.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_DISK: Final = Path("/var/tmp")
"""Unlike the usual place for temporary files it is never memory."""


@contextmanager
def folder() -> Iterator[Path]:
    """A private folder that is gone afterwards."""
    place = _DISK if _DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="interlock-bench-", dir=place) as made:
        yield Path(made)
