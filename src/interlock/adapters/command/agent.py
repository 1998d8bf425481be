"""A program named by its profile works in the workspace; exit code 0 means that it is done.

    [agents.patcher]
    backend = "command"
    run = ["python", "tools/apply.py", "{task.id}"]

It finds its prompt on standard input and in `INTERLOCK_PROMPT`; with a `provider`, its `variables`
and its words may name its way to models, as `{model.url}`, `{model.key}` and `{model}`. What it
says is text for people; what it changed, committed or not, is its change. It cannot ask: it has no
way to be answered.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from interlock.engine.supervisor import Supervisor
from interlock.sandbox.ports import BoxRefused, RunningBox
from interlock.workers.agents.endings import ending_of
from interlock.workers.agents.lines import batches_of
from interlock.workers.agents.ports import (
    AgentEvent,
    AgentRefused,
    Assignment,
    Ended,
    Place,
    Said,
    Turn,
)
from interlock.workers.agents.variables import variables_of, words_of

LAST_LINES: Final = 20
"""As many go into the sentence about a failure."""

SUMMARY_MAX: Final = 500


class CommandAgent:
    """Starts what the profile's `run` says."""

    simulated = False

    @asynccontextmanager
    async def start(self, assignment: Assignment, place: Place) -> AsyncIterator[Turn]:
        variables = variables_of(assignment.profile, assignment.models)
        box = await place.start(_argv(assignment), variables)
        try:
            async with Supervisor() as supervisor:
                supervisor.start("prompt", _tell(box, assignment.prompt))
                yield CommandTurn(assignment.profile.run[0], box)
                supervisor.cancel_all()
        finally:
            await box.kill()


class CommandTurn:
    """The program at work."""

    def __init__(self, program: str, box: RunningBox) -> None:
        self._program, self._box = program, box

    @property
    def box(self) -> RunningBox:
        return self._box

    async def events(self) -> AsyncIterator[AgentEvent]:
        last: deque[str] = deque(maxlen=LAST_LINES)
        async for lines in batches_of(self._box.output()):
            last.extend(lines)
            yield Said("\n".join(lines))
        try:
            ended = await self._box.wait()
        except BoxRefused as refusal:
            yield Ended(broken=str(refusal))
            return
        complaints = self._box.complaints().decode(errors="replace").splitlines()[-LAST_LINES:]
        yield ending_of(self._program, ended, (*last, *complaints), _summary(last))

    async def answer(self, question: str, answer: str) -> None:
        """Nobody asked: a program has no questions."""
        raise AgentRefused(f"{self._program} did not ask {question!r}, so {answer!r} is lost")

    async def interrupt(self) -> None:
        """A program knows no other way to be interrupted than its end."""
        await self._box.kill()


def _argv(assignment: Assignment) -> tuple[str, ...]:
    profile = assignment.profile
    if not profile.run or not profile.run[0]:
        raise AgentRefused(
            f"the agent profile {profile.name!r} names no program: "
            f'set run = ["..."] under [agents.{profile.name}]'
        )
    planned = assignment.planned
    known = {"task.id": planned.id, "task.title": planned.title, "attempt": f"{assignment.attempt}"}
    words = words_of(profile, assignment.models, known)
    return tuple(word.replace("\0", "") for word in words)


async def _tell(box: RunningBox, prompt: str) -> None:
    """A program may end or close its input without having read a word."""
    with contextlib.suppress(OSError, BoxRefused):
        await box.feed(prompt.encode())
        await box.close_stdin()


def _summary(lines: Iterable[str]) -> str:
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1][:SUMMARY_MAX] if spoken else ""
