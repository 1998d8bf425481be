"""Where the things of an attempt lie on the host, and whether whoever works there still lives.

    <repository>/.worktrees/<worker>/<task>/     the workspace, and nothing else
    <store>/homes/<task>/                        the agent's home, kept between attempts
    <store>/sessions/<task>.json                 where to go on after a question
    <store>/attempts/<lease>/                    made first, removed last:
        site.json                                  this record, enough to rescue the work
        lock                                       held for as long as the worker lives
        given/                                     what the box may read: feedback, scripts
        outbox/, brought/                          what the box leaves: by the agent, by collecting

The lock dies with its process, however that ends. So whoever can take it knows that nobody works
there any more, on this host and without asking anybody.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.ids import CommitId, LeaseId, RunId, TaskId, WorkerId
from interlock.engine.dispatch import Job
from interlock.workers.folders import make_private, remove_tree

WORKTREES: Final = ".worktrees"
"""Beside the person's own files, kept out of their `git status`."""


class Site(msgspec.Struct, frozen=True):
    """One attempt's places. `base` and `shows` are known once the workspace is there.

    `told`: its end was reported and its work is where it belongs, so nothing is left to rescue.
    """

    folder: Path
    workspace: Path
    home: Path
    branch: str
    lease: LeaseId
    task_id: TaskId
    run_id: RunId
    worker_id: WorkerId
    attempt: int
    base: CommitId | None = None
    shows: tuple[Path, ...] = ()
    told: bool = False

    @property
    def given(self) -> Path:
        return self.folder / "given"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def brought(self) -> Path:
        return self.folder / "brought"


class Parked(msgspec.Struct, frozen=True):
    """A conversation that waits for an answer, and the work that was done until then.

    `wanted` is the tool it asked for and what on, where it asked for a permission.
    """

    profile: str
    session: str
    question: str
    head: CommitId | None = None
    wanted: tuple[str, str] = ("", "")


class Sites:
    """All sites of one repository on this host."""

    def __init__(self, store: Path, repository: Path) -> None:
        self._store, self._repository = store, repository

    @property
    def watched(self) -> tuple[Path, ...]:
        """Folders that hold one folder per task; together they may take what the quota says."""
        worktrees = self._repository / WORKTREES
        return (*_folders_in(worktrees), self._store / "homes", self._store / "attempts")

    @contextmanager
    def opened(self, job: Job) -> Iterator[Site]:
        """The folder of the attempt, locked for as long as this lasts; its end removes nothing."""
        folder = make_private(self._store / "attempts" / job.lease)
        lock = _lock(folder)
        if lock is None:
            raise SiteTaken(f"another process works under lease {job.lease} already: {folder}")
        try:
            site = self._site(job, folder)
            for place in (site.given, site.outbox, site.home):
                make_private(place)
            write_site(site)
            yield site
        finally:
            os.close(lock)

    @contextmanager
    def left_behind(self) -> Iterator[tuple[Site, ...]]:
        """Sites whose worker is dead, locked so that nobody else clears them at the same time."""
        locks: list[int] = []
        found: list[Site] = []
        try:
            for folder in _folders_in(self._store / "attempts"):
                lock = _lock(folder)
                if lock is None:
                    continue
                locks.append(lock)
                site = read_site(folder)
                if site is None:
                    remove_tree(folder)  # Its worker died before it had made anything else.
                else:
                    found.append(site)
            yield tuple(found)
        finally:
            for lock in locks:
                os.close(lock)

    def park(self, task_id: TaskId, parked: Parked) -> None:
        path = make_private(self._store / "sessions") / f"{task_id}.json"
        _write(path, msgspec.json.encode(parked))

    def parked(self, task_id: TaskId) -> Parked | None:
        try:
            return msgspec.json.decode(self._session(task_id).read_bytes(), type=Parked)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def unpark(self, task_id: TaskId) -> None:
        self._session(task_id).unlink(missing_ok=True)

    def forget(self, task_id: TaskId) -> None:
        """The task has ended for good: nobody resumes its agent."""
        self.unpark(task_id)
        remove_tree(self._store / "homes" / task_id)

    def _session(self, task_id: TaskId) -> Path:
        return self._store / "sessions" / f"{task_id}.json"

    def _site(self, job: Job, folder: Path) -> Site:
        return Site(
            folder=folder,
            workspace=_free(self._repository / WORKTREES / job.worker_id / job.task_id),
            home=self._store / "homes" / job.task_id,
            branch=f"worker/{job.worker_id}/{job.task_id}",
            lease=job.lease,
            task_id=job.task_id,
            run_id=job.run_id,
            worker_id=job.worker_id,
            attempt=job.attempt,
        )


class SiteTaken(Exception):
    """Somebody alive works under this lease; the message says where."""


def write_site(site: Site) -> None:
    """Whole or not at all: a worker may die at any instant."""
    _write(site.folder / "site.json", msgspec.json.encode(site, enc_hook=str))


def read_site(folder: Path) -> Site | None:
    try:
        data = (folder / "site.json").read_bytes()
        site = msgspec.json.decode(data, type=Site, dec_hook=lambda kind, text: kind(text))
    except (OSError, msgspec.DecodeError):
        return None
    return msgspec.structs.replace(site, folder=folder)


def _free(path: Path) -> Path:
    """Where an earlier workspace could not be rescued it still stands, and keeps its name."""
    number, free = 2, path
    while os.path.lexists(free):
        free, number = path.with_name(f"{path.name}+{number}"), number + 1
    return free


def _folders_in(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(entry for entry in folder.iterdir() if entry.is_dir()))
    except FileNotFoundError:
        return ()


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the lock; None while somebody else does."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None  # It was removed a moment ago.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), (folder / "lock").stat()):
            return lock
    except OSError:
        with suppress(OSError):
            os.close(lock)
        return None
    os.close(lock)
    return None


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)
