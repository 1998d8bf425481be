"""Runs every static check, and refuses the answer of one that looked at nothing.

A check with a mistyped path is green for ever. So each must say how many files it saw, and that
must be at least the number of modules in `src/interlock`.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Check:
    """One program, and how to read in its output how many files it saw."""

    title: str
    command: tuple[str, ...]
    saw: str
    """A pattern with a number in its first group; without a group, each match is one file."""
    to_be_told: tuple[str, ...] = ()
    """What to add to the command before it says how many files it saw."""


CHECKS = (
    Check("format", ("ruff", "format", "--check", "."), r"(\d+) files? already formatted"),
    Check("lint", ("ruff", "check", "."), r"Checked (\d+) files?", ("--verbose",)),
    Check("imports", ("lint-imports", "--no-logo"), r"Analyzed (\d+) files"),
    Check("dead code", ("vulture",), r"(?m)^Scanning: ", ("--verbose",)),
    Check("dependencies", ("deptry", "src"), r"Scanning (\d+) files?"),
    Check("types", ("mypy",), r"no issues found in (\d+) source files?"),
)


def main() -> int:
    modules = len(list((ROOT / "src" / "interlock").rglob("*.py")))
    if not modules:
        print("There is no module in src/interlock: nothing was checked.", file=sys.stderr)
        return 1
    broken = [check.title for check in CHECKS if not passes(check, modules)]
    if broken:
        print(f"\nBroken: {', '.join(broken)}", file=sys.stderr)
        return 1
    print(f"\nAll {len(CHECKS)} checks passed over {modules} modules.")
    return 0


def passes(check: Check, modules: int) -> bool:
    started = time.monotonic()
    done = run(*check.command, *check.to_be_told)
    seconds = time.monotonic() - started
    seen = files_seen(check.saw, done.stdout)
    if done.returncode:
        plainly = run(*check.command) if check.to_be_told else done
        print(f"{check.title:<14}BROKEN ({' '.join(check.command)})\n{plainly.stdout}", flush=True)
        return False
    if seen < modules:
        print(f"{check.title:<14}BROKEN: saw {seen} files, but src/interlock has {modules} modules")
        return False
    print(f"{check.title:<14}ok, {seen} files, {seconds:.1f} s", flush=True)
    return True


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def files_seen(pattern: str, output: str) -> int:
    found = list(re.finditer(pattern, output))
    if found and found[0].groups():
        return int(found[0][1])
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
