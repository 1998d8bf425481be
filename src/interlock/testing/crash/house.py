"""What all processes of one crash test share: where the parts are, and how patient everybody is."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.files.blobs import FileBlobs
from interlock.adapters.files.leadership import FileLeadership
from interlock.adapters.nats.dispatch import NatsDispatch
from interlock.adapters.nats.link import NatsLink
from interlock.adapters.postgres.leadership import PostgresLeadership
from interlock.adapters.postgres.log import PostgresEventLog
from interlock.adapters.postgres.snapshots import PostgresSnapshots
from interlock.adapters.processes.dispatch import SocketDispatch
from interlock.adapters.processes.link import SocketLink
from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.snapshots import SqliteSnapshots
from interlock.adapters.sqlite.store import SqliteStore
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.domain.ids import RepoId, WorkerId
from interlock.domain.settings import OnLoss
from interlock.engine.dispatch import Dispatch, WorkerLink
from interlock.engine.ports import Blobs, EventLog, Leadership, Snapshots
from interlock.flows.run.keeper import Keeping
from interlock.flows.run.news import Options, Ports
from interlock.testing.crash.target import FileTarget

FILE: Final = "house.json"
SCHEMA: Final = "crash"
PATIENCE_SECONDS: Final = 30.0


class House(msgspec.Struct, frozen=True):
    """One crash test. Without `postgres` the store is SQLite, without `nats` a socket serves."""

    folder: str
    postgres: str = ""
    nats: str = ""
    repo_id: RepoId = RepoId("crash")
    lease_seconds: float = 2.0
    heartbeat_seconds: float = 0.5
    silence_seconds: float = 4.0
    right_seconds: float = 2.0
    task_seconds_min: float = 0.05
    task_seconds_max: float = 1.0
    capacity: int = 10

    @property
    def path(self) -> Path:
        return Path(self.folder)

    @property
    def target(self) -> Path:
        return self.path / "target"

    def write(self) -> None:
        (self.path / FILE).write_bytes(msgspec.json.encode(self))

    def blobs(self) -> Blobs:
        return FileBlobs(self.path / "blobs")

    def options(self, process: str) -> Options:
        return Options(
            process=process,
            release="crash",
            resend_seconds=1.0,
            worker_silence_seconds=self.silence_seconds,
            snapshot_every=150,
        )

    def keeping(self, on_loss: OnLoss) -> Keeping:
        return Keeping(
            on_loss=on_loss,
            look_seconds=0.1,
            renew_seconds=self.right_seconds / 4,
            retry_seconds=0.2,
            retry_seconds_max=1.0,
        )


def read_house(folder: str) -> House:
    return msgspec.json.decode((Path(folder) / FILE).read_bytes(), type=House)


@asynccontextmanager
async def open_store(house: House) -> AsyncIterator[tuple[EventLog, Snapshots]]:
    async with AsyncExitStack() as stack:
        if house.postgres:
            log = await PostgresEventLog.connect(house.postgres, SCHEMA)
            stack.push_async_callback(log.close)
            snapshots = await PostgresSnapshots.connect(house.postgres, SCHEMA)
            stack.push_async_callback(snapshots.close)
            yield log, snapshots
        else:
            store = await SqliteStore.open(house.path / "store" / "store.db", release="crash")
            stack.push_async_callback(store.close)
            yield SqliteEventLog(store), SqliteSnapshots(store)


async def open_link(house: House, worker: WorkerId) -> WorkerLink:
    if house.nats:
        return await NatsLink.connect([house.nats], house.repo_id, worker)
    return await SocketLink.connect(house.path / "socket", worker, PATIENCE_SECONDS)


class HouseParts:
    """The parts of a house, opened for one plane process as often as it needs them."""

    def __init__(self, house: House, process: str) -> None:
        self._house, self._dice = house, random.Random(process)

    @asynccontextmanager
    async def open_leadership(self) -> AsyncIterator[Leadership]:
        house = self._house
        if not house.postgres:
            yield FileLeadership(house.path / "store")
            return
        lease = await PostgresLeadership.connect(house.postgres, SCHEMA, house.right_seconds)
        try:
            yield lease
        finally:
            await lease.close()

    @asynccontextmanager
    async def open_ports(self) -> AsyncIterator[Ports]:
        async with AsyncExitStack() as stack:
            log, snapshots = await stack.enter_async_context(open_store(self._house))
            dispatch = await self._dispatch()
            stack.push_async_callback(dispatch.close)
            acts = FileTarget(self._house.target, self._dice)
            blobs = self._house.blobs()
            yield Ports(log, snapshots, blobs, dispatch, acts, SystemClock())

    async def _dispatch(self) -> Dispatch:
        house = self._house
        if house.nats:
            return await NatsDispatch.connect([house.nats], house.repo_id, house.lease_seconds)
        return await SocketDispatch.listen(house.path / "socket", RandomIds())
