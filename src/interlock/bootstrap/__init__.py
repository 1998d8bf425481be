"""The only place where ports meet adapters, and the console script.

Nothing heavy is imported before a command needs it: `interlock --help` must answer at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from interlock.bootstrap.demo import show_demo
from interlock.bootstrap.desk import open_desk
from interlock.interfaces.cli.doors import Doors, WorkerWish
from interlock.interfaces.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interlock.domain.actor import Actor

_FAILED, _WRONG, _OUT_OF_ORDER, _STOPPED = 1, 2, 3, 130


def main(words: Sequence[str] | None = None) -> int:
    """What the `interlock` command runs; each outcome is an exit code and perhaps a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters
    try:
        code = run(sys.argv[1:] if words is None else words, _doors())
        sys.stdout.flush()
    except KeyboardInterrupt:
        print_sentence("stopped by you")
        return _STOPPED
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence, no traceback
        return explain(error)
    return code


def _doors() -> Doors:
    return Doors(
        open_desk=open_desk,
        show_demo=show_demo,
        colour=colour,
        person=person,
        run_worker=run_worker,
        spawn_workers=spawn_workers,
        stop_worker=stop_worker,
        detach=detach,
    )


def run_worker(wish: WorkerWish) -> int:
    """This process becomes a worker until it is told to leave."""
    from interlock.bootstrap.worker import run_here

    return run_here(wish)


def spawn_workers(number: int) -> int:
    from interlock.bootstrap.staff import spawn

    return spawn(number)


def stop_worker(worker: str) -> int:
    from interlock.bootstrap.staff import stop

    return stop(worker)


def detach(words: Sequence[str]) -> str:
    """The same command in the background; where what it says can be read comes back."""
    from interlock.bootstrap.detached import start_detached

    return start_detached(words)


def person() -> Actor:
    from interlock.bootstrap.who import person as at_the_terminal

    return at_the_terminal()


def _reader_left() -> int:
    """Whoever read our output has seen enough; Python must not complain about it at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def explain(error: Exception) -> int:
    """A sentence for the person, and the exit code that fits."""
    from interlock.config import WrongSettings, read_environment
    from interlock.control.errors import DeskError
    from interlock.engine.errors import EngineError

    if read_environment().trace:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, DeskError | WrongSettings):
        print_sentence(str(error))
        return _WRONG
    if isinstance(error, EngineError):
        print_sentence(str(error))
        return _OUT_OF_ORDER
    if isinstance(error, OSError):
        print_sentence(f"the system refused: {error}. Look at the disk and at its permissions")
        return _OUT_OF_ORDER
    print_sentence(
        f"a fault in Interlock itself: {type(error).__name__}: {error}. Nothing recorded is lost; "
        "the same command with INTERLOCK_TRACE=1 shows where it happened"
    )
    return _FAILED


def print_sentence(text: str) -> None:
    lines = text.splitlines() or [""]
    safe = ("".join(letter if letter.isprintable() else " " for letter in line) for line in lines)
    sys.stderr.write("interlock: " + "\n           ".join(safe) + "\n")


def colour() -> bool:
    from interlock.config import read_environment

    return read_environment().colour
