"""Which files an agent may leave to us, by their names alone."""

import pytest
from msgspec.structs import replace

from interlock.adapters.acp.files import Errand, lies_in
from interlock.workers.agents.json_lines import text_in
from interlock.workers.agents.ports import Assignment
from tests.unit.adapters.acp.talks import TASK, Talk


@pytest.mark.parametrize(
    ("path", "lies"),
    [
        ("/workspace", True),
        ("/workspace/a/b", True),
        ("/workspace/a/../b", True),
        ("/workspace/../etc/passwd", False),
        ("/workspaces/a", False),
        ("workspace/a", False),
        ("/", False),
        ("", False),
        ("/workspace/\0", False),
    ],
)
def test_a_path_lies_in_the_workspace_or_not(path: str, lies: bool):
    assert lies_in(path, "/workspace") is lies


def allowing(*rules: str, deny: tuple[str, ...] = ()) -> Assignment:
    return replace(TASK, profile=replace(TASK.profile, allow=rules, deny=deny))


def wish(talk: Talk, what: str, **params: object) -> None:
    talk.hear({"id": 9, "method": f"fs/{what}_text_file", "params": {"sessionId": "s-1", **params}})


def test_a_file_is_an_errand_given_out_once():
    talk = Talk(allowing("Read", "Edit")).opened()
    wish(talk, "read", path="/workspace/a", line=3, limit=2)
    wish(talk, "write", path="/workspace/b", content="x")
    wish(talk, "write", path="/outbox/c", content="")
    assert talk.conversation.errands() == (
        Errand(9, "/workspace/a", None, 3, 2),
        Errand(9, "/workspace/b", "x"),
        Errand(9, "/outbox/c", ""),
    )
    assert talk.conversation.errands() == ()


@pytest.mark.parametrize(
    ("what", "path"),
    [("read", "/etc/passwd"), ("write", "/workspace/../etc/x"), ("write", "/workspace/a")],
)
def test_what_lies_outside_or_may_not_change_is_refused_politely(what: str, path: str):
    talk = Talk(replace(TASK, read_only=True)).opened()
    wish(talk, what, path=path, content="x")
    assert talk.conversation.errands() == ()
    refused = text_in(talk.told[-1], "error", "message")
    assert "outside" in refused or "read-only" in refused


@pytest.mark.parametrize(
    ("task", "what", "path", "granted"),
    [
        (allowing("Edit(src/*)"), "write", "/workspace/src/a", True),
        (allowing("Edit(src/*)"), "write", "/workspace/src/../a", False),
        (allowing("Edit(src/*)"), "read", "/workspace/src/a", False),
        (allowing("*", deny=("Edit(.env)",)), "write", "/workspace/.env", False),
        (allowing("*", deny=("Edit(.env)",)), "read", "/workspace/.env", True),
        (allowing("*", deny=("Edit",)), "write", "/outbox/plan.yaml", False),
        (allowing(), "write", "/outbox/plan.yaml", True),
        (replace(allowing(), read_only=True), "write", "/outbox/plan.yaml", True),
        (replace(TASK, profile=replace(TASK.profile, allow=None)), "write", "/workspace/a", True),
    ],
)
def test_what_the_settings_do_not_allow_is_refused_politely(
    task: Assignment, what: str, path: str, granted: bool
):
    talk = Talk(task).opened()
    wish(talk, what, path=path, content="x")
    assert len(talk.conversation.errands()) == granted
    if not granted:
        assert "allow" in text_in(talk.told[-1], "error", "message")
