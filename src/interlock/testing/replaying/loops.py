"""The shell loop that somebody would write instead: apply, test, commit, one after another."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.testing.replaying.history import Step
from interlock.testing.replaying.proving import REPORT, Seen, read_seen, run_bounded
from interlock.testing.replaying.yards import Wish, Yard

LOOP: Final = """\
while read -r name; do
    [ "$TAKES" = 0 ] || sleep "$TAKES"
    git apply --index --whitespace=nowarn "$PATCHES/$name.patch" || exit 90
    REPORT="$REPORTS/$name.xml"; export REPORT
    sh -c "$TESTS" < /dev/null > "$REPORTS/$name.out" 2>&1
    echo $? > "$REPORTS/$name.code"
    git commit -q --no-verify --no-gpg-sign -m "$name" || exit 91
done < "$PATCHES/order"
"""
"""It compares nothing and commits whatever the tests say: the fastest loop there can be."""


class Looped(msgspec.Struct, frozen=True):
    """How long it took, and what the tests said after each step."""

    seconds: float
    seen: tuple[Seen, ...]


class LoopBroke(RuntimeError):
    """A patch of the history does not follow from the one before it."""


def run_loop(yard: Yard, root: Path, steps: Sequence[Step], wish: Wish) -> Looped:
    reports = yard.folder / f"{root.name}-reports"
    reports.mkdir()
    more = {
        "PATCHES": str(yard.patches),
        "REPORTS": str(reports),
        "TAKES": f"{wish.agents_take:g}",
        "TESTS": wish.test.replace(REPORT, '"$REPORT"'),
    }
    began = time.perf_counter()
    said = reports / "loop.out"
    code = run_bounded(["sh", "-c", LOOP], root, more, wish.seconds_max, said)
    seconds = time.perf_counter() - began
    if code:
        why = {90: "a patch did not apply", 91: "a commit failed", 124: "it took too long"}
        raise LoopBroke(f"the loop ended with exit code {code}: {why.get(code, 'look at it')}")
    reported = REPORT in wish.test
    seen = tuple(_seen(reports, step, reported=reported) for step in steps)
    return Looped(seconds, seen)


def _seen(reports: Path, step: Step, *, reported: bool) -> Seen:
    code = int((reports / f"{step.name}.code").read_text())
    report = reports / f"{step.name}.xml" if reported else None
    return read_seen(code, report, reports / f"{step.name}.out")
