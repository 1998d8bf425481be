"""Clears up after workers that died: their work is rescued first, and nothing else is touched."""

import asyncio
import os
from collections.abc import Iterable
from typing import Final

import msgspec

from interlock.domain.ids import LeaseId, TaskId
from interlock.domain.usage import Usage
from interlock.workers.bringing import Bringer, Brought, CouldNotBring
from interlock.workers.folders import remove_tree
from interlock.workers.sites import Site
from interlock.workers.tools import Tools

SITES_AT_ONCE_MAX: Final = 50
"""More than that wait for the next start."""


class Owed(msgspec.Struct, frozen=True):
    """What an attempt had used that ended without having told."""

    task_id: TaskId
    lease: LeaseId
    usage: Usage


class Cleared(msgspec.Struct, frozen=True):
    """What was found and what became of it, a sentence each; what it had cost until then."""

    sentences: tuple[str, ...] = ()
    owed: tuple[Owed, ...] = ()


async def clear_left_behind(tools: Tools) -> Cleared:
    """Only what a worker of ours made and left is looked at.

    It is known by its record, and by a lock that nobody holds.
    """
    owed: list[Owed] = []
    with tools.sites.left_behind() as sites:
        standing = set(await tools.workspaces.made())
        sentences: list[str] = []
        for site in sites[:SITES_AT_ONCE_MAX]:
            owed += await _owed(tools, site)
            sentences.append(await _clear(tools, site, site.workspace in standing))
    return Cleared(tuple(filter(None, sentences)), tuple(owed))


async def _owed(tools: Tools, site: Site) -> list[Owed]:
    if tools.ledger is None or site.told:
        return []
    usage = await tools.ledger.of_attempt(site.lease)
    return [Owed(site.task_id, site.lease, usage)] if usage.requests else []


async def _clear(tools: Tools, site: Site, stands: bool) -> str:
    what = f"attempt {site.attempt} at {site.task_id} of {site.worker_id}, whose worker died"
    sentence = ""
    if not site.shows:  # Killed while it was made: no agent was ever in it.
        await asyncio.to_thread(_remove_half_made, site)
    elif stands and site.base is not None and not site.told:
        pin = f"rescue/{site.task_id}/{site.attempt}"
        bringer = Bringer(tools.sandbox, tools.trees, tools.around)
        match await bringer.bring(site, site.base, pin):
            case CouldNotBring(why=why):
                return f"{what}: its work stays in {site.workspace}: {why}"
            case Brought(files=files):
                sentence = f"{what}: {_counted(files)} kept as refs/interlock/{pin}"
            case _:
                sentence = f"{what}: it had changed nothing"
    if stands and site.shows:
        await tools.workspaces.remove(site.workspace)
    await tools.trees.unpin(f"bases/{site.lease}")
    await asyncio.to_thread(remove_tree, site.folder)
    return sentence


def _remove_half_made(site: Site) -> None:
    if os.path.lexists(site.workspace):
        remove_tree(site.workspace)


def _counted(files: Iterable[str]) -> str:
    count = len(tuple(files))
    return "1 changed file is" if count == 1 else f"{count} changed files are"
