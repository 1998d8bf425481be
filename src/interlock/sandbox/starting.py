"""Starting a program where nothing stands between it and us: missing ones end with 127."""

import contextlib
import resource
from pathlib import Path
from typing import Final

from interlock.sandbox.ports import BoxLimits, BoxOrder, BoxRefused
from interlock.sandbox.program import Program, Start

MISSING: Final = 127
NOT_RUNNABLE: Final = 126

_SAY: Final = 'printf "%s: %s\\n" "$1" "$2" >&2; exit "$3"'


async def start_directly(order: BoxOrder) -> Program:
    """Raises BoxRefused when there is no such working folder."""
    if not Path(order.cwd).is_dir():  # noqa: ASYNC240 - one look, before a start that costs more
        raise BoxRefused(f"The working folder {order.cwd} is not there.")
    try:
        start = Start(order.argv, order.env, order.cwd)
        return await Program.start(start, order.limits.output_bytes)
    except FileNotFoundError:
        return await _instead(order, "no such program", MISSING)
    except OSError as error:
        return await _instead(order, error.strerror or "cannot be run", NOT_RUNNABLE)


async def _instead(order: BoxOrder, why: str, code: int) -> Program:
    argv = ("/bin/sh", "-c", _SAY, "sh", order.argv[0], why, str(code))
    return await Program.start(Start(argv, {}), order.limits.output_bytes)


def limit_soon(pid: int, limits: BoxLimits) -> None:
    """From a moment after its start on; what ended at once needs no limit."""
    if limits.file_bytes is None:
        return
    most = limits.file_bytes
    with contextlib.suppress(ProcessLookupError):
        _, ceiling = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        most = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
