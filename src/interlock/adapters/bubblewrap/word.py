"""The last latch of a box: its program starts at a word that only a living starter can give.

bubblewrap ties its init to its own life a moment after it has let the program go, and takes the
end of a closed latch for a release. Whoever was killed in such a moment left a program behind that
nobody watched. So the first program in a box is a shell that reads one line; it hears nothing but
the end of its input when its starter is gone, and ends.
"""

import asyncio
from pathlib import Path
from typing import Final

from interlock.adapters.bubblewrap.bodies import members

WORD: Final = b"\n"

_WAIT: Final = 'IFS= read -r word || exit 125; exec "$@"'
_LOOK_AGAIN_SECONDS: Final = 0.001


def waiting_for_the_word(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The same program in the same process, once it has read its word."""
    return ("/bin/sh", "-c", _WAIT, "sh", *argv)


async def watched_over(init: int) -> None:
    """Returns when the init sleeps in its watch over its child: from then on they die with us.

    Also when it is gone: then its setting up failed, and its end says why. To be asked when it has
    left the latch behind: it is about to watch then, and its child is not yet a shell.
    """
    while True:
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        state = _state(init)
        if state in ("", "Z", "X") or (state == "S" and _has_child(init)):
            return


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def _has_child(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())
    except OSError:  # not every kernel keeps that list
        return bool(members(pid) - {pid})
