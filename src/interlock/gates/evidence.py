"""Evidence: what one run of one gate on one tree brought to light, before anybody judges it."""

from typing import Literal

import msgspec

from interlock.domain.ids import BlobId

TestOutcome = Literal["passed", "failed", "skipped"]
Level = Literal["note", "warning", "error"]
Lines = tuple[int, ...]


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing a linter complains about; `fingerprint` survives moved lines."""

    path: str
    rule: str
    level: Level
    message: str
    line: int = 0
    fingerprint: str = ""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the program ended, and what its report says, if it could be read.

    `refused` is why no workspace or no box could be made, `unprepared` why the environment could
    not be built; with either nothing was run. `unreadable` is a sentence: why there is no report
    to go by. `tests`, `findings` and `covered` belong to their readers; `covered` is path ->
    (lines that ran, lines that did not). `reasons` are the first words of failing tests, `said`
    the last words of the program. `seconds` is how long it ran.
    """

    code: int
    stopped_for: str = ""
    refused: str = ""
    unprepared: str = ""
    unreadable: str = ""
    tests: dict[str, TestOutcome] | None = None
    findings: tuple[Finding, ...] | None = None
    covered: dict[str, tuple[Lines, Lines]] | None = None
    reasons: dict[str, str] = {}
    said: str = ""
    seconds: float = 0.0
    log: BlobId | None = None


class Reading(msgspec.Struct, frozen=True):
    """What a reader made of a report: one part of the evidence, or why it is unreadable."""

    unreadable: str = ""
    tests: dict[str, TestOutcome] | None = None
    findings: tuple[Finding, ...] | None = None
    covered: dict[str, tuple[Lines, Lines]] | None = None
    reasons: dict[str, str] = {}
