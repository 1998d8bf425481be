"""Every attempt of every agent goes through the one gateway: nobody else can start one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.house import HOUSE

AGENTS = "interlock.workers.agents.ports"
GATEWAY = frozenset({"interlock.workers.attempt", "interlock.workers.service"})
"""The gateway, and the steps of one attempt that it takes."""

KNOWS_AGENTS = GATEWAY | {"interlock.workers.telling", "interlock.workers.tools"}
"""One reads from an agent whether it is simulated, one hands agents to the gateway."""

ADAPTERS_OF_AGENTS = frozenset({"command", "scripted", "claude", "codex", "acp"})


def imports_of(text: str) -> Iterator[tuple[str, str]]:
    """Every (module, name) that the text imports; of a plain import the name is empty."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def starts_agents(name: str, text: str) -> bool:
    """It knows the port of agents or one of their adapters, and is neither of those itself."""
    for module, imported in imports_of(text):
        if module == AGENTS and imported in {"Agent", ""}:
            return True
        parts = module.split(".")
        if (
            parts[:2] == ["interlock", "adapters"]
            and (set(parts[2:3]) | {imported} if len(parts) == 2 else set(parts[2:3]))
            & ADAPTERS_OF_AGENTS
        ):
            return not name.startswith(".".join(parts[:3]))
    return False


def in_service(name: str) -> bool:
    """Tests of agents may start them, and bootstrap hands them over."""
    return not name.startswith(("interlock.testing", "interlock.bootstrap"))


def test_no_other_module_can_start_an_agent():
    texts = {name: path.read_text() for name, path in HOUSE.modules().items() if in_service(name)}
    assert set(texts) >= GATEWAY
    found = {name for name, text in texts.items() if starts_agents(name, text)}
    assert found
    assert found <= KNOWS_AGENTS


def test_only_the_gateway_takes_an_attempt_by_its_hand():
    users = {
        name
        for name, path in HOUSE.modules().items()
        if in_service(name)
        for module, imported in imports_of(path.read_text())
        if module == "interlock.workers.attempt" and imported in {"Attempt", ""}
    }
    assert users == {"interlock.workers.service"}


def test_agents_are_started_in_one_place():
    texts = {name: HOUSE.modules()[name].read_text() for name in KNOWS_AGENTS}
    calls = {name: text.count("agent.start(") for name, text in texts.items()}
    assert {name for name, count in calls.items() if count} == {"interlock.workers.attempt"}
    assert sum(calls.values()) == 1


@pytest.mark.parametrize(
    "planted",
    [
        "from interlock.workers.agents.ports import Agent",
        "import interlock.workers.agents.ports",
        "from interlock.adapters.command.agent import CommandAgent",
        "from interlock.adapters import scripted",
        "def late():\n    from interlock.adapters.scripted.agent import ScriptedAgent\n",
    ],
)
def test_the_rule_bites(planted: str):
    assert starts_agents("interlock.flows.task.acts", planted)


def test_the_rule_leaves_others_alone():
    assert not starts_agents("interlock.flows", "from interlock.adapters.git.trees import GitTrees")
    own = Path(HOUSE.modules()["interlock.adapters.command.agent"]).read_text()
    assert not starts_agents("interlock.adapters.command.agent", own)
