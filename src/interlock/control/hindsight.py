"""Questions about the past of a store: reports, provenance, health, dashboard, journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import tzinfo
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from interlock.control.chronicle import Chronicle, read_on
from interlock.control.dashboard import Dashboard, dashboard
from interlock.control.errors import WrongUsage
from interlock.control.forecasts import Foresight
from interlock.control.journal import Moment, write_journal
from interlock.control.queries import LOOK_SECONDS, head_text, parse_head
from interlock.control.reports import Seen, find_run, run_report
from interlock.control.run_document import RunReport
from interlock.control.store import Store
from interlock.control.why import Provenance, Sight, parse_place, path_in, why
from interlock.domain.ids import RepoId
from interlock.engine.ports import Clock, EventLog
from interlock.flows.run.pictures import empty

GATHER_SECONDS: Final = 0.1
"""A busy log rings all the time; a person sees no more than ten pictures a second anyway."""

AUDIT_TRAILER: Final = "Interlock-Audit"

SightOpener = Callable[[], Awaitable[Sight]]


def unwritten() -> Chronicle:
    """The chronicle of a repository in which nothing has happened."""
    return Chronicle(empty(RepoId("unknown")))


async def chronicle_of(store: Store) -> Chronicle:
    chronicle = Chronicle(empty(store.repo_id or RepoId("unknown")))
    await read_on(store.log, chronicle)
    return chronicle


async def report(store: Store, clock: Clock, name: str | None, sight: Sight | None) -> RunReport:
    chronicle = await chronicle_of(store)
    run_id = find_run(chronicle, name)
    branch = chronicle.runs[run_id].fact.target
    head = await sight.heads.head_of(branch) if sight is not None and branch else None
    return run_report(chronicle, run_id, Seen(clock.now(), head, head_text(await store.log.head())))


async def provenance(store: Store | None, sight: Sight, folder: Path, place: str) -> Provenance:
    """Without a store nothing ever landed here, and the line is somebody else's."""
    name, line = parse_place(place)
    path = path_in(sight.root, folder, name)
    if store is None:
        return await why(unwritten(), sight, path, line)
    found = await why(await chronicle_of(store), sight, path, line)
    named = found.trailers.get(AUDIT_TRAILER)
    return found if named is None else replace(found, audit_holds=await _holds(store.log, named))


async def _holds(log: EventLog, named: str) -> bool:
    """Whether the log has this very event at this very position."""
    try:
        head = parse_head(named)
    except WrongUsage:
        return False
    async for event in log.stored(max(0, head.position - 1)):
        return (event.position, event.hash) == (head.position, head.hash)
    return False


async def watch(
    store: Store, clock: Clock, zone: tzinfo | None = None
) -> AsyncGenerator[Dashboard, None]:
    """The dashboard of now, and a new one whenever something happened; never ends by itself."""
    bell = store.log.listen()  # Before the first look, so that nothing falls between the two.
    chronicle = Chronicle(empty(store.repo_id or RepoId("unknown")))
    foresight = Foresight()
    try:
        while True:
            await read_on(store.log, chronicle)
            now, run = clock.now(), chronicle.newest_run
            rest = None if run is None else foresight.rest(chronicle.plane, run.id, now)
            seen = dashboard(chronicle, now, zone, await store.leadership.holder())
            yield replace(seen, forecast=rest)
            await bell.rung(LOOK_SECONDS)
            await clock.sleep(GATHER_SECONDS)
    finally:
        bell.close()


async def journal(store: Store, clock: Clock, zone: tzinfo | None = None) -> tuple[Path, ...]:
    if store.repository is None:
        raise WrongUsage(
            "the journal is written into a repository, and this store was named by its path: "
            "go to its repository and leave out --store"
        )
    root = Path(store.repository)
    return write_journal(await chronicle_of(store), Moment(clock.now(), zone), root)
