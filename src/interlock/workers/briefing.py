"""From a job to what the agent is told: settings, profile, and why it is tried again."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.ids import BlobId, CommitId
from interlock.domain.settings import AgentProfile, Settings
from interlock.engine.dispatch import Job
from interlock.engine.errors import BlobMissing
from interlock.engine.ports import Blobs
from interlock.repository.ports import Trees
from interlock.workers.agents.permissions import ALLOW
from interlock.workers.agents.ports import Assignment
from interlock.workers.sites import Parked

FEEDBACK_BYTES_MAX: Final = 400_000
"""Of a longer log the first and the last part is shown."""

SETTINGS_MAX: Final = 8


class Unfit(Exception):
    """This worker cannot take the job; the message says why and what to do."""


class KnownSettings:
    """The settings of the runs that a worker worked for last: their blobs never change."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: OrderedDict[BlobId, Settings] = OrderedDict()

    async def of(self, job: Job) -> Settings:
        if job.settings is None:
            raise Unfit("the job brings no settings: start the run anew with this release")
        known = self._known.get(job.settings)
        if known is None:
            known = self._known[job.settings] = await self._read(job.settings)
            if len(self._known) > SETTINGS_MAX:
                self._known.popitem(last=False)
        return known

    async def _read(self, blob: BlobId) -> Settings:
        try:
            return msgspec.json.decode(await self._blobs.get(blob), type=Settings)
        except (BlobMissing, msgspec.DecodeError) as error:
            raise Unfit(f"the settings of this run cannot be read: {error}") from error


class Brief(msgspec.Struct, frozen=True):
    """What one attempt is about."""

    settings: Settings
    profile: AgentProfile
    base: CommitId
    seconds: float
    feedback: str = ""


Fetch = Callable[[str, str], Awaitable[CommitId | None]]
"""Brings a remote's branch here: (remote, branch) -> where it stands."""


async def brief_of(
    job: Job, settings: Settings, blobs: Blobs, trees: Trees, fetch: Fetch | None = None
) -> Brief:
    """Raises Unfit where the run's settings do not say how to work on this task.

    `fetch` is there on hosts whose repository is not the plane's own: it may lag behind.
    """
    profile = settings.agent(job.planned.agent)
    if profile is None:
        raise Unfit(
            f"the settings of this run name no agent {job.planned.agent!r}: "
            f"write [agents.{job.planned.agent}] into interlock.toml and start the run anew"
        )
    branch = job.target or settings.project.target
    base = await trees.head_of(branch) if branch else None
    if fetch is not None and job.base is not None:
        base = await _as_new_as(job.base, base, trees, lambda: _fetched(fetch, settings, branch))
    if base is None:
        raise Unfit(f"the target branch {branch!r} is not in this repository: create it")
    minutes = min(profile.timeout_minutes, settings.limits.wall_minutes)
    return Brief(settings, profile, base, minutes * 60, await _feedback(job, blobs))


async def _as_new_as(
    seen: CommitId, own: CommitId | None, trees: Trees, fetched: Callable[[], Awaitable[CommitId]]
) -> CommitId:
    """A base that has all the plane had when it gave the job: what the task depends on is there."""
    if not await trees.has(seen):
        newest = await fetched()
        if await trees.has(seen):
            return newest
        raise Unfit(
            f"the commit {seen[:12]}, which this task begins from, is not on the remote: let the "
            "plane push where it lands, with `remote` under [project] in interlock.toml"
        )
    return seen if own is None or await trees.is_ancestor(own, seen) else own


async def _fetched(fetch: Fetch, settings: Settings, branch: str) -> CommitId:
    remote = settings.project.remote
    newest = await fetch(remote, branch) if remote else None
    if newest is None:
        raise Unfit(
            f"this clone lags behind the plane's {branch!r} and no remote has it: name one with "
            "`remote` under [project] in interlock.toml, which landings are pushed to"
        )
    return newest


async def _feedback(job: Job, blobs: Blobs) -> str:
    """The sentence, and the log behind it where there is one."""
    if job.feedback_log is None:
        return job.feedback
    try:
        log = await blobs.get(job.feedback_log)
    except BlobMissing:
        return f"{job.feedback}\n\n(The log was erased.)"
    return f"{job.feedback}\n\n--- log ---\n{_bounded(log)}"


def _bounded(log: bytes) -> str:
    half = FEEDBACK_BYTES_MAX // 2
    if len(log) > FEEDBACK_BYTES_MAX:
        log = log[:half] + b"\n[... left out ...]\n" + log[-half:]
    return log.decode(errors="replace")


def assignment_of(job: Job, brief: Brief, parked: Parked | None) -> Assignment:
    """A conversation that waited for an answer goes on with it, under the same profile only."""
    resumed = parked is not None and parked.profile == brief.profile.name
    folder = Path(brief.settings.path).parent if brief.settings.path else None
    return Assignment(
        task_id=job.task_id,
        planned=job.planned,
        attempt=job.attempt,
        base=brief.base,
        prompt=job.planned.prompt or job.planned.title,
        profile=brief.profile,
        timeout=timedelta(seconds=brief.seconds),
        feedback=_with_question(job, brief.feedback, parked),
        session=parked.session if parked is not None and resumed else "",
        answer=_answer(job.feedback, parked) if resumed and parked is not None else "",
        folder=folder,
        read_only=job.planned.yields == "plan",
    )


def said_before(job: Job, parked: Parked | None) -> dict[tuple[str, str], str]:
    """What a person said to permissions that an agent asked for and did not live to hear."""
    said = {}
    if job.answered is not None and job.answered.tool:
        said[job.answered.tool, job.answered.detail] = job.answered.answer
    if parked is not None and parked.wanted[0]:
        said[parked.wanted] = job.feedback
    return said


def _answer(said: str, parked: Parked) -> str:
    """In words, with what was asked: that it was stopped is the last thing that the agent heard."""
    tool, detail = parked.wanted
    if not tool:
        return f"You asked: {parked.question}\nThe answer: {said}\nGo on with your task."
    about = f"{tool} {detail}".strip()
    if said == ALLOW:
        return f"You may do what you asked for ({about}): do it, and go on with your task."
    return f"What you asked for ({about}) was refused: {said}. Go on with your task without it."


def _with_question(job: Job, feedback: str, parked: Parked | None) -> str:
    """Whoever goes on without the old conversation must know what was asked."""
    if parked is not None:
        return f"It was asked: {parked.question}\nThe answer: {feedback}"
    said = job.answered
    if said is None:
        return feedback
    known = f"It was asked before: {said.question}\nThe answer: {said.answer}"
    return f"{feedback}\n\n{known}".strip()
