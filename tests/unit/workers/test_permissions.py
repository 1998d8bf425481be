"""What settings answer by themselves, and what goes to a person."""

import pytest

from interlock.domain.settings import AgentProfile
from interlock.workers.agents.permissions import rule_for
from interlock.workers.agents.ports import Wanted


def profile(allow: tuple[str, ...] | None = None, deny: tuple[str, ...] = ()) -> AgentProfile:
    return AgentProfile("default", "claude", allow=allow, deny=deny)


def bash(command: str) -> Wanted:
    return Wanted("q", "May it?", "Bash", detail=command)


def test_in_a_box_that_holds_everything_is_allowed_and_without_one_everything_is_asked():
    assert rule_for(profile(), "bubblewrap", bash("make")) == "allow"
    assert rule_for(profile(), "none", bash("make")) == ""


@pytest.mark.parametrize(
    ("allow", "command", "answer"),
    [
        (("Bash",), "rm -rf /", "allow"),
        (("Bash(git *)",), "git status", "allow"),
        (("Bash(git *)",), "make", ""),
        (("Bash(git *)",), "git status && make", ""),
        (("Bash(git *)",), "git log $(make)", ""),
        (("Bash(git *)",), "git log\nmake", ""),
        (("Bash(git * | head)",), "git log | head", "allow"),
        (("Edit", "Mcp*"), "make", ""),
        (("*",), "make", "allow"),
        ((), "make", ""),
    ],
)
def test_what_is_allowed(allow: tuple[str, ...], command: str, answer: str):
    assert rule_for(profile(allow), "bubblewrap", bash(command)) == answer


def test_what_is_denied_goes_first_however_it_is_wrapped():
    denied = profile(("*",), ("Bash(*git push*)",))
    for command in ("git push", "cd x && git push origin main"):
        assert rule_for(denied, "bubblewrap", bash(command)).startswith("deny: ")
    assert rule_for(denied, "bubblewrap", bash("git pull")) == "allow"


def test_what_is_denied_is_found_in_a_chain_and_among_several_paths():
    denied = profile(("*",), ("Bash(git push*)", "Edit(.env*)"))
    for command in ("cd x && git push", "true;git push -f", "echo $(git push)", "ls | git push"):
        assert rule_for(denied, "bubblewrap", bash(command)).startswith("deny: ")
    edit = Wanted("q", "May it?", "Edit", detail="a.py\n.env.local")
    assert rule_for(denied, "bubblewrap", edit).startswith("deny: ")


def test_a_question_that_is_no_permission_is_a_person_s():
    assert rule_for(profile(("*",)), "bubblewrap", Wanted("q", "Which database?")) == ""


@pytest.mark.parametrize(
    ("allow", "tool", "path", "answer"),
    [
        ("Edit", "Edit", "src/a.py", "allow"),
        ("Edit", "Edit", "/outbox/plan.yaml", "allow"),
        ("Edit", "Edit", "/home/agent/.codex/config.toml", ""),
        ("Edit", "Edit", "/outbox/../home/agent/.bashrc", ""),
        ("Edit", "Edit", "../home/agent/.bashrc", ""),
        ("Edit", "Edit", "~/.bashrc", ""),
        ("Edit", "Edit", "a.py\n/etc/x", ""),
        ("*Edit", "MultiEdit", "/etc/x", ""),
        ("Write", "Write", "/etc/x", ""),
        ("Edit(/etc/*)", "Edit", "/etc/x", "allow"),
        ("*", "Edit", "/etc/x", "allow"),
        ("Read", "Read", "/etc/x", "allow"),
    ],
)
def test_a_tool_for_files_is_allowed_for_the_work_unless_a_rule_names_more(
    allow: str, tool: str, path: str, answer: str
):
    wanted = Wanted("q", "May it?", tool, detail=path)
    assert rule_for(profile((allow,)), "bubblewrap", wanted) == answer
