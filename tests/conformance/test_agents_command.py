"""The command agent keeps the contract of agents."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.command.agent import CommandAgent
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import Sandbox
from interlock.testing.conformance.agents import SLEEP_SECONDS, AgentSuite, Play, place_in
from interlock.workers.agents.ports import Agent, AgentRefused, Assignment, Ended
from interlock.workers.models.ports import Access

BEGIN = "echo x > begun.txt"
HANG = f"setsid sleep {SLEEP_SECONDS} & {BEGIN}; sleep {SLEEP_SECONDS}"
PLAYS = {
    Play.EDIT: BEGIN,
    Play.NOTHING: "true",
    Play.FAIL: f"{BEGIN}; echo cannot go on >&2; exit 3",
    Play.CRASH: f"{BEGIN}; printf 'half a wo'; kill -9 $$",
    Play.HANG: HANG,
    Play.FLOOD: f"{BEGIN}; head -c 100000000 /dev/zero",
    Play.NONSENSE: f"{BEGIN}; head -c 9000 /dev/urandom; printf '\\0\\377{{\"type\":'",
}


def assignment(run: tuple[str, ...], prompt: str = "Do it", title: str = "Title") -> Assignment:
    return Assignment(
        TaskId("R1-t"),
        PlannedTask(TaskName("t"), title),
        2,
        CommitId("0" * 40),
        prompt,
        AgentProfile("default", "command", run=run),
        timedelta(minutes=1),
    )


@dataclass
class House:
    folder: Path
    sandbox: Sandbox

    def play(self, play: Play) -> tuple[Agent, Assignment]:
        run = () if play is Play.REFUSED else ("/bin/sh", "-c", PLAYS[play])
        return CommandAgent(), assignment(run)


class TestCommand(AgentSuite):
    @pytest.fixture
    def house(self, tmp_path: Path) -> House:
        return House(tmp_path, BubblewrapSandbox())

    async def test_its_words_are_filled_in_once(self, house: House):
        said = ("/bin/sh", "-c", 'printf "%s\\n" "$@" > begun.txt', "sh")
        run = (*said, "{task.id}", "a-{attempt}-{task.title}", "{unknown}")
        await self.ends_of(house, assignment(run, title="{task.id} $(id)"))
        text = (house.folder / "workspace" / "begun.txt").read_text()
        assert text == "t\na-2-{task.id} $(id)\n{unknown}\n"

    async def test_its_variables_and_words_name_its_way_to_models(self, house: House):
        run = ("/bin/sh", "-c", 'echo "$URL $KEY $1" > begun.txt', "sh", "{model}-{task.id}")
        names = (("URL", "{model.url}"), ("KEY", "{model.key}"))
        told = assignment(run)
        profile = replace(told.profile, provider="local", model="m-1", variables=names)
        access = Access(house.folder / "door", 8080, "s3cret")
        await self.ends_of(house, replace(told, profile=profile, models=access))
        text = (house.folder / "workspace" / "begun.txt").read_text()
        assert text == "http://127.0.0.1:8080/local s3cret m-1-t\n"

    async def test_a_way_to_models_that_it_has_not_is_a_sentence(self, house: House):
        with pytest.raises(AgentRefused, match="set provider"):
            await self.ends_of(house, assignment(("true", "{model.url}")))

    async def test_a_prompt_that_nobody_reads_blocks_nobody(self, house: House):
        end = await self.ends_of(house, assignment(("true",), prompt="x" * 5_000_000))
        assert not end.failed

    async def test_the_whole_prompt_is_on_standard_input(self, house: House):
        run = ("/bin/sh", "-c", "wc -c > begun.txt")
        await self.ends_of(house, assignment(run, prompt="x" * 3_000_000))
        text = (house.folder / "workspace" / "begun.txt").read_text()
        assert int(text) == 3_000_000

    async def test_a_missing_program_is_nobodys_failure(self, house: House):
        end = await self.ends_of(house, assignment(("no-such-agent",)))
        assert "no-such-agent" in end.broken

    async def ends_of(self, house: House, what: Assignment) -> Ended:
        async with CommandAgent().start(what, place_in(house)) as turn:
            events = [event async for event in turn.events()]
        assert isinstance(events[-1], Ended)
        return events[-1]
