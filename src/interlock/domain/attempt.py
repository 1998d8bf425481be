"""An attempt: one try at a task by one worker under one lease."""

from datetime import datetime
from enum import StrEnum

import msgspec

from interlock.domain.ids import CommitId, Token, WorkerId
from interlock.domain.result import Result
from interlock.domain.usage import Usage


class AttemptLoss(StrEnum):
    """Why an attempt ended without a result of its own; none of these is the worker's fault."""

    LOST = "lost"
    INTERRUPTED = "interrupted"
    INFRASTRUCTURE = "infrastructure"
    PARKED = "parked"


class Answered(msgspec.Struct, frozen=True):
    """What a person said to a question; `tool` and `detail` tell a permission from others."""

    question: str
    answer: str
    tool: str = ""
    detail: str = ""


class Attempt(msgspec.Struct, frozen=True):
    """One try: who, under which token, when, and how it ended (`loss` or `result`, never both)."""

    number: int
    token: Token
    worker_id: WorkerId
    started_at: datetime
    ended_at: datetime | None = None
    result: Result | None = None
    loss: AttemptLoss | None = None
    granted_at: datetime | None = None
    base: CommitId | None = None
    branch: str = ""
    path: str = ""
    box: str = ""
    simulated: bool = False
    usage: Usage | None = None
