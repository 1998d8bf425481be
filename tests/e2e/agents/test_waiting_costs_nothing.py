"""A plane that waits calls no model: nobody thinks, nobody polls, nobody pays."""

import asyncio
from pathlib import Path

import pytest

from interlock.domain.facts.task import TaskMadeReady
from interlock.testing.models import Step, Write
from tests.e2e.agents.stage import profile, studio, task
from tests.e2e.run_stage import of

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120)]

BY_HAND = "[agents.maria]\nbackend = 'human'\n"
SCRIPTS = {"mend": (Step(do=(Write("new.txt", "new\n"),)), Step("Done."))}


async def test_a_waiting_plane_makes_no_call(tmp_path: Path):
    agents = profile("claude") + profile("codex") + BY_HAND
    async with studio(tmp_path / "e", SCRIPTS, agents) as shop:
        waits = {**task("decide", "maria"), "prompt": "A person does this."}
        after = task("mend", "claude", depends_on=["decide"])
        plan = shop.place.plan(waits, after)
        running = shop.begin("run", "--wait", plan)
        await asyncio.to_thread(
            shop.place.until,
            "it waits for a person",
            lambda events: of(events, "decide", TaskMadeReady),
        )

        for _ in range(3):  # each of these looks through the whole house
            assert (await shop.interlock("status", "--json")).code == 0
            assert (await shop.interlock("review", "list", "--json")).code == 0
            assert (await shop.interlock("plan", plan, "--json")).code == 0
        running.interrupt()
        await shop.end(running)

        assert shop.models.exchanges == ()
        events = await asyncio.to_thread(shop.place.events)
        assert of(events, "mend", TaskMadeReady) == []
        await shop.clean()
