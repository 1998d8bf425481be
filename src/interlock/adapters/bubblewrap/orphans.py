"""Ends what is left of boxes whose starters were killed.

bubblewrap is killed with its starter. Its init may have been born an instant before, not yet tied
to it, and then waits for ever for a word of the dead. It is known by three signs: it carries the
words of our boxes, stands in a process namespace below ours, and its parent carries other words.
"""

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

_OURS: Final = {b"--json-status-fd", b"--block-fd", b"--args"}


def end_orphans() -> int:
    """How many there were that this user may end."""
    own = len(_numbers(Path("/proc/self")))
    ended = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                if _is_orphan(entry, own):
                    os.kill(int(entry.name), signal.SIGKILL)
                    ended += 1
    return ended


def _is_orphan(process: Path, own_depth: int) -> bool:
    words = (process / "cmdline").read_bytes().split(b"\0")
    if not words[0].endswith(b"bwrap") or not set(words) >= _OURS:
        return False
    if len(_numbers(process)) <= own_depth:
        return False
    parent = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
    return (Path("/proc") / parent / "cmdline").read_bytes().split(b"\0") != words


def _numbers(process: Path) -> list[str]:
    """The process's number in every namespace that knows it."""
    for line in (process / "status").read_text(errors="replace").splitlines():
        if line.startswith("NSpid:"):
            return line.split()[1:]
    return []
