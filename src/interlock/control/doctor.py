"""The checkup: every part that Interlock stands on, looked at by using it, with what to do next."""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from interlock.control import trying
from interlock.control.errors import DeskError, NoHistory
from interlock.control.instruments import Instruments, Probe
from interlock.control.read_models import Check, Checkup
from interlock.domain.settings import Limits, Settings
from interlock.engine.errors import EngineError, PartLost
from interlock.repository.ports import NotARepository, Repositories, RepositoryPlace

__all__ = ["Instruments", "Probe", "checkup"]

PYTHON_OLDEST: Final = (3, 11)
GIT_OLDEST: Final = (2, 38)
PRIVATE: Final = 0o700
GIGABYTE: Final = 1_000_000_000
DISK_RESERVE_BYTES: Final = GIGABYTE
"""Stays free whatever the workspaces take: the history must be able to grow."""

DISK_BROKEN_BYTES: Final = GIGABYTE // 10

_CONFIGURATION: Final = ("repository", "interlock.toml", "gate", "agent", "prepare")
"""What a person sets right in files; everything else is a part that is out of order."""

_OK, _WRONG, _OUT_OF_ORDER = 0, 2, 3


async def checkup(tools: Instruments) -> Checkup:
    checks = [check async for check in _looks(tools)]
    broken = [check.name for check in checks if check.state == "broken"]
    lost = [name for name in broken if not name.startswith(_CONFIGURATION)]
    return Checkup(not broken, _OUT_OF_ORDER if lost else _WRONG if broken else _OK, tuple(checks))


async def _looks(tools: Instruments) -> AsyncIterator[Check]:
    yield _python()
    git = await _git(tools.repositories)
    yield git
    found = None if git.state == "broken" else await tools.repositories.find(tools.folder)
    place = found if isinstance(found, RepositoryPlace) else None
    settings, check = _settings(tools, tools.folder if place is None else place.root)
    if found is not None:
        yield await _repository(tools, found, settings)
    yield check
    if settings is None:
        return
    check, chosen = await trying.box(tools, settings)
    yield check
    if place is None:
        return
    if settings.path is not None:
        box = None if chosen is None else chosen.sandbox
        async for check in trying.what_is_configured(tools, place, settings, box):
            yield check
    if settings.store.profile == "solo":
        for check in await _solo_places(tools, place, settings.limits):
            yield check
    for name, probe in tools.parts_of(settings).items():
        yield await _part(name, probe)
    yield await _store(tools)


def _python() -> Check:
    version = ".".join(str(number) for number in sys.version_info[:3])
    if sys.version_info[:2] < PYTHON_OLDEST:
        return Check("python", "broken", version, "Install Python 3.11 or newer")
    return Check("python", "ok", version)


async def _git(repositories: Repositories) -> Check:
    try:
        version = await repositories.version()
    except PartLost as lost:
        return Check("git", "broken", lost.detail, lost.mend)
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < GIT_OLDEST:
        return Check("git", "broken", f"version {version}", "Install git 2.38 or newer")
    return Check("git", "ok", f"version {version}")


async def _repository(
    tools: Instruments, found: RepositoryPlace | NotARepository, settings: Settings | None
) -> Check:
    """Without settings nobody knows the target, so only the place itself is told."""
    name = "repository"
    if isinstance(found, NotARepository):
        return Check(name, "broken", found.why, found.mend)
    kind = "bare" if found.bare else "linked worktree" if found.linked else "work tree"
    text = f"{found.root} ({kind}, {found.object_format})"
    if settings is None:
        return Check(name, "ok", text)
    try:
        kind_of = await tools.inspect(found, settings)
    except PartLost as lost:
        return Check(name, "broken", f"{text}\n{lost.detail}", lost.mend)
    except DeskError as wrong:
        return Check(name, "broken", f"{text}\n{wrong}", _REFUSED)
    said = "\n".join([text, *kind_of.refusals, *kind_of.remarks])
    if kind_of.refusals:
        return Check(name, "broken", said, _REFUSED)
    return Check(name, "warning" if kind_of.remarks else "ok", said)


_REFUSED: Final = "Nothing is run here until that is mended"


def _settings(tools: Instruments, root: Path) -> tuple[Settings | None, Check]:
    name = "interlock.toml"
    try:
        settings = tools.read_settings(root)
    except tools.wrong_settings as wrong:
        return None, Check(name, "broken", str(wrong), "Correct the file")
    if settings.path is None:
        found = "there is none: no gate and no agent is configured, so `run` starts nothing"
        return settings, Check(name, "warning", found, "`interlock init` looks around, writes one")
    if settings.unused:
        names = ", ".join(settings.unused)
        found = f"{settings.path}; this release does not act on {names} yet"
        return settings, Check(name, "warning", found, "Do not rely on these settings")
    return settings, Check(name, "ok", settings.path)


async def _solo_places(tools: Instruments, place: RepositoryPlace, limits: Limits) -> list[Check]:
    folder = tools.store_folder(place)
    there = folder if folder.is_dir() else place.common_dir
    checks = [_privacy(folder), _disk(there, limits)]
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix="interlock-doctor-") as probe:
            lock = tools.lock_in(Path(probe))
            taken = await lock.acquire("doctor")
            await lock.release()
    except PartLost as lost:
        return [*checks, Check("locks", "broken", lost.detail, lost.mend)]
    except OSError as error:
        found = f"{there} cannot be written: {error.strerror}"
        return [*checks, Check("store folder", "broken", found, f"Make {there} writable")]
    if not taken:
        found = f"a lock in {there} was refused although nobody holds it"
        return [*checks, Check("locks", "broken", found, "Keep the repository on a local disk")]
    return [*checks, Check("locks", "ok", f"they hold in {there}")]


def _privacy(folder: Path) -> Check:
    name = "store folder"
    if not folder.is_dir():
        return Check(name, "ok", f"{folder} will be made by the first run")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & ~PRIVATE:
        found = f"{folder} has mode {mode:04o}: other users of this machine can look into it"
        return Check(name, "warning", found, f"chmod 700 {folder}")
    return Check(name, "ok", f"{folder}, private")


def _disk(folder: Path, limits: Limits) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{free / GIGABYTE:.1f} GB free at {folder}"
    if free < DISK_BROKEN_BYTES:
        return Check("disk", "broken", found, "Free some space before anything runs")
    if free < limits.disk_bytes + DISK_RESERVE_BYTES:
        allowed = f"{limits.disk_bytes / GIGABYTE:.1f} GB"
        found = f"{found}, and workspaces may take {allowed}"
        mend = "Free some space, or set a smaller disk under [limits]"
        return Check("disk", "warning", found, mend)
    return Check("disk", "ok", found)


async def _part(name: str, probe: Probe) -> Check:
    try:
        return Check(name, "ok", await probe())
    except PartLost as lost:
        return Check(name, "broken", lost.detail, lost.mend)
    except DeskError as wrong:
        return Check(name, "broken", str(wrong), "Correct it in interlock.toml")


async def _store(tools: Instruments) -> Check:
    try:
        async with tools.open_store() as store:
            head = await store.log.head()
            holder = await store.leadership.holder()
    except NoHistory as none:
        return Check("store", "ok", f"nothing recorded yet ({none.where})")
    except PartLost as lost:
        return Check("store", "broken", lost.detail, lost.mend)
    except EngineError as refused:
        return Check("store", "broken", str(refused), "Use the release that it belongs to")
    acting = "no process acts on it now" if holder is None else f"{holder} acts on it"
    return Check("store", "ok", f"{head.position:,} recorded in {store.where}; {acting}")
