"""Wake-ups across processes: NOTIFY says how far the log goes, a slow look finds what got lost."""

import asyncio
from contextlib import suppress
from typing import Final, LiteralString

from interlock.adapters.postgres.database import (
    Connection,
    Database,
    closed_on_error,
    told_as_part,
)
from interlock.engine.doorbell import LocalDoorbell
from interlock.engine.errors import PartLost

LOOK_SECONDS: Final = 5.0
RECONNECT_SECONDS: Final = 1.0

NOTIFY: Final[LiteralString] = "SELECT pg_notify(%s, %s)"
"""The channel is the schema's name, the payload the last position."""

_LAST: Final[LiteralString] = "SELECT position FROM log_head"


class Listener:
    """One connection that hears of every append to a schema and rings this process's doorbells."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = 0
        self._bells: set[LocalDoorbell] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it hears: nothing that is appended from now on is missed."""
        connection = await self._open()
        self._task = asyncio.create_task(self._run(connection), name="postgres listener")

    def listen(self) -> LocalDoorbell:
        bell = LocalDoorbell(self._bells.discard)
        self._bells.add(bell)
        return bell

    def grown_to(self, position: int) -> None:
        """Told by this process's own appends first and by the server again; it rings once."""
        if position > self._position:
            self._position = position
            self._ring(position)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        for bell in tuple(self._bells):
            bell.close()

    async def _run(self, connection: Connection) -> None:
        while True:
            try:
                await self._hear(connection)
            except PartLost:
                self._ring(None)  # whoever reads now learns what is wrong
                connection = await self._reopen()

    async def _hear(self, connection: Connection) -> None:
        """Ends only with the connection; the look in between notices one that died in silence."""
        try:
            while True:
                with told_as_part():
                    async for notice in connection.notifies(timeout=LOOK_SECONDS):
                        self.grown_to(int(notice.payload))
                await self._look(connection)
        finally:
            await connection.close()

    async def _reopen(self) -> Connection:
        while True:
            await asyncio.sleep(RECONNECT_SECONDS)
            with suppress(PartLost):
                return await self._open()

    async def _open(self) -> Connection:
        connection = await self._database.connect()
        async with closed_on_error(connection):
            await connection.execute(f"LISTEN {self._database.schema}".encode())
        await self._look(connection)
        return connection

    async def _look(self, connection: Connection) -> None:
        async with closed_on_error(connection):
            row = await (await connection.execute(_LAST)).fetchone()
        if row is not None:
            self.grown_to(int(row[0]))

    def _ring(self, position: int | None) -> None:
        for bell in self._bells:
            bell.ring(position)
