"""Limits for everything in a box together: control groups, version 2 before version 1.

Each box gets a group `interlock-<our process>-<number>` under the group we are in. One that its
process left behind is removed by the next plane that makes a box.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from interlock.sandbox.ports import BoxLimits, BoxRefused

Controller = Literal["memory", "pids", "freezer"]

CONTROLLERS: Final[tuple[Controller, ...]] = ("memory", "pids", "freezer")
PREFIX: Final = "interlock"
FROZEN_SECONDS_MAX: Final = 10.0
LOOK_AGAIN_SECONDS: Final = 0.002
EMPTY_SECONDS_MAX: Final = 2.0

_NEEDED: Final = {"memory": "memory.max", "pids": "pids.max", "freezer": "cgroup.freeze"}
"""What a fresh group of version 2 has when its controller works there; freezing needs none."""

_NUMBERS: Final = itertools.count(1)
"""Of this process, not of one maker of boxes: no two boxes may share a group."""


class Place(msgspec.Struct, frozen=True):
    """A group in which we may make others that have this controller."""

    version: Literal[1, 2]
    folder: Path


class Places:
    """Where groups can be made on this machine, by controller; found by making one."""

    def __init__(self, memberships: str | None = None, mounts: str | None = None) -> None:
        memberships = _text("/proc/self/cgroup") if memberships is None else memberships
        mounts = _text("/proc/self/mountinfo") if mounts is None else mounts
        self._candidates = list(_candidates(memberships, mounts))
        self._found: Mapping[Controller, Place] | None = None

    @property
    def found(self) -> Mapping[Controller, Place]:
        if self._found is None:
            self._found = self._look()
            for place in set(self._found.values()):
                _sweep(place.folder)
        return self._found

    def group(self, limits: BoxLimits) -> "Group":
        """One with the controllers that these limits need, to be made when it takes a process."""
        name = f"{PREFIX}-{os.getpid()}-{next(_NUMBERS)}"
        wanted = {
            "memory": limits.memory_bytes is not None,
            "pids": limits.processes is not None,
            "freezer": True,
        }
        places = {key: place for key, place in self.found.items() if wanted[key]}
        return Group(
            {key: Place(place.version, place.folder / name) for key, place in places.items()}
        )

    def _look(self) -> Mapping[Controller, Place]:
        found: dict[Controller, Place] = {}
        for controller, place in self._candidates:
            if controller not in found and self._works(controller, place):
                found[controller] = place
        return found

    def _works(self, controller: Controller, place: Place) -> bool:
        folder = place.folder / f"{PREFIX}-{os.getpid()}-{next(_NUMBERS)}"
        try:
            if place.version == 2 and controller != "freezer":  # noqa: PLR2004 - a version
                _hand_down(place.folder, controller)
            folder.mkdir()
        except OSError:
            return False
        try:
            return place.version == 1 or (folder / _NEEDED[controller]).exists()
        finally:
            _remove(folder)


class Group:
    """The groups of one box, one per controller, or one for several."""

    def __init__(self, folders: Mapping[Controller, Place]) -> None:
        self._folders = folders
        self._limited = False

    def take(self, pid: int, limits: BoxLimits) -> None:
        """Make the groups, set the limits, then put the process in.

        Not in the event loop: whoever makes or enters a group waits until the kernel has moved
        everybody else, some 10 ms each.
        """
        for folder in self._groups():
            folder.mkdir(exist_ok=True)  # a dead process of our number may have left it
        memory, pids = self._folders.get("memory"), self._folders.get("pids")
        if memory is not None and limits.memory_bytes is not None:
            self._limited = True
            _limit_memory(memory, limits.memory_bytes)
        if pids is not None and limits.processes is not None:
            (pids.folder / "pids.max").write_text(str(limits.processes + 1))  # and its init
        for folder in self._groups():
            (folder / "cgroup.procs").write_text(str(pid))

    def _groups(self) -> set[Path]:
        """One folder may serve several controllers."""
        return {place.folder for place in self._folders.values()}

    @property
    def can_freeze(self) -> bool:
        return "freezer" in self._folders

    async def freeze(self, frozen: bool) -> None:
        """Returns when everything in it holds still, or moves again."""
        place = self._folders["freezer"]
        if place.version == 1:
            file, text = place.folder / "freezer.state", "FROZEN" if frozen else "THAWED"
            file.write_text(text)
        else:
            (place.folder / "cgroup.freeze").write_text("1" if frozen else "0")
            file, text = place.folder / "cgroup.events", f"frozen {int(frozen)}"
        try:
            async with asyncio.timeout(FROZEN_SECONDS_MAX):
                while text not in file.read_text():  # noqa: ASYNC110 - the kernel rings no bell
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError as error:
            raise BoxRefused(
                "A process in the box hangs in the kernel and cannot be held."
            ) from error

    def thaw_for_the_end(self) -> None:
        """Frozen processes of version 1 do not even die."""
        place = self._folders.get("freezer")
        if place is not None and place.version == 1:
            with contextlib.suppress(OSError):
                (place.folder / "freezer.state").write_text("THAWED")

    @property
    def ran_out_of_memory(self) -> bool:
        place = self._folders.get("memory")
        if place is None or not self._limited:
            return False
        file = "memory.oom_control" if place.version == 1 else "memory.events"
        return _count(_text(str(place.folder / file)), "oom_kill") > 0

    async def close(self) -> None:
        """A group empties a moment after its last process has gone."""
        waiting = self._groups()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EMPTY_SECONDS_MAX):
                # In a thread, as `take` is: the kernel may be moving somebody.
                while waiting := await asyncio.to_thread(_left, waiting):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _limit_memory(place: Place, memory_bytes: int) -> None:
    if place.version == 1:
        (place.folder / "memory.limit_in_bytes").write_text(str(memory_bytes))
        with_swap = place.folder / "memory.memsw.limit_in_bytes"
        if with_swap.exists():
            with_swap.write_text(str(memory_bytes))
        return
    (place.folder / "memory.max").write_text(str(memory_bytes))
    for file, text in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
        if (place.folder / file).exists():
            (place.folder / file).write_text(text)


def _candidates(memberships: str, mounts: str) -> Iterator[tuple[Controller, Place]]:
    """Version 2 first: our own group, then the one around it, then version 1.

    A group of version 2 that has processes of its own may hand no controller down.
    """
    own: dict[str, str] = {}
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    first: list[tuple[Controller, Place]] = []
    second: list[tuple[Controller, Place]] = []
    for kind, root, options in _mounted(mounts):
        if kind == "cgroup2" and "" in own:
            folder = root / own[""].lstrip("/")
            places = [folder] if folder == root else [folder, folder.parent]
            first += [(key, Place(2, place)) for place in places for key in CONTROLLERS]
        elif kind == "cgroup":
            second += [
                (key, Place(1, root / own.get(key, "/").lstrip("/")))
                for key in CONTROLLERS
                if key in options
            ]
    yield from first
    yield from second


def _mounted(mounts: str) -> Iterator[tuple[str, Path, list[str]]]:
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        yield kind, Path(left.split(" ")[4]), options.split(",")


def _hand_down(folder: Path, controller: str) -> None:
    switch = folder / "cgroup.subtree_control"
    if controller not in switch.read_text().split():
        switch.write_text(f"+{controller}")


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}-*-*"):
        owner = left.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            _remove(left)


def _left(folders: set[Path]) -> set[Path]:
    """Those that cannot be removed yet; the kernel rings no bell."""
    return {folder for folder in folders if not _remove(folder)}


def _remove(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _count(text: str, key: str) -> int:
    rows = (line.split() for line in text.splitlines())
    return sum(int(row[1]) for row in rows if row[:1] == [key])


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
