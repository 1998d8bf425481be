"""Facts about stage groups; they live in the stream of the run."""

from interlock.domain.facts.base import Fact
from interlock.domain.group import StageFailure
from interlock.domain.ids import GroupId, TaskId, TaskName


class GroupStarted(Fact, frozen=True):
    """The groups before it passed; its stages are released."""

    group: GroupId
    stages: tuple[TaskName, ...]


class GroupSettled(Fact, frozen=True):
    """Every stage has ended its work, well or badly; the changes are judged now."""

    group: GroupId


class GroupVerifying(Fact, frozen=True):
    """The changes of the settled stages are being judged and landed, all at once."""

    group: GroupId


class GroupPassed(Fact, frozen=True):
    """Every stage is done or was skipped."""

    group: GroupId


class GroupBlocked(Fact, frozen=True):
    """Some stages failed; one report for all of them."""

    group: GroupId
    report: tuple[StageFailure, ...]


class GroupRestarted(Fact, frozen=True):
    """Only the stages that failed run again."""

    group: GroupId
    stages: tuple[TaskName, ...]


class GroupInterrupted(Fact, frozen=True):
    """A p0 task or a lost part stopped the group; what is finished stays finished."""

    group: GroupId
    by: str
    p0: TaskId | None = None


class GroupRecovered(Fact, frozen=True):
    """The interruption is over; unfinished stages go on."""

    group: GroupId
