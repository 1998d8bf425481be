"""What the test command says about a tree, and whether a step made that worse."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from interlock.gates.readers.junit import read
from interlock.testing.replaying.gits import environment, git
from interlock.testing.replaying.history import tree_of

REPORT: Final = "{report}"


class Seen(msgspec.Struct, frozen=True):
    """One run of the tests. Without a report, `tests` is None and the exit code is all there is."""

    code: int
    tests: dict[str, str] | None = None

    @property
    def failed(self) -> frozenset[str]:
        return frozenset(name for name, how in (self.tests or {}).items() if how == "failed")

    @property
    def ran(self) -> frozenset[str]:
        return frozenset(name for name, how in (self.tests or {}).items() if how != "skipped")


def worse(now: Seen, before: Seen) -> bool:
    """Something fails that did not fail before, or nothing at all was executed."""
    if now.tests is None or before.tests is None:
        return now.code != 0 and (before.code == 0 or before.tests is not None)
    if not now.ran:
        return True
    return not now.failed <= before.failed or (now.code != 0 and not now.failed)


def removes_tests(now: Seen, before: Seen) -> bool:
    """A test that ran is gone, or skipped now."""
    return not before.ran <= now.ran


def read_seen(code: int, report: Path | None, output: Path) -> Seen:
    """A report that cannot be read proves nothing: it counts as a failure to run."""
    if report is None:
        return Seen(code)
    try:
        reading = read(report.read_bytes(), (), output.read_bytes())
    except OSError:
        return Seen(code or 1)
    if reading.tests is None:
        return Seen(code or 1)
    return Seen(code, dict(reading.tests))


class Prover:
    """Runs the tests on commits in a folder of its own, once for each tree."""

    def __init__(self, folder: Path, objects: Path, command: str, seconds: float = 900.0) -> None:
        self._folder, self._objects = folder, objects
        self._command, self._seconds = command, seconds
        self.known: dict[str, Seen] = {}
        self.runs = 0

    def borrow(self, *objects: Path) -> None:
        """From now on, commits of these repositories are found as well."""
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            git(self._folder, "init", "-q", "-b", "nothing")
        alternates = self._folder / ".git" / "objects" / "info" / "alternates"
        lines = [self._objects, *objects]
        alternates.write_text("".join(f"{line}\n" for line in lines))

    def seen(self, commit: str) -> Seen:
        if not self._folder.exists():
            self.borrow()
        tree = tree_of(self._folder, commit)
        if tree not in self.known:
            git(self._folder, "checkout", "-q", "--force", "--detach", commit)
            git(self._folder, "clean", "-ffdxq")
            self.known[tree] = self._run()
            self.runs += 1
        return self.known[tree]

    def _run(self) -> Seen:
        report = self._folder.parent / f"{self._folder.name}.xml"
        output = report.with_suffix(".out")
        report.unlink(missing_ok=True)
        command = self._command.replace(REPORT, '"$REPORT"')
        more = {"REPORT": str(report)}
        code = run_bounded(["sh", "-c", command], self._folder, more, self._seconds, output)
        return read_seen(code, report if REPORT in self._command else None, output)


def run_bounded(
    argv: list[str], at: Path, more: dict[str, str], seconds: float, output: Path
) -> int:
    """Its exit code; what takes too long is ended with all it started, and counts as failed."""
    with output.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - the test command of whoever asked
            argv,
            cwd=at,
            env=environment() | more,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return 124
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
