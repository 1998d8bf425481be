"""Views of one host, one box after another: what takes long to find out is not found out again.

What a box shows of the system and of its toolchains follows from a hundred small questions to the
host. They are asked again for each box, in one go; while every answer is the same, so is what
follows from them. No time passes and no change is missed.
"""

from pathlib import Path
from typing import Final

from interlock.sandbox.hosts import Files, Host, Kind
from interlock.sandbox.ports import BoxOrder
from interlock.sandbox.view import Ground, Shown, ground_of, lay_out

KNOWN_MAX: Final = 64


class Asked:
    """The files of a host, with a note of what was asked and answered; each question once."""

    def __init__(self, host: Files) -> None:
        self._host = host
        self._kinds: dict[Path, Kind] = {}
        self._links: dict[Path, str] = {}
        self._reals: dict[Path, Path] = {}
        self._heads: dict[Path, bytes] = {}

    @property
    def home(self) -> Path:
        return self._host.home

    @property
    def path(self) -> tuple[Path, ...]:
        return self._host.path

    def kind(self, path: Path) -> Kind:
        if path not in self._kinds:
            self._kinds[path] = self._host.kind(path)
        return self._kinds[path]

    def link(self, path: Path) -> str:
        if path not in self._links:
            self._links[path] = self._host.link(path)
        return self._links[path]

    def real(self, path: Path) -> Path:
        if path not in self._reals:
            self._reals[path] = self._host.real(path)
        return self._reals[path]

    def head(self, path: Path) -> bytes:
        if path not in self._heads:
            self._heads[path] = self._host.head(path)
        return self._heads[path]

    def still_true(self) -> bool:
        """Whether the host answers every question as it did."""
        host = self._host
        return (
            # First: what is no link any more cannot be asked where it leads.
            all(host.kind(path) == kind for path, kind in self._kinds.items())
            and all(host.link(path) == target for path, target in self._links.items())
            and all(host.real(path) == real for path, real in self._reals.items())
            and all(host.head(path) == head for path, head in self._heads.items())
        )


class Views:
    """Lays out the views of a host whose home and PATH stay the same."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: dict[tuple[object, ...], tuple[Asked, Ground]] = {}

    def view(self, order: BoxOrder, *, copies: bool = False) -> tuple[Shown, ...]:
        """What `view` says of the same order."""
        return lay_out(order, self._host, self._ground(order), copies=copies)

    def _ground(self, order: BoxOrder) -> Ground:
        insides = tuple(mount.inside for mount in order.mounts)
        key = (order.argv[0], order.programs, order.read, insides)
        known = self._known.pop(key, None)
        if known is None or not known[0].still_true():
            asked = Asked(self._host)
            known = (asked, ground_of(order, asked))
        self._known[key] = known  # at the end: the first is the one that was not needed for longest
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return known[1]
