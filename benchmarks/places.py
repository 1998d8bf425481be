"""Folders to measure in: on a disk, never in memory, and outside of this repository.

Programs look for their settings in the folders above: a project measured inside this one would be
tested with our settings of pytest.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_REPOSITORY: Final = Path(__file__).parents[1]
_chosen: list[Path] = []


def measure_in(place: Path) -> None:
    """From now on, whatever disk that is on."""
    _chosen[:] = [place.resolve(strict=True)]


def _disk() -> Path:
    """The usual place for temporary files, unless it is memory: not on the disk we lie on."""
    usual = (Path(tempfile.gettempdir()), Path("/var/tmp"))
    ours = _REPOSITORY.stat().st_dev
    return next(
        (place for place in usual if place.is_dir() and place.stat().st_dev == ours), usual[0]
    )


@contextmanager
def folder() -> Iterator[Path]:
    """A private folder that is gone afterwards."""
    where = _chosen[0] if _chosen else _disk()
    with tempfile.TemporaryDirectory(prefix="interlock-bench-", dir=where) as made:
        yield Path(made)
