"""A conversation driven line by line, as the tests of this folder need it."""

import json
from datetime import timedelta
from pathlib import Path

from interlock.adapters.acp.conversation import AcpConversation
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import BoxEnded
from interlock.workers.agents.json_lines import Document
from interlock.workers.agents.ports import AgentEvent, Assignment, Ended
from interlock.workers.agents.talking import Parting, Step

RECORDED = Path(__file__).parent / "recorded"
OK = Parting(BoxEnded(0))

TASK = Assignment(
    TaskId("R1-t"),
    PlannedTask(TaskName("t"), "Title"),
    1,
    CommitId("0" * 40),
    "Mend it.",
    AgentProfile("default", "acp", run=("agent",), allow=()),
    timedelta(minutes=1),
    box="bubblewrap",
)


class Talk:
    """What was said both ways, and what came of it."""

    def __init__(self, task: Assignment = TASK) -> None:
        self.conversation = AcpConversation("agent", task, "/workspace")
        self.told: list[Document] = []
        self.events: list[AgentEvent] = []
        self.over = False
        self.take(self.conversation.begin())

    def take(self, step: Step) -> Step:
        self.told += step.told
        self.events += step.events
        self.over = self.over or step.over
        return step

    def hear(self, *documents: Document) -> Step:
        step = Step()
        for document in documents:
            step = self.take(self.conversation.hear({"jsonrpc": "2.0", **document}))
        return step

    def recorded(self, name: str) -> "Talk":
        for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
            self.hear(json.loads(line))
        return self

    def opened(self, **can: object) -> "Talk":
        """Greeted, with a session, and in the middle of the turn."""
        self.hear({"id": 1, "result": {"protocolVersion": 1, "agentCapabilities": can}})
        self.hear({"id": 2, "result": {"sessionId": "s-1"}})
        return self

    def update(self, what: str, **fields: object) -> Step:
        params = {"sessionId": "s-1", "update": {"sessionUpdate": what, **fields}}
        return self.hear({"method": "session/update", "params": params})

    def speak(self, text: str) -> Step:
        return self.update("agent_message_chunk", content={"type": "text", "text": text})

    def ask(self, number: int | str, **call: object) -> Step:
        params = {
            "sessionId": "s-1",
            "toolCall": {"toolCallId": "c", **call},
            "options": [
                {"optionId": "a", "name": "Always", "kind": "allow_always"},
                {"optionId": "y", "name": "Yes", "kind": "allow_once"},
                {"optionId": "n", "name": "No", "kind": "reject_once"},
            ],
        }
        return self.hear({"id": number, "method": "session/request_permission", "params": params})

    def stop(self, reason: str, **more: object) -> Step:
        turns = [each for each in self.told if each.get("method") == "session/prompt"]
        return self.hear({"id": turns[-1]["id"], "result": {"stopReason": reason, **more}})

    def end(self, parting: Parting = OK) -> Ended:
        return self.conversation.end(parting)

    @property
    def methods(self) -> list[object]:
        return [document.get("method") for document in self.told]


def chosen(document: Document) -> object:
    """Which option an answer takes."""
    result = document["result"]
    assert isinstance(result, dict)
    outcome = result["outcome"]
    return outcome.get("optionId", outcome["outcome"])
