"""What Interlock itself adds to a task: its wall time without git, boxes, agents and gates.

Agents write one line and gates are `true`: trivial, so that all that is left is what we add. The
rest of a task is our Python (in the plane and in the worker), the log and the messages between
them, which is `ours`, and the time in which a process of ours wanted a processor that others had,
which is `no_processor`. How the parts are seen: `benchmarks/traced.py` and `lateness.py`; how they
become one task's: `shares.py`.

It is measured twice with as many workers. Where agents end at once, eight tasks are in git and in
boxes all the time and wait for cores; where agents think for some seconds first, as real ones do
for minutes, cores are mostly free.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from benchmarks.document import Part, Result, Scale, percentile, rounded
from benchmarks.places import folder
from benchmarks.shares import Share, dearest, share_of
from benchmarks.traced import FOLDER, Span
from interlock.control.run_document import RunReport
from interlock.testing.replaying.gits import environment, git
from interlock.testing.replaying.playing import PROGRAM

GOAL_MS: Final = 50.0
SECONDS_MAX: Final = 240.0
_ROOT: Final = Path(__file__).parents[1]
_PLANE: Final = "import sys; from benchmarks.traced import plane; sys.exit(plane(sys.argv[1:]))"

_SATURATED: Final = (
    "agents that end at once: the tasks want more cores than there are, so the wait for a "
    "processor is part of it, beside our Python, the log and messages"
)
_UNHURRIED: Final = (
    "agents that think for two to six seconds and need no processor: our Python, the log and "
    "messages, and what is left of the wait for a processor"
)

_SETTINGS: Final = """\
[project]
target = "main"
[limits]
workers = {workers}
[agents.default]
backend = "command"
run = ["sh", "-c", "{thinks}echo done > {{task.id}}.txt"]
[gates.trivial]
run = "true"
reads = "exit-code"
"""

_THINKS: Final = "n={task.id}; n=${n#task-}; sleep $((2 + n % 4)).$((n * 3 % 10)); "
"""For two to six seconds, without a processor; each task for its own time."""

_LOOP: Final = """\
for n in $(seq "$TASKS"); do
    sh -c "echo done > task-$n.txt" && true && git add -A && git commit -q -m "task-$n" || exit 1
done
"""


_OURS: Final = (
    "of the rest, what is no wait for a processor: our Python, the log and its disk, messages"
)
_NO_PROCESSOR: Final = (
    "of the rest, while a process that had the task in its hands wanted a processor, as the kernel "
    "counts it; percentiles of two parts do not add up"
)
_NOT_COUNTED: Final = (
    "unknown: this system does not count how long a process waits for a processor "
    "(/proc/thread-self/schedstat); measure on Linux with schedstat"
)


class Round(msgspec.Struct, frozen=True):
    """One run: the shares of its tasks, all that was seen, and how long a person waited."""

    shares: list[Share]
    spans: list[Span]
    seconds: float


def measure(scale: Scale) -> list[Result]:
    tasks, workers = scale.of(24, 4), scale.of(8, 2)
    many, slow, alone, loops = [], [], [], []
    # One folder for all, and the runs that wait for nobody last: where thousands of files were just
    # removed, a disk makes new ones slowly.
    with folder() as root:
        for number in range(scale.times):
            place = root / f"slow-{number}"
            slow.append(_round(place, scale.of(32, 2), workers, thinks=_THINKS))
        for number in range(scale.times):
            place = root / f"{number}"
            place.mkdir()
            loops.append(_loop(place, tasks) / tasks)
            many.append(_round(place / "many", tasks, workers))
            alone.append(_round(place / "alone", max(2, tasks // 4), 1))
    return [
        *_of_tasks(f"{workers}_workers", many, loops, goal=True, why=_SATURATED),
        *_of_tasks(f"{workers}_workers_slow_agents", slow, loops, goal=True, why=_UNHURRIED),
        *_of_tasks("1_worker", alone, loops, goal=False, why=""),
        *_of_parts(many, loops, workers),
    ]


PARTS: Final[Mapping[str, Part]] = {"tasks": measure}


def _of_tasks(
    name: str, rounds: Sequence[Round], loops: Sequence[float], *, goal: bool, why: str
) -> list[Result]:
    loop = 1e3 * median(loops)
    p95 = 1e3 * median(percentile([s.rest for s in r.shares], 95) for r in rounds)
    half = 1e3 * median(median(s.rest for s in r.shares) for r in rounds)
    met = p95 < GOAL_MS
    return [
        Result(
            f"overhead_p95_{name}", rounded(p95), "ms", "a turn of a shell loop", rounded(loop),
            rounded(p95 / loop), f"< {GOAL_MS:.0f} ms" if goal else None,
            met if goal else None, why or msgspec.UNSET,
        ),
        Result(f"overhead_median_{name}", rounded(half), "ms"),
        *part_of_rest("no_processor", name, rounds, _NO_PROCESSOR),
        *part_of_rest("ours", name, rounds, _OURS),
    ]  # fmt: skip


def part_of_rest(part: str, name: str, rounds: Sequence[Round], note: str) -> list[Result]:
    known = [[getattr(share, part) for share in each.shares] for each in rounds]
    p95, half = f"{part}_p95_{name}", f"{part}_median_{name}"
    if any(seconds is None for each in known for seconds in each):
        return [Result(metric, None, "ms", note=_NOT_COUNTED) for metric in (p95, half)]
    high = 1e3 * median(percentile(each, 95) for each in known)
    return [
        Result(p95, rounded(high), "ms", note=note),
        Result(half, rounded(1e3 * median(median(each) for each in known)), "ms"),
    ]


def _of_parts(rounds: Sequence[Round], loops: Sequence[float], workers: int) -> list[Result]:
    def typical(of: str) -> float:
        return rounded(1e3 * median(median(getattr(s, of) for s in r.shares) for r in rounds))

    spans = [span for each in rounds for span in each.spans]
    tasks = sum(len(each.shares) for each in rounds)
    starts = [span.end - span.begin for span in spans if span.kind == "box start"]
    used = sum(span.end for span in spans if span.kind == "cpu")
    calls = median(share.git_calls for each in rounds for share in each.shares)
    boxes = median(share.boxes for each in rounds for share in each.shares)
    verbs = dearest(spans, "git")
    told = ", ".join(
        f"{verb} {count / tasks:.1f} x {1e3 * seconds / count:.1f} ms"
        for verb, (count, seconds) in list(verbs.items())[:8]
    )
    wall = median(1e3 * each.seconds / len(each.shares) for each in rounds)
    loop = 1e3 * median(loops)
    return [
        Result("task_whole", typical("whole"), "ms", note="from the grant of its lease to landing"),
        Result("task_git", typical("git"), "ms", note=f"{calls:g} calls a task: {told}"),
        Result("task_box_start", typical("box_start"), "ms", note=f"{boxes:g} boxes a task"),
        Result("box_start", rounded(1e3 * median(starts)), "ms", note="one box, until it runs"),
        Result(
            "task_program", typical("program"), "ms",
            note="agent, collecting and trivial gates in their boxes, with the boxes' ends",
        ),
        Result("task_waiting", typical("waiting"), "ms", note="for another task, not for us"),
        Result("processor_per_task", rounded(1e3 * used / tasks), "ms", note="our processes"),
        Result(
            f"wall_per_task_{workers}_workers", rounded(wall), "ms", "a turn of a shell loop",
            rounded(loop), rounded(wall / loop), note="the whole command, its start included",
        ),
    ]  # fmt: skip


# --- runs -----------------------------------------------------------------------------------------


def _round(root: Path, tasks: int, workers: int, thinks: str = "") -> Round:
    _repository(root)
    (root / "interlock.toml").write_text(_SETTINGS.format(workers=workers, thinks=thinks))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Settings")
    names = [f"task-{number}" for number in range(tasks)]
    plan = {"goal": "Trivial", "tasks": [{"id": name, "title": name} for name in names]}
    (root / "plan.json").write_bytes(msgspec.json.encode(plan))
    spans = root.parent / f"{root.name}-spans"
    spans.mkdir()
    began = time.perf_counter()
    report = msgspec.json.decode(_run(root, _PLANE, spans, "run", "plan.json"), type=RunReport)
    seconds = time.perf_counter() - began
    if report.state != "completed":
        raise RuntimeError(f"the run ended as {report.state}: {report.reasons}")
    windows = _windows(_run(root, PROGRAM, spans, "log", "--json"))
    seen = [span for file in sorted(spans.iterdir()) for span in _read(file)]
    judgings = 2 * len(os.sched_getaffinity(0))
    shares = [share_of(task, window, seen, judgings) for task, window in windows.items()]
    return Round(shares, seen, seconds)


def _run(root: Path, program: str, spans: Path, *words: str) -> bytes:
    paths = os.pathsep.join((str(_ROOT / "src"), str(_ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", program, *words, *(["--json"] if "--json" not in words else [])],
        cwd=root,
        env=environment() | {"PYTHONPATH": paths, FOLDER: str(spans)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    if not done.stdout:
        raise RuntimeError(f"it said nothing: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


class _Event(msgspec.Struct):
    """One line of the history, as far as it is needed here."""

    stream: str
    type: str
    at: str


class _Log(msgspec.Struct):
    """What `log --json` prints."""

    events: list[_Event]


def _windows(log: bytes) -> dict[str, tuple[float, float]]:
    """For each task: from the first grant of a lease to the landing."""
    begun: dict[str, float] = {}
    landed: dict[str, float] = {}
    for event in msgspec.json.decode(log, type=_Log).events:
        at, task = datetime.fromisoformat(event.at).timestamp(), event.stream.partition("/")[2]
        if event.type == "LeaseGranted":
            begun.setdefault(task, at)
        elif event.type == "ChangeLanded":
            landed[task] = at
    return {task: (begun[task], at) for task, at in landed.items()}


def _read(file: Path) -> list[Span]:
    return [msgspec.json.decode(line, type=Span) for line in file.read_bytes().splitlines()]


def _loop(place: Path, tasks: int) -> float:
    root = place / "loop"
    _repository(root)
    more = {"TASKS": str(tasks)}
    began = time.perf_counter()
    subprocess.run(
        ["sh", "-c", _LOOP], cwd=root, env=environment() | more, check=True, timeout=SECONDS_MAX
    )
    return time.perf_counter() - began


def _repository(root: Path) -> None:
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "README").write_text("Something to begin with.\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "First")
