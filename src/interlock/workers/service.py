"""The one gateway: every attempt of every agent goes through `Gateway.run`, step by step.

    reserve     settings, profile, and room on the disk; without them the job is declined
    workspace   an own clone on the target's head
    agent       started in a box, through its port
    watch       news to the plane; orders, time and disk to the agent
    collect     the work is packed inside a box and pinned in the repository
    record      the report that ends the attempt; nobody waits for what follows
    release     workspace and lock go; what is worth keeping was kept before

Whatever raises on the way, record and release follow. `failed` is the agent's own failure,
`infrastructure` is ours: it costs the task nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from weakref import WeakValueDictionary

from interlock.domain.ids import TaskId
from interlock.domain.result import Outcome
from interlock.engine.dispatch import Job
from interlock.engine.errors import EngineError
from interlock.repository.ports import WorkspaceRefused
from interlock.sandbox.ports import BoxRefused
from interlock.workers.agents.ports import Agent, AgentRefused
from interlock.workers.attempt import Attempt
from interlock.workers.briefing import Brief, KnownSettings, Unfit, brief_of
from interlock.workers.collecting import DISK_QUOTA, Ending
from interlock.workers.leftovers import Cleared, clear_left_behind
from interlock.workers.reins import Reins
from interlock.workers.sites import WORKTREES, SiteTaken
from interlock.workers.telling import Teller
from interlock.workers.tools import Tools

Over = Callable[[], Awaitable[None]]
"""Says that nothing of a job is left to be told."""

BEHIND_SECONDS: Final = 0.1
"""So long behind a change its workspace goes: whoever judges it needs disk and processors first."""


class Gateway:
    """Runs attempts for one repository on this host."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._settings = KnownSettings(tools.blobs)
        self._turns = WeakValueDictionary[TaskId, asyncio.Lock]()
        self._reins = WeakValueDictionary[TaskId, Reins]()

    async def open(self) -> Cleared:
        """Once at a start: clear up after workers that died."""
        await self._tools.workspaces.hide(f"/{WORKTREES}/")
        return await clear_left_behind(self._tools)

    async def run(self, job: Job, teller: Teller, reins: Reins, over: Over) -> None:
        """One attempt, from its job to its last trace. Raises what the link raises.

        `over` comes with the report: a job that is told again to the worker's next life would be
        begun again. The next attempt at the same task may come while this one is still cleared
        away: it waits.
        """
        turn = self._turns.setdefault(job.task_id, asyncio.Lock())
        if (before := self._reins.get(job.task_id)) is not None:
            before.wake()  # What it left is in the way now.
        self._reins[job.task_id] = reins
        async with turn:
            try:
                brief, agent = await self._reserve(job)
                with self._tools.sites.opened(job) as site:
                    attempt = Attempt(self._tools, job, brief, site)
                    try:
                        ending = await self._carry_out(attempt, agent, teller, reins)
                        if ending.result.error_class == DISK_QUOTA:
                            await _let_go(attempt)  # Its room is what the next one waits for.
                        await self._record(teller, ending)
                        attempt.told()
                        await over()
                        if ending.result.outcome is Outcome.CHANGED:
                            await reins.told(BEHIND_SECONDS)
                    finally:
                        await _let_go(attempt)
            except (Unfit, SiteTaken) as why:
                await teller.declined(str(why))
                await over()

    async def _reserve(self, job: Job) -> tuple[Brief, Agent]:
        tools, settings = self._tools, await self._settings.of(job)
        brief = await brief_of(job, settings, tools.blobs, tools.trees, tools.fetch)
        agent = tools.agents(brief.profile.backend)
        if agent is None:
            raise Unfit(
                f"the agent profile {brief.profile.name!r} wants the backend "
                f"{brief.profile.backend!r}, which no worker can drive: a person works with "
                "`interlock task claim`, anything else needs another backend"
            )
        full = await tools.quota.refusal(brief.settings.limits.disk_bytes)
        if full:
            raise Unfit(full)
        return brief, agent

    async def _carry_out(
        self, attempt: Attempt, agent: Agent, teller: Teller, reins: Reins
    ) -> Ending:
        try:
            assignment = await attempt.lay_out()
            base, box = assignment.base, self._tools.sandbox.name
            await teller.started(attempt.site, base, box, agent)
            worked = await attempt.work(agent, assignment, teller, reins)
            return await attempt.collect(worked)
        except AgentRefused as refused:
            return await attempt.refused(str(refused))
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must be freed
            return await attempt.broke_off(_sentence(error))

    async def _record(self, teller: Teller, ending: Ending) -> None:
        if ending.denied:
            await teller.denied(ending.denied)
        if ending.question:
            if ending.result.usage is not None:
                await teller.metered(ending.result.usage)
            await teller.asked(ending.question, ending.tool, ending.cap)
        else:
            await teller.finished(ending.result)


async def _let_go(attempt: Attempt) -> None:
    """What cannot be cleared away now is found by its record at the next start of a worker."""
    with suppress(EngineError, BoxRefused, WorkspaceRefused, OSError):
        await attempt.release()


def _sentence(error: BaseException) -> str:
    """Our own errors are sentences; anything else is named, so that somebody can look for it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    ours = type(error).__module__.startswith("interlock.")
    return str(error) if ours and str(error) else f"The attempt broke off: {error!r}."
