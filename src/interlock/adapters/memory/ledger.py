"""A book of model use that is gone with its process."""

from collections import defaultdict
from typing import Final

import msgspec

from interlock.domain.ids import TaskId
from interlock.domain.usage import Usage
from interlock.engine.ports import Clock
from interlock.workers.models.booked import Booked, added, booked, usage_of
from interlock.workers.models.caps import Sum, over_cap
from interlock.workers.models.ports import Caps, Charge, OverCap, Worst
from interlock.workers.models.spending import set_aside

_NOTHING: Final = Booked()


class _Entry(msgspec.Struct):
    """One request: who pays, the sums it is part of, and what it came to until now."""

    charge: Charge
    sums: tuple[str, str, str]
    booked: Booked
    settled: bool = False


class MemoryLedger:
    """One book for everybody who holds it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._sums: defaultdict[str, Sum] = defaultdict(Sum)

    async def reserve(
        self, request: str, charge: Charge, worst: Worst, caps: Caps
    ) -> OverCap | None:
        if request in self._entries:
            return None
        day = self._clock.now().date().isoformat()
        sums = (f"task/{charge.task_id}", f"run/{charge.run_id}", f"day/{day}")
        task, run, today = (self._sums[name] for name in sums)
        over = over_cap(task, run, today, worst, caps)
        if over is None:
            entry = _Entry(charge, sums, booked(set_aside(worst)))
            self._entries[request] = entry
            self._add(entry, _NOTHING, entry.booked)
        return over

    async def settle(self, request: str, usage: Usage) -> None:
        entry = self._entries.get(request)
        if entry is None or entry.settled:
            return
        held, entry.booked, entry.settled = entry.booked, booked(usage), True
        self._add(entry, entry.booked, Booked(unknown_tokens=-held.tokens, unknown_nano=-held.nano))

    async def of_attempt(self, lease: str) -> Usage:
        return self._of([each for each in self._entries.values() if each.charge.lease == lease])

    async def of_task(self, task_id: TaskId) -> Usage:
        return self._of([each for each in self._entries.values() if each.charge.task_id == task_id])

    async def close(self) -> None:
        """Nothing to let go of; whoever holds it may go on."""

    def _of(self, entries: list[_Entry]) -> Usage:
        return usage_of(added([entry.booked for entry in entries]))

    def _add(self, entry: _Entry, settled: Booked, held: Booked) -> None:
        for name in entry.sums:
            known = self._sums[name]
            self._sums[name] = Sum(
                known.tokens + settled.tokens,
                known.nano_usd + settled.nano,
                known.held_tokens + held.tokens,
                known.held_nano_usd + held.nano,
            )
