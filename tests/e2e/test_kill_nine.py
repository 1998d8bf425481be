"""Real processes under kill -9, and real parts that fail: nothing is lost and nothing lands twice.

`INTERLOCK_CRASH_ROUNDS=20 pytest tests/e2e/test_kill_nine.py` plays more rounds; so does
`python -m interlock.testing.crash --rounds 20 [--fleet]`, without pytest.
"""

import asyncio
import os
import random
import resource
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock.domain.ids import RunId
from interlock.domain.plan import Plan
from interlock.engine.ports import EventLog
from interlock.testing.crash.__main__ import play_fleet, play_solo
from interlock.testing.crash.company import OUT_OF_ORDER, Company, End, company, plane_post
from interlock.testing.crash.company import worker_posts as workers
from interlock.testing.crash.house import House, open_store
from interlock.testing.crash.rounds import Size, plan_of, play_round, start_run
from interlock.testing.crash.witness import Witness
from interlock.testing.servers import nats_server

ROUNDS = int(os.environ.get("INTERLOCK_CRASH_ROUNDS", "1"))
SEEDS = range(1, 1 + ROUNDS)
A_WHILE_SECONDS = 40.0
"""Only so that a broken test ends; nothing here measures time."""

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120 + 60 * ROUNDS)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: it holds a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="ilk-crash-") as name:
        yield Path(name)


def test_fifty_tasks_in_flight_survive_kills_of_the_plane_and_of_workers():
    for verdict in play_solo(SEEDS, Size(strikes=6)):
        assert verdict.faults == ()
        assert verdict.finding.leased_at_once >= 50
        assert verdict.finding.epochs > 1
        assert verdict.strikes["acting plane"] > 0
        assert verdict.strikes["in a landing"] == 1


def test_while_only_the_plane_is_killed_no_attempt_is_lost(folder: Path):
    house = House(str(folder), lease_seconds=15.0, silence_seconds=30.0, task_seconds_max=3.0)
    size = Size(tasks=52, first=52, strikes=3, spares_workers=True)

    verdict = asyncio.run(play_round(house, 1, size))

    assert verdict.faults == ()
    assert verdict.finding.epochs > 1
    assert verdict.finding.grants == size.tasks


def test_two_planes_survive_kills_of_everything_the_broker_and_the_store_included():
    for verdict in play_fleet(SEEDS, Size(strikes=5)):
        assert verdict.faults == ()
        assert verdict.finding.leased_at_once >= 50
        assert verdict.finding.epochs > 1
        assert verdict.strikes["broker"] == verdict.strikes["store"] == 1


class Stage:
    """Two workers and a small run in one house; planes come and go as the story wants."""

    def __init__(self, house: House, crew: Company, witness: Witness, log: EventLog) -> None:
        self.house, self.crew, self.witness, self.log = house, crew, witness, log
        self.plan: Plan = plan_of(Size(tasks=30, first=30), random.Random(1))
        self.run_id = RunId("")

    async def plane(self, name: str, *arguments: str) -> "asyncio.Task[End]":
        return await self.crew.start(plane_post(name, *arguments))

    async def start_run(self) -> None:
        await self.witness.until("both join", lambda p: len(p.workers) == 2, A_WHILE_SECONDS)
        self.run_id = await start_run(self.house, self.log, self.plan, 8)

    async def until_under_way(self) -> None:
        await self.witness.until("starts", lambda _: self.witness.started > 5, A_WHILE_SECONDS)

    async def until_said(self, process: str, words: str) -> None:
        """A plane process tells on standard error what it waits for."""

        def said(_: object) -> bool:
            return words in self.crew.said(process)

        await self.witness.until(f"{process} says {words!r}", said, A_WHILE_SECONDS)

    async def until_done(self) -> None:
        ended = f"{self.run_id} ends"
        await self.witness.until(ended, lambda p: self.run_id in p.ended_runs, 2 * A_WHILE_SECONDS)

    async def parts_lost_and_restored(self) -> list[str]:
        facts = [event.fact for event in await self.log.read_stream("plane/crash")]
        return [f"{type(fact).__name__}: {getattr(fact, 'part', '')}" for fact in facts]


@asynccontextmanager
async def stage(house: House) -> AsyncIterator[Stage]:
    """Opened in the house, and judged when everybody has gone home."""
    async with open_store(house) as (log, snapshots):
        witness = Witness(house, log, snapshots)
        async with company(house, random.Random(1)) as crew:
            crew.keep(workers(2))
            opened = Stage(house, crew, witness, log)
            yield opened
        finding = await witness.judge(opened.run_id, opened.plan)
        assert finding.faults == ()
        assert crew.left_behind() == []


async def its_end(plane: "asyncio.Task[End]") -> End:
    async with asyncio.timeout(A_WHILE_SECONDS):
        return await plane


async def test_a_plane_without_its_broker_exits_with_a_sentence_and_the_next_one_goes_on(
    folder: Path,
):
    with nats_server() as nats:
        async with stage(House(str(folder), nats=nats.url, capacity=4)) as scene:
            first = await scene.plane("first")
            await scene.start_run()
            await scene.until_under_way()

            nats.kill()
            end = await its_end(first)

            assert end.code == OUT_OF_ORDER
            assert "broker (NATS) is out of order" in end.said
            assert "Start it again" in end.said
            assert "Traceback" not in end.said
            nats.forget()
            nats.start()
            await scene.plane("second")
            await scene.until_done()


async def test_a_plane_told_to_wait_goes_on_when_its_broker_is_back(folder: Path):
    with nats_server() as nats:
        async with stage(House(str(folder), nats=nats.url, capacity=4)) as scene:
            await scene.plane("patient", "--on-loss", "wait")
            await scene.start_run()
            await scene.until_under_way()

            nats.kill()
            await scene.until_said("patient.1", "trying again")
            nats.forget()
            nats.start()

            await scene.until_done()
            told = await scene.parts_lost_and_restored()
            assert told == ["PartLost: broker (NATS)", "PartRestored: broker (NATS)"]


async def test_a_plane_whose_disk_is_full_exits_with_a_sentence_and_loses_nothing(folder: Path):
    async with stage(House(str(folder), capacity=4)) as scene:
        first = await scene.plane("first", "--file-bytes-max", "700000")
        await scene.start_run()
        await scene.until_under_way()

        end = await its_end(first)

        assert end.code == OUT_OF_ORDER
        assert "no space left on its disk" in end.said
        assert "Free some space" in end.said
        assert "Traceback" not in end.said
        await scene.plane("second")
        await scene.until_done()


async def test_a_plane_told_to_wait_goes_on_when_its_disk_has_room_again(folder: Path):
    async with stage(House(str(folder), capacity=4)) as scene:
        plane = plane_post("patient", "--on-loss", "wait", "--file-bytes-max", "700000")
        await scene.crew.start(plane)
        await scene.start_run()
        await scene.until_said("patient.1", "trying again")

        assert plane.process is not None
        room = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(plane.process.pid, resource.RLIMIT_FSIZE, room)

        await scene.until_done()
        told = await scene.parts_lost_and_restored()
        assert told == ["PartLost: event log", "PartRestored: event log"]
