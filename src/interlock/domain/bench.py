"""A person's place of work for one task, and what is found there."""

from __future__ import annotations

import msgspec

from interlock.domain.ids import CommitId


class Bench(msgspec.Struct, frozen=True):
    """Where a person works: the folder, its branch, and the commit the work starts from."""

    base: CommitId
    branch: str
    path: str


class Harvest(msgspec.Struct, frozen=True):
    """What was found on a bench; no head means that nothing was changed.

    `remarks` are for the person: what lies there and could not be taken.
    """

    head: CommitId | None
    files: tuple[str, ...] = ()
    pack: bytes = b""
    remarks: str = ""
