"""Facts about a change on its way to the target; they live in the stream of its task."""

from datetime import datetime
from enum import StrEnum

from interlock.domain.facts.base import Fact
from interlock.domain.ids import BlobId, CommitId, Token
from interlock.domain.verdict import GateVerdict


class Judgement(StrEnum):
    """What the evidence says; could-not-run is `error` and never `passed`."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TARGET_RED = "target_red"
    CONFLICT = "conflict"


class ChangeJudged(Fact, frozen=True):
    """The evidence for one attempt's exact change was collected; an error is tried again later.

    `target` is where the target stood, `files` what the change touches (the first of them),
    `outside` what of it lies outside the task's own files, `held` why a person must look at it
    before it may land.
    """

    attempt: int
    judgement: Judgement
    detail: str = ""
    log: BlobId | None = None
    retry_at: datetime | None = None
    verdicts: tuple[GateVerdict, ...] = ()
    target: CommitId | None = None
    files: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    held: str = ""


class ChangeApproved(Fact, frozen=True):
    """A person looked at a held change and lets it land."""

    attempt: int
    reason: str = ""


class LandingIntended(Fact, frozen=True):
    """The landing begins now: the prepared commit goes onto this base, under this key and token.

    Nothing prepared means that there is nothing to land, and the task ends without a commit.
    """

    key: str
    attempt: int
    token: Token
    base: CommitId
    prepared: CommitId | None


class ChangeLanded(Fact, frozen=True):
    """The change is on the target; no commit means that there was nothing to land.

    `note` is a sentence for the person: a checkout that was left alone and how it catches up.
    """

    key: str
    commit: CommitId | None
    note: str = ""


class LandingRefusal(StrEnum):
    """Why the target did not take a change; a moved target costs nothing."""

    CONFLICT = "conflict"
    RED = "red"
    TARGET_MOVED = "target_moved"


class LandingRefused(Fact, frozen=True):
    """Nothing of the change is on the target. `key` names the intent, if there was one."""

    key: str | None
    refusal: LandingRefusal
    detail: str = ""
    log: BlobId | None = None
