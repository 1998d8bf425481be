"""Acts on the world outside the log, done by what the rooms bind here.

Judging and preparing may be repeated at will. Landing cannot be undone: its intent is recorded
first, then `land` is called, then the outcome is recorded; after a crash `find_landing` looks at
the world and tells whether the intended landing happened. An act that cannot run says so as an
outcome; it raises PartLost only when a configured part is gone.
"""

from typing import Protocol

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.ids import BlobId, CommitId, RunId, TaskId, Token, WorkerId
from interlock.domain.result import Document
from interlock.domain.task import PlannedTask
from interlock.domain.verdict import GateVerdict


class Candidate(msgspec.Struct, frozen=True):
    """One attempt's change or answer, to be judged or prepared for the target of now."""

    task_id: TaskId
    attempt: int
    planned: PlannedTask
    change: ChangeSet | None
    run_id: RunId = RunId("")
    worker_id: WorkerId = WorkerId("")
    goal: str = ""
    target: str = ""
    settings: BlobId | None = None
    document: Document | None = None


class Judged(msgspec.Struct, frozen=True):
    """What the evidence says about the candidate; the fields are those of `ChangeJudged`."""

    judgement: Judgement
    detail: str = ""
    log: BlobId | None = None
    verdicts: tuple[GateVerdict, ...] = ()
    target: CommitId | None = None
    files: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    held: str = ""


class Prepared(msgspec.Struct, frozen=True):
    """What would land: a commit on top of this base, or nothing.

    `judged` is there when the target had moved and the tree was judged anew for it.
    """

    base: CommitId
    commit: CommitId | None
    judged: Judged | None = None


class Landing(msgspec.Struct, frozen=True):
    """An intended landing. The key makes it safe to ask twice, the token shows who may."""

    key: str
    task_id: TaskId
    token: Token
    base: CommitId
    prepared: CommitId | None
    settings: BlobId | None = None
    target: str = ""


class Landed(msgspec.Struct, frozen=True):
    """It is on the target; `note` is a sentence for the person whose checkout was left alone."""

    commit: CommitId | None
    note: str = ""


class NotLanded(msgspec.Struct, frozen=True):
    """It is not on the target, and why."""

    refusal: LandingRefusal
    detail: str = ""
    log: BlobId | None = None
    judged: Judged | None = None


class Acts(Protocol):
    """Evidence and landing, as the flows order them."""

    async def judge(self, candidate: Candidate) -> Judged: ...

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded: ...

    async def land(self, landing: Landing) -> Landed | NotLanded: ...

    async def find_landing(self, landing: Landing) -> Landed | None:
        """Did this very landing happen? Asked when an intent is open after a crash."""
        ...
