"""The plane's end: orders into the work stream, reports out of the report stream."""

import math
from collections.abc import Sequence
from typing import Final, Self

from nats.aio.msg import Msg

from interlock.adapters.nats.broker import Broker
from interlock.adapters.nats.names import control_subject, work_stream, work_subject
from interlock.adapters.nats.pulling import Pulling
from interlock.adapters.nats.streams import Terms, make_streams, take_over_reports
from interlock.domain.ids import RepoId, WorkerId
from interlock.engine.dispatch import Job, Order, Report
from interlock.engine.mailbox import REPORTS_MAX, ReportBox
from interlock.engine.wire import decode_report, encode

CONTROL_LEASES: Final = 2
"""How many leases' time a control order is kept: by then its job is either renewed or lost."""


class _Delivery:
    """A report, and the plane's end that settles it."""

    def __init__(self, report: Report, dispatch: "NatsDispatch") -> None:
        self._report, self._dispatch = report, dispatch

    @property
    def report(self) -> Report:
        return self._report

    async def settle(self) -> None:
        await self._dispatch.settle(self._report)


class NatsDispatch:
    """The plane's end of one repository on the broker; `connect` makes one."""

    def __init__(self, broker: Broker, repo: RepoId, terms: Terms) -> None:
        self._broker, self._repo, self._terms = broker, repo, terms
        self._reports = ReportBox(REPORTS_MAX)
        self._unsettled: dict[str, Msg] = {}
        self._pulling: Pulling | None = None

    @classmethod
    async def connect(cls, servers: Sequence[str], repo: RepoId, lease_seconds: float) -> Self:
        """Act as the plane of this repository; another one that did so gets no report any more."""
        broker = await Broker.connect(servers, f"plane of {repo}")
        dispatch = cls(broker, repo, Terms(lease_seconds))
        try:
            await make_streams(broker, repo, dispatch._terms)
            source = await take_over_reports(broker, repo)
        except BaseException:
            await broker.close()
            raise
        dispatch._pulling = Pulling(broker, source, dispatch._take)
        return dispatch

    async def send(self, worker: WorkerId, order: Order) -> None:
        data, stream = encode(order), work_stream(self._repo)
        streams = self._broker.streams
        if isinstance(order, Job):
            subject = work_subject(self._repo, worker)
            await self._broker.ask(streams.publish(subject, data, stream=stream))
        else:
            subject = control_subject(self._repo, worker)
            seconds = math.ceil(self._terms.lease_seconds * CONTROL_LEASES)
            sending = streams.publish(subject, data, stream=stream, msg_ttl=seconds)
            await self._broker.ask(sending)

    async def receive(self) -> _Delivery:
        return _Delivery(await self._broker.ask(self._reports.next(), seconds=None), self)

    async def settle(self, report: Report) -> None:
        message = self._unsettled.pop(report.id, None)
        if message is not None:
            await self._broker.ask(message.ack_sync())
        self._reports.settle(report.id)

    async def close(self) -> None:
        if self._pulling is not None:
            await self._pulling.close()
        await self._broker.close()

    async def _take(self, message: Msg) -> None:
        """The newest delivery of a report is the one to settle, but the plane is told only once."""
        report = decode_report(message.data)
        if self._reports.has_settled(report.id):
            await message.ack()
            return
        self._unsettled[report.id] = message
        await self._reports.put(report)
