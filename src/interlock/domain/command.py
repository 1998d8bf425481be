"""What people and programs may ask of a plane; other processes append these, the plane answers."""

import msgspec

from interlock.domain.forecast import RunForecast
from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, CommitId, RunId, TaskId, WorkerId
from interlock.domain.result import Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Priority


class _Command(msgspec.Struct, frozen=True, tag_field="do", omit_defaults=True):
    """A tagged wish."""


class StartRun(_Command, frozen=True, tag="start_run"):
    """Carry out the plan in this blob; the forecast is what its giver was told of it."""

    run_id: RunId
    goal: Goal
    plan: BlobId
    limits: RunLimits
    settings: BlobId | None = None
    settings_digest: str = ""
    target: str = ""
    base: CommitId | None = None
    source: str = ""
    forecast: RunForecast | None = None


class AmendRun(_Command, frozen=True, tag="amend_run"):
    """The plan of an unfinished run was changed: take over what has not begun yet."""

    run_id: RunId
    plan: BlobId


class Pause(_Command, frozen=True, tag="pause"):
    """Hold new starts, of one run or everywhere."""

    run_id: RunId | None = None
    reason: str = ""


class Resume(_Command, frozen=True, tag="resume"):
    """Go on after a pause or an emergency stop."""

    run_id: RunId | None = None
    reason: str = ""


class Stop(_Command, frozen=True, tag="stop"):
    """Emergency stop of everything, now."""

    reason: str = ""


class CancelTask(_Command, frozen=True, tag="cancel_task"):
    """End a task, unless its landing has begun."""

    task_id: TaskId
    reason: str = ""


class HoldTask(_Command, frozen=True, tag="hold_task"):
    """Queue a task for review before it starts."""

    task_id: TaskId
    reason: str = ""


class ApproveTask(_Command, frozen=True, tag="approve_task"):
    """Let a held task go on."""

    task_id: TaskId
    reason: str = ""
    modifications: str = ""


class RejectTask(_Command, frozen=True, tag="reject_task"):
    """Decide against a held task."""

    task_id: TaskId
    reason: str = ""


class RetryTask(_Command, frozen=True, tag="retry_task"):
    """Give a failed task a fresh set of attempts."""

    task_id: TaskId
    reason: str = ""


class AnswerTask(_Command, frozen=True, tag="answer_task"):
    """Answer the question a task is parked on."""

    task_id: TaskId
    answer: str


class PrioritiseTask(_Command, frozen=True, tag="prioritise_task"):
    """Change how urgent a task is."""

    task_id: TaskId
    priority: Priority


class ClaimTask(_Command, frozen=True, tag="claim_task"):
    """A person takes a ready task."""

    task_id: TaskId
    worker_id: WorkerId


class BeginTask(_Command, frozen=True, tag="begin_task"):
    """The workspace of a claimed task stands; its worker begins."""

    task_id: TaskId
    worker_id: WorkerId
    base: CommitId
    branch: str
    path: str


class SubmitTask(_Command, frozen=True, tag="submit_task"):
    """A person hands in what they did with a task that they hold."""

    task_id: TaskId
    worker_id: WorkerId
    result: Result


class ReleaseTask(_Command, frozen=True, tag="release_task"):
    """A person gives a task back; it is ready for anybody again."""

    task_id: TaskId
    reason: str = ""


class RegisterWorker(_Command, frozen=True, tag="register_worker"):
    """A person becomes a worker, or says anew what they can do."""

    worker_id: WorkerId
    name: str
    capabilities: tuple[str, ...] = ()
    capacity: int = 1


TaskCommand = (
    CancelTask
    | HoldTask
    | ApproveTask
    | RejectTask
    | RetryTask
    | AnswerTask
    | PrioritiseTask
    | ClaimTask
    | BeginTask
    | SubmitTask
    | ReleaseTask
)
Command = StartRun | AmendRun | Pause | Resume | Stop | RegisterWorker | TaskCommand
