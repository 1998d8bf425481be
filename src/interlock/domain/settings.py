"""What the person decided in `interlock.toml`, checked and with every default filled in."""

from collections.abc import Collection
from typing import Final, Literal

import msgspec

Profile = Literal["solo", "fleet"]
OnLoss = Literal["exit", "wait"]
BoxName = Literal["bubblewrap", "container", "sandlock", "none"]
Backend = Literal["claude", "codex", "acp", "command", "human", "scripted"]
GateReader = Literal["junit", "sarif", "coverage-xml", "exit-code"]
Boundary = Literal["record", "refuse"]
LandForm = Literal["squash", "merge"]

BOXES: Final[tuple[BoxName, ...]] = ("bubblewrap", "container", "sandlock", "none")
"""Strongest first."""


class ProjectSettings(msgspec.Struct, frozen=True):
    """The branch that stays green and how changes get onto it; no target: the one checked out."""

    target: str = ""
    remote: str = ""
    boundary: Boundary = "record"
    land: LandForm = "squash"


class Limits(msgspec.Struct, frozen=True):
    """How much at once, and how often; `gates` of None means as many as there are cores."""

    workers: int = 10
    gates: int | None = None
    parallel_stages: int = 4
    max_attempts: int = 3
    disk_bytes: int = 10_000_000_000
    wall_minutes: float = 240.0
    tokens_per_task: int = 5_000_000
    cost_usd_per_task: float = 5.0
    cost_usd_per_run: float = 20.0
    cost_usd_per_day: float = 100.0


_USUAL_PROVIDERS: Final[dict[Backend, str]] = {
    "claude": "anthropic",
    "codex": "openai",
    "acp": "openai",
}


class AgentProfile(msgspec.Struct, frozen=True):
    """One way to have work done. No `skills`: it is taken to have every skill.

    `provider` names the table of `[models]` that its traffic goes to. `variables` are set in its
    box; `{model.url}`, `{model.key}` and `{model}` in them are filled in. `allow` and `deny` answer
    its permission questions: `Tool` or `Tool(pattern)`; None: what suits the box.
    """

    name: str
    backend: Backend
    run: tuple[str, ...] = ()
    script: str = ""
    model: str = ""
    auth: Literal["key", "login"] = "key"
    timeout_minutes: float = 45.0
    skills: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    provider: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    question_minutes: float = 5.0

    @property
    def models_at(self) -> str:
        """The table of `[models]` it pays at through us; "" where it needs none, or pays itself."""
        if self.auth == "login":
            return ""
        return self.provider or _USUAL_PROVIDERS.get(self.backend, "")

    def lacks(self, skills: Collection[str]) -> tuple[str, ...]:
        """The skills among these that it does not have."""
        return tuple(sorted(set(skills) - set(self.skills))) if self.skills else ()


class ModelUpstream(msgspec.Struct, frozen=True):
    """A provider of models: where it answers, and the variable of the host that holds its key."""

    name: str
    base_url: str
    key_env: str


USUAL_UPSTREAMS: Final = (
    ModelUpstream("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    ModelUpstream("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
)
"""Where their makers answer; a table of that name in the file goes before it."""


class Price(msgspec.Struct, frozen=True):
    """US dollars per million tokens; without a price of their own cached tokens cost as input."""

    model: str
    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None


class GateSettings(msgspec.Struct, frozen=True):
    """One gate: a command in a box, and how its evidence is read.

    `fail_on` is the lowest SARIF level that counts, `minimum` the share of changed lines that must
    be covered, in percent; each belongs to one reader.
    """

    name: str
    run: str
    reads: GateReader
    timeout_minutes: float = 10.0
    fail_on: Literal["note", "warning", "error"] | None = None
    minimum: float | None = None


class SandboxSettings(msgspec.Struct, frozen=True):
    """What boxes must hold at least, and what they may see beyond the usual."""

    minimum: BoxName | None = None
    network: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


class PrepareSettings(msgspec.Struct, frozen=True):
    """Builds what every workspace needs; kept by the content of `files`, shown at `keeps`."""

    run: str
    files: tuple[str, ...]
    keeps: tuple[str, ...]
    network: tuple[str, ...] = ()


class StoreSettings(msgspec.Struct, frozen=True):
    """Where the history lives, and what to do when a configured part is gone."""

    profile: Profile = "solo"
    on_loss: OnLoss = "exit"
    postgres: str = ""
    nats: str = ""
    blobs: str = ""


class Settings(msgspec.Struct, frozen=True):
    """The whole file. `agents` or `gates` of None: the file names none, so any name is accepted.

    `unused` lists what the file sets and this release does not act on yet; `digest` is the
    SHA-256 of the file, so that a run can tell which settings ruled it.
    """

    project: ProjectSettings = ProjectSettings()
    limits: Limits = Limits()
    store: StoreSettings = StoreSettings()
    agents: tuple[AgentProfile, ...] | None = None
    gates: tuple[GateSettings, ...] | None = None
    sandbox: SandboxSettings = SandboxSettings()
    prepare: PrepareSettings | None = None
    models: tuple[ModelUpstream, ...] = ()
    prices: tuple[Price, ...] = ()
    path: str | None = None
    digest: str = ""
    unused: tuple[str, ...] = ()

    @property
    def agent_names(self) -> tuple[str, ...] | None:
        return None if self.agents is None else tuple(agent.name for agent in self.agents)

    @property
    def gate_names(self) -> tuple[str, ...] | None:
        return None if self.gates is None else tuple(gate.name for gate in self.gates)

    def agent(self, name: str) -> AgentProfile | None:
        return next((agent for agent in self.agents or () if agent.name == name), None)

    def upstream(self, name: str) -> ModelUpstream | None:
        known = (*self.models, *USUAL_UPSTREAMS)
        return next((each for each in known if each.name == name), None)

    def gate(self, name: str) -> GateSettings | None:
        return next((gate for gate in self.gates or () if gate.name == name), None)


class SettingsFault(msgspec.Struct, frozen=True):
    """One thing that is wrong with the file, where it stands and how to mend it."""

    where: str
    what: str
    mend: str
