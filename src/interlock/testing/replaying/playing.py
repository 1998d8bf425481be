"""`interlock run` on a replay, as a person would type it: a process of its own, bounded in time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

import interlock
from interlock.control.run_document import RunReport
from interlock.testing.replaying.gits import environment

PROGRAM: Final = "import sys; from interlock.bootstrap import main; sys.exit(main())"
_SOURCES: Final = Path(interlock.__file__).parents[1]


class Played(msgspec.Struct, frozen=True):
    """What the command printed, and how long the person waited for it."""

    seconds: float
    report: RunReport

    @property
    def landed(self) -> tuple[str, ...]:
        return tuple(task.id for task in self.report.tasks if task.state == "done")

    @property
    def attempts(self) -> int:
        return sum(task.attempts for task in self.report.tasks)


class PlayFailed(RuntimeError):
    """The command did not come to an end that can be read."""


def play(root: Path, plan: Path, seconds_max: float) -> Played:
    words = ["run", str(plan), "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *words],
        cwd=root,
        env=environment() | {"PYTHONPATH": str(_SOURCES)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=seconds_max)
    except subprocess.TimeoutExpired as late:
        raise PlayFailed(f"`interlock run` took longer than {seconds_max:.0f} s") from late
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seconds = time.perf_counter() - began
    try:
        report = msgspec.json.decode(out, type=RunReport)
    except msgspec.DecodeError as wrong:
        said = err.decode(errors="replace")[-2_000:]
        raise PlayFailed(f"`interlock run` ended with {process.returncode}: {said}") from wrong
    return Played(seconds, report)
