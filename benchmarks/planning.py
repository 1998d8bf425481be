"""Planning, and the first impression: how fast a plan is read and the command answers."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.document import Part, Result, Scale, medians, rounded
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask
from interlock.planning.document import parse_plan
from interlock.planning.forecast import forecast
from interlock.planning.montecarlo import Chore, Means, rehearse
from interlock.planning.network import Network
from interlock.planning.spread import Guess

_HELP: Final = "import sys; from interlock.bootstrap import main; sys.exit(main(['--help']))"
_FORECAST_MS_MAX: Final = 1_000.0
_SOURCES: Final = Path(__file__).parents[1] / "src"


def measure_parsing(scale: Scale) -> list[Result]:
    tasks = scale.of(1_000, 20)
    text, bomb = _plan_text(tasks).encode(), _bomb().encode()
    parsed, refused = medians(
        scale.times,
        lambda: _milliseconds(lambda: _must_be(text, accepted=True)),
        lambda: _milliseconds(lambda: _must_be(bomb, accepted=False)),
    )
    return [
        Result(
            "parse_plan", rounded(parsed), "ms",
            note=f"{tasks} tasks, {len(text) / 1e3:.0f} kB of YAML",
        ),
        Result(
            "refuse_alias_bomb", rounded(refused), "ms", "the plan above", rounded(parsed),
            rounded(refused / parsed),
            note=f"{len(bomb) / 1e3:.1f} kB that would unfold to 10^40 values",
        ),
    ]  # fmt: skip


def measure_forecast(scale: Scale) -> list[Result]:
    """Even odds and eight of ten, by rehearsing the whole run so many times."""
    tasks, samples = scale.of(50, 5), scale.of(2_000, 50)
    plan = Plan("Move things", tuple(map(_planned, range(tasks))))
    network, setting = Network(plan), Means(10, 4, 2, 3, Guess(0.0, 0.5), 0.05, 0.3)
    chores = [Chore(Guess(2.5, 0.5), Guess(-1.0, 0.5), 0.1) for _ in plan.tasks]
    rehearsed, exact = medians(
        scale.times,
        lambda: _milliseconds(lambda: rehearse(network, chores, setting, b"", samples)),
        lambda: _milliseconds(lambda: forecast(plan, 10, 4)),
    )
    return [
        Result(
            "rehearse_run", rounded(rehearsed), "ms", "one rehearsal without dice", rounded(exact),
            rounded(rehearsed / exact), "< 1000 ms", rehearsed < _FORECAST_MS_MAX,
            note=f"{samples} samples of {tasks} tasks, {rehearsed / samples:.2f} ms each",
        )
    ]  # fmt: skip


def measure_help(scale: Scale) -> list[Result]:
    """What a person waits for the first answer of the command line."""
    answer, nothing = medians(
        scale.of(7, 1),
        lambda: _milliseconds(lambda: _python(_HELP)),
        lambda: _milliseconds(lambda: _python("pass")),
    )
    return [
        Result(
            "help", rounded(answer), "ms", "python -c pass", rounded(nothing),
            rounded(answer / nothing), note=f"{answer - nothing:.0f} ms are ours",
        )
    ]  # fmt: skip


PARTS: Final[Mapping[str, Part]] = {
    "parsing": measure_parsing,
    "forecast": measure_forecast,
    "help": measure_help,
}


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - began)


def _must_be(text: bytes, *, accepted: bool) -> None:
    found = parse_plan(text, "plan.yaml")
    as_wanted = isinstance(found, Plan) if accepted else "what aliases repeat" in str(found)
    if not as_wanted:
        raise RuntimeError(f"the plan was {'refused' if accepted else 'accepted'}: {found}")


def _python(program: str) -> None:
    subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(_SOURCES), "PATH": ""},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _plan_text(tasks: int) -> str:
    lines = ["goal: Move a thousand things", "tasks:"]
    for number in range(tasks):
        after = ", ".join(f"move-{n}" for n in range(max(0, number - 2), number))
        lines += [
            f"  - id: move-{number}",
            f"    title: Move thing {number} to where it belongs",
            f"    depends_on: [{after}]",
            f"    estimate: {5 + number % 55}m",
            f'    files: ["src/part_{number}/**"]',
            "    priority: high",
        ]
    return "\n".join(lines)


def _planned(number: int) -> PlannedTask:
    before = [TaskName(f"move-{n}") for n in (number - 7, number - 3) if n >= 0]
    return PlannedTask(
        TaskName(f"move-{number}"),
        f"Move thing {number}",
        depends_on=tuple(Dependency(task=name) for name in before),
        estimate_minutes=5.0 + number % 55,
    )


def _bomb() -> str:
    """Forty lines, each ten times the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    return "\n".join(lines)
