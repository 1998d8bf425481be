"""Dispatch over JetStream: the contract, then a broker that fails, forgets or is shared."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from interlock.adapters.nats.dispatch import NatsDispatch
from interlock.adapters.nats.link import NatsLink
from interlock.adapters.nats.names import report_subject, work_stream
from interlock.adapters.nats.streams import Terms, make_streams
from interlock.domain.ids import RepoId, WorkerId
from interlock.engine.dispatch import PROTOCOL, Interrupt
from interlock.engine.errors import PartLost
from interlock.engine.wire import OtherProtocol
from interlock.testing.conformance.dispatch import (
    ADA,
    DispatchSuite,
    finished,
    job,
    lease,
    settled,
    soon,
    started,
)
from interlock.testing.servers import NatsServer, nats_server

pytestmark = pytest.mark.loopback

REPO = RepoId("example/shop.api")
LEASE_SECONDS = 1.0


@pytest.fixture(scope="module")
def shared_server() -> Iterator[NatsServer]:
    with nats_server() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[NatsServer]:
    """For what takes the broker down."""
    with nats_server() as server:
        yield server


class NatsHouse:
    """One repository on a broker, with one plane at a time, and the links to it."""

    def __init__(self, server: NatsServer, repo: RepoId, lease_seconds: float) -> None:
        self.server, self.repo, self._lease_seconds = server, repo, lease_seconds
        self.plane: NatsDispatch
        self._links: dict[WorkerId, NatsLink] = {}

    async def open(self) -> None:
        self.plane = await NatsDispatch.connect([self.server.url], self.repo, self._lease_seconds)

    async def link(self, worker: WorkerId) -> NatsLink:
        if worker in self._links:
            await self._links[worker].close()
        self._links[worker] = await NatsLink.connect([self.server.url], self.repo, worker)
        return self._links[worker]

    async def lose(self, worker: WorkerId) -> None:
        await self._links.pop(worker).close()

    async def restart_plane(self) -> None:
        await self.plane.close()
        await self.open()

    async def break_transport(self) -> None:
        self.server.kill()

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()
        await self.plane.close()


@pytest.fixture
async def house(own_server: NatsServer) -> AsyncIterator[NatsHouse]:
    house = NatsHouse(own_server, REPO, LEASE_SECONDS)
    await house.open()
    yield house
    await house.close()


class TestNatsDispatch(DispatchSuite):
    """The contract, each test on a broker of its own."""

    redelivers_unrenewed = True


# --- A broker that fails ----------------------------------------------------------------


async def test_every_wait_of_every_end_is_told_of_a_killed_broker(house: NatsHouse) -> None:
    ada = await house.link(ADA)
    await soon(ada.report(started("a1")))
    delivery = await soon(house.plane.receive())
    waiting = [
        asyncio.ensure_future(ada.next_order()),
        asyncio.ensure_future(house.plane.receive()),
    ]

    house.server.kill()

    for wait in waiting:
        with pytest.raises(PartLost, match=r"broker \(NATS\)"):
            await asyncio.wait_for(wait, 2.0)
    with pytest.raises(PartLost):
        await ada.report(finished("a2"))
    with pytest.raises(PartLost):
        await delivery.settle()


async def test_a_broker_that_says_nothing_any_more_counts_as_lost(house: NatsHouse) -> None:
    house.server.suspend()
    try:
        with pytest.raises(PartLost):
            await soon(house.plane.receive())
    finally:
        house.server.resume()


async def test_a_broker_that_is_not_there_is_told(own_server: NatsServer) -> None:
    own_server.kill()
    with pytest.raises(PartLost, match=r"127\.0\.0\.1"):
        await soon(NatsDispatch.connect([own_server.url], REPO, LEASE_SECONDS))


async def test_what_the_broker_kept_goes_on_after_its_death(house: NatsHouse) -> None:
    ada = await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))
    await soon(ada.report(started("a1")))
    assert (await soon(house.plane.receive())).report == started("a1")
    house.server.kill()
    house.server.start()

    await house.restart_plane()
    ada = await house.link(ADA)

    assert await soon(ada.next_order()) == job(1, ADA)
    assert await settled(house.plane) == started("a1")


async def test_a_broker_that_forgot_everything_works_after_the_next_connection(
    house: NatsHouse,
) -> None:
    await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))
    house.server.kill()
    house.server.forget()
    house.server.start()

    with pytest.raises(PartLost, match="Start the plane first"):
        await NatsLink.connect([house.server.url], REPO, ADA)
    await house.restart_plane()
    ada = await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))  # the next look offers it again

    assert await soon(ada.next_order()) == job(1, ADA)
    await soon(ada.report(finished("a1")))
    assert await settled(house.plane) == finished("a1")


# --- Leases -----------------------------------------------------------------------------


async def test_a_job_that_is_renewed_does_not_come_again(house: NatsHouse) -> None:
    ada = await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))
    assert await soon(ada.next_order()) == job(1, ADA)

    for _ in range(8):
        await ada.renew(lease(1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ada.next_order(), LEASE_SECONDS / 4)


async def test_what_is_done_with_late_does_not_come_again(house: NatsHouse) -> None:
    """The job came twice because nobody renewed it; being done with it once is enough."""
    ada = await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))
    first = await soon(ada.next_order())
    assert await soon(ada.next_order()) == first
    await ada.done_with(first)

    await house.plane.send(ADA, job(2, ADA))

    assert await soon(ada.next_order()) == job(2, ADA)


async def test_a_job_offered_twice_is_done_with_once(house: NatsHouse) -> None:
    ada = await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))
    await house.plane.send(ADA, job(1, ADA))
    assert await soon(ada.next_order()) == job(1, ADA)
    assert await soon(ada.next_order()) == job(1, ADA)
    await ada.done_with(job(1, ADA))

    ada = await house.link(ADA)
    await house.plane.send(ADA, Interrupt(lease(1)))

    assert await soon(ada.next_order()) == Interrupt(lease(1))


async def test_a_report_repeated_to_the_next_plane_is_dropped_by_the_broker(
    house: NatsHouse,
) -> None:
    ada = await house.link(ADA)
    await soon(ada.report(started("a1")))
    assert await settled(house.plane) == started("a1")
    await house.restart_plane()

    await soon(ada.report(started("a1")))
    await soon(ada.report(finished("a2")))

    assert await settled(house.plane) == finished("a2")


# --- A broker that is shared ------------------------------------------------------------


async def test_another_plane_takes_the_reports_over(house: NatsHouse) -> None:
    ada = await house.link(ADA)
    before = house.plane
    await soon(ada.report(started("a1")))
    assert (await soon(before.receive())).report == started("a1")
    await house.open()

    await soon(ada.report(finished("a2")))

    assert [await settled(house.plane) for _ in range(2)] == [started("a1"), finished("a2")]
    with pytest.raises(PartLost, match="does not deliver any more"):
        await soon(before.receive())
    await before.close()


async def test_repositories_do_not_hear_each_other(shared_server: NatsServer) -> None:
    houses = [
        NatsHouse(shared_server, RepoId(name), 60.0) for name in ("a", "a-report", "a.b", "a/b")
    ]
    for house in houses:
        await house.open()
        await house.link(ADA)
    for number, house in enumerate(houses):
        await house.plane.send(ADA, job(number, ADA))
        await house._links[ADA].report(started(f"s{number}"))

    for number, house in enumerate(houses):
        assert await soon(house._links[ADA].next_order()) == job(number, ADA)
        assert (await settled(house.plane)).id == f"s{number}"
        await house.close()


async def test_a_worker_of_another_protocol_is_told_so(house: NatsHouse) -> None:
    await make_streams(house.plane._broker, REPO, Terms(LEASE_SECONDS, protocol=PROTOCOL + 6))

    said = f"speaks protocol {PROTOCOL + 6}, this one {PROTOCOL}: install the same"
    with pytest.raises(OtherProtocol, match=said):
        await house.link(ADA)


async def test_an_order_of_another_protocol_ends_the_worker_and_stays(house: NatsHouse) -> None:
    """A plane was upgraded under its workers; a worker of the new release does the job."""
    ada = await house.link(ADA)
    await house.plane.send(ADA, msgspec.structs.replace(job(1, ADA), protocol=PROTOCOL + 6))

    with pytest.raises(OtherProtocol, match="install the same"):
        await soon(ada.next_order())

    info = await house.plane._broker.streams.stream_info(work_stream(REPO))
    assert info.state.messages == 1


async def test_noise_in_a_stream_is_dropped(
    house: NatsHouse, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await house.link(ADA)
    streams = house.plane._broker.streams
    wrong = [b"", b"{}", b'{"message":"left","protocol":7}', b'{"message":"x","protocol":1}']
    for noise in wrong:
        await streams.publish(report_subject(REPO), noise)
    await soon(ada.report(finished("a1")))

    assert await settled(house.plane) == finished("a1")
    assert caplog.text.count("dropped a message") == len(wrong)
