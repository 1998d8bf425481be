"""Keeping a plane: stand by, take over, stop, and what a lost part means, on pretend time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.loop import rehearse
from interlock.adapters.pretend.world import PretendWorld, Target
from interlock.domain.actor import Actor
from interlock.domain.command import Pause
from interlock.domain.facts.base import Fact
from interlock.domain.facts.command import CommandAccepted, CommandGiven
from interlock.domain.facts.plane import PartLost as PartWasLost
from interlock.domain.facts.plane import PartRestored, PlaneStarted
from interlock.domain.ids import CommandId, RepoId, WorkerId
from interlock.domain.settings import OnLoss
from interlock.engine.dispatch import Delivery, Order
from interlock.engine.errors import PartLost
from interlock.engine.ports import Leadership, NewEvent, Recorded, StreamWrite
from interlock.flows.run.keeper import Keeper, Keeping
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.pictures import command_stream, epoch_stream

REPO = RepoId("repo")
PERSON = Actor("person", "ana", "test")
TTL_SECONDS = 10.0
NOBODY = "nobody"


def lost(part: str) -> PartLost:
    return PartLost(part, "no answer", "Start it again")


class Town:
    """What outlives every process: the store, the right to act, and the state of the broker."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), PretendClock()
        self.log = MemoryEventLog(self.store)
        self.holder, self.held_until = NOBODY, 0.0
        self.broken = asyncio.Event()
        self.closed_to: str = ""

    async def facts(self, kind: type[Fact]) -> list[Fact]:
        return [e.fact for e in await self.log.read(0) if isinstance(e.fact, kind)]

    async def processes(self) -> list[str]:
        """Who has acted, in this order."""
        return [e.actor.id for e in await self.log.read_stream(epoch_stream(REPO))]

    async def write(self, stream: str, fact: Fact) -> None:
        write = StreamWrite(stream, None, (NewEvent(fact, PERSON),))
        await self.log.append([write], self.clock.now())

    def keeper(self, name: str, on_loss: OnLoss = "exit") -> "Kept":
        return Kept(self, name, on_loss)


class Right:
    """The right to act, as one process asks for it; it expires unless it is renewed."""

    def __init__(self, town: Town, owner: "Kept") -> None:
        self._town, self._owner = town, owner

    async def acquire(self, holder: str) -> bool:
        if self._town.held_until > _now() and self._town.holder != holder:
            return False
        self._town.holder = holder
        return await self.renew()

    async def renew(self) -> bool:
        if self._owner.cut_off:
            raise lost("store")
        if self._town.holder != self._owner.name:
            return False
        self._town.held_until = _now() + TTL_SECONDS
        return True

    async def release(self) -> None:
        if self._town.holder == self._owner.name and not self._owner.killed:
            self._town.held_until = 0.0

    async def holder(self) -> str | None:
        return self._town.holder


class Line:
    """A transport that brings nothing, until it breaks."""

    def __init__(self, town: Town) -> None:
        self._town = town

    async def send(self, worker: WorkerId, order: Order) -> None:
        """Nobody is there."""

    async def receive(self) -> Delivery:
        await self._town.broken.wait()
        raise lost("broker")

    async def close(self) -> None:
        """Nothing to close."""


class CountedLog(MemoryEventLog):
    """Remembers how often it was read."""

    reads = 0

    async def read(self, after: int, limit: int = 1000) -> Sequence[Recorded]:
        self.reads += 1
        return await super().read(after, limit)


class Kept:
    """One process: its keeper, what it said, and how often it has opened its ports."""

    def __init__(self, town: Town, name: str, on_loss: OnLoss) -> None:
        self._town, self.name = town, name
        self.said: list[str] = []
        self.opened = 0
        self.killed = self.cut_off = False
        self.log = CountedLog(town.store)
        options = Options(process=name, release="test")
        self.keeper = Keeper(REPO, self, options, Keeping(on_loss), self.said.append)

    @asynccontextmanager
    async def open_leadership(self) -> AsyncIterator[Leadership]:
        yield Right(self._town, self)

    @asynccontextmanager
    async def open_ports(self) -> AsyncIterator[Ports]:
        town = self._town
        self.opened += 1
        if town.closed_to:
            raise lost(town.closed_to)
        yield Ports(
            self.log,
            MemorySnapshots(town.store),
            MemoryBlobs(town.store),
            Line(town),
            PretendWorld(Target(), town.clock),
            town.clock,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def story(tell: Callable[[Town], Awaitable[None]]) -> None:
    async def on_stage() -> None:
        await tell(Town())

    rehearse(on_stage)


def test_told_to_stop_it_leaves_the_right_to_the_next():
    async def tell(town: Town) -> None:
        first, second = town.keeper("first"), town.keeper("second")
        async with asyncio.TaskGroup() as group:
            acting = group.create_task(first.keeper.keep())
            await town.clock.sleep(1)
            group.create_task(second.keeper.keep())
            await town.clock.sleep(100)
            assert (first.opened, second.opened) == (1, 0)

            first.keeper.stop()
            await acting
            await town.clock.sleep(2)

            assert await town.processes() == ["first", "second"]
            second.keeper.stop()
        assert first.said == ["acting as first"]
        assert second.said == ["standing by: first acts", "acting as second"]

    story(tell)


def test_who_stands_by_takes_over_when_the_right_of_a_killed_one_expires():
    async def tell(town: Town) -> None:
        first, second = town.keeper("first"), town.keeper("second")
        async with asyncio.TaskGroup() as group:
            acting = group.create_task(first.keeper.keep())
            await town.clock.sleep(1)
            group.create_task(second.keeper.keep())
            await town.clock.sleep(30)

            first.killed = True
            acting.cancel()
            await town.clock.sleep(1)
            assert await town.processes() == ["first"]
            await town.clock.sleep(TTL_SECONDS)

            assert await town.processes() == ["first", "second"]
            second.keeper.stop()

    story(tell)


def test_who_has_lost_the_right_stops_acting_and_stands_by():
    async def tell(town: Town) -> None:
        kept = town.keeper("first")
        async with asyncio.TaskGroup() as group:
            group.create_task(kept.keeper.keep())
            await town.clock.sleep(1)

            town.holder, town.held_until = "another", _now() + 60
            await town.clock.sleep(6)
            await town.write(command_stream(REPO), CommandGiven(CommandId("c"), Pause()))
            await town.clock.sleep(40)
            assert await town.facts(CommandAccepted) == []
            await town.clock.sleep(20)

            assert await town.processes() == ["first", "first"]
            assert await town.facts(CommandAccepted) == [CommandAccepted(CommandId("c"))]
            kept.keeper.stop()
        assert kept.said == [
            "acting as first",
            "the right to act went to another plane",
            "standing by: another acts",
            "acting as first",
        ]

    story(tell)


def test_who_is_fenced_out_writes_nothing_and_stands_by():
    async def tell(town: Town) -> None:
        kept = town.keeper("first")
        async with asyncio.TaskGroup() as group:
            group.create_task(kept.keeper.keep())
            await town.clock.sleep(1)

            await town.write(epoch_stream(REPO), PlaneStarted(REPO, 2, "another", "test"))
            town.holder, town.held_until = "another", _now() + 60
            await town.write(command_stream(REPO), CommandGiven(CommandId("c"), Pause()))
            await town.clock.sleep(50)
            assert await town.facts(CommandAccepted) == []
            assert "another plane took over" in kept.said[1]
            await town.clock.sleep(20)

            assert await town.processes() == ["first", PERSON.id, "first"]
            kept.keeper.stop()

    story(tell)


def test_what_a_plane_wrote_itself_it_does_not_read_again():
    async def tell(town: Town) -> None:
        kept = town.keeper("first")
        async with asyncio.TaskGroup() as group:
            group.create_task(kept.keeper.keep())
            await town.clock.sleep(1)
            before = kept.log.reads
            await town.write(command_stream(REPO), CommandGiven(CommandId("c"), Pause()))
            await town.clock.sleep(1)
            assert await town.facts(CommandAccepted) == [CommandAccepted(CommandId("c"))]
            assert kept.log.reads - before == 2  # The command, and that nothing follows it.
            kept.keeper.stop()

    story(tell)


def test_a_lost_part_ends_the_process_where_that_is_wanted():
    async def tell(town: Town) -> None:
        kept = town.keeper("first", "exit")
        group = asyncio.TaskGroup()
        with pytest.RaisesGroup(pytest.RaisesExc(PartLost, match="broker is out of order")):
            async with group:
                group.create_task(kept.keeper.keep())
                await town.clock.sleep(1)
                town.broken.set()
                await town.clock.sleep(60)
        assert town.held_until == 0.0
        assert kept.opened == 1

    story(tell)


def test_a_part_that_is_missing_at_the_start_ends_the_process_too():
    async def tell(town: Town) -> None:
        town.closed_to = "broker"
        with pytest.raises(PartLost, match="broker is out of order"):
            await town.keeper("first", "exit").keeper.keep()
        assert await town.processes() == []

    story(tell)


def test_told_to_wait_it_opens_everything_again_until_it_can_go_on_and_records_it():
    async def tell(town: Town) -> None:
        kept = town.keeper("first", "wait")
        async with asyncio.TaskGroup() as group:
            group.create_task(kept.keeper.keep())
            await town.clock.sleep(1)

            town.broken.set()
            town.closed_to = "store"
            await town.clock.sleep(6)
            town.broken.clear()
            town.closed_to = ""
            await town.clock.sleep(6)

            assert await town.processes() == ["first", "first"]
            assert await town.facts(PartWasLost) == [PartWasLost("broker", "no answer")]
            assert await town.facts(PartRestored) == [PartRestored("broker")]
            kept.keeper.stop()
        pauses = [words.rpartition("(")[2] for words in kept.said if "again" in words]
        assert pauses == [f"trying again in {seconds} s)" for seconds in (1, 2, 4)]

    story(tell)


def test_while_one_waits_for_its_part_another_may_act():
    async def tell(town: Town) -> None:
        first, second = town.keeper("first", "wait"), town.keeper("second")
        async with asyncio.TaskGroup() as group:
            group.create_task(first.keeper.keep())
            await town.clock.sleep(1)
            group.create_task(second.keeper.keep())
            await town.clock.sleep(10)

            first.cut_off = True
            await town.clock.sleep(20)

            assert await town.processes() == ["first", "second"]
            first.keeper.stop()
            second.keeper.stop()

    story(tell)


@pytest.mark.parametrize("closed_to", ["", "broker"])
def test_it_stops_at_once_while_it_stands_by_or_waits(closed_to: str):
    async def tell(town: Town) -> None:
        town.closed_to = closed_to
        if not closed_to:
            town.holder, town.held_until = "another", 1e9
        kept = town.keeper("first", "wait")
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(kept.keeper.keep())
            await town.clock.sleep(100.5)
            kept.keeper.stop()
            before = _now()
            await keeping
        assert _now() == before
        assert await town.processes() == []

    story(tell)
