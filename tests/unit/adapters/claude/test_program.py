"""Claude Code is found where it is, and one that is not there is a sentence with its mend."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.claude.program import CLAUDE
from interlock.workers.agents import clients
from interlock.workers.agents.ports import AgentRefused


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "claude"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "9.9.9 (Claude Code)"\n')
    path.chmod(0o755)
    return path


def test_the_profile_goes_before_the_path_and_the_path_before_the_bundle(claude: Path):
    path = str(claude.parent)
    assert CLAUDE.locate((), path) == (str(claude),)
    assert CLAUDE.locate(("claude", "--debug"), path) == (str(claude), "--debug")
    assert CLAUDE.locate(("/opt/other/claude",), path) == ("/opt/other/claude",)


def test_the_bundled_one_is_found_without_a_path(tmp_path: Path):
    (found,) = CLAUDE.locate((), str(tmp_path))
    assert Path(found).is_file()


def test_without_any_the_sentence_says_how_to_install_it(tmp_path: Path):
    nowhere = replace(CLAUDE, bundle="no_such_package")
    with pytest.raises(AgentRefused, match=r"npm install -g @anthropic-ai/claude-code"):
        nowhere.locate((), str(tmp_path))


async def test_it_says_which_one_it_is(claude: Path):
    assert await CLAUDE.version((str(claude),)) == "9.9.9 (Claude Code)"


async def test_one_that_cannot_be_run_says_why(tmp_path: Path, claude: Path):
    with pytest.raises(AgentRefused, match="cannot be run: No such file"):
        await CLAUDE.version((str(tmp_path / "none"),))
    with pytest.raises(AgentRefused, match="exit code 1"):
        await CLAUDE.version((str(claude), "--debug"))


async def test_one_that_never_answers_is_left(claude: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clients, "VERSION_SECONDS_MAX", 0.05)
    claude.write_text("#!/bin/sh\nexec sleep 600\n")
    with pytest.raises(AgentRefused, match="did not answer"):
        await CLAUDE.version((str(claude),))
