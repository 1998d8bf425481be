"""The plane's end: listens on the socket, keeps what is undone for each worker, tells of deaths.

One task owns everything: the listener and one conversation per worker run in its TaskGroup, and
`close` ends it. A worker whose connection ends is reported with `Left`, unless it said so itself or
came back.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.processes.frames import (
    Done,
    FromPlane,
    Hello,
    Ordered,
    Received,
    Refused,
    Settled,
    Told,
    Welcome,
    framed,
    read_from_worker,
    wait_closed,
)
from interlock.adapters.processes.place import PART, is_listening, peer_uid, prepare_folder
from interlock.domain.ids import WorkerId
from interlock.engine.dispatch import Left, Order, Report
from interlock.engine.errors import EngineError, PartLost
from interlock.engine.mailbox import ORDERS_MAX, REPORTS_MAX, OrderBox, ReportBox
from interlock.engine.ports import IdSource
from interlock.engine.wire import (
    FRAME_BYTES_MAX,
    OtherProtocol,
    check_protocol,
    decode_order,
    decode_report,
    encode,
)

HELLO_SECONDS_MAX: Final = 5.0
"""How long a connection may stay without saying who it is."""

UNREAD_BYTES_MAX: Final = 4 * FRAME_BYTES_MAX
"""What may lie written but unread for one worker; it is cut off then, and may come back."""

WORKERS_MAX: Final = 1024
"""Connections at once; one more is refused."""

_log = logging.getLogger(__name__)


class _Refusal(Exception):
    """The peer must not come in; the message is for the one who started it."""


class _Peer:
    """One connection, as the side that writes to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer
        self.said_goodbye = False

    @property
    def uid(self) -> int:
        return peer_uid(self._writer.get_extra_info("socket"))

    def write(self, message: FromPlane) -> None:
        """Never waits: a worker that does not read is cut off instead."""
        if self._writer.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.cut_off()
        elif not self._writer.is_closing():
            self._writer.write(framed(message))

    async def drain(self) -> None:
        await self._writer.drain()

    def hang_up(self) -> None:
        """What was written is still sent, for a while."""
        self._writer.close()

    def cut_off(self) -> None:
        self._writer.transport.abort()

    async def closed(self) -> None:
        await wait_closed(self._writer)


class _Delivery:
    """A report, and where it is settled."""

    def __init__(self, report: Report, settle: Callable[[Report], None]) -> None:
        self._report, self._settle = report, settle

    @property
    def report(self) -> Report:
        return self._report

    async def settle(self) -> None:
        self._settle(self._report)


class SocketDispatch:
    """The plane's end of the socket; `listen` makes one."""

    def __init__(self, path: Path, ids: IdSource, uid: int) -> None:
        self._path, self._ids, self._uid = path, ids, uid
        self._orders: dict[WorkerId, OrderBox] = {}
        self._reports = ReportBox(REPORTS_MAX)
        self._peers: dict[WorkerId, _Peer] = {}
        self._everybody: set[_Peer] = set()
        self._listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._main = asyncio.create_task(self._serve(), name="worker socket")

    @classmethod
    async def listen(cls, folder: Path, ids: IdSource, uid: int | None = None) -> "SocketDispatch":
        """Open the socket in this folder for workers of this user (default: ours)."""
        path = prepare_folder(folder)
        if is_listening(path):
            raise PartLost(PART, f"another plane listens on {path}", "Stop that one first")
        dispatch = cls(path, ids, os.getuid() if uid is None else uid)
        await dispatch._listening
        return dispatch

    @property
    def path(self) -> Path:
        return self._path

    async def send(self, worker: WorkerId, order: Order) -> None:
        encode(order)  # so that one too large is the sender's error, not the connection's
        self._reports.raise_if_lost()
        box = self._orders.get(worker)
        if box is not None:
            box.put(order)

    async def receive(self) -> _Delivery:
        return _Delivery(await self._reports.next(), self._settle)

    async def close(self) -> None:
        self._main.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._main

    def _settle(self, report: Report) -> None:
        self._reports.settle(report.id)
        peer = self._peers.get(report.worker_id)
        if peer is not None:
            peer.write(Settled(report.id))

    async def _serve(self) -> None:
        detail = "nobody listens on it any more"
        try:
            async with asyncio.TaskGroup() as group:
                await self._open(group)
                await asyncio.Event().wait()
        except* OSError as errors:
            detail = str(errors.exceptions[0])
        finally:
            lost = PartLost(PART, detail, "Start the plane again; its workers will find it")
            self._reports.lose(lost)
            for peer in self._everybody:
                peer.cut_off()  # one that was let in but not yet attended to
            if not self._listening.done():
                self._listening.set_exception(lost)

    async def _open(self, group: asyncio.TaskGroup) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = _Peer(reader, writer)
            if self._main.cancelling():
                peer.cut_off()
                return
            self._everybody.add(peer)
            group.create_task(self._attend(peer))

        server = await asyncio.start_unix_server(accept, self._path)
        group.create_task(self._keep(server))
        self._listening.set_result(None)

    async def _keep(self, server: asyncio.Server) -> None:
        mine = self._path.stat().st_ino
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            # A plane that took our place has put its own socket there.
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_ino == mine:
                    self._path.unlink()
            with contextlib.suppress(OSError):  # not empty: others still have a door there
                self._path.parent.rmdir()

    async def _attend(self, peer: _Peer) -> None:
        try:
            worker = await self._let_in(peer)
            await self._converse(worker, peer)
        except _Refusal as refusal:
            peer.write(Refused(str(refusal)))
            _log.warning("refused a connection on %s: %s", self._path, refusal)
        except (OSError, EngineError) as error:
            _log.warning("dropped a connection on %s: %s", self._path, error)
        finally:
            self._everybody.discard(peer)
            peer.hang_up()
            await peer.closed()

    async def _let_in(self, peer: _Peer) -> WorkerId:
        if peer.uid != self._uid:
            raise _Refusal(f"user {peer.uid} is not user {self._uid}, who runs the plane")
        if len(self._everybody) > WORKERS_MAX:
            raise _Refusal(f"{WORKERS_MAX} workers are connected already")
        try:
            async with asyncio.timeout(HELLO_SECONDS_MAX):
                hello = await read_from_worker(peer.reader)
            if not isinstance(hello, Hello):
                raise _Refusal("the first word must be a hello")
            check_protocol(hello.protocol)
        except TimeoutError:
            raise _Refusal(f"no hello within {HELLO_SECONDS_MAX:.0f} seconds") from None
        except OtherProtocol as error:
            raise _Refusal(str(error)) from None
        return hello.worker_id

    async def _converse(self, worker: WorkerId, peer: _Peer) -> None:
        before = self._peers.get(worker)
        if before is not None:
            before.hang_up()
        self._peers[worker] = peer
        box = self._orders.setdefault(worker, OrderBox(ORDERS_MAX))
        box.rewind()
        peer.write(Welcome())
        try:
            await self._talk_and_listen(worker, peer, box)
        finally:
            if self._peers.get(worker) is peer:
                del self._peers[worker]
                self._forget_idle_workers()
                await self._report_death(worker, peer)

    async def _talk_and_listen(self, worker: WorkerId, peer: _Peer, box: OrderBox) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                talking = group.create_task(self._talk(worker, peer, box))
                await self._listen(worker, peer, box)
                talking.cancel()
        except* (OSError, EngineError) as errors:
            if not peer.said_goodbye:  # whoever left may do so without having read our last words
                _log.warning("worker %s: connection lost: %s", worker, errors.exceptions[0])

    async def _talk(self, worker: WorkerId, peer: _Peer, box: OrderBox) -> None:
        while True:
            order = await box.next()
            if self._peers.get(worker) is not peer:
                box.rewind()  # this one was for the connection that took our place
                return
            peer.write(Ordered(msgspec.Raw(encode(order))))
            await peer.drain()

    async def _listen(self, worker: WorkerId, peer: _Peer, box: OrderBox) -> None:
        while (message := await read_from_worker(peer.reader)) is not None:
            match message:
                case Told(report=raw):
                    await self._take(worker, peer, decode_report(bytes(raw)))
                case Done(order=raw):
                    box.done(decode_order(bytes(raw)))
                case Hello():
                    return

    async def _take(self, worker: WorkerId, peer: _Peer, report: Report) -> None:
        """Take a report over and say so; a worker speaks for itself only."""
        if report.worker_id != worker:
            _log.warning("worker %s reported as %s: dropped", worker, report.worker_id)
        else:
            await self._reports.put(report)
            peer.said_goodbye = peer.said_goodbye or isinstance(report, Left)
        peer.write(Received(report.id))
        if report.worker_id != worker or self._reports.has_settled(report.id):
            peer.write(Settled(report.id))

    async def _report_death(self, worker: WorkerId, peer: _Peer) -> None:
        if peer.said_goodbye or self._main.cancelling():
            return
        report_id = self._ids.new("left")
        reason = "its process is gone: the connection to it ended"
        with contextlib.suppress(PartLost):
            await self._reports.put(Left(id=report_id, worker_id=worker, reason=reason))

    def _forget_idle_workers(self) -> None:
        """Orders wait for a worker that may come back, but not for everybody who was ever here."""
        for worker in list(self._orders):
            if len(self._orders) <= WORKERS_MAX:
                return
            if worker not in self._peers:
                del self._orders[worker]
