"""Ten thousand tasks in one run: does an event cost more when there is more history?

The run is cut into quarters by events, from the first append after its plan was complete to the
last. The cost of an event is the time of the processor from append to append, which a busy machine
hardly changes; everything is in it: folding, deciding, encoding, hashing, snapshots, and the
pretend workers.
"""

from itertools import pairwise
from random import Random
from statistics import median

import msgspec

from benchmarks.document import Result, Scale, rounded
from benchmarks.stage import WatchedLog, crew, limits_for, perform
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.worker import Performance
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask
from interlock.engine.dispatch import Job

WORKERS = 10
GROWTH_MAX = 1.3


class Costs(msgspec.Struct):
    """What one run of that size took."""

    seconds: float
    """Of real time."""
    processor_seconds: float
    planning_seconds: float
    """Of the processor, until the plan was complete."""
    events: int
    quarters: list[float]
    """Microseconds per event."""


def measure(scale: Scale) -> list[Result]:
    tasks = scale.of(10_000, 200)
    costs = [run(wide_plan(tasks)) for _ in range(scale.times)]
    seconds, processor, planning, first, last, growth = map(median, _columns(costs))
    events = costs[0].events
    size = f"{tasks} tasks, {events} events"
    growing = [round(min(c.quarters[n] for c in costs)) for n in range(4)]
    return [
        Result(
            "run_seconds", rounded(seconds), "s", "of them on the processor", rounded(processor),
            rounded(processor / seconds), note=f"{size}; the plan took {planning:.2f} s of them",
        ),
        Result(
            "events_per_second", rounded(events / seconds), "1/s",
            "a second of the processor", rounded(events / processor),
        ),
        Result(
            "event_cost_last_quarter", rounded(last), "us", "the first quarter", rounded(first),
            rounded(growth), f"<= {GROWTH_MAX} of the first quarter", growth <= GROWTH_MAX,
            f"best of each quarter: {growing} us",
        ),
    ]  # fmt: skip


def _columns(costs: list[Costs]) -> list[list[float]]:
    return [
        [c.seconds for c in costs],
        [c.processor_seconds for c in costs],
        [c.planning_seconds for c in costs],
        [c.quarters[0] for c in costs],
        [c.quarters[-1] for c in costs],
        [c.quarters[-1] / c.quarters[0] for c in costs],
    ]


def wide_plan(tasks: int) -> Plan:
    """Each task waits for up to three of the forty before it: never too few and never all ready."""
    dice = Random(tasks)
    planned = []
    for number in range(tasks):
        before = sorted(
            dice.sample(range(max(0, number - 40), number), min(dice.randint(0, 3), number))
        )
        planned.append(
            PlannedTask(
                TaskName(f"t{number}"),
                f"Task {number}",
                depends_on=tuple(Dependency(task=TaskName(f"t{each}")) for each in before),
                estimate_minutes=float(dice.randint(5, 60)),
            )
        )
    return Plan("bench", tuple(planned))


def run(plan: Plan) -> Costs:
    logs: list[WatchedLog] = []

    def make_log(store: MemoryStore) -> WatchedLog:
        logs.append(WatchedLog(store))
        return logs[-1]

    ended = perform(plan, limits_for(WORKERS), crew(WORKERS), _as_estimated, make_log)
    planned_at = next(row.position for row in ended.store.events if row.type == "RunPlanned")
    appends = logs[0].appends
    begun = next(n for n, (position, _) in enumerate(appends) if position >= planned_at)
    return Costs(
        ended.wall_seconds,
        appends[-1][1] - appends[0][1],
        appends[begun][1] - appends[0][1],
        ended.store.head.position,
        _quarters(appends[begun:]),
    )


def _quarters(appends: list[tuple[int, float]]) -> list[float]:
    first, last = appends[0][0], appends[-1][0]
    marks = [first + (last - first) * quarter // 4 for quarter in range(5)]
    cuts = [next(each for each in appends if each[0] >= mark) for mark in marks]
    return [1e6 * (b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(cuts)]


def _as_estimated(job: Job) -> Performance:
    return Performance((job.planned.estimate_minutes or 0.0) * 60, steps=1)
