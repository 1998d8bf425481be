"""One attempt in its place: laid out, worked on, collected, and cleared away in any case."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from interlock.domain.change import ChangeSet
from interlock.domain.ids import CommitId, RepoId
from interlock.domain.result import REFUSED, Document, Outcome, Result
from interlock.domain.settings import Backend, Settings
from interlock.domain.usage import Usage
from interlock.engine.dispatch import Job
from interlock.engine.ports import Blobs, Clock
from interlock.repository.ports import Trees, Workspaces
from interlock.sandbox.ports import Mount, Sandbox
from interlock.sandbox.secrets import Masker
from interlock.workers.agents.permissions import rule_for
from interlock.workers.agents.ports import Agent, Assignment, Ended, Wanted
from interlock.workers.answering import answer_of
from interlock.workers.boxes import FEEDBACK, Surroundings, agent_order
from interlock.workers.briefing import Brief, Fetch, assignment_of, said_before
from interlock.workers.bringing import (
    Bringer,
    Brought,
    CouldNotBring,
    NothingThere,
    first_paths,
)
from interlock.workers.carrying import carried_over
from interlock.workers.folders import remove_tree
from interlock.workers.following import Course, Follower, Stop, Watch
from interlock.workers.logins import Lender
from interlock.workers.models.ports import Ledger, ModelGateway
from interlock.workers.paying import Paying, Way
from interlock.workers.place import BoxPlace
from interlock.workers.quota import Quota
from interlock.workers.reins import Reins
from interlock.workers.sites import Parked, Site, Sites, write_site
from interlock.workers.telling import Teller

SUMMARY_MAX: Final = 2_000

DISK_QUOTA: Final = "disk_quota"

HABITS: Final = (
    ".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc",
    ".gitconfig",
)  # fmt: skip

BringResult = Brought | NothingThere | CouldNotBring


class PreparedEnvironments(Protocol):
    """What every workspace needs, shown to the attempt so that it can spoil it for nobody."""

    async def mounts(
        self, settings: Settings, commit: CommitId, target: CommitId
    ) -> tuple[Mount, ...]: ...


class Tools(msgspec.Struct, frozen=True):
    """What attempts are made with; `agents` knows one agent per backend."""

    repo_id: RepoId
    sandbox: Sandbox
    workspaces: Workspaces
    trees: Trees
    blobs: Blobs
    clock: Clock
    agents: Callable[[Backend], Agent | None]
    environments: PreparedEnvironments
    masker: Masker
    sites: Sites
    quota: Quota
    around: Surroundings
    fetch: Fetch | None = None
    models: ModelGateway | None = None
    ledger: Ledger | None = None
    lender: Lender | None = None


class Ending(msgspec.Struct, frozen=True):
    """What is told at the end; a question parks the task instead of ending the attempt."""

    result: Result
    question: str = ""
    denied: tuple[str, ...] = ()
    tool: str = ""
    cap: str = ""


class Attempt:
    """The steps of one attempt; `release` is safe at any time and after any of them."""

    def __init__(self, tools: Tools, job: Job, brief: Brief, site: Site) -> None:
        self._tools, self._job, self._brief, self._site = tools, job, brief, site
        self._bringer = Bringer(tools.sandbox, tools.trees, tools.around)
        self._parked = tools.sites.parked(job.task_id)
        self._said = said_before(job, self._parked)
        self._base_pin = f"bases/{job.lease}"
        self._holds_work = False
        self._brought: BringResult | None = None
        self._pin = ""
        self._stays = False

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
        self._holds_work = True
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
    ) -> "Worked":
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

    async def collect(self, worked: "Worked") -> Ending:
        """What the work came to. A change goes out; anything else that holds work is rescued."""
        course = worked.course
        done = course.stop is None and not (course.end.failed or course.end.broken)
        # What filled the disk goes in any case: it is rescued where it fits, and not kept.
        changes = done and self._job.planned.yields == "change"
        brought = await self._bring(
            "changes" if changes else "rescue", course.stop is not Stop.DISK
        )
        log = await self._tools.blobs.put(worked.transcript) if worked.transcript else None
        if changes:
            result = await self._judged(brought, course.end)
        elif done:
            result = await self._answered(brought, worked)
        else:
            result = _undone(course, self._kept(brought))
        summary = self._masked(result.summary)
        result = replace(result, log=log, summary=summary, usage=worked.usage)
        if course.stop in (Stop.ASKED, Stop.BUDGET):
            self._park(course, brought)
            tool = "" if course.asked is None else course.asked.tool
            return Ending(result, self._masked(course.why), worked.denied, tool, course.cap)
        self._tools.sites.unpark(self._job.task_id)
        return Ending(result, "", worked.denied)

    async def _judged(self, brought: BringResult, end: Ended) -> Result:
        match brought:
            case Brought():
                summary = " ".join(filter(None, (end.summary, brought.remarks)))
                return Result(Outcome.CHANGED, await self._change(brought), summary)
            case NothingThere(remarks=remarks):
                said = f"It said: {end.summary}" if end.summary else "It said nothing about why."
                summary = f"The agent ended without having changed a file. {said} {remarks}"
                return Result(Outcome.UNCHANGED, None, summary.strip())
            case CouldNotBring(why=why, refused=True):
                why = f"{why} The work stays in {self._site.workspace}."
                return Result(Outcome.FAILED, None, why, "refused")
            case CouldNotBring(why=why):
                where = f"Nothing is lost: the work stays in {self._site.workspace}."
                summary = f"The change could not be collected: {why} {where}"
                return Result(Outcome.INFRASTRUCTURE, None, summary, "collecting")

    async def _answered(self, brought: BringResult, worked: "Worked") -> Result:
        """A document was asked for; what was changed all the same is kept and not used."""
        ignored = ""
        if not isinstance(brought, NothingThere):
            ignored = f"It changed files although it was asked only to read. {self._kept(brought)}"
        summary = worked.course.end.summary
        answer = await asyncio.to_thread(answer_of, self._site.outbox, worked.words, summary)
        if isinstance(answer, str):
            return Result(Outcome.FAILED, None, f"{answer}. {ignored}".strip(), "answer_refused")
        document = None
        if answer is not None:
            masked = self._tools.masker.data(answer.text)
            document = Document(await self._tools.blobs.put(masked), answer.file)
        return Result(Outcome.UNCHANGED, None, ignored or summary, document=document)

    async def _change(self, brought: Brought) -> ChangeSet:
        pack = await asyncio.to_thread(brought.pack.read_bytes)
        patch = await self._tools.blobs.put(pack)
        tools, job, base = self._tools, self._job, self._brief.base
        files = first_paths(brought.files)
        return ChangeSet(tools.repo_id, job.task_id, base, brought.head, files, patch)

    async def _bring(self, kind: str, stays: bool = True) -> BringResult:
        """Afterwards the work is in the repository, or the workspace stays as it is."""
        pin = f"{kind}/{self._job.task_id}/{self._job.attempt}"
        prepare = self._brief.settings.prepare
        left_out: Sequence[str] = () if prepare is None else [f"/{path}" for path in prepare.keeps]
        brought = await self._bringer.bring(self._site, self._brief.base, pin, left_out)
        self._holds_work, self._brought, self._pin = False, brought, pin
        self._stays = stays and isinstance(brought, CouldNotBring)
        return brought

    def _kept(self, brought: BringResult) -> str:
        match brought:
            case Brought(head=head):
                return f"Its work until then is kept as refs/interlock/{self._pin} ({head[:12]})."
            case NothingThere():
                return "It had not changed anything."
            case CouldNotBring(why=why):
                where = f"stays in {self._site.workspace}" if self._stays else "was removed"
                return f"Its work could not be collected ({why}) and {where}."

    def _park(self, course: Course, brought: BringResult) -> None:
        head = brought.head if isinstance(brought, Brought) else None
        profile = self._brief.profile.name
        asked = course.asked
        wanted = ("", "") if asked is None else (asked.tool, asked.detail)
        parked = Parked(profile, course.end.session, course.why, head, wanted)
        self._tools.sites.park(self._job.task_id, parked)

    def _masked(self, text: str) -> str:
        return self._tools.masker.text(text)[:SUMMARY_MAX]

    # --- release ---------------------------------------------------------------------------------

    async def refused(self, why: str) -> Ending:
        """The agent could not even be started; somebody must change something first."""
        if self._holds_work:
            await self._bring("rescue")
        summary = f"The agent cannot be started: {self._masked(why)}"
        return Ending(Result(Outcome.FAILED, None, summary, REFUSED))

    async def broke_off(self, why: str) -> Ending:
        """Something of ours failed; what the agent had done until then is rescued."""
        brought = await self._bring("rescue") if self._holds_work else self._brought
        kept = "" if brought is None else self._kept(brought)
        stop = "" if why.endswith((".", "!", "?")) else "."
        summary = self._masked(f"{why}{stop} {kept}".strip())
        return Ending(Result(Outcome.INFRASTRUCTURE, None, summary, "infrastructure"))

    def told(self) -> None:
        """Whoever clears up after a death from now on has nothing to rescue."""
        if not self._stays and self._site.folder.is_dir():
            with suppress(OSError):  # On a full disk: then what is there is rescued once more.
                write_site(replace(self._site, told=True))

    async def release(self) -> None:
        """Nothing of the attempt is left, except what could not be rescued."""
        if self._holds_work:
            await self._bring("rescue")
        if self._stays:
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


class Worked(msgspec.Struct, frozen=True):
    """How the agent fared, what it said, and which hosts it was refused."""

    course: Course
    transcript: bytes
    denied: tuple[str, ...] = ()
    usage: Usage | None = None
    words: bytes = b""


_CLASSES: Final = {
    Stop.TIME: "time_out",
    Stop.DISK: DISK_QUOTA,
    Stop.INTERRUPTED: "interrupted",
    Stop.ASKED: "asked",
    Stop.BUDGET: "budget",
}


def _undone(course: Course, kept: str) -> Result:
    """The agent's own failure, or an interruption that is nobody's."""
    if course.stop is not None:
        ours = course.stop in {Stop.INTERRUPTED, Stop.ASKED, Stop.BUDGET}
        outcome = Outcome.INFRASTRUCTURE if ours else Outcome.FAILED
        why = {
            Stop.TIME: f"The agent was ended: {course.why}.",
            Stop.DISK: f"The agent was ended: {course.why}.",
            Stop.INTERRUPTED: f"Interrupted: {course.why}.",
            Stop.ASKED: f"It asked: {course.why}",
            Stop.BUDGET: f"The agent was ended: {course.why}",
        }[course.stop]
        return Result(outcome, None, f"{why} {kept}", _CLASSES[course.stop])
    if course.end.broken:
        summary = f"{course.end.broken} {kept}"
        return Result(Outcome.INFRASTRUCTURE, None, summary, "agent_broken")
    failed = course.end.failed.rstrip()
    stop = "" if failed.endswith((".", "!", "?")) else "."
    return Result(Outcome.FAILED, None, f"{failed}{stop} {kept}", "agent_failed")
