"""Which changes wait for a person: those to what rules the runs themselves."""

import pytest

from interlock.domain.settings import AgentProfile, GateSettings, PrepareSettings, Settings
from interlock.merging.holding import NAMED_MAX, programs_of, why_held

SETTINGS = Settings(
    gates=(
        GateSettings("tests", "python -m pytest -q --junitxml={report} tests/test_a.py", "junit"),
        GateSettings("lint", "cd . && python tools/lint.py src", "exit-code"),
        GateSettings("build", "CI=1 make all", "exit-code"),
    ),
    agents=(
        AgentProfile("actor", "scripted", script="agents/play.yaml"),
        AgentProfile("patcher", "command", run=("python", "./tools/apply.py", "{task.id}")),
    ),
    prepare=PrepareSettings("sh tools/prepare.sh", ("requirements.txt",), (".venv",)),
)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("interlock.toml", "the settings"),
        ("Interlock.TOML", "the settings"),
        (".interlock/policies/who.toml", "a policy"),
        (".interlock/policies/deep/who.toml", "a policy"),
        ("tools/lint.py", "gate lint runs it"),
        ("Makefile", "gate build runs it"),
        ("agents/play.yaml", "the script of agent actor"),
        ("tools/apply.py", "agent patcher runs it"),
        ("tools/prepare.sh", "prepare runs it"),
    ],
)
def test_it_is_held_and_says_why(path: str, why: str) -> None:
    assert f"{path} ({why})" in why_held(["a.py", path], SETTINGS)


@pytest.mark.parametrize(
    "path",
    [
        "src/a.py", "tests/test_a.py", "requirements.txt", "docs/interlock.toml", "src",
        ".interlock/other.toml", "tools/lint.pyc",
    ],
)  # fmt: skip
def test_it_is_not_held(path: str) -> None:
    assert why_held([path], SETTINGS) == ""


def test_without_settings_of_its_own_the_settings_file_is_held_all_the_same() -> None:
    assert "interlock.toml" in why_held(["interlock.toml"], Settings())


def test_many_are_counted_and_escapes_in_names_are_taken_out() -> None:
    paths = [f".interlock/policies/{number:02}\x1b[31m" for number in range(NAMED_MAX + 3)]
    sentence = why_held(paths, SETTINGS)
    assert "and 3 more" in sentence
    assert "\x1b" not in sentence


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("./check.sh", ["./check.sh"]),
        ("check.sh | tee log", ["check.sh", "tee"]),
        ("python3.11 -X dev tools/a.py x.py", ["python3.11", "tools/a.py"]),
        ("python -m tools.check a.py", ["python", "tools/check.py", "tools/check/__main__.py"]),
        ("python -c 'print(1)' a.py", ["python"]),
        ("env A=1 timeout 60 uv run tools/x.py", ["tools/x.py"]),
        ("timeout 5 ./a.sh", ["./a.sh"]),
        ("(cd sub; bash b.sh)\nsh c.sh", ["cd", "bash", "b.sh", "sh", "c.sh"]),
        ("tox -e py", ["tox", "tox.ini"]),
        ("sh 'unfinished", ["sh", "'unfinished"]),
        ("", []),
    ],
)
def test_the_programs_of_a_command(command: str, files: list[str]) -> None:
    found = [name for name in programs_of(command) if name not in ("-X", "dev")]
    assert found == files
