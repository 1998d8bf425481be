"""How Codex is started."""

import subprocess  # noqa: TID251 - the launcher is a program of the shell
import tomllib
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from interlock.adapters.codex.command import (
    KEY,
    approvals,
    arguments_of,
    environment_of,
    launched,
)
from interlock.adapters.codex.program import CODEX
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.workers.agents.ports import AgentRefused, Assignment
from interlock.workers.models.ports import Access

DOOR = Access(Path("/run/door.sock"), 4000, "s3cret")
PROFILE = AgentProfile("default", "codex")
TASK = Assignment(
    TaskId("R1-t"),
    PlannedTask(TaskName("t"), "Title"),
    1,
    CommitId("0" * 40),
    "Mend it.",
    PROFILE,
    timedelta(minutes=1),
    models=DOOR,
    box="bubblewrap",
)


def switches(assignment: Assignment) -> dict[str, object]:
    """As Codex reads them: `name=value`, the value in TOML."""
    words = arguments_of(assignment)
    assert words[0] == "app-server"
    assert set(words[1::2]) == {"-c"}
    pairs = (word.split("=", 1) for word in words[2::2])
    return {name: tomllib.loads(f"it = {value}")["it"] for name, value in pairs}


def test_its_models_are_behind_the_door_of_this_attempt():
    known = switches(TASK)
    assert known["model_provider"] == "interlock"
    assert known["model_providers.interlock.base_url"] == "http://127.0.0.1:4000/openai"
    assert known["model_providers.interlock.env_key"] == KEY
    assert known["shell_environment_policy.exclude"] == [KEY]
    assert environment_of(TASK)[KEY] == "s3cret"
    assert not any("s3cret" in word for word in arguments_of(TASK))


def test_the_profile_names_model_and_provider():
    profile = replace(PROFILE, model="some-model", provider="local")
    known = switches(replace(TASK, profile=profile))
    assert known["model"] == "some-model"
    assert known["model_providers.interlock.base_url"] == "http://127.0.0.1:4000/local"
    assert "model" not in switches(TASK)


def test_a_log_in_of_its_own_needs_no_door():
    alone = replace(TASK, models=None, profile=replace(PROFILE, auth="login"))
    assert "model_provider" not in switches(alone)
    assert KEY not in environment_of(alone)
    with pytest.raises(AgentRefused, match=r"auth = \"login\" under \[agents.default\]"):
        arguments_of(replace(TASK, models=None))


@given(st.text(max_size=30))
def test_any_name_of_a_model_is_only_a_name(model: str):
    profile = replace(PROFILE, model=model)
    assert switches(replace(TASK, profile=profile)).get("model", "") == model


@pytest.mark.parametrize(
    ("changed", "policy"),
    [
        ({}, "never"),
        ({"box": "none"}, "untrusted"),
        ({"read_only": True}, "untrusted"),
        ({"profile": replace(PROFILE, allow=())}, "untrusted"),
        ({"profile": replace(PROFILE, deny=("Bash(git push*)",))}, "untrusted"),
    ],
)
def test_it_asks_where_somebody_has_to_look(changed: dict[str, object], policy: str):
    assert approvals(replace(TASK, **changed)) == policy


# --- where it lies -------------------------------------------------------------------------------


def fake(folder: Path, text: str) -> Path:
    path = folder / "codex"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_profile_goes_before_the_path_and_that_before_the_bundle(tmp_path: Path):
    path = fake(tmp_path, "true")
    assert CODEX.locate(("my-codex", "--x"), str(tmp_path)) == ("my-codex", "--x")
    assert CODEX.locate(("codex", "--x"), str(tmp_path)) == (str(path), "--x")
    assert CODEX.locate((), str(tmp_path)) == (str(path),)
    (bundled,) = CODEX.locate((), "/nowhere")
    assert Path(bundled).is_file()


def test_a_missing_one_is_a_sentence_with_the_command_that_installs_it():
    with pytest.raises(AgentRefused) as refused:
        replace(CODEX, bundle="no_such_package").locate((), "/nowhere")
    assert CODEX.install in str(refused.value)


async def test_the_bundled_one_answers():
    assert (await CODEX.version(CODEX.locate((), "/nowhere"))).startswith("codex")


# --- what an attempt before has left --------------------------------------------------------------


def left_in(home: Path, assignment: Assignment, command: tuple[str, ...] = ("true",)) -> list[str]:
    """What the launcher leaves for Codex, under its home."""
    (home / ".codex").mkdir(parents=True, exist_ok=True)
    words = launched(assignment, command)
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    subprocess.run(words, env=env, check=True)
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def plant(home: Path) -> None:
    names = (
        "config.toml rules/default.rules hooks.json skills/a/SKILL.md .hidden ..odd AGENTS.md "
        "auth.json sessions/2026/said.jsonl sp*ce\\ d"
    )
    for name in names.split():
        path = home / ".codex" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (home / ".codex" / "state").symlink_to(home)
    (home / ".codex" / "rules").chmod(0o500)
    (home / ".agents").mkdir()


SAID = [".codex", ".codex/sessions", ".codex/sessions/2026", ".codex/sessions/2026/said.jsonl"]


def test_only_what_was_said_is_left_to_the_next_attempt(tmp_path: Path):
    plant(tmp_path)
    assert left_in(tmp_path, TASK) == SAID


def test_a_log_in_that_was_lent_stays(tmp_path: Path):
    plant(tmp_path)
    alone = replace(TASK, models=None, profile=replace(PROFILE, auth="login"))
    assert left_in(tmp_path, alone) == sorted([*SAID, ".codex/auth.json"])


def test_no_link_leads_the_tidying_elsewhere(tmp_path: Path):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    plant(elsewhere)
    home.mkdir()
    (home / ".codex").symlink_to(elsewhere / ".codex")
    (home / ".agents").symlink_to(elsewhere / ".agents")
    before = sorted(elsewhere.rglob("*"))
    assert left_in(home, TASK) == []
    assert sorted(elsewhere.rglob("*")) == before


@pytest.mark.parametrize("name", ["HOME", "CODEX_HOME"])
def test_its_home_is_the_task_s_and_no_other(name: str):
    profile = replace(PROFILE, variables=((name, "/home/other"),))
    with pytest.raises(AgentRefused, match=f"take {name} out"):
        environment_of(replace(TASK, profile=profile))
