"""Long histories without waiting for them: one small real run, recorded again and again.

The facts come from the real plane on pretend time. Each copy has its own run, tasks, leases and
command, so a history of many runs looks as if that plane had worked on and on.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from benchmarks.stage import COMMAND, RUN, crew, limits_for, perform
from interlock.adapters.pretend.clock import EPOCH
from interlock.adapters.pretend.worker import Performance
from interlock.domain.codec import decode
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask
from interlock.engine.chain import Stored
from interlock.engine.dispatch import Job
from interlock.engine.ports import EventLog, NewEvent, StreamWrite

WORKERS = 10
STEPS = 4
EVENTS_PER_APPEND = 2_000
_OF_A_RUN = ("task", "run", "command", "answer")


class Template:
    """The facts of one run, ready to be told again under other names."""

    def __init__(self, tasks: int) -> None:
        ended = perform(_plan(tasks), limits_for(WORKERS), crew(WORKERS), _work)
        rows = ended.store.events
        self.before = [row for row in rows if row.stream.partition("/")[0] not in _OF_A_RUN]
        """What happened to plane and workers, told once."""
        self.run = [row for row in rows if row.stream.partition("/")[0] in _OF_A_RUN]

    def prologue(self) -> list[StreamWrite]:
        return list(_writes(self.before, 0))

    def copy(self, number: int, events: int | None = None) -> list[StreamWrite]:
        """One more run; with `events` it stops there, in the middle of its work."""
        return list(_writes(self.run[:events], number))


async def tell(log: EventLog, template: Template, first: int, events: int) -> int:
    """Append whole runs from that number on, and the beginning of one; gives the next number."""
    number, left, pending, size = first, events, list[StreamWrite](), 0
    while left > 0:
        run = template.copy(number, left)
        pending += run
        told = sum(len(write.events) for write in run)
        left, size, number = left - told, size + told, number + 1
        if size >= EVENTS_PER_APPEND or left <= 0:
            await log.append(pending, EPOCH + timedelta(minutes=number))
            pending, size = [], 0
    return number


def _writes(rows: list[Stored], number: int) -> Iterator[StreamWrite]:
    for stream, same in groupby(rows, key=lambda row: row.stream):
        events = tuple(
            NewEvent(decode(row.type, row.fact_version, _renamed(row.data, number)), row.actor)
            for row in same
        )
        yield StreamWrite(_renamed(stream.encode(), number).decode(), None, events)


def _renamed(data: bytes, number: int) -> bytes:
    for name in (RUN.encode(), COMMAND.encode()):
        data = data.replace(name, name[:2] + b"%06d" % number)
    return data


def _plan(tasks: int) -> Plan:
    names = [TaskName(f"t{number}") for number in range(tasks)]
    return Plan(
        "bench",
        tuple(
            PlannedTask(
                name,
                f"What is to be done under the name of {name}",
                f"Do {name} the way the tasks before it were done, with tests. " * 5,
                depends_on=() if number < 3 else (Dependency(task=names[number - 3]),),
                estimate_minutes=10.0,
            )
            for number, name in enumerate(names)
        ),
    )


def _work(_: Job) -> Performance:
    return Performance(600.0, steps=STEPS)
