"""How close the plane comes to the best possible end of random graphs, on pretend time.

No schedule ends before the longest path is walked nor before the workers have done all the work
between them: `max(critical path, total work / workers)` is the reference, even where no schedule
can reach it. The same graphs are run four times:

    known      estimates are the durations
    wrong      durations are the world's; estimates are off by a factor between a half and two
    fifo       estimates are zero, so that whoever became ready first goes first
    forecast   the rehearsal of the planning room, for what the plane adds to it

Pretend time repeats exactly, so once is enough.
"""

from collections.abc import Callable, Mapping
from random import Random
from statistics import mean

import msgspec

from benchmarks.document import Result, Scale, percentile, rounded
from benchmarks.stage import crew, limits_for, perform
from interlock.adapters.pretend.worker import Performance
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask
from interlock.engine.dispatch import Job
from interlock.planning.forecast import forecast
from interlock.planning.graph import critical_path

BOUND = "max(critical path, total work / workers)"
P95_MAX = 1.05
WHY_NOT = (
    "a freed worker is given the best task that is ready at that moment, and what its change makes "
    "ready comes a few turns later; the forecast looks only when both are known"
)


class Case(msgspec.Struct, frozen=True):
    """A graph whose estimates are its durations, and who works on it."""

    plan: Plan
    workers: int

    @property
    def bound_minutes(self) -> float:
        total = sum(task.estimate_minutes or 0.0 for task in self.plan.tasks)
        return max(critical_path(self.plan).minutes, total / self.workers)


Guess = Callable[[float], float]


def measure(scale: Scale) -> list[Result]:
    cases = [random_case(seed) for seed in range(scale.of(200, 5))]
    dice = Random("estimates")
    ratios = {
        "known": [_by_plane(case, lambda minutes: minutes) for case in cases],
        "wrong": [_by_plane(case, lambda m: m * 2.0 ** dice.uniform(-1, 1)) for case in cases],
        "fifo": [_by_plane(case, lambda _: 0.0) for case in cases],
        "forecast": [_by_forecast(case) for case in cases],
    }
    return [result for name, values in ratios.items() for result in _told(name, values, ratios)]


def _told(name: str, values: list[float], ratios: Mapping[str, list[float]]) -> list[Result]:
    p50, p95 = percentile(values, 50), percentile(values, 95)
    reached = sum(value <= P95_MAX for value in values)
    note = f"{len(values)} graphs, {reached} within {P95_MAX}, worst {max(values):.3f}"
    if name != "fifo":
        note += f", mean {mean(values):.3f} against {mean(ratios['fifo']):.3f} first in first out"
    results = [
        Result(f"makespan_{name}_p50", rounded(p50), "of the bound", BOUND, 1.0, rounded(p50)),
        Result(
            f"makespan_{name}_p95", rounded(p95), "of the bound", BOUND, 1.0, rounded(p95),
            note=note,
        ),
    ]  # fmt: skip
    if name == "known":
        results[1].goal, results[1].met = f"<= {P95_MAX}", p95 <= P95_MAX
        if p95 > P95_MAX:
            results[1].note = f"{note}; {WHY_NOT}"
    return results


def random_case(seed: int) -> Case:
    """50 to 200 tasks of 5 to 60 minutes; each waits for up to three of the tasks before it."""
    dice = Random(f"graph {seed}")
    count, reach = dice.randint(50, 200), dice.randint(5, 50)
    tasks = []
    for number in range(count):
        near = range(max(0, number - reach), number)
        before = sorted(dice.sample(near, min(dice.randint(0, 3), len(near))))
        tasks.append(
            PlannedTask(
                TaskName(f"t{number}"),
                f"Task {number}",
                depends_on=tuple(Dependency(task=TaskName(f"t{each}")) for each in before),
                estimate_minutes=float(dice.randint(5, 60)),
            )
        )
    return Case(Plan("bench", tuple(tasks)), dice.randint(4, 10))


def _by_plane(case: Case, guess: Guess) -> float:
    seconds = {task.id: (task.estimate_minutes or 0.0) * 60 for task in case.plan.tasks}
    guessed = tuple(
        msgspec.structs.replace(task, estimate_minutes=guess(task.estimate_minutes or 0.0))
        for task in case.plan.tasks
    )
    plan = msgspec.structs.replace(case.plan, tasks=guessed)

    def play(job: Job) -> Performance:
        return Performance(seconds[job.planned.id], steps=1)

    ended = perform(plan, limits_for(case.workers), crew(case.workers), play)
    return ended.minutes / case.bound_minutes


def _by_forecast(case: Case) -> float:
    parallel = forecast(case.plan, case.workers, case.workers).minutes.parallel
    return parallel / case.bound_minutes
