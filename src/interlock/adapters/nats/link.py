"""A worker's end: orders out of the work stream until they are done with, reports into theirs."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Self

from nats.aio.msg import Msg

from interlock.adapters.nats.broker import Broker
from interlock.adapters.nats.names import report_stream, report_subject
from interlock.adapters.nats.pulling import Pulling
from interlock.adapters.nats.streams import Terms, read_terms, take_over_orders
from interlock.domain.ids import LeaseId, RepoId, WorkerId
from interlock.engine.dispatch import Alive, Job, Order, Report
from interlock.engine.wire import OtherProtocol, decode_order, encode

HEARTBEAT_LEASES: Final = 2
"""How many leases' time a heartbeat is kept: while no plane listens they must not pile up."""

_DONE_MAX: Final = 256


class NatsLink:
    """A worker's end of one repository on the broker; `connect` makes one."""

    def __init__(self, broker: Broker, repo: RepoId, terms: Terms) -> None:
        self._broker, self._repo, self._terms = broker, repo, terms
        self._orders: asyncio.Queue[Order] = asyncio.Queue(1)
        self._undone: dict[tuple[LeaseId, type[Order]], Msg] = {}
        self._done: OrderedDict[LeaseId, None] = OrderedDict()
        self._pulling: Pulling | None = None

    @classmethod
    async def connect(cls, servers: Sequence[str], repo: RepoId, worker: WorkerId) -> Self:
        """Work for the plane of this repository; raises PartLost when there has been none yet."""
        broker = await Broker.connect(servers, f"worker {worker}")
        try:
            terms = await read_terms(broker, repo)
            source = await take_over_orders(broker, repo, worker, terms.lease_seconds)
        except BaseException:
            await broker.close()
            raise
        link = cls(broker, repo, terms)
        link._pulling = Pulling(broker, source, link._take)
        return link

    async def next_order(self) -> Order:
        return await self._broker.ask(self._orders.get(), seconds=None)

    async def done_with(self, order: Order) -> None:
        messages = [self._undone.pop((order.lease, type(order)), None)]
        if isinstance(order, Job):
            self._done[order.lease] = None
            if len(self._done) > _DONE_MAX:
                self._done.popitem(last=False)
            # With a job goes what was still to be said about it.
            keys = [key for key in self._undone if key[0] == order.lease]
            messages += [self._undone.pop(key) for key in keys]
        for message in messages:
            if message is not None:
                await self._broker.ask(message.ack_sync())

    async def renew(self, lease: LeaseId) -> None:
        message = self._undone.get((lease, Job))
        if message is not None:
            await self._broker.ask(message.in_progress())

    async def report(self, report: Report) -> None:
        """Returns when the broker has it; a repeat within two minutes is dropped there."""
        seconds = None
        if isinstance(report, Alive):
            seconds = math.ceil(self._terms.lease_seconds * HEARTBEAT_LEASES)
        publishing = self._broker.streams.publish(
            report_subject(self._repo),
            encode(report),
            stream=report_stream(self._repo),
            headers={"Nats-Msg-Id": report.id},
            msg_ttl=seconds,
        )
        await self._broker.ask(publishing)

    async def close(self) -> None:
        if self._pulling is not None:
            await self._pulling.close()
        await self._broker.close()

    async def _take(self, message: Msg) -> None:
        try:
            order = decode_order(message.data)
        except OtherProtocol as error:
            self._broker.lose(error)  # it stays in the stream, for a worker that understands it
            return
        if order.lease in self._done:
            await message.ack()
            return
        before = self._undone.get((order.lease, type(order)))
        self._undone[order.lease, type(order)] = message
        if before is not None and _place(before) != _place(message):
            await before.ack()  # the plane has said it again; one of the two is enough
        await self._orders.put(order)


def _place(message: Msg) -> int:
    """Where it stands in the stream: a redelivery stands where it stood."""
    return message.metadata.sequence.stream
