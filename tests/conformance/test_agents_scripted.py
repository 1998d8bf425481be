"""The scripted agent keeps the contract of agents, and the promises of its script."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.scripted.agent import ScriptedAgent
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import Sandbox
from interlock.testing.conformance.agents import AgentSuite, Play
from interlock.workers.agents.ports import Agent, Assignment

BEGUN = "{write: {path: begun.txt, text: x}}"
PLAYS = {
    Play.EDIT: BEGUN,
    Play.NOTHING: "{say: nothing}",
    Play.FAIL: f"{BEGUN}, {{fail: cannot go on}}",
    Play.CRASH: f"{BEGUN}, {{crash: now}}",
    Play.HANG: f"{BEGUN}, {{hang: for ever}}",
    Play.FLOOD: f"{BEGUN}, {{flood: 100000000}}",
    Play.NONSENSE: f"{BEGUN}, {{run: 'head -c 9000 /dev/urandom; echo; echo {{\\\"type\\\":1}}'}}",
}


@dataclass
class House:
    folder: Path
    sandbox: Sandbox

    def play(self, play: Play) -> tuple[Agent, Assignment]:
        if play is not Play.REFUSED:
            text = f"tasks: {{t: [{{steps: [{PLAYS[play]}]}}]}}"
            (self.folder / "script.yaml").write_text(text)
        script = "" if play is Play.REFUSED else "script.yaml"
        assignment = Assignment(
            TaskId("R1-t"),
            PlannedTask(TaskName("t"), "Title"),
            1,
            CommitId("0" * 40),
            "Do it",
            AgentProfile("default", "scripted", script=script),
            timedelta(minutes=1),
            folder=self.folder,
        )
        return ScriptedAgent(), assignment


class TestScripted(AgentSuite):
    @pytest.fixture
    def house(self, tmp_path: Path) -> House:
        return House(tmp_path, BubblewrapSandbox())

    def test_it_says_that_it_is_simulated(self):
        assert ScriptedAgent().simulated
