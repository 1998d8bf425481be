"""Clearing away that a cancellation cannot cut short."""

import asyncio
from collections.abc import Coroutine


async def uninterrupted(work: Coroutine[None, None, None]) -> None:
    """Do it to its end. A cancellation that comes meanwhile is obeyed afterwards."""
    cancelled = False
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            while not task.done():
                try:
                    await asyncio.wait({task})
                except asyncio.CancelledError:
                    # The group sends one itself when the work fails; that one is no wish of others.
                    cancelled = cancelled or not task.done()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    if cancelled:
        raise asyncio.CancelledError
