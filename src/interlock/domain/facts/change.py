"""Facts about a change on its way to the target; they live in the stream of its task."""

from datetime import datetime
from enum import StrEnum

from interlock.domain.facts.base import Fact
from interlock.domain.ids import BlobId, CommitId, Token


class Judgement(StrEnum):
    """What the evidence says; could-not-run is `error` and never `passed`."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


class ChangeJudged(Fact, frozen=True):
    """The evidence for one attempt's exact change was collected; an error is tried again later."""

    attempt: int
    judgement: Judgement
    detail: str = ""
    log: BlobId | None = None
    retry_at: datetime | None = None


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
    """The change is on the target; no commit means that there was nothing to land."""

    key: str
    commit: CommitId | None


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
