"""Facts about a run; they live in the stream of the run."""

from interlock.domain.facts.base import Fact
from interlock.domain.goal import Goal
from interlock.domain.group import StageGroup
from interlock.domain.ids import BlobId, RepoId, RunId
from interlock.domain.plan import AffinityRule
from interlock.domain.run import RunLimits


class RunStarted(Fact, frozen=True):
    """A plan was accepted. The plan is a blob; its tasks follow as facts of their own."""

    run_id: RunId
    repo_id: RepoId
    goal: Goal
    plan: BlobId
    tasks: int
    limits: RunLimits
    groups: tuple[StageGroup, ...] = ()
    affinity: tuple[AffinityRule, ...] = ()


class RunPlanned(Fact, frozen=True):
    """Every task of the plan is in the log; work may begin."""

    tasks: int


class RunPaused(Fact, frozen=True):
    """No new starts in this run; what runs goes on."""

    reason: str = ""


class RunResumed(Fact, frozen=True):
    """New starts again."""


class RunCompleted(Fact, frozen=True):
    """Every task is done or was skipped."""


class RunFailed(Fact, frozen=True):
    """Everything ended and something was rejected or cancelled for good."""

    reasons: tuple[str, ...]
