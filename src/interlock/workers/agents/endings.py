"""How the end of an agent's program reads: as its own fault, or as nobody's."""

from collections.abc import Iterable
from typing import Final

from interlock.sandbox.ports import BoxEnded
from interlock.workers.agents.ports import Ended

NO_SUCH_PROGRAM: Final = 127
NOT_RUNNABLE: Final = 126
_SIGNALLED: Final = 128

_STOPPED: Final = {
    "time": "it took longer than its box allows",
    "memory": "it used more memory than its box allows",
    "output": "it said more than its box allows",
    "disk": "it wrote more than its box allows",
}
_SAID_MAX: Final = 400


def ending_of(program: str, ended: BoxEnded, last_lines: Iterable[str], summary: str) -> Ended:
    """Exit code 0 is done; a program that is not there is nobody's fault but the setting's."""
    said = _last(last_lines)
    if ended.stopped_for == "killed":
        return Ended(broken=f"{program} was ended from outside{said}")
    if ended.stopped_for:
        why = _STOPPED.get(ended.stopped_for, f"it went beyond a limit ({ended.stopped_for})")
        return Ended(failed=f"{program} was ended: {why}{said}")
    if ended.code == 0:
        return Ended(summary=summary)
    if ended.code in {NO_SUCH_PROGRAM, NOT_RUNNABLE}:
        hint = "check `run` of its profile, and `[sandbox] read` if it lies in an unusual place"
        return Ended(broken=f"{program} cannot be run in the box: {hint}{said}")
    if ended.code > _SIGNALLED:
        return Ended(failed=f"{program} was ended by signal {ended.code - _SIGNALLED}{said}")
    return Ended(failed=f"{program} ended with exit code {ended.code}{said}")


def _last(lines: Iterable[str]) -> str:
    text = "\n".join(line for line in lines if line.strip())[-_SAID_MAX:]
    return f"; its last words:\n{text}" if text else ""
