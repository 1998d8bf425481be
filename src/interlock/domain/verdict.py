"""A verdict: what one gate says about one exact tree."""

from enum import StrEnum

import msgspec

from interlock.domain.ids import BlobId


class GateOutcome(StrEnum):
    """Could-not-run is `error` and never `passed`; `target_red` is nobody's but the target's."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TARGET_RED = "target_red"


class GateVerdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """One gate's word on `tree`, why, and where its log and its evidence lie.

    `reused` is true when the same gate had judged the same tree in the same environment before.
    """

    gate: str
    outcome: GateOutcome
    tree: str
    detail: str = ""
    seconds: float = 0.0
    log: BlobId | None = None
    evidence: BlobId | None = None
    reused: bool = False
