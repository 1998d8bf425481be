"""Runs before another program in the same process, so that it dies with whoever started it.

    python -I -S leash.py <parent pid> <signal> <uid> <gid> <argv...>

Not a `preexec_fn`: Python code between fork and exec may deadlock beside threads. Not a part of the
started program: it may be any. Where the kernel has no such leash (anywhere but Linux) the program
runs without. A bare interpreter reads this file, so it imports nothing of ours.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def leashed(
    argv: Sequence[str], signal_number: signal.Signals, uid: int = 0, gid: int = 0
) -> list[str]:
    """The same program, ended by that signal when the calling thread ends; `uid` 0 means: ours."""
    words = (os.getpid(), int(signal_number), uid, gid)
    return [sys.executable, "-I", "-S", __file__, *map(str, words), *argv]


def main() -> None:
    parent, signal_number, uid, gid = map(int, sys.argv[1:5])
    if uid:  # first, because changing the user takes the leash off again
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the process that started this one is gone")
    os.execvp(sys.argv[5], sys.argv[5:])  # noqa: S606 - the argv of our caller, no shell


if __name__ == "__main__":
    main()
