"""What attempts are made with on this host."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from interlock.domain.ids import CommitId, RepoId
from interlock.domain.settings import Backend, Settings
from interlock.engine.ports import Blobs, Clock
from interlock.repository.ports import Trees, Workspaces
from interlock.sandbox.ports import Mount, Sandbox
from interlock.sandbox.secrets import Masker
from interlock.workers.agents.ports import Agent
from interlock.workers.boxes import Surroundings
from interlock.workers.briefing import Fetch
from interlock.workers.logins import Lender
from interlock.workers.models.ports import Ledger, ModelGateway
from interlock.workers.quota import Quota
from interlock.workers.sites import Sites


class PreparedEnvironments(Protocol):
    """What every workspace needs, shown to the attempt so that it can spoil it for nobody."""

    async def mounts(
        self, settings: Settings, commit: CommitId, target: CommitId
    ) -> tuple[Mount, ...]: ...


class Tools(msgspec.Struct, frozen=True):
    """All of one repository; `agents` knows one agent per backend."""

    repo_id: RepoId
    sandbox: Sandbox
    workspaces: Workspaces
    trees: Trees
    blobs: Blobs
    clock: Clock
    agents: Callable[[Backend], Agent | None]
    environments: PreparedEnvironments
    masker: Masker
    sites: Sites
    quota: Quota
    around: Surroundings
    fetch: Fetch | None = None
    models: ModelGateway | None = None
    ledger: Ledger | None = None
    lender: Lender | None = None
