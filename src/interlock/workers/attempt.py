"""One attempt in its place: laid out, worked on, collected, and cleared away in any case."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from interlock.domain.result import REFUSED, Outcome, Result
from interlock.engine.dispatch import Job
from interlock.sandbox.ports import Mount
from interlock.workers.agents.permissions import rule_for
from interlock.workers.agents.ports import Agent, Assignment, Wanted
from interlock.workers.boxes import FEEDBACK, agent_order
from interlock.workers.briefing import Brief, assignment_of, said_before
from interlock.workers.carrying import carried_over
from interlock.workers.collecting import Collecting, Ending, Worked
from interlock.workers.folders import remove_tree
from interlock.workers.following import Follower, Watch
from interlock.workers.paying import Paying, Way
from interlock.workers.place import BoxPlace
from interlock.workers.reins import Reins
from interlock.workers.sites import Site, write_site
from interlock.workers.telling import Teller
from interlock.workers.tools import Tools

HABITS: Final = (
    ".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc",
    ".gitconfig",
)  # fmt: skip


class Attempt:
    """The steps of one attempt; `release` is safe at any time and after any of them."""

    def __init__(self, tools: Tools, job: Job, brief: Brief, site: Site) -> None:
        self._tools, self._job, self._brief, self._site = tools, job, brief, site
        self._parked = tools.sites.parked(job.task_id)
        self._said = said_before(job, self._parked)
        self._base_pin = f"bases/{job.lease}"
        self._collecting = Collecting(tools, job, brief, site)

    @property
    def site(self) -> Site:
        return self._site

    # --- workspace -------------------------------------------------------------------------------

    async def lay_out(self) -> Assignment:
        """An own clone on the target's head, pinned first: no collection of garbage reaches it."""
        tools, job, base = self._tools, self._job, self._brief.base
        start, remark = await carried_over(tools.trees, base, self._parked, tools.clock.now())
        await tools.trees.pin(self._base_pin, start)
        self._site = replace(self._site, base=base)
        write_site(self._site)
        if habits := _taught(self._site.home):
            await asyncio.to_thread(_forget, habits)
        workspace = await tools.workspaces.make(self._site.workspace, start, self._site.branch)
        self._site = replace(self._site, shows=workspace.shows)
        write_site(self._site)
        self._collecting.from_here(self._site)
        assignment = assignment_of(job, self._brief, self._parked)
        if remark:
            assignment = replace(assignment, feedback=f"{assignment.feedback}\n\n{remark}".strip())
        if assignment.feedback:
            self._give(FEEDBACK.rpartition("/")[2], assignment.feedback)
        return assignment

    def _give(self, name: str, text: str) -> None:
        path = self._site.given / name
        path.write_text(text, encoding="utf-8", errors="replace")
        path.chmod(0o644)

    # --- agent and watch -------------------------------------------------------------------------

    async def work(
        self, agent: Agent, assignment: Assignment, teller: Teller, reins: Reins
    ) -> Worked:
        """Start the agent in its box and follow it to its end; nothing of it is left then."""
        tools, brief = self._tools, self._brief
        prepared: tuple[Mount, ...] = ()
        if not assignment.read_only:  # Who only reads needs nothing that is built.
            prepared = await tools.environments.mounts(brief.settings, brief.base, brief.base)
        assignment = replace(assignment, box=tools.sandbox.name)
        paying = Paying(tools.models, tools.lender, self._job, brief)
        async with paying.opened(self._site.home) as way:
            assignment = replace(assignment, models=way.access)
            order = agent_order(self._site, brief.settings, assignment, tools.around, prepared)
            place = BoxPlace(tools.sandbox, way.shown_in(order), self._site.given)
            async with agent.start(assignment, place) as turn:
                follower = Follower(turn, teller, reins, self._watch(way), tools.clock)
                course = await follower.follow()
                await turn.box.kill()
                ended = await turn.box.wait()
        said = tools.masker.data(follower.transcript() + way.troubles())
        return Worked(course, said, ended.denied, way.usage(course.used), follower.words())

    def _watch(self, way: Way) -> Watch:
        brief = self._brief
        patience = brief.profile.question_minutes * 60
        watch = Watch(brief.seconds, self._over_quota, self._rule, patience)
        meter = way.meter
        if meter is None:
            return watch
        return replace(watch, breached=meter.breached, usage=meter.usage, trouble=way.trouble)

    def _rule(self, wanted: Wanted) -> str:
        """What a person said before the agent was parked holds for the same question, once."""
        if wanted.tool and (wanted.tool, wanted.detail) in self._said:
            return self._said.pop((wanted.tool, wanted.detail))
        return rule_for(self._brief.profile, self._tools.sandbox.name, wanted)

    async def _over_quota(self) -> str:
        limit = self._brief.settings.limits.disk_bytes
        return await self._tools.quota.too_much(self._site, limit)

    # --- collect ---------------------------------------------------------------------------------

    async def collect(self, worked: Worked) -> Ending:
        return await self._collecting.collect(worked)

    async def refused(self, why: str) -> Ending:
        """The agent could not even be started; somebody must change something first."""
        await self._collecting.rescue()
        summary = f"The agent cannot be started: {self._collecting.masked(why)}"
        return Ending(Result(Outcome.FAILED, None, summary, REFUSED))

    async def broke_off(self, why: str) -> Ending:
        """Something of ours failed; what the agent had done until then is rescued."""
        kept = await self._collecting.rescue()
        stop = "" if why.endswith((".", "!", "?")) else "."
        summary = self._collecting.masked(f"{why}{stop} {kept}".strip())
        return Ending(Result(Outcome.INFRASTRUCTURE, None, summary, "infrastructure"))

    # --- release ---------------------------------------------------------------------------------

    def told(self) -> None:
        """Whoever clears up after a death from now on has nothing to rescue."""
        if not self._collecting.stays and self._site.folder.is_dir():
            with suppress(OSError):  # On a full disk: then what is there is rescued once more.
                write_site(replace(self._site, told=True))

    async def release(self) -> None:
        """Nothing of the attempt is left, except what could not be rescued."""
        await self._collecting.rescue()
        if self._collecting.stays:
            return
        await self._tools.workspaces.remove(self._site.workspace)
        # What was brought out is pinned by now, and the base is part of its history.
        await self._tools.trees.unpin(self._base_pin)
        await asyncio.to_thread(remove_tree, self._site.folder)


def _taught(home: Path) -> list[Path]:
    """What an attempt taught its shell and its git: that binds no later one, which may do less."""
    return [home / name for name in HABITS if os.path.lexists(home / name)]


def _forget(habits: Sequence[Path]) -> None:
    for habit in habits:
        remove_tree(habit)
