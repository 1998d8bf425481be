"""Prepared environments: what every workspace needs, built once and shown to many boxes.

    [prepare]
    run = "python -m venv .venv && .venv/bin/pip install -r requirements.txt"
    from = ["requirements.txt"]
    keeps = [".venv"]

An environment is named by what it is made from: the content of `from`, the command, the programs
it names, the platform and the kind of box. It is built at the constant path of every workspace, so
that what remembers its place, like an editable install, points at the tree of whoever uses it.

    <store>/environments/<key>/          ready: moved here whole, never written again
        keeps/0, keeps/1, ...              the folders of `keeps`, in their order
    <store>/environments/locks/<key>     held while one process builds
    <store>/environments/<key>.build/    in the making; thrown away by the next who finds it

A shared environment is built from the target's own tree. A candidate that changes `from` gets a
private one, named by the candidate, so that nothing it brings in is ever seen by another.
"""

import asyncio
import fcntl
import os
import platform
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from interlock.domain.ids import BlobId, CommitId
from interlock.domain.settings import PrepareSettings, Settings
from interlock.engine.ports import Blobs, Clock
from interlock.repository.ports import Trees, Workspaces
from interlock.sandbox.ports import (
    HOME,
    WORKSPACE,
    BoxLimits,
    BoxOrder,
    BoxRefused,
    Mount,
    Sandbox,
)
from interlock.sandbox.running import Finished, run_to_end
from interlock.sandbox.secrets import Masker
from interlock.workers.boxes import Surroundings, environment, paths_to_read
from interlock.workers.folders import make_private, remove_tree

SECONDS_MAX: Final = 1_800.0
LOG_BYTES_MAX: Final = 500_000
VERSION_SECONDS_MAX: Final = 20.0
LOCK_LOOK_SECONDS: Final = 0.2
PRIVATE_MAX: Final = 8
"""Private environments that stay; older ones go when another is built."""

INTERPRETERS: Final = frozenset({
    "bundle", "cargo", "composer", "dotnet", "go", "gradle", "java", "mvn", "node", "npm", "php",
    "pip", "pip3", "pnpm", "poetry", "python", "python3", "ruby", "rustc", "uv", "yarn",
})  # fmt: skip
"""Programs whose version decides what they build."""

_WORDS: Final = re.compile(r"[\w./+-]+")


class PreparationFailed(Exception):
    """The environment could not be built; the message is a sentence, `log` what the build said."""

    def __init__(self, why: str, log: BlobId | None = None) -> None:
        super().__init__(why)
        self.log = log


class NothingPrepared:
    """For repositories that need nothing but their files."""

    async def mounts(
        self, settings: Settings, commit: CommitId, target: CommitId
    ) -> tuple[Mount, ...]:
        """No settings, no commit and no target need anything here."""
        del settings, commit, target
        return ()

    async def key(self, settings: Settings, commit: CommitId) -> str:
        del settings, commit
        return "nothing"


class Workshop(msgspec.Struct, frozen=True):
    """What environments are built with."""

    sandbox: Sandbox
    workspaces: Workspaces
    trees: Trees
    blobs: Blobs
    clock: Clock
    masker: Masker
    around: Surroundings
    store: Path
    failure: Callable[[str, BlobId | None], Exception] = PreparationFailed


class _Wanted(msgspec.Struct, frozen=True):
    """One environment: what it is called, and the commit that it is built from."""

    key: str
    prepare: PrepareSettings
    settings: Settings
    commit: CommitId


class Prepared:
    """Environments of one repository on this host; several processes may share the folder."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._folder = workshop.store / "environments"
        self._versions: dict[tuple[str, int, int], str] = {}

    async def key(self, settings: Settings, commit: CommitId) -> str:
        """Names the environment by what it is made from; equal content, equal name."""
        if settings.prepare is None:
            return "nothing"
        digest = sha256()
        for part in await self._made_from(settings.prepare, commit):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    async def mounts(
        self, settings: Settings, commit: CommitId, target: CommitId
    ) -> tuple[Mount, ...]:
        """The folders of `keeps`, for this commit; built first where they are missing."""
        prepare = settings.prepare
        if prepare is None:
            return ()
        key = await self.key(settings, commit)
        if key == await self.key(settings, target):
            wanted = _Wanted(key, prepare, settings, target)
        else:
            wanted = _Wanted(f"{key}-private-{commit[:12]}", prepare, settings, commit)
        ready = self._folder / wanted.key
        if not _is_ready(ready):
            async with _only_one(self._folder, wanted.key, self._shop.clock):
                if not _is_ready(ready):
                    await self._build(wanted, ready)
        _touch(ready)
        return tuple(
            Mount(ready / "keeps" / str(number), f"{WORKSPACE}/{path}", copy_on_write=True)
            for number, path in enumerate(prepare.keeps)
        )

    async def drop(self, commit: CommitId) -> None:
        """The candidate has landed or never will: what was built for it alone goes."""
        for folder in _entries(self._folder):
            if folder.name.endswith(f"-private-{commit[:12]}"):
                await asyncio.to_thread(remove_tree, folder)

    # --- naming ----------------------------------------------------------------------------------

    async def _made_from(self, prepare: PrepareSettings, commit: CommitId) -> list[bytes]:
        parts = [prepare.run, "\0".join(prepare.keeps), "\0".join(prepare.network)]
        parts += [platform.platform(), self._shop.sandbox.name]
        parts += [await self._program(name) for name in _programs_in(prepare.run)]
        contents = [part.encode() for part in parts]
        for path in prepare.files:
            content = await self._shop.trees.read(commit, path)
            contents += [path.encode(), b"absent" if content is None else b"=" + content]
        return contents

    async def _program(self, name: str) -> str:
        """Where it really lies, and the version that it says it is."""
        found = shutil.which(name, path=self._shop.around.env.get("PATH"))
        if found is None:
            return f"{name} is not on PATH"
        identity = _identity_of(Path(found))
        if identity not in self._versions:
            self._versions[identity] = await self._version(name)
        return f"{name}={identity[0]} {self._versions[identity]}"

    async def _version(self, name: str) -> str:
        env = environment(self._shop.around, Settings())
        limits = BoxLimits(seconds=VERSION_SECONDS_MAX)
        order = BoxOrder((name, "--version"), env=env, cwd="/", limits=limits, programs=(name,))
        done = await run_to_end(self._shop.sandbox, order, log_bytes_max=2_000)
        return (done.stdout or done.stderr).decode(errors="replace").strip()[:500]

    # --- building --------------------------------------------------------------------------------

    async def _build(self, wanted: _Wanted, ready: Path) -> None:
        """All of it in a folder of its own, which becomes the environment in one step."""
        making = ready.with_name(f"{wanted.key}.build")
        pin = f"environments/{wanted.key}"
        workspace = making / "workspace"
        await self._clear(making)
        make_private(making)
        await self._shop.trees.pin(pin, wanted.commit)
        try:
            made = await self._shop.workspaces.make(workspace, wanted.commit)
            done = await self._run(wanted, making, made.shows)
            await self._judge(wanted, done)
            await asyncio.to_thread(_keep, wanted.prepare, workspace, making)
            await self._shop.workspaces.remove(workspace)
            await asyncio.to_thread(remove_tree, making / "home")
            await asyncio.to_thread(remove_tree, ready)
            making.replace(ready)
        except _NothingKept as missing:
            raise self._shop.failure(str(missing), None) from missing
        except BoxRefused as refusal:
            why = f"no box could be made to prepare the environment: {refusal}"
            raise self._shop.failure(why, None) from refusal
        finally:
            await self._clear(making)
            await self._shop.trees.unpin(pin)
        await asyncio.to_thread(_forget_old_private, self._folder, ready)

    async def _clear(self, making: Path) -> None:
        if (making / "workspace") in await self._shop.workspaces.made():
            await self._shop.workspaces.remove(making / "workspace")
        await asyncio.to_thread(remove_tree, making)

    async def _run(self, wanted: _Wanted, making: Path, shows: tuple[Path, ...]) -> Finished:
        shop, home = self._shop, make_private(making / "home")
        order = BoxOrder(
            ("/bin/sh", "-c", wanted.prepare.run),
            mounts=(
                Mount(making / "workspace", WORKSPACE, writable=True),
                Mount(home, HOME, writable=True),
                *(Mount(path, str(path)) for path in shows),
            ),
            env=environment(shop.around, wanted.settings),
            limits=BoxLimits(seconds=SECONDS_MAX),
            network=wanted.prepare.network,
            programs=("git", "sh", *_programs_in(wanted.prepare.run)),
            read=paths_to_read(wanted.settings),
            hide=shop.around.hide,
        )
        return await run_to_end(shop.sandbox, order, log_bytes_max=LOG_BYTES_MAX)

    async def _judge(self, wanted: _Wanted, done: Finished) -> None:
        if done.ended.code == 0 and not done.ended.stopped_for:
            return
        text = done.stdout + b"\n--- standard error ---\n" + done.stderr
        log = await self._shop.blobs.put(self._shop.masker.data(text))
        last = self._shop.masker.text(text.decode(errors="replace")).strip()[-300:]
        how = done.ended.stopped_for or f"exit code {done.ended.code}"
        denied = f" It was refused {', '.join(done.ended.denied)}." if done.ended.denied else ""
        why = f"[prepare] `{wanted.prepare.run}` ended with {how}.{denied} It said: {last}"
        raise self._shop.failure(why, log)


class _NothingKept(Exception):
    """A folder of `keeps` is not there, or is no folder of the workspace."""


def _identity_of(program: Path) -> tuple[str, int, int]:
    """While these stay the same it need not be asked for its version again."""
    path = program.resolve()
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def _programs_in(run: str) -> tuple[str, ...]:
    names = dict.fromkeys(word for word in _WORDS.findall(run) if word in INTERPRETERS)
    return tuple(names)


def _keep(prepare: PrepareSettings, workspace: Path, making: Path) -> None:
    """Move what was built out of the workspace; a link in its way would lead elsewhere."""
    keeps = make_private(making / "keeps")
    for number, path in enumerate(prepare.keeps):
        place = workspace
        for part in PurePosixPath(path).parts:
            place /= part
            if part in {"..", "/"} or place.is_symlink():
                raise _NothingKept(f"[prepare] keeps {path!r}, which leads out of the workspace")
        if not place.is_dir():
            raise _NothingKept(f"[prepare] keeps {path!r}, but its command made no such folder")
        place.rename(keeps / str(number))
    (making / "ready").touch()


def _is_ready(folder: Path) -> bool:
    return (folder / "ready").exists()


def _touch(folder: Path) -> None:
    with suppress(OSError):
        os.utime(folder / "ready")


def _entries(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return []


def _forget_old_private(folder: Path, kept: Path) -> None:
    """Rooms for candidates that are long gone; the ones used last stay."""
    private = [each for each in _entries(folder) if "-private-" in each.name and _is_ready(each)]
    private.sort(key=lambda each: (each / "ready").stat().st_mtime, reverse=True)
    for old in private[PRIVATE_MAX:]:
        if old != kept:
            remove_tree(old)


@contextmanager
def _file(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _only_one(folder: Path, key: str, clock: Clock) -> AsyncIterator[None]:
    """One builder per environment over all processes; the lock dies with its holder."""
    locks = make_private(folder / "locks")
    with _file(locks / key) as lock:
        while not _try(lock):
            await clock.sleep(LOCK_LOOK_SECONDS)
        yield


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
