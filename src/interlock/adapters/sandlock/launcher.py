"""Holds one box of sandlock: starts it, passes on how it ended, and leaves nothing of it behind.

    python -I launcher.py <parent pid> <descriptor of the order, as JSON>

A process of its own, because the library runs threads and forks, and because only a subreaper
finds children that left their group: whatever loses its parent in here becomes ours. SIGTERM, also
sent by the kernel when our parent dies, ends everything. It imports nothing of ours.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS_MAX = 2000
_PAUSE_SECONDS = 0.005
_SIGNALLED = 128
_REFUSED = 125


def main() -> None:
    parent, descriptor = map(int, sys.argv[1:])
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ended, wake = os.pipe2(os.O_CLOEXEC)
    signal.signal(signal.SIGTERM, lambda *_: os.write(wake, b"t") and None)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and its children inherit that
        signal.signal(ignored, signal.SIG_DFL)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
    with os.fdopen(descriptor, "rb") as file:
        order = json.load(file)
    scratch = order.pop("scratch")
    codes: list[int] = []
    waiting = threading.Thread(target=_run, args=(order, codes, wake), daemon=True)
    waiting.start()
    os.read(ended, 1)
    _end_all()
    if os.getppid() != parent:  # who would have tidied up is gone
        with contextlib.suppress(RecursionError):  # Whoever starts next removes what is too deep.
            shutil.rmtree(scratch, ignore_errors=True)
    # Not sys.exit: a thread of the library may still wait for a child that we have reaped.
    os._exit(codes[0] if codes else _SIGNALLED + signal.SIGKILL)


def _run(order: dict[str, object], codes: list[int], wake: int) -> None:
    try:
        codes.append(_sandboxed(order))
    except Exception as error:  # noqa: BLE001 - the library raises its own and others
        sys.stderr.write(f"sandlock: {error}\n")
        sys.stderr.flush()
        codes.append(_REFUSED)
    os.write(wake, b"e")


def _sandboxed(order: dict[str, object]) -> int:
    sandbox = importlib.import_module("sandlock").Sandbox  # it has no types
    # The library hands ours on, and the interpreter may have added to it.
    os.environ.clear()
    file_bytes = order.pop("file_bytes")
    if isinstance(file_bytes, int):
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        most = file_bytes if hard == resource.RLIM_INFINITY else min(file_bytes, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    argv = order.pop("argv")
    process = sandbox(**order).popen(argv)
    result = process.wait()
    if result.exit_code >= 0:
        return int(result.exit_code)
    number = result.signal if result.signal and result.signal > 0 else signal.SIGKILL
    return _SIGNALLED + int(number)


def _end_all() -> None:
    """Kill and reap until nothing is left; each round also ends what was born in the last one."""
    pause = threading.Event()
    for _ in range(_ROUNDS_MAX):
        found = descendants(os.getpid())
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        pause.wait(_PAUSE_SECONDS)


def descendants(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # After the name, which may hold anything: the state, then the parent.
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text().rpartition(")")[2].split()[1]
                )
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


if __name__ == "__main__":
    main()
