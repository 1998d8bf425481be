"""From what a repository shows to settings: what is proposed, and that our own parser takes it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config import parse_settings
from interlock.control.looking import (
    AGENTS,
    LANGUAGES,
    PYTHONS,
    RUNNERS,
    TEXTS,
    VENV_PYTHON,
    Findings,
    Sight,
    look,
    wanted,
)
from interlock.control.proposal import settings_text
from interlock.domain.settings import BOXES, Settings


def seen(*files: str, programs: tuple[str, ...] = (), **texts: str) -> Sight:
    named = {name.replace("__", "."): text for name, text in texts.items()}
    return Sight((*files, *named), named, frozenset(programs))


def chosen(sight: Sight) -> list[tuple[str, str, str]]:
    return [(gate.name, gate.run, gate.reads) for gate in look(sight).gates]


def written(findings: Findings) -> Settings:
    return parse_settings(settings_text(findings, "bubblewrap").encode(), "interlock.toml")


PYTEST = "{} -m pytest -q --junitxml={{report}}"
VERSION = ("-m", "pytest", "--version")


# --- Python ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sight",
    [
        seen("tests/conftest.py"),
        seen("pytest.ini"),
        seen(pyproject__toml="[tool.pytest.ini_options]"),
        msgspec.structs.replace(
            seen("requirements-dev.txt"), texts={"requirements-dev.txt": "pytest>=8"}
        ),
        Sight(("tests/test_a.py",), {"tests/test_a.py": "import os\n\ndef test_a(): ..."}),
    ],
)
def test_pytest_is_known_by_any_of_its_signs(sight: Sight):
    assert chosen(sight) == [("tests", PYTEST.format("python3"), "junit")]


def test_the_python_that_really_starts_pytest_in_a_box_is_taken():
    sight = seen("conftest.py", programs=("python", "python3"))
    assert wanted(sight) == (("python", *VERSION), ("python3", *VERSION))
    (gate,) = look(msgspec.structs.replace(sight, works={("python3", *VERSION)})).gates
    assert (gate.run, gate.doubt) == (PYTEST.format("python3"), "")
    (gate,) = look(sight).gates
    assert gate.run == PYTEST.format("python")
    assert "did not start inside a box" in gate.doubt


def test_the_environment_of_the_project_is_used_where_it_can_be_built_again():
    sight = seen("conftest.py", VENV_PYTHON, "requirements.txt", programs=("python3",))
    assert wanted(sight) == ()
    found = look(sight)
    assert found.gates[0].run == PYTEST.format(VENV_PYTHON)
    settings = written(found)
    assert settings.prepare is not None
    assert settings.prepare.files == ("requirements.txt",)
    assert settings.prepare.keeps == (".venv",)
    assert settings.prepare.run == (
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt pytest"
    )

    nothing_to_build_from = seen("conftest.py", VENV_PYTHON, programs=("python3",))
    found = look(nothing_to_build_from)
    assert found.gates[0].run == PYTEST.format("python3")
    assert found.build is None


def test_what_could_be_prepared_is_only_a_suggestion_where_no_gate_needs_it():
    found = look(seen("conftest.py", "pyproject.toml", programs=("python3",)))
    text = settings_text(found, "bubblewrap")
    assert "\n# [prepare]\n" in text
    assert ".venv/bin/pip install -e . pytest" in text
    assert written(found).prepare is None


def test_tests_with_unittest_are_found_where_they_are():
    case = "import unittest\nclass T(unittest.TestCase): ..."
    apart = Sight(("shop/a.py", "tests/test_a.py"), {"tests/test_a.py": case})
    assert chosen(apart) == [("tests", "python3 -m unittest discover -s tests", "exit-code")]
    beside = Sight(("test_a.py",), {"test_a.py": case})
    assert chosen(beside) == [("tests", "python3 -m unittest discover", "exit-code")]


# --- others ---------------------------------------------------------------------------------------


def package(script: str, **needs: str) -> str:
    return json.dumps({"scripts": {"test": script}, "devDependencies": needs})


@pytest.mark.parametrize(
    ("lock", "tool"),
    [("package-lock.json", "npm"), ("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")],
)
def test_a_test_script_is_started_with_the_tool_of_its_lock_file(lock: str, tool: str):
    sight = seen(lock, package__json=package("node --test"))
    assert chosen(sight) == [("tests", f"{tool} test", "exit-code")]
    build = look(sight).build
    assert build is not None
    assert (build.files, build.keeps) == (("package.json", lock), "node_modules")


def test_junit_is_asked_for_only_where_a_reporter_is_set_up():
    with_reporter = seen(package__json=package("jest", **{"jest-junit": "16"}))
    assert chosen(with_reporter) == [
        (
            "tests",
            "JEST_JUNIT_OUTPUT_FILE={report} npm test -- "
            "--ci --reporters=default --reporters=jest-junit",
            "junit",
        )
    ]
    assert chosen(seen(package__json=package("jest"))) == [("tests", "npm test", "exit-code")]
    plain = package("vitest run")
    assert chosen(seen(package__json=plain)) == [("tests", "npm test", "exit-code")]
    ((_, run, reads),) = chosen(
        seen(package__json=plain, vitest__config__ts="reporters: ['junit']")
    )
    assert (reads, "{report}" in run) == ("junit", True)


@pytest.mark.parametrize(
    "text",
    [
        package('echo "Error: no test specified" && exit 1'),
        "{}",
        "[]",
        "no json",
        "[" * 100_000,
        '{"scripts": 3}',
    ],
)
def test_a_package_without_tests_proposes_none(text: str):
    assert chosen(seen(package__json=text)) == []


def test_go_rust_and_make():
    assert chosen(seen("go.mod")) == [("tests", "go test ./...", "exit-code")]
    assert chosen(seen("go.mod", programs=("gotestsum",))) == [
        ("tests", "gotestsum --junitfile {report} ./...", "junit")
    ]
    assert chosen(seen("Cargo.toml")) == [("tests", "cargo test", "exit-code")]
    assert chosen(seen(Makefile="all:\n\ttrue\ntest: all\n\ttrue\n")) == [
        ("tests", "make test", "exit-code")
    ]
    assert chosen(seen(Makefile="test := 3\ntested:\n")) == []


def test_each_language_has_a_gate_of_its_own_and_make_is_only_for_others():
    sight = seen("conftest.py", "go.mod", Makefile="test:\n\tpytest\n")
    assert [name for name, _, _ in chosen(sight)] == ["tests", "tests-go"]


def test_languages_come_in_the_order_of_their_use():
    assert look(seen("a.py", "b.py", "c.go", "README")).languages == ("Python", "Go")


# --- agents, and the text -------------------------------------------------------------------------


def test_the_first_agent_found_is_the_default_and_the_others_keep_their_names():
    settings = written(look(seen(programs=("codex", "claude"))))
    assert settings.agent_names == ("codex", "default")
    default = settings.agent("default")
    assert default is not None
    assert (default.backend, default.run, default.env) == ("claude", (), ())


def test_an_agent_of_the_client_protocol_is_told_where_its_models_are():
    settings = written(look(seen(programs=("qwen",))))
    default = settings.agent("default")
    assert default is not None
    assert (default.backend, default.run[0]) == ("acp", "qwen")
    assert dict(default.variables)["OPENAI_API_KEY"] == "{model.key}"


def test_without_an_agent_an_example_stands_in_a_comment():
    found = look(seen())
    assert written(found).agents is None
    text = settings_text(found, None)
    example = text[text.index("# [agents.default]") :].split("\n\n")[0].replace("# ", "")
    assert parse_settings(example.encode(), "x.toml").agents


FILES = [
    *TEXTS, VENV_PYTHON, "requirements.txt", "tests/test_a.py", "conftest.py", "go.mod",
    "Cargo.toml", "package-lock.json", *(f"a{suffix}" for suffix in LANGUAGES),
]  # fmt: skip


@given(
    st.lists(st.sampled_from(FILES), unique=True),
    st.sets(st.sampled_from([*AGENTS, *PYTHONS, *RUNNERS])),
    st.sampled_from(["", "pytest", "import unittest", "test:\n", package("jest"), "\0\ud7ff"]),
    st.sampled_from([*BOXES, None]),
)
def test_whatever_is_found_our_own_parser_takes_what_is_written(
    files: list[str], programs: set[str], text: str, box: str | None
):
    sight = Sight(tuple(files), dict.fromkeys(files, text), frozenset(programs))
    found = look(sight)
    settings = parse_settings(settings_text(found, box).encode(), "interlock.toml")
    assert settings.sandbox.minimum == box
    assert sorted(settings.gate_names or ()) == sorted(gate.name for gate in found.gates)
    assert len(settings.agents or ()) == len(found.agents)
    assert settings.unused == ()
