"""A worker's end of the socket: it comes back by itself when the plane is started again.

Reports stay here until the plane has settled them and are told again on every new connection, so a
plane may be killed at any instant. What the link knows of the worker it tells in a fresh `Joined`:
a plane that was started again learns which leases are still worked on.
"""

import asyncio
import contextlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Final, Self

import msgspec

from interlock.adapters.processes.frames import (
    Done,
    FromWorker,
    Hello,
    Ordered,
    Received,
    Refused,
    Settled,
    Told,
    Welcome,
    framed,
    read_from_plane,
    wait_closed,
)
from interlock.adapters.processes.place import PART, SOCKET_NAME, peer_uid
from interlock.domain.ids import LeaseId, WorkerId
from interlock.engine.dispatch import PROTOCOL, Interrupt, Job, Joined, Left, Order, Report
from interlock.engine.errors import EngineError, PartLost
from interlock.engine.mailbox import OrderBox
from interlock.engine.wire import OtherProtocol, Unreadable, decode_order, encode

REPORTS_MAX: Final = 256
"""Unsettled reports of one worker; with more of them `report` waits."""

PATIENCE_SECONDS: Final = 10.0
"""How long a worker waits for a plane before it gives up; longer for one that survives planes."""

_BACKOFF_SECONDS: Final = 0.05
_BACKOFF_SECONDS_MAX: Final = 1.0
_DONE_MAX: Final = 256


class _Unsettled:
    """Reports the plane has not settled, and which of them it holds already."""

    def __init__(self) -> None:
        self._reports: OrderedDict[str, Report] = OrderedDict()
        self._held: set[str] = set()
        self._changed = asyncio.Event()
        self._lost: EngineError | None = None

    def all(self) -> list[Report]:
        return list(self._reports.values())

    async def add(self, report: Report) -> None:
        while report.id not in self._reports and len(self._reports) >= REPORTS_MAX:
            await self._change()
        self._reports[report.id] = report

    def put(self, report: Report) -> None:
        self._reports[report.id] = report

    async def taken_over(self, report_id: str) -> None:
        """Wait until the plane holds it."""
        while report_id in self._reports and report_id not in self._held:
            await self._change()

    def held(self, report_id: str) -> None:
        self._held.add(report_id)
        self._changed.set()

    def forget(self, report_id: str) -> None:
        self._reports.pop(report_id, None)
        self._held.discard(report_id)
        self._changed.set()

    def let_go(self) -> None:
        """The plane that held them is gone."""
        self._held.clear()

    def lose(self, why: EngineError) -> None:
        self._lost = why
        self._changed.set()

    async def _change(self) -> None:
        if self._lost is not None:
            raise self._lost
        self._changed.clear()
        await self._changed.wait()
        if self._lost is not None:
            raise self._lost


class SocketLink:
    """A worker's end of the socket; `connect` makes one."""

    def __init__(self, path: Path, worker: WorkerId, patience_seconds: float) -> None:
        self._path, self._worker, self._patience_seconds = path, worker, patience_seconds
        self._orders = OrderBox()
        self._reports = _Unsettled()
        self._done: OrderedDict[LeaseId, None] = OrderedDict()
        self._joined: Joined | None = None
        self._connections = 0
        self._writer: asyncio.StreamWriter | None = None
        self._main = asyncio.create_task(self._stay_connected(), name=f"link of {worker}")

    @classmethod
    async def connect(
        cls, folder: Path, worker: WorkerId, patience_seconds: float = PATIENCE_SECONDS
    ) -> Self:
        """Returns at once: with no plane yet, the first report waits for it."""
        return cls(folder / SOCKET_NAME, worker, patience_seconds)

    async def next_order(self) -> Order:
        return await self._orders.next()

    async def done_with(self, order: Order) -> None:
        self._orders.done(order)
        if isinstance(order, Job):
            self._done[order.lease] = None
            if len(self._done) > _DONE_MAX:
                self._done.popitem(last=False)
        self._say(Done(msgspec.Raw(encode(order))))

    async def renew(self, lease: LeaseId) -> None:
        """The socket redelivers on a new connection only."""

    async def report(self, report: Report) -> None:
        told = Told(msgspec.Raw(encode(report)))
        await self._reports.add(report)
        if isinstance(report, Joined):
            self._joined = report
        elif isinstance(report, Left):
            self._joined = None
        self._say(told)
        await self._reports.taken_over(report.id)

    async def close(self) -> None:
        self._main.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._main

    def _say(self, message: FromWorker) -> None:
        """Never waits: what is lost with the connection is told again on the next one."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framed(message))

    async def _stay_connected(self) -> None:
        why: EngineError = PartLost(PART, "this worker closed it", "Start the worker again")
        try:
            await self._connect_again_and_again()
        except EngineError as error:
            why = error
        finally:
            self._orders.lose(why)
            self._reports.lose(why)

    async def _connect_again_and_again(self) -> None:
        loop = asyncio.get_running_loop()
        patient_until, backoff_seconds = loop.time() + self._patience_seconds, _BACKOFF_SECONDS
        while loop.time() < patient_until:
            if await self._converse():
                patient_until = loop.time() + self._patience_seconds
                backoff_seconds = _BACKOFF_SECONDS
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, _BACKOFF_SECONDS_MAX)
        detail = f"no plane answered on {self._path} for {self._patience_seconds:g} seconds"
        raise PartLost(PART, detail, "Start it again: interlock up")

    async def _converse(self) -> bool:
        """One connection from hello to hang-up; False when it did not come to be."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError:
            return False
        try:
            writer.write(framed(Hello(self._worker)))
            if not await self._welcomed(reader, writer):
                return False
            self._connections += 1
            self._writer = writer
            self._tell_again()
            await self._listen(reader)
        except OSError:
            pass  # the plane died; its successor is told everything again
        finally:
            self._writer = None
            self._reports.let_go()
            writer.close()
            await wait_closed(writer)
        return True

    async def _welcomed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if peer_uid(writer.get_extra_info("socket")) != os.getuid():
            raise PartLost(PART, f"another user listens on {self._path}", "Remove it")
        match await read_from_plane(reader):
            case Welcome():
                return True
            case None:
                return False
            case Refused(protocol=theirs) if theirs != PROTOCOL:
                raise OtherProtocol(theirs)
            case Refused(reason=reason):
                raise PartLost(PART, f"the plane refused this worker: {reason}", "Mend that")
            case Ordered() | Received() | Settled():
                raise Unreadable("the plane's first word must be a welcome")

    def _tell_again(self) -> None:
        if self._joined is not None and self._connections > 1:
            self._reports.forget(self._joined.id)
            # A new id, for the plane may know the old one and have seen this worker leave since.
            root = self._joined.id.partition("~")[0]
            self._joined = msgspec.structs.replace(
                self._joined, id=f"{root}~{self._connections}", holds=self._orders.leases
            )
            self._reports.put(self._joined)
        for report in self._reports.all():
            self._say(Told(msgspec.Raw(encode(report))))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while (message := await read_from_plane(reader)) is not None:
            match message:
                case Ordered(order=raw):
                    self._take(decode_order(bytes(raw)))
                case Received(id=report_id):
                    self._reports.held(report_id)
                case Settled(id=report_id):
                    self._reports.forget(report_id)
                case Welcome() | Refused():
                    return

    def _take(self, order: Order) -> None:
        """Pass it on unless the worker is done with it and the plane has not heard so."""
        if order.lease in self._done and isinstance(order, Job | Interrupt):
            self._say(Done(msgspec.Raw(encode(order))))
        else:
            self._orders.put(order)
