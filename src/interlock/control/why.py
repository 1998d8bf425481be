"""Where a line comes from: its goal, task, agent, evidence, approver and landing.

The log decides. What a commit message says about itself is shown, and believed only where the log
has the same landing.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from interlock.control.chronicle import Chronicle
from interlock.control.errors import WrongUsage
from interlock.control.reports import decisions_seen, gates_seen, tries_seen
from interlock.control.run_document import DecisionSeen, GateSeen, TrySeen
from interlock.control.stories import TaskStory
from interlock.domain.ids import CommitId, RunId, TaskId, TaskName
from interlock.repository.ports import Blame, BlamedLine

_TRAILER: Final = re.compile(r"(Interlock-[A-Za-z]+): (.+)")
_PLACE: Final = re.compile(r"(?P<file>.+?)(?::(?P<line>\d{1,9}))?", re.DOTALL)

Origin = Literal["landed", "claimed", "elsewhere"]
"""Landed by us; only its message says so; somebody else's commit."""


class BranchHeads(Protocol):
    """Where a branch stands; whoever reads trees can tell."""

    async def head_of(self, branch: str) -> CommitId | None: ...


class Sight(msgspec.Struct, frozen=True):
    """A repository to look at: its folder, its branches, and who wrote which line."""

    root: Path
    branch: str
    heads: BranchHeads
    blame: Blame


class Provenance(msgspec.Struct, frozen=True):
    """All that is known about one line; null where nobody knows.

    `audit_holds`: the head of the log that the commit names is, or is not, part of this log.
    """

    file: str
    line: int | None
    text: str | None
    branch: str
    commit: CommitId
    author: str
    committed_at: datetime
    subject: str
    origin: Origin
    trailers: dict[str, str]
    goal: str | None = None
    run: RunId | None = None
    asked_by: str | None = None
    task: TaskName | None = None
    task_id: TaskId | None = None
    title: str | None = None
    agent: str | None = None
    worker: str | None = None
    simulated: bool = False
    attempts: tuple[TrySeen, ...] = ()
    gates: tuple[GateSeen, ...] = ()
    decisions: tuple[DecisionSeen, ...] = ()
    approved_by: str | None = None
    landing: CommitId | None = None
    landed_at: datetime | None = None
    audit_holds: bool | None = None


def parse_place(text: str) -> tuple[str, int | None]:
    """'app.py:12' is line 12; a name that ends like that is written with the line behind it."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise WrongUsage("name a file, or a file and a line: `interlock why app.py:12`")
    line = found["line"]
    if line is not None and int(line) == 0:
        raise WrongUsage("lines are counted from 1")
    return found["file"], None if line is None else int(line)


def path_in(root: Path, folder: Path, name: str) -> str:
    """The path as the repository knows it. The last part is not followed: it may be a link."""
    given = folder / name
    there = given.parent.resolve() / given.name
    if not there.is_relative_to(root.resolve()) or there == root.resolve():
        raise WrongUsage(f"{name} is not a file in the repository at {root}")
    return there.relative_to(root.resolve()).as_posix()


async def why(chronicle: Chronicle, sight: Sight, path: str, line: int | None) -> Provenance:
    branch = target_of(chronicle) or sight.branch
    blamed = await sight.blame.blame(branch, path, line)
    if blamed is None:
        place = path if line is None else f"line {line} of {path}"
        raise WrongUsage(
            f"there is no {place} on {branch}: what has not landed there has no history yet"
        )
    return provenance(chronicle, branch, (path, line), blamed)


def target_of(chronicle: Chronicle) -> str:
    """The branch of the newest run that named one."""
    runs = sorted(chronicle.runs.values(), key=lambda run: run.started_at, reverse=True)
    return next((run.fact.target for run in runs if run.fact.target), "")


def trailers_of(message: str) -> dict[str, str]:
    """What the last paragraph says about where the commit comes from."""
    last = message.strip().rsplit("\n\n", 1)[-1]
    found = (_TRAILER.fullmatch(line.strip()) for line in last.splitlines())
    return {match[1]: match[2] for match in found if match is not None}


def provenance(
    chronicle: Chronicle, branch: str, place: tuple[str, int | None], blamed: BlamedLine
) -> Provenance:
    path, line = place
    message = blamed.message if blamed.carrier is None else blamed.carrier.message
    story = _landing_of(chronicle, blamed)
    trailers = trailers_of(message)
    known = Provenance(
        file=path,
        line=line,
        text=blamed.text,
        branch=branch,
        commit=blamed.commit,
        author=blamed.author,
        committed_at=blamed.at,
        subject=next(iter(blamed.message.splitlines()), ""),
        origin="landed" if story else "claimed" if "Interlock-Task" in trailers else "elsewhere",
        trailers=trailers,
    )
    return known if story is None else _with_story(chronicle, known, story)


def _landing_of(chronicle: Chronicle, blamed: BlamedLine) -> TaskStory | None:
    commits = {blamed.commit} | ({blamed.carrier.commit} if blamed.carrier is not None else set())
    for story in chronicle.tasks.values():
        if story.landed and story.landing is not None and story.landing.commit in commits:
            return story
    return None


def _with_story(chronicle: Chronicle, known: Provenance, story: TaskStory) -> Provenance:
    task, landing = story.picture, story.landing
    run = chronicle.runs.get(task.run_id)
    number = task.attempts_made if landing is None else landing.attempt
    landed = next((each for each in story.tries if each.number == number), None)
    return msgspec.structs.replace(
        known,
        goal=None if run is None else run.fact.goal.text,
        run=task.run_id,
        asked_by=None if run is None or run.asked_by is None else str(run.asked_by),
        task=task.planned.id,
        task_id=task.id,
        title=task.planned.title,
        agent=task.planned.agent,
        worker=None if landed is None else landed.worker_id,
        simulated=landed is not None and landed.simulated,
        attempts=tuple(tries_seen(story)),
        gates=tuple(gates_seen(story)),
        decisions=tuple(decisions_seen(story)),
        approved_by=_approver(story),
        landing=None if landing is None else landing.commit,
        landed_at=story.landed_at,
    )


def _approver(story: TaskStory) -> str | None:
    """Who let the held change land; None where nobody had to."""
    let = [str(each.actor) for each in story.decisions if each.what == "let land"]
    return let[-1] if let else None
