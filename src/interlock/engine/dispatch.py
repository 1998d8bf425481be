"""Work on its way to workers and back: the messages, and the ports of both ends.

The log is the truth, this is delivery. Everything may arrive twice, late, in another order or not
at all; a job is named by its lease, a report by its id, and both ends drop what they have seen.
Assignment is decided centrally, so a job always goes to one named worker.
"""

from typing import Protocol

import msgspec

from interlock.domain.attempt import Answered
from interlock.domain.ids import BlobId, CommitId, LeaseId, RunId, TaskId, Token, WorkerId
from interlock.domain.result import Result
from interlock.domain.task import Activity, PlannedTask
from interlock.domain.usage import Usage
from interlock.domain.worker import WorkerType

PROTOCOL = 3
"""Grows when a message changes; a peer that speaks another one is told so and left alone."""


class Job(msgspec.Struct, frozen=True, tag_field="message", tag="job"):
    """One attempt at one task, for one worker, under one lease.

    `base` is where the plane last saw the branch `target`; a worker on another host may lag behind.
    `grants` names the caps that a person raised, each as often as it was raised. `answered` is what
    a person said to an agent that did not live to hear it.
    """

    lease: LeaseId
    task_id: TaskId
    run_id: RunId
    worker_id: WorkerId
    token: Token
    attempt: int
    lease_seconds: float
    planned: PlannedTask
    feedback: str = ""
    feedback_log: BlobId | None = None
    settings: BlobId | None = None
    target: str = ""
    base: CommitId | None = None
    grants: tuple[str, ...] = ()
    answered: Answered | None = None
    protocol: int = PROTOCOL


class Freeze(msgspec.Struct, frozen=True, tag_field="message", tag="freeze"):
    """Hold still; answered by `Frozen` once nothing moves any more."""

    lease: LeaseId
    protocol: int = PROTOCOL


class Thaw(msgspec.Struct, frozen=True, tag_field="message", tag="thaw"):
    """Go on."""

    lease: LeaseId
    protocol: int = PROTOCOL


class Interrupt(msgspec.Struct, frozen=True, tag_field="message", tag="interrupt"):
    """End the job now; its lease is over and no report of it counts any more."""

    lease: LeaseId
    protocol: int = PROTOCOL


class Answer(msgspec.Struct, frozen=True, tag_field="message", tag="answer"):
    """A person's answer to what the agent asked while it stayed at work."""

    lease: LeaseId
    question_id: str
    answer: str
    protocol: int = PROTOCOL


Order = Job | Freeze | Thaw | Interrupt | Answer


class _Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="message"):
    """What every report carries; `id` is unique, so that a repeat is recognised.

    `session` grows with each start of the worker's process: news of an older life are ignored.
    """

    id: str
    worker_id: WorkerId
    session: int = 0
    protocol: int = PROTOCOL


class Joined(_Report, frozen=True, tag="joined", kw_only=True):
    """A worker is there, and what it can do. Leases it still works on stand in `holds`."""

    type: WorkerType
    name: str
    agent: str = "default"
    capabilities: tuple[str, ...] = ()
    capacity: int = 1
    holds: tuple[LeaseId, ...] = ()


class Left(_Report, frozen=True, tag="left", kw_only=True):
    """A worker says goodbye, or its host saw it die."""

    reason: str


class Alive(_Report, frozen=True, tag="alive", kw_only=True):
    """Heartbeat of a worker, of every lease it works on, of those it holds still or that ask.

    It repeats the worker's state on purpose: the plane compares and sends again what got lost.
    """

    holds: tuple[LeaseId, ...] = ()
    frozen: tuple[LeaseId, ...] = ()
    asking: tuple[tuple[LeaseId, str], ...] = ()


class _JobReport(_Report, frozen=True, kw_only=True):
    """A report about one job, showing the token of its lease."""

    task_id: TaskId
    lease: LeaseId
    token: Token


class Started(_JobReport, frozen=True, tag="started", kw_only=True):
    """The job was accepted and begun: from this commit, in this workspace, in this kind of box."""

    base: CommitId | None = None
    branch: str = ""
    path: str = ""
    box: str = ""
    simulated: bool = False


class Denied(_JobReport, frozen=True, tag="denied", kw_only=True):
    """The box wanted to reach hosts that are not on its list."""

    hosts: tuple[str, ...]


class Declined(_JobReport, frozen=True, tag="declined", kw_only=True):
    """The worker cannot take the job."""

    reason: str


class Progressed(_JobReport, frozen=True, tag="progressed", kw_only=True):
    """How far it is, as the worker sees it."""

    percent: int
    activity: Activity | None = None


class Questioned(_JobReport, frozen=True, tag="questioned", kw_only=True):
    """The agent asks and waits at its work; after a while its worker parks it."""

    question_id: str
    question: str
    tool: str = ""
    detail: str = ""


class Metered(_JobReport, frozen=True, tag="metered", kw_only=True):
    """What the attempt has used until now; counts even when its lease has ended."""

    usage: Usage
    trouble: str = ""


class Asked(_JobReport, frozen=True, tag="asked", kw_only=True):
    """A question only a person can answer; the worker has parked the job and is free."""

    question: str
    tool: str = ""
    cap: str = ""


class Frozen(_JobReport, frozen=True, tag="frozen", kw_only=True):
    """The job holds still."""


class Finished(_JobReport, frozen=True, tag="finished", kw_only=True):
    """The job ended by itself."""

    result: Result


JobReport = (
    Started | Declined | Denied | Progressed | Questioned | Metered | Asked | Frozen | Finished
)
Report = Joined | Left | Alive | JobReport


class Delivery(Protocol):
    """A report in the plane's hands; unless settled it is delivered again."""

    @property
    def report(self) -> Report: ...

    async def settle(self) -> None:
        """It is recorded, or known to be of no use: do not deliver it again."""
        ...


class Dispatch(Protocol):
    """The plane's end. `send` is at least once; nothing is waited for."""

    async def send(self, worker: WorkerId, order: Order) -> None:
        """Raises PartLost when the transport is gone; an unknown worker is no error."""
        ...

    async def receive(self) -> Delivery:
        """The next report; raises PartLost when the transport is gone."""
        ...

    async def close(self) -> None: ...


class WorkerLink(Protocol):
    """A worker's end."""

    async def next_order(self) -> Order:
        """The next order for this worker; the same one may come again."""
        ...

    async def done_with(self, order: Order) -> None:
        """The order need not be delivered again; for a job: its end has been reported."""
        ...

    async def renew(self, lease: LeaseId) -> None:
        """The job goes on: keep the transport from redelivering it."""
        ...

    async def report(self, report: Report) -> None:
        """Returns when the transport has taken it over durably enough to survive the worker."""
        ...

    async def close(self) -> None: ...
