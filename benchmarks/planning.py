"""Planning, and the first impression: how fast a plan is read and the command answers."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.document import Part, Result, Scale, medians, rounded
from interlock.domain.plan import Plan
from interlock.planning.document import parse_plan

_HELP: Final = "import sys; from interlock.bootstrap import main; sys.exit(main(['--help']))"
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


PARTS: Final[Mapping[str, Part]] = {"parsing": measure_parsing, "help": measure_help}


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


def _bomb() -> str:
    """Forty lines, each ten times the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    return "\n".join(lines)
