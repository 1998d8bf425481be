"""Worker processes beside a run: started in the background, found again by the lock they hold."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from interlock.adapters.processes.crew import start_apart
from interlock.bootstrap.site import Site, choose_box, find_site
from interlock.config import read_environment, read_settings
from interlock.control.errors import WrongUsage

WORKER_MODULE: Final = "interlock.bootstrap.worker"
_NAMES_MAX: Final = 1_000


@contextmanager
def registered(site: Site, name: str) -> Iterator[None]:
    """Held for as long as a worker lives; the lock ends with its process, however that ends."""
    file = _file_of(site, name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("a+") as note:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongUsage(f"a worker agent-{name} runs on this machine already") from error
        note.truncate(0)
        note.write(str(os.getpid()))
        note.flush()
        yield


def spawn(number: int) -> int:
    """Start so many; they join whichever plane acts, and leave when there is none for a while."""
    site = asyncio.run(find_site(Path.cwd()))
    settings = read_settings(site.place.root)
    box = asyncio.run(choose_box(settings.sandbox.minimum)).sandbox.name
    free = (f"spare-{n}" for n in range(1, _NAMES_MAX) if _pid_of(site, f"spare-{n}") is None)
    for name, _ in zip(free, range(number), strict=False):
        words = [sys.executable, "-m", WORKER_MODULE, str(site.place.root), "--name", name]
        log = site.folders.store / "workers" / f"{name}.log"
        start_apart([*words, "--box", box], read_environment().variables, log)
        sys.stdout.write(f"agent-{name}\n")
    return 0


def stop(worker: str) -> int:
    """Ask one to finish up and leave; what it works on goes back to the others."""
    site = asyncio.run(find_site(Path.cwd()))
    pid = _pid_of(site, worker.removeprefix("agent-"))
    if pid is None:
        raise WrongUsage(f"no worker {worker} runs on this machine: see `interlock worker list`")
    os.kill(pid, signal.SIGTERM)
    sys.stdout.write(f"{worker} was asked to leave\n")
    return 0


def _file_of(site: Site, name: str) -> Path:
    return site.folders.store / "workers" / name


def _pid_of(site: Site, name: str) -> int | None:
    """The process of a worker that lives: whose lock cannot be had."""
    try:
        with _file_of(site, name).open("r+") as note:
            try:
                fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said = note.read().strip()
                return int(said) if said.isdecimal() else None
    except OSError:
        return None
    return None
