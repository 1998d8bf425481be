"""A result: how an attempt ended, in its worker's own report."""

from enum import StrEnum
from typing import Final

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.ids import BlobId

INTERRUPTED: Final = "interrupted"
"""The error class of an attempt that was told to put down its work."""


class Outcome(StrEnum):
    """Changed and unchanged are success; failed is the worker's; infrastructure is nobody's."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    INFRASTRUCTURE = "infrastructure"


class Result(msgspec.Struct, frozen=True):
    """The outcome, the change if there is one, a sentence, and where the log lies."""

    outcome: Outcome
    change: ChangeSet | None = None
    summary: str = ""
    error_class: str = ""
    log: BlobId | None = None
