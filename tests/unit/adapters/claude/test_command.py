"""How Claude Code is started: its words and variables, for every kind of profile."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.claude.command import LAUNCH, arguments_of, environment_of, is_session
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.workers.agents.ports import Assignment
from interlock.workers.models.ports import Access

DOOR = Access(Path("/door"), 8123, "secret-of-this-attempt")
PROFILE = AgentProfile("default", "claude")
SESSION = "00000001-0000-4000-8000-000000000000"


def assigned(profile: AgentProfile = PROFILE, **changes: object) -> Assignment:
    planned = PlannedTask(TaskName("t"), "Title")
    base, minute = CommitId("0" * 40), timedelta(minutes=1)
    given = Assignment(TaskId("R1-t"), planned, 1, base, "Do it", profile, minute, box="bubblewrap")
    return replace(given, **changes)


def mode_of(assignment: Assignment) -> str:
    words = arguments_of(assignment)
    return words[words.index("--permission-mode") + 1]


def refused_by(assignment: Assignment) -> tuple[str, ...]:
    words = arguments_of(assignment)
    return words[words.index("--disallowedTools") + 1 :]


def test_a_box_that_holds_is_the_limit_unless_the_profile_says_more():
    assert mode_of(assigned()) == "bypassPermissions"
    assert mode_of(assigned(box="none")) == "default"
    assert mode_of(assigned(replace(PROFILE, allow=()))) == "default"
    assert mode_of(assigned(replace(PROFILE, deny=("Bash(git push*)",)))) == "default"
    assert mode_of(assigned(read_only=True)) == "default"


def test_what_the_profile_denies_it_is_told_as_well():
    assert "Bash(git push*)" in refused_by(assigned(replace(PROFILE, deny=("Bash(git push*)",))))


def test_a_reader_has_no_tools_that_edit():
    words = arguments_of(assigned(read_only=True))
    tools = words[words.index("--tools") + 1].split(",")
    assert not {"Edit", "NotebookEdit", "Task", "WebFetch"} & set(tools)
    assert "--tools" not in arguments_of(assigned())


def test_no_settings_of_others_count():
    words = arguments_of(assigned())
    assert words[words.index("--setting-sources") + 1] == ""
    assert "--strict-mcp-config" in words


def test_its_model_is_named_where_the_profile_names_one():
    assert "--model" not in arguments_of(assigned())
    words = arguments_of(assigned(replace(PROFILE, model="sonnet")))
    assert words[words.index("--model") + 1] == "sonnet"


def test_its_way_to_models_is_the_door_of_its_attempt():
    found = environment_of(assigned(models=DOOR))
    assert found["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8123/anthropic"
    assert found["ANTHROPIC_API_KEY"] == "secret-of-this-attempt"
    other = environment_of(assigned(replace(PROFILE, provider="house"), models=DOOR))
    assert other["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8123/house"


def test_one_that_logs_in_by_itself_is_given_no_key():
    found = environment_of(assigned(replace(PROFILE, auth="login")))
    assert not [name for name in found if name.startswith("ANTHROPIC")]


def test_the_profile_has_the_last_word_on_variables():
    profile = replace(PROFILE, variables=(("DISABLE_AUTOUPDATER", "0"), ("AT", "{model.url}")))
    found = environment_of(assigned(profile, models=DOOR))
    assert found["DISABLE_AUTOUPDATER"] == "0"
    assert found["AT"] == "http://127.0.0.1:8123/anthropic"


@pytest.mark.parametrize("text", ["", "1/3", "../../etc", f"{SESSION}\n", SESSION.upper() + "X"])
def test_names_of_other_conversations_are_none_of_its(text: str):
    assert is_session(SESSION)
    assert not is_session(text)


@pytest.mark.parametrize("known", [True, False])
async def test_it_is_resumed_where_its_conversation_is_written_down(tmp_path: Path, known: bool):
    said = tmp_path / ".claude" / "projects" / "-workspace" / f"{SESSION}.jsonl"
    said.parent.mkdir(parents=True)
    said.write_text("{}\n" if known else "")
    shell = shutil.which("sh")
    assert shell is not None
    words = ("-c", LAUNCH, "sh", SESSION, "printf", "%s;", "-p", "a b")
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    started = await asyncio.create_subprocess_exec(
        shell, *words, env=env, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await started.communicate()
    resumed = f'{{"type":"interlock.resumed"}}\n-p;a b;--resume;{SESSION};'
    assert said.decode() == (resumed if known else f"-p;a b;--session-id;{SESSION};")
