"""A plane for one moment: it answers the commands that wait, starts nothing and acts on nothing.

Used where a person decides something and no plane runs: the decision takes effect at once, the
work goes on when somebody calls `run`.
"""

from __future__ import annotations

import msgspec

from interlock.domain.ids import RepoId
from interlock.engine.ports import Blobs, Clock, EventLog, Snapshots
from interlock.flows.run import commands
from interlock.flows.run.draft import Dirty, Draft
from interlock.flows.run.epochs import Process, take_over
from interlock.flows.run.intake import Intake, load_wanted
from interlock.flows.run.recovery import read_picture
from interlock.flows.run.settle import settle


class Archive(msgspec.Struct, frozen=True):
    """The history of a repository, as whoever answers needs it."""

    log: EventLog
    snapshots: Snapshots
    blobs: Blobs


async def answer_waiting(archive: Archive, clock: Clock, repo_id: RepoId, process: Process) -> None:
    """Call it only while holding the right to act; raises FencedOut when it was lost meanwhile."""
    log = archive.log
    before = await read_picture(log, archive.snapshots, repo_id)
    plane, fence = await take_over(log, clock, before, process)
    loaded = await load_wanted(archive.blobs, plane)
    dirty = Dirty()
    dirty.everything(plane)
    draft = Draft(plane, dirty, clock.now(), process.actor)
    settle(draft, lambda _: "", grants=False)
    for given in draft.plane.commands:
        commands.answer(draft, given)
    intake = Intake()
    for each in loaded:
        intake.loaded(draft, each)
    while intake.submit(draft):
        settle(draft, lambda _: "", grants=False)
    settle(draft, lambda _: "", grants=False)
    if writes := draft.writes():
        await log.append(writes, draft.now, fence)
