"""Reads the script on the host, plays it inside the box, and hears the player's lines as events.

The player is shipped with us and needs no more than a bare interpreter. Simulated, and says so:
it shows what Interlock does with an agent's work, not what an agent can do.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from interlock.sandbox.ports import BoxRefused, RunningBox
from interlock.workers.agents.endings import ending_of
from interlock.workers.agents.lines import lines_of
from interlock.workers.agents.ports import (
    AgentEvent,
    AgentRefused,
    Assignment,
    Called,
    Ended,
    Moved,
    Place,
    Said,
    Touched,
    Turn,
    Wanted,
)
from interlock.workers.agents.script import Script, ScriptFaults, Steps, read_script

LAST_LINES: Final = 20
PLAYER_INSIDE: Final = "/given/player.py"
STEPS_INSIDE: Final = "/given/steps.json"

_PLAYER: Final = Path(__file__).with_name("player.py")
_EVENTS: Final[msgspec.json.Decoder[AgentEvent]] = msgspec.json.Decoder(AgentEvent)


class _Play(msgspec.Struct, frozen=True):
    """What the player is given: the steps, where to begin, and the answer it waited for."""

    steps: Steps
    begin: int = 0
    answer: str = ""


class ScriptedAgent:
    """Plays the script that the profile names."""

    simulated = True

    def __init__(self, interpreter: str = sys.executable) -> None:
        self._interpreter = str(Path(interpreter).resolve())

    @asynccontextmanager
    async def start(self, assignment: Assignment, place: Place) -> AsyncIterator[Turn]:
        play = await asyncio.to_thread(_play_of, assignment)
        files = {
            PLAYER_INSIDE: await asyncio.to_thread(_PLAYER.read_bytes),
            STEPS_INSIDE: msgspec.json.encode(play),
        }
        argv = (self._interpreter, "-I", "-S", PLAYER_INSIDE, STEPS_INSIDE)
        box = await place.start(argv, files=files)
        try:
            yield ScriptedTurn(box, assignment.attempt)
        finally:
            await box.kill()


class ScriptedTurn:
    """The player at work."""

    def __init__(self, box: RunningBox, attempt: int) -> None:
        self._box, self._attempt = box, attempt
        self._session = ""

    @property
    def box(self) -> RunningBox:
        return self._box

    async def events(self) -> AsyncIterator[AgentEvent]:
        """Its own last word counts only if its program ended as it says."""
        last: deque[str] = deque(maxlen=LAST_LINES)
        claimed: Ended | None = None
        async for line in lines_of(self._box.output()):
            match _event(line):
                case Ended() as end:
                    claimed = end
                case Wanted() as wanted:
                    self._session = f"{self._attempt}/{wanted.id}"
                    yield wanted
                case event:
                    last.append(_words(event))
                    yield event
        yield await self._end(claimed, last)

    async def _end(self, claimed: Ended | None, last: deque[str]) -> Ended:
        try:
            ended = await self._box.wait()
        except BoxRefused as refusal:
            return Ended(broken=str(refusal))
        if claimed is not None and ended.code == 0 and not ended.stopped_for:
            return msgspec.structs.replace(claimed, session=self._session)
        complaints = self._box.complaints().decode(errors="replace").splitlines()[-LAST_LINES:]
        end = ending_of("the scripted player", ended, (*last, *complaints), "")
        if claimed is None and not (end.failed or end.broken):
            end = Ended(failed="the scripted player ended without a last word")
        return msgspec.structs.replace(end, session=self._session)

    async def answer(self, question: str, answer: str) -> None:
        """It goes on behind the question it waits at; it has no more than one."""
        if question != self._session.rpartition("/")[2]:
            raise AgentRefused(f"the scripted player did not ask {question!r}")
        await self._box.feed(" ".join(answer.splitlines()).encode() + b"\n")

    async def interrupt(self) -> None:
        await self._box.kill()


def _play_of(assignment: Assignment) -> _Play:
    profile = assignment.profile
    where = f"the script of the agent profile {profile.name!r}"
    if not profile.script:
        raise AgentRefused(f"{where} is not named: set script under [agents.{profile.name}]")
    path = (assignment.folder or Path()) / profile.script
    try:
        script = read_script(path.read_text(encoding="utf-8"), profile.script)
    except (OSError, UnicodeDecodeError) as error:
        raise AgentRefused(f"{where} cannot be read: {path}: {error}") from error
    except ScriptFaults as faults:
        raise AgentRefused(f"{where} is wrong:\n{faults}") from faults
    return _resumed(script, assignment, f"{profile.script} (profile {profile.name!r})")


def _resumed(script: Script, assignment: Assignment, name: str) -> _Play:
    """An earlier conversation goes on behind the step that asked, in the steps of its attempt."""
    attempt, _, asked = assignment.session.partition("/")
    goes_on = attempt.isdecimal() and asked.isdecimal()
    steps = script.steps_for(assignment.planned.id, int(attempt) if goes_on else assignment.attempt)
    if steps is None:
        raise AgentRefused(f"{name} knows no task {assignment.planned.id!r}: add it, or add `any`")
    return _Play(steps, int(asked) + 1 if goes_on else 0, assignment.answer if goes_on else "")


def _event(line: str) -> AgentEvent:
    """What is no event is text for people: a player's shell may say anything."""
    try:
        return _EVENTS.decode(line)
    except msgspec.DecodeError:
        return Said(line)


def _words(event: AgentEvent) -> str:
    match event:
        case Said(text=text):
            return text
        case Called(tool=tool, detail=detail):
            return f"{tool}: {detail}"
        case Touched(path=path):
            return f"changed {path}"
        case Moved(percent=percent):
            return f"{percent} %"
        case _:
            return ""
