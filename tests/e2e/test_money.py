"""Agents that would spend more than they may: caps hold, and every account says the same."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from interlock.adapters.sqlite.ledger import SqliteLedger
from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import TaskId
from interlock.domain.usage import Usage
from interlock.testing.models import Fault, Shell, Silent, Step, Tokens, Write
from tests.e2e.agents.stage import Studio, costs, profile, studio, task, told_of
from tests.e2e.agents.test_real_agents import below

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(180)]

MUCH = Tokens(input=1000, output=100_000)
"""Two and a half dollars come back."""

FEW = Tokens(input=10, output=10)

SPENDS = """
import json, os, threading, urllib.error, urllib.request

def ask(**more):
    wish = {
        "model": "claude-opus-4-6",
        "max_tokens": 100_000,
        "messages": [{"role": "user", "content": "[[script:much]]"}],
        "tools": [{"name": "Bash", "input_schema": {"type": "object", "properties": {}}}],
    }
    request = urllib.request.Request(
        os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages",
        json.dumps({**wish, **more}).encode(),
        {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "Content-Type": "application/json"},
    )
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        error.read()
"""

AT_ONCE = """
asking = [threading.Thread(target=ask) for _ in range(12)]
for each in asking: each.start()
for each in asking: each.join()
"""


def spends(how: str) -> tuple[Step, ...]:
    """Its client lets it have a shell, and there it knows the way to its models as well."""
    shell = Shell(f"cat > /tmp/spend.py <<'END'\n{SPENDS}{how}\nEND\npython3 /tmp/spend.py")
    return (Step(do=(shell,), tokens=FEW), Step("Done.", tokens=FEW))


async def test_two_tasks_that_ask_for_much_at_once_do_not_pass_the_cap_of_their_run(tmp_path: Path):
    scripts = {"one": spends(AT_ONCE), "two": spends(AT_ONCE), "much": (Step("x", tokens=MUCH),)}
    limits = "cost_usd_per_run = 6.0\ncost_usd_per_task = 100.0\ntokens_per_task = 100_000_000"
    async with studio(tmp_path / "e", scripts, profile("claude"), limits=limits) as shop:
        said = await shop.run(task("one", "claude"), task("two", "claude"))

        assert said.code == 1, said.err + said.out
        assert (
            sum(each.script == "much" and each.status == 200 for each in shop.models.exchanges) == 2
        )
        assert set(said.states.values()) == {"blocked_on_human"}
        spent = sum(float(str(each["cost_usd"])) for each in said.document["tasks"])
        assert 5.0 < spent < 6.0


@pytest.mark.parametrize("evasion", ["speed='fast'", "model='claude-nobody-has-priced-it'"])
async def test_a_word_in_a_request_does_not_lift_the_caps_on_money(tmp_path: Path, evasion: str):
    scripts = {
        "one": spends(f"for _ in range(8): ask({evasion})"),
        "much": (Step("x", tokens=MUCH),),
    }
    limits = "cost_usd_per_task = 3.0\ncost_usd_per_run = 3.0\ncost_usd_per_day = 3.0"
    async with studio(tmp_path / "e", scripts, profile("claude"), limits=limits) as shop:
        await shop.run(task("one", "claude"))
        assert (
            sum(each.script == "much" and each.status == 200 for each in shop.models.exchanges) <= 1
        )


async def test_a_worker_killed_in_the_middle_of_an_answer_and_all_accounts_agree(tmp_path: Path):
    """The plane lives on. What is known, and what may have come on top, is the same everywhere."""
    steps = (
        Step(do=(Write("a.txt", "x\n"),), tokens=Tokens(input=1200, cached=800, output=60)),
        Step(do=(Write("b.txt", "x\n"),), faults=(Fault(Silent()),)),
        Step("Done."),
    )
    async with studio(tmp_path / "e", {"die": steps}, profile("claude")) as shop:
        running = shop.begin("run", "--json", shop.place.plan(task("die", "claude")))
        await shop.models.reached("die", 1)
        for pid in reversed(below(running.process.pid)[1:]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        said = await shop.end(running)

        assert said.code == 0, said.err + said.out
        done = said.task("die")
        usage = done["usage"]
        assert told_of(usage) == shop.models.told()
        assert usage["unknown_tokens"] > 0
        assert usage["cost_usd"] == pytest.approx(costs(shop.models.told()))
        booked = await in_the_book(shop, done["task_id"])
        assert (booked.requests, booked.unknown_tokens) == (
            usage["requests"],
            usage["unknown_tokens"],
        )
        assert booked.cost_usd == pytest.approx(usage["cost_usd"])
        report = json.loads((await shop.interlock("report", "--json")).out)
        (reported,) = report["tasks"]
        assert reported["usage"] == usage
        await shop.clean()


async def in_the_book(shop: Studio, task_id: str) -> Usage:
    ledger = await SqliteLedger.open(shop.place.store / "models.db", SystemClock())
    try:
        return await ledger.of_task(TaskId(task_id))
    finally:
        await ledger.close()


async def test_what_a_person_answered_while_nobody_lived_is_not_asked_again(tmp_path: Path):
    """Plane, worker and box die while the question is open; what is answered then still counts."""
    steps = (Step(do=(Shell("touch b.txt"),), tokens=FEW), Step("Done.", tokens=FEW))
    rules = 'allow = ["Write"]\nquestion_wait = "5s"'
    async with studio(tmp_path / "e", {"ask": steps}, profile("claude", rules)) as shop:
        running = shop.begin("run", "--json", shop.place.plan(task("ask", "claude")))
        item = await what_waits(shop)
        for pid in reversed(below(running.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await shop.end(running)
        answered = await shop.interlock("review", "approve", item)
        assert answered.code == 0, answered.err + answered.out

        said = await shop.interlock("run", "--json")

        assert said.code == 0, said.err + said.out
        assert "b.txt" in shop.place.git("ls-tree", "--name-only", "main").split()


async def what_waits(shop: Studio) -> str:
    while True:
        listed = await shop.interlock("review", "list", "--json")
        items = listed.document["items"] if listed.code in (0, 1) and listed.out else []
        if items:
            return str(items[0]["id"])
        await asyncio.sleep(0.3)
