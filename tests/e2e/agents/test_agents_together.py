"""Four agents at once: two driven in their own words, two by the open protocol."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.domain.settings import AgentProfile
from interlock.testing.models import Shell, Step, Tokens, Write
from tests.conformance.acp_clients import claude_profile, qwen_profile
from tests.e2e.agents.stage import costs, profile, studio, table_of, task, told_of
from tools.test_clients import clients

# The first test that needs them installs the two agents of the protocol.
pytestmark = [pytest.mark.loopback, pytest.mark.timeout(600)]

FOUR = ["claude", "codex", "claude-acp", "qwen"]


def steps_of(number: int, go: Path) -> tuple[Step, ...]:
    """Each waits in its box until all are there, and uses an amount of its own."""
    waits = Shell(f"until test -e '{go}'; do sleep 0.1; done")
    used = Tokens(1000 + number, 100 * number, 10 * number, 50 + number, number)
    return (
        Step(do=(waits,), tokens=used),
        Step(do=(Write(f"new{number}.txt", f"by {number}\n"), Shell("ls")), tokens=used),
        Step("Done.", tokens=used),
    )


def below_the_version(agent: AgentProfile) -> AgentProfile:
    """The gateway's address stands for the provider's, which ends in its version already."""
    url = ("OPENAI_BASE_URL", "{model.url}")
    variables = (url if each[0] == url[0] else each for each in agent.variables)
    return replace(agent, variables=tuple(variables))


async def test_four_agents_work_at_once_and_everybody_pays_for_themselves(tmp_path: Path):
    installed = await asyncio.to_thread(clients)
    agents = (
        profile("claude")
        + profile("codex")
        + table_of("claude-acp", claude_profile(installed))
        + table_of("qwen", below_the_version(qwen_profile(installed)))
    )
    go = tmp_path / "e" / "signals" / "go"
    scripts = {name: steps_of(number, go) for number, name in enumerate(FOUR)}
    async with studio(tmp_path / "e", scripts, agents) as shop:
        plan = shop.place.plan(*(task(name, name) for name in FOUR))
        running = shop.begin("run", "--json", plan)
        for name in FOUR:
            await shop.models.reached(name, 0)
        go.touch()
        said = await shop.end(running)

        assert said.code == 0, said.err + said.out
        assert said.states == dict.fromkeys(FOUR, "done")
        for number, name in enumerate(FOUR):
            assert shop.place.shown(f"new{number}.txt") == f"by {number}"
            usage, told = said.task(name)["usage"], shop.models.told(name)
            # Beside its script a client may have asked for a title, which is paid as well.
            scripted = sum(each.script == name for each in shop.models.exchanges)
            beside = usage["requests"] - scripted
            assert beside >= 0
            expected = told + Tokens(20 * beside, 0, 0, 5 * beside)
            assert told_of(usage) == expected
            assert said.task(name)["cost_usd"] == pytest.approx(costs(expected))
        used = [told_of(said.task(name)["usage"]) for name in FOUR]
        assert sum(used, Tokens()) == shop.models.told()
        asked = {each.path for each in shop.models.exchanges if each.protocol}
        assert asked == {"/v1/messages", "/v1/responses", "/v1/chat/completions"}
        await shop.clean()
