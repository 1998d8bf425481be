"""Questions about one store: what is in its log, whether it is intact, where everything stands."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.control.errors import WrongUsage
from interlock.control.forecasts import rest_of
from interlock.control.pictures import (
    plane_row,
    run_row,
    runs_in_order,
    task_row,
    tasks_in_order,
    worker_row,
)
from interlock.control.read_models import AuditReport, LogEntry, Status
from interlock.control.store import Store
from interlock.domain.ids import RepoId
from interlock.engine.chain import Head, Stored
from interlock.engine.ports import Clock, EventLog
from interlock.flows.run.recovery import read_picture

LOOK_SECONDS: Final = 30.0
"""A follower looks by itself this often, should its bell ever fail to ring."""

_HASH_CHARACTERS: Final = 64
_OWN_STREAMS: Final = ("command/", "epoch/", "plane/", "answer/")


class LogQuestion(msgspec.Struct, frozen=True):
    """Which events: of this stream (or below `task/`), after this position, at most so many.

    With `after` these are the first ones after it, without it the last ones of the log.
    """

    stream: str | None = None
    after: int | None = None
    limit: int | None = None

    def wants(self, stream: str) -> bool:
        if self.stream is None or stream == self.stream:
            return True
        return self.stream.endswith("/") and stream.startswith(self.stream)


async def log_entries(log: EventLog, question: LogQuestion) -> AsyncGenerator[LogEntry, None]:
    """The events asked for, oldest first; memory holds no more than `limit` of them."""
    if question.limit is None or question.after is not None:
        count = 0
        async for event in log.stored(question.after or 0):
            if question.wants(event.stream):
                if question.limit is not None and count >= question.limit:
                    return
                count += 1
                yield entry_of(event)
        return
    after = 0
    if question.stream is None:
        after = max(0, (await log.head()).position - question.limit)
    kept: deque[Stored] = deque(maxlen=question.limit)
    async for event in log.stored(after):
        if question.wants(event.stream):
            kept.append(event)
    for event in kept:
        yield entry_of(event)


async def follow(log: EventLog, question: LogQuestion) -> AsyncGenerator[LogEntry, None]:
    """The same events, and then every new one as soon as it is written; never ends by itself."""
    bell = log.listen()  # Before the first look, so that nothing falls between the two.
    try:
        seen = (await log.head()).position
        async for entry in log_entries(log, question):
            seen = max(seen, entry.position)
            yield entry
        while True:
            async for event in log.stored(seen):
                seen = event.position
                if question.wants(event.stream):
                    yield entry_of(event)
            await bell.rung(LOOK_SECONDS)
    finally:
        bell.close()


def entry_of(event: Stored) -> LogEntry:
    return LogEntry(
        position=event.position,
        stream=event.stream,
        version=event.version,
        type=event.type,
        at=event.at,
        actor=str(event.actor),
        via=event.actor.via,
        data=msgspec.Raw(event.data),
        hash=event.hash.hex(),
    )


async def audit(log: EventLog, expected: Head | None) -> AuditReport:
    """Walk the whole log; `expected` is a head that was written down elsewhere."""
    verification = await log.verify(expected)
    head = verification.head
    return AuditReport(
        verification.events, verification.ok, verification.first_broken, head_text(head)
    )


def head_text(head: Head) -> str:
    return f"{head.position}:{head.hash.hex()}"


def parse_head(text: str) -> Head:
    position, colon, digest = text.strip().partition(":")
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if not colon or not position.isdecimal() or len(digest) != _HASH_CHARACTERS or not found:
        raise WrongUsage(
            f"{text[:80]!r} is no head of a log: write POSITION:HASH, as an earlier "
            "`interlock audit verify` printed it"
        )
    return Head(int(position), found)


async def status(store: Store, clock: Clock) -> Status:
    """Everything at one moment. It needs no plane: the log is enough."""
    repo_id = store.repo_id or await _repo_id_of(store.log)
    plane = await read_picture(store.log, store.snapshots, repo_id)
    now = clock.now()
    runs = runs_in_order(plane)
    return Status(
        at=now,
        repository=store.repository,
        store=store.where,
        profile=store.profile,
        events=plane.position,
        plane=plane_row(plane, await store.leadership.holder()),
        runs=tuple(replace(run_row(plane, run), forecast=rest_of(plane, run, now)) for run in runs),
        tasks=tuple(task_row(plane, t, now) for run in runs for t in tasks_in_order(plane, run)),
        workers=tuple(worker_row(plane, plane.workers[name]) for name in sorted(plane.workers)),
    )


async def _repo_id_of(log: EventLog) -> RepoId:
    """A history begins with a command or with a plane, and both name the repository."""
    for event in await log.read(0, 10):
        for kind in _OWN_STREAMS:
            if event.stream.startswith(kind):
                return RepoId(event.stream.removeprefix(kind))
    return RepoId("unknown")
