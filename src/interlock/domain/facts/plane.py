"""Facts about the plane of one repository; `PlaneStarted` has a stream of its own, the epochs."""

from interlock.domain.facts.base import Fact
from interlock.domain.ids import RepoId, TaskId


class PlaneStarted(Fact, frozen=True):
    """A process took over as the one plane of the repository; its epoch fences all older ones."""

    repo_id: RepoId
    epoch: int
    process: str
    release: str


class StartsPaused(Fact, frozen=True):
    """No new starts anywhere; what runs goes on."""

    reason: str = ""


class StartsResumed(Fact, frozen=True):
    """New starts again; an emergency stop is lifted too."""

    reason: str = ""


class EmergencyStopped(Fact, frozen=True):
    """Everything stops now, nothing lands, until a person resumes."""

    reason: str = ""


class PartLost(Fact, frozen=True):
    """A configured part went out of order; work stopped at once."""

    part: str
    detail: str


class PartRestored(Fact, frozen=True):
    """The part is back; work goes on."""

    part: str


class P0Began(Fact, frozen=True):
    """A catastrophe has the plane to itself, with what blocks it."""

    task_id: TaskId


class P0Ended(Fact, frozen=True):
    """The catastrophe is over; everything else goes on."""

    task_id: TaskId
