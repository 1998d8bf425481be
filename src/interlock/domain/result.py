"""A result: how an attempt ended, in its worker's own report."""

from enum import StrEnum
from typing import Final

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.ids import BlobId
from interlock.domain.usage import Usage

INTERRUPTED: Final = "interrupted"
"""The error class of an attempt that was told to put down its work."""

REFUSED: Final = "agent_refused"
"""The error class of an agent that cannot be started as it is set up: again would be the same."""


class Outcome(StrEnum):
    """Changed and unchanged are success; failed is the worker's; infrastructure is nobody's."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    INFRASTRUCTURE = "infrastructure"


class Document(msgspec.Struct, frozen=True):
    """What an attempt answered: the file of this name, or its words where it left no file."""

    blob: BlobId
    file: str = ""


class Result(msgspec.Struct, frozen=True):
    """The outcome, the change if there is one, a sentence, where the log lies, what it used.

    `document` is there where an answer was asked for instead of a change.
    """

    outcome: Outcome
    change: ChangeSet | None = None
    summary: str = ""
    error_class: str = ""
    log: BlobId | None = None
    usage: Usage | None = None
    document: Document | None = None
