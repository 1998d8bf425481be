"""What an attempt came to: its change, its answer or its rescued work, with words that tell of it.

The work leaves its workspace once. Whoever asks again hears what became of it then.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.domain.change import ChangeSet
from interlock.domain.result import Document, Outcome, Result
from interlock.domain.usage import Usage
from interlock.engine.dispatch import Job
from interlock.workers.agents.ports import Ended
from interlock.workers.answering import answer_of
from interlock.workers.briefing import Brief
from interlock.workers.bringing import (
    Bringer,
    Brought,
    CouldNotBring,
    NothingThere,
    first_paths,
)
from interlock.workers.following import Course, Stop
from interlock.workers.sites import Parked, Site
from interlock.workers.tools import Tools

DISK_QUOTA: Final = "disk_quota"

SUMMARY_MAX: Final = 2_000

BringResult = Brought | NothingThere | CouldNotBring


class Worked(msgspec.Struct, frozen=True):
    """How the agent fared, what it said, and which hosts it was refused."""

    course: Course
    transcript: bytes
    denied: tuple[str, ...] = ()
    usage: Usage | None = None
    words: bytes = b""


class Ending(msgspec.Struct, frozen=True):
    """What is told at the end; a question parks the task instead of ending the attempt."""

    result: Result
    question: str = ""
    denied: tuple[str, ...] = ()
    tool: str = ""
    cap: str = ""


class Collecting:
    """The work of one attempt, from its workspace into the repository."""

    def __init__(self, tools: Tools, job: Job, brief: Brief, site: Site) -> None:
        self._tools, self._job, self._brief, self._site = tools, job, brief, site
        self._bringer = Bringer(tools.sandbox, tools.trees, tools.around)
        self._begun = False
        self._brought: BringResult | None = None
        self._pin = ""
        self._stays = False

    def from_here(self, site: Site) -> None:
        """From now on there may be work in the workspace; before that there is none."""
        self._site, self._begun = site, True

    @property
    def stays(self) -> bool:
        """Whether the workspace must stay, because its work could not be brought out of it."""
        return self._stays

    async def collect(self, worked: Worked) -> Ending:
        """What the work came to. A change goes out; anything else that holds work is rescued."""
        course = worked.course
        done = course.stop is None and not (course.end.failed or course.end.broken)
        # What filled the disk goes in any case: it is rescued where it fits, and not kept.
        changes = done and self._job.planned.yields == "change"
        brought = await self._bring(
            "changes" if changes else "rescue", stays=course.stop is not Stop.DISK
        )
        tools = self._tools
        log = await tools.blobs.put(worked.transcript) if worked.transcript else None
        if changes:
            result = await self._judged(brought, course.end)
        elif done:
            result = await self._answered(brought, worked)
        else:
            result = _undone(course, self._kept(brought))
        result = replace(result, log=log, summary=self.masked(result.summary), usage=worked.usage)
        if course.stop in (Stop.ASKED, Stop.BUDGET):
            self._park(course, brought)
            tool = "" if course.asked is None else course.asked.tool
            return Ending(result, self.masked(course.why), worked.denied, tool, course.cap)
        tools.sites.unpark(self._job.task_id)
        return Ending(result, "", worked.denied)

    async def rescue(self) -> str:
        """Keep what is there, unless it was brought out before; a sentence about where it is."""
        if not self._begun:
            return ""
        return self._kept(self._brought or await self._bring("rescue"))

    def masked(self, text: str) -> str:
        return self._tools.masker.text(text)[:SUMMARY_MAX]

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

    async def _answered(self, brought: BringResult, worked: Worked) -> Result:
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

    async def _bring(self, kind: str, *, stays: bool = True) -> BringResult:
        """Afterwards the work is in the repository, or the workspace stays as it is."""
        pin = f"{kind}/{self._job.task_id}/{self._job.attempt}"
        prepare = self._brief.settings.prepare
        left_out: Sequence[str] = () if prepare is None else [f"/{path}" for path in prepare.keeps]
        brought = await self._bringer.bring(self._site, self._brief.base, pin, left_out)
        self._brought, self._pin = brought, pin
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
        asked = course.asked
        wanted = ("", "") if asked is None else (asked.tool, asked.detail)
        parked = Parked(self._brief.profile.name, course.end.session, course.why, head, wanted)
        self._tools.sites.park(self._job.task_id, parked)


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
