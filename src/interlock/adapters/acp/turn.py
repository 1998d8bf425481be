"""One conversation in its box, with what the agent leaves to us done beside it."""

from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Final

from interlock.adapters.acp.conversation import AcpConversation
from interlock.adapters.acp.files import run_errand, said_in_box
from interlock.domain.settings import BoxName
from interlock.sandbox.ports import WORKSPACE, RunningBox
from interlock.workers.agents.json_lines import tell
from interlock.workers.agents.ports import AgentEvent, Assignment, Place, Touched
from interlock.workers.agents.talking import TalkingTurn

PARTING_SECONDS: Final = 1.0
"""Its turn is over by its own word, and many agents never go by themselves."""

_CONSTANT: Final[frozenset[BoxName]] = frozenset({"bubblewrap", "container"})
"""Boxes in which the workspace has its usual name."""


class AcpTurn(TalkingTurn):
    """Reads and writes files for its agent between two events."""

    def __init__(self, box: RunningBox, assignment: Assignment, cwd: str, place: Place) -> None:
        program = PurePosixPath(assignment.profile.run[0]).name
        self._acp, self._place = AcpConversation(program, assignment, cwd), place
        super().__init__(program, box, self._acp, PARTING_SECONDS, self._acp.lost)

    async def events(self) -> AsyncIterator[AgentEvent]:
        async for event in super().events():
            yield event
            for errand in self._acp.errands():
                answer = await run_errand(errand, self._place)
                if errand.writes and "result" in answer:
                    yield Touched(errand.path)
                await tell(self.box, answer)


async def workspace_in(place: Place, box: BoxName) -> str:
    """What the workspace is called in there."""
    if box in _CONSTANT:
        return WORKSPACE
    said, _ = await said_in_box(place, ("pwd",))
    return said.decode(errors="replace").strip() or WORKSPACE
