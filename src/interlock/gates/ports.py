"""What the gates need from the world beside boxes and trees."""

from typing import Protocol

from interlock.domain.ids import BlobId, CommitId
from interlock.domain.settings import Settings
from interlock.gates.evidence import Evidence
from interlock.sandbox.ports import Mount


class PreparationFailed(Exception):
    """The environment could not be built; the message is a sentence, `log` what the build said."""

    def __init__(self, why: str, log: BlobId | None = None) -> None:
        super().__init__(why)
        self.log = log


class Environments(Protocol):
    """What every workspace needs and nobody wants to build each time."""

    async def mounts(
        self, settings: Settings, commit: CommitId, target: CommitId
    ) -> tuple[Mount, ...]:
        """The prepared environment for this commit, to be shown in its box; built when missing.

        Shared ones are built from landed trees only: where `commit` changes what they are built
        from, it gets one of its own. Raises PreparationFailed with the log where building fails.
        """
        ...

    async def key(self, settings: Settings, commit: CommitId) -> str:
        """Names the environment: a verdict belongs to it, too."""
        ...


class VerdictBook(Protocol):
    """Remembers evidence by (tree, gate definition, environment); losing it costs time only.

    Keys are SHA-256 in hex. What was damaged is not found; it is never returned.
    """

    async def find(self, key: str) -> Evidence | None: ...

    async def keep(self, key: str, evidence: Evidence) -> None: ...
