"""Facts about a run; they live in the stream of the run."""

from interlock.domain.facts.base import Fact
from interlock.domain.forecast import RunForecast
from interlock.domain.goal import Goal
from interlock.domain.group import StageGroup
from interlock.domain.ids import BlobId, CommitId, RepoId, RunId
from interlock.domain.plan import AffinityRule
from interlock.domain.run import RunLimits


class RunStarted(Fact, frozen=True):
    """A plan was accepted. The plan is a blob; its tasks follow as facts of their own.

    `settings` is the blob of the settings that rule the run, `settings_digest` the hash of the
    file they were read from; `base` is where the branch `target` stood, `source` the plan's file
    or the part it plays for a goal in words.
    `forecast` is what was expected of it at that moment; None: nobody made one.
    """

    run_id: RunId
    repo_id: RepoId
    goal: Goal
    plan: BlobId
    tasks: int
    limits: RunLimits
    groups: tuple[StageGroup, ...] = ()
    affinity: tuple[AffinityRule, ...] = ()
    settings: BlobId | None = None
    settings_digest: str = ""
    target: str = ""
    base: CommitId | None = None
    source: str = ""
    forecast: RunForecast | None = None


class RunAmended(Fact, frozen=True):
    """The run goes on by another plan: tasks were added, and what had not begun was changed."""

    plan: BlobId
    tasks: int


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
