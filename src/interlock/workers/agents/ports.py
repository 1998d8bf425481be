"""One port for every agent: start it in its place, follow its events, answer, interrupt, resume.

async with agent.start(assignment, place) as turn:
    async for event in turn.events(): ...
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from interlock.domain.ids import CommitId, TaskId
from interlock.domain.settings import AgentProfile, BoxName
from interlock.domain.task import Activity, PlannedTask
from interlock.sandbox.ports import RunningBox
from interlock.workers.models.ports import Access


class Assignment(msgspec.Struct, frozen=True):
    """What the agent is told. `feedback` says why the attempt before was sent back.

    `session` is set when an earlier conversation of the same agent shall go on, `answer` with it
    when that one had asked. Names of files in the profile are relative to `folder`, on the host.
    `models` is the way to its models; None where the profile brings a log-in of its own. `box` is
    the kind it will work in.
    """

    task_id: TaskId
    planned: PlannedTask
    attempt: int
    base: CommitId
    prompt: str
    profile: AgentProfile
    timeout: timedelta
    feedback: str = ""
    session: str = ""
    answer: str = ""
    folder: Path | None = None
    models: Access | None = None
    box: BoxName = "none"
    read_only: bool = False


class AgentRefused(Exception):
    """This agent cannot be started as it is set up; the message says why and how to mend it."""


class Place(Protocol):
    """Where the agent works: it starts programs in the attempt's box and knows nothing of hosts."""

    async def start(
        self,
        argv: tuple[str, ...],
        env: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        programs: tuple[str, ...] = (),
    ) -> RunningBox:
        """Run a program in the box, in the workspace.

        `files` are put, read-only, at these paths inside before it starts; `env` is added to what
        the box shows; `programs` are those that it starts in its turn.
        """
        ...


class Said(msgspec.Struct, frozen=True, tag="said"):
    """Text for people."""

    text: str


class Called(msgspec.Struct, frozen=True, tag="called"):
    """It used a tool."""

    tool: str
    detail: str = ""


class Touched(msgspec.Struct, frozen=True, tag="touched"):
    """It changed a file, as it says; the diff is what counts."""

    path: str


class Moved(msgspec.Struct, frozen=True, tag="moved"):
    """How far it is."""

    percent: int
    activity: Activity | None = None


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """It asks for permission or for an answer; `id` names the question in `answer`.

    With a `tool` it asks for permission: `detail` is what the tool would be used for, the command
    or the path, and the answer is `allow` or `deny: reason`. Without one it wants an answer.
    """

    id: str
    question: str
    tool: str = ""
    options: tuple[str, ...] = ()
    detail: str = ""


class Used(msgspec.Struct, frozen=True, tag="used"):
    """What it used of its model, as it reports it."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The agent's own end. `failed` is its fault, `broken` is nobody's; at most one is set."""

    summary: str = ""
    failed: str = ""
    broken: str = ""
    session: str = ""


AgentEvent = Said | Called | Touched | Moved | Wanted | Used | Ended


class Turn(Protocol):
    """One agent at work."""

    def events(self) -> AsyncIterator[AgentEvent]:
        """As they come; the last one is `Ended`, whatever happens to the program."""
        ...

    async def answer(self, question: str, answer: str) -> None: ...

    async def interrupt(self) -> None:
        """Ask it to stop; what it did until now stays in the workspace."""
        ...

    @property
    def box(self) -> RunningBox:
        """To freeze it, to thaw it and to end it for good."""
        ...


class Agent(Protocol):
    """One kind of agent. `simulated` ones are labelled as such wherever they show."""

    @property
    def simulated(self) -> bool: ...

    def start(self, assignment: Assignment, place: Place) -> AbstractAsyncContextManager[Turn]:
        """The program is ended with the context, with everything it started.

        Entering raises AgentRefused where the profile or what it names is wrong.
        """
        ...
