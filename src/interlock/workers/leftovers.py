"""Clears up after workers that died: their work is rescued first, and nothing else is touched."""

import asyncio
from collections.abc import Iterable
from typing import Final

from interlock.workers.attempt import Tools
from interlock.workers.bringing import Bringer, Brought, CouldNotBring
from interlock.workers.folders import remove_tree
from interlock.workers.sites import Site

SITES_AT_ONCE_MAX: Final = 50
"""More than that wait for the next start."""


async def clear_left_behind(tools: Tools) -> tuple[str, ...]:
    """What was found and what became of it, a sentence each.

    Only what a worker of ours made and left is looked at: known by its record, and by a lock that
    nobody holds.
    """
    with tools.sites.left_behind() as sites:
        standing = set(await tools.workspaces.made())
        sentences = [
            await _clear(tools, site, site.workspace in standing)
            for site in sites[:SITES_AT_ONCE_MAX]
        ]
    return tuple(filter(None, sentences))


async def _clear(tools: Tools, site: Site, stands: bool) -> str:
    what = f"attempt {site.attempt} at {site.task_id} of {site.worker_id}, whose worker died"
    sentence = ""
    if stands and site.base is not None:
        pin = f"rescue/{site.task_id}/{site.attempt}"
        bringer = Bringer(tools.sandbox, tools.trees, tools.around)
        match await bringer.bring(site, site.base, pin):
            case CouldNotBring(why=why):
                return f"{what}: its work stays in {site.workspace}: {why}"
            case Brought(files=files):
                sentence = f"{what}: {_counted(files)} kept as refs/interlock/{pin}"
            case _:
                sentence = f"{what}: it had changed nothing"
    if stands:
        await tools.workspaces.remove(site.workspace)
    await tools.trees.unpin(f"bases/{site.lease}")
    await asyncio.to_thread(remove_tree, site.folder)
    return sentence


def _counted(files: Iterable[str]) -> str:
    count = len(tuple(files))
    return "1 changed file is" if count == 1 else f"{count} changed files are"
