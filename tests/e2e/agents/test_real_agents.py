"""Real clients carry out a plan: in a box, through the gateway, against a scripted model."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from interlock.testing.models import (
    Drop,
    Edit,
    Fault,
    Refuse,
    Shell,
    Silent,
    Step,
    Tokens,
    Write,
)
from tests.e2e.agents.stage import KEY, costs, profile, studio, task, told_of
from tests.e2e.run_stage import PATIENCE_SECONDS

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120)]

BOTH = ["claude", "codex"]
SLEEPS = f"sleep {100_000 + os.getpid()}"
"""So that no other test's are taken for ours."""

TOKENS = Tokens(input=1200, cached=800, cache_write=40, output=60, reasoning=10)
MENDS = (
    Step("I look first.", (Shell("cat app/a.py"),), TOKENS),
    Step(do=(Edit("app/a.py", "x = 1", "x = 2"),)),
    Step(do=(Write("docs/new.md", "It's new.\n"),), faults=(Fault(Refuse(429, retry_after=0)),)),
    Step("All done."),
)


@pytest.mark.parametrize("agent", BOTH)
async def test_what_an_agent_edits_lands_and_is_paid_to_the_token(tmp_path: Path, agent: str):
    async with studio(tmp_path / "e", {"mend": MENDS}, profile(agent)) as shop:
        said = await shop.run(task("mend", agent))

        assert said.code == 0, said.err + said.out
        assert said.document["state"] == "completed"
        assert shop.place.shown("app/a.py") == "x = 2"
        assert shop.place.shown("docs/new.md") == "It's new."
        mended = said.task("mend")
        assert mended["attempts"] == 1
        assert [(gate["name"], gate["outcome"]) for gate in mended["gates"]] == [
            ("tests", "passed")
        ]
        told = shop.models.told()
        assert told_of(mended["usage"]) == told
        assert (mended["usage"]["unknown_tokens"], mended["usage"]["source"]) == (0, "gateway")
        assert mended["tokens"] == told.all_input + told.output
        assert mended["cost_usd"] == pytest.approx(costs(told))
        assert {each.key for each in shop.models.exchanges if each.protocol} == {KEY}
        await shop.clean()


# It searches for a value that it is only told in two halves, so that it does not find itself; and
# for one that is there, to prove that it would find it. `command`: a client may bring its own grep.
SEARCH = """
search() {
  value="$1$2"
  for process in /proc/[0-9]*; do
    tr '\\0' '\\n' < $process/environ 2>/dev/null | command grep -F "$value"
    tr '\\0' ' ' < $process/cmdline 2>/dev/null | command grep -F "$value"
  done
  command grep -rlF "$value" . "$HOME" /tmp /run /etc /var/tmp 2>/dev/null
}
echo "<real: $(search sk-the-real -one-4711)>"
echo "marked""-here" > .mark
MARK="marked""-here" sleep 100 &
echo "<control: $(search marked -here)>"
kill $!
rm .mark
"""
NO_KEY = "! env | grep -q the-real\n"


@pytest.mark.parametrize("agent", BOTH)
async def test_the_real_key_is_nowhere_in_the_box(tmp_path: Path, agent: str):
    steps = (Step(do=(Shell(SEARCH),)), Step(do=(Write("a.txt", "x\n"),)), Step("Done."))
    async with studio(tmp_path / "e", {"look": steps}, profile(agent)) as shop:
        shop.place.commit({"check.sh": NO_KEY}, "The gate looks as well")
        said = await shop.run(task("look", agent))

        assert said.code == 0, said.err + said.out
        (found,) = {each.returned for each in shop.models.exchanges if each.step == 1}
        assert "<real: >" in found
        assert "MARK=marked-here" in found
        assert "./.mark" in found
        kept = [path for path in shop.place.store.rglob("*") if path.is_file()]
        assert kept
        assert not [path for path in kept if KEY.encode() in path.read_bytes()]
        assert KEY not in said.out + said.err


@pytest.mark.parametrize("agent", BOTH)
async def test_what_the_settings_deny_is_not_done_and_the_work_goes_on(tmp_path: Path, agent: str):
    steps = (
        Step(do=(Shell("touch forbidden.txt"),)),
        Step(do=(Write("allowed.txt", "x\n"),)),
        Step("Done without it."),
    )
    agents = profile(agent, 'deny = ["Bash(touch*)"]')
    async with studio(tmp_path / "e", {"try": steps}, agents) as shop:
        said = await shop.run(task("try", agent))

        assert said.code == 0, said.err + said.out
        landed = shop.place.git("ls-tree", "--name-only", "main").split()
        assert "allowed.txt" in landed
        assert "forbidden.txt" not in landed
        assert [each.step for each in shop.models.exchanges if each.script] == [0, 1, 2]
        assert said.task("try")["attempts"] == 1


@pytest.mark.parametrize("agent", BOTH)
async def test_an_agent_that_is_killed_is_tried_again_and_all_of_it_is_paid(
    tmp_path: Path, agent: str
):
    """Killed while a tool of it works; what it had used until then is not forgotten."""
    again = tmp_path / "e" / "signals" / "again"
    steps = (
        Step(do=(Write("a.txt", "x\n"),), tokens=TOKENS),
        Step(do=(Shell(f"test -e '{again}' || {SLEEPS}"),)),
        Step("Done."),
    )
    async with studio(tmp_path / "e", {"die": steps}, profile(agent)) as shop:
        running = shop.begin("run", "--json", shop.place.plan(task("die", agent)))
        await until_asleep(1)
        again.touch()
        kill_client(running.process.pid, agent)
        said = await shop.end(running)

        assert said.code == 0, said.err + said.out
        assert [each.step for each in shop.models.exchanges if each.script] == [0, 1, 0, 1, 2]
        done = said.task("die")
        assert [each["outcome"] for each in done["tries"]] == ["failed", "changed"]
        assert "signal 9" in done["tries"][0]["reason"]
        assert told_of(done["usage"]) == shop.models.told()
        assert done["usage"]["requests"] == 5
        assert "a.txt" in shop.place.git("ls-tree", "--name-only", "main").split()
        assert sleepers() == []
        await shop.clean()


def kill_client(above: int, agent: str) -> None:
    """The program itself, by its number: neither the box around it nor what it has started."""
    (found,) = [pid for pid in below(above) if named(pid) == agent]
    os.kill(found, signal.SIGKILL)


def below(pid: int) -> list[int]:
    """Everything that this process has started, itself first."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for thread in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def named(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


@pytest.mark.parametrize("agent", BOTH)
async def test_a_question_parks_the_task_and_its_answer_resumes_the_session(
    tmp_path: Path, agent: str
):
    """Nobody waits: the worker is free at once, and the same conversation goes on later."""
    asks = Step(do=(Shell("touch b.txt"),))
    steps = (Step(do=(Shell("touch a.txt"),), tokens=TOKENS), asks, asks, Step("Done."))
    agents = profile(agent, 'allow = ["Bash(touch a*)"]\nquestion_wait = "1s"')
    async with studio(tmp_path / "e", {"ask": steps}, agents) as shop:
        said = await shop.run(task("ask", agent))

        assert said.code == 1, said.err + said.out
        item = shop.waits()
        assert "touch b.txt" in str(item["question"])
        assert (await shop.interlock("review", "approve", str(item["id"]))).code == 0
        said = await shop.interlock("run", "--json")
        assert said.code == 0, said.err + said.out
        # What was asked for is done when it is said again; the first step is not done again.
        steps_done = [each.step for each in shop.models.exchanges if each.script]
        assert steps_done == [0, 1, 2, 3], said.task("ask")["tries"]
        assert {"a.txt", "b.txt"} < set(shop.place.git("ls-tree", "--name-only", "main").split())
        assert told_of(said.task("ask")["usage"]) == shop.models.told()
        await shop.clean()


@pytest.mark.parametrize("agent", BOTH)
async def test_nothing_is_sent_past_a_cap_and_a_person_may_raise_it(tmp_path: Path, agent: str):
    # Not more: a client that believes its context to be full would sum the conversation up.
    much = Tokens(input=230_000, output=10_000)
    steps = (
        Step(do=(Write("a.txt", "x\n"),), tokens=much),
        Step(do=(Write("b.txt", "x\n"),)),
        Step("Done."),
    )
    limits = "tokens_per_task = 270_000"
    async with studio(tmp_path / "e", {"pay": steps}, profile(agent), limits=limits) as shop:
        said = await shop.run(task("pay", agent))

        assert said.code == 1, said.err + said.out
        assert [each.step for each in shop.models.exchanges if each.script] == [0]
        assert shop.models.told() == much
        item = shop.waits()
        assert "tokens_per_task" in str(item["question"])
        assert (await shop.interlock("review", "approve", str(item["id"]))).code == 0
        said = await shop.interlock("run", "--json")
        assert said.code == 0, said.err + said.out
        assert [each.step for each in shop.models.exchanges if each.script] == [0, 1, 2]
        assert told_of(said.task("pay")["usage"]) == shop.models.told()
        await shop.clean()


CALLS_OUT = """
import urllib.request
try:
    urllib.request.urlopen("http://example.org/")
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("agent", BOTH)
async def test_a_host_that_is_not_listed_is_denied_and_named(tmp_path: Path, agent: str):
    steps = (
        Step(do=(Write("call.py", CALLS_OUT),)),
        Step(do=(Shell("python3 call.py"),)),
        Step("Done."),
    )
    agents = profile(agent, 'network = ["listed.example"]')
    async with studio(tmp_path / "e", {"call": steps}, agents) as shop:
        said = await shop.run(task("call", agent))

        assert said.code == 0, said.err + said.out
        assert "example.org:80" in said.document["denied_hosts"]
        (refused,) = {each.returned for each in shop.models.exchanges if each.step == 2}
        assert "403" in refused


async def test_a_stream_that_is_cut_leaves_what_is_unknown_as_unknown(tmp_path: Path):
    steps = (
        Step(do=(Write("a.txt", "x\n"),), tokens=TOKENS, faults=(Fault(Drop(3)),)),
        Step("Done."),
    )
    async with studio(tmp_path / "e", {"cut": steps}, profile("claude")) as shop:
        said = await shop.run(task("cut", "claude"))

        assert said.code == 0, said.err + said.out
        usage = said.task("cut")["usage"]
        assert told_of(usage) == shop.models.told()
        assert usage["unknown_tokens"] > 0


async def test_cancelled_agents_leave_nothing_running(tmp_path: Path):
    everywhere = Step(do=(Shell(f"setsid {SLEEPS} & {SLEEPS} & {SLEEPS}"),))
    scripts = {name: (everywhere, Step("Done.")) for name in BOTH}
    agents = "".join(map(profile, BOTH))
    async with studio(tmp_path / "e", scripts, agents) as shop:
        plan = shop.place.plan(*(task(name, name) for name in BOTH))
        running = shop.begin("run", "--json", plan)
        await until_asleep(6)
        assert (await shop.interlock("task", "cancel", *BOTH)).code == 0
        said = await shop.end(running)

        assert said.states == dict.fromkeys(BOTH, "cancelled")
        assert sleepers() == []
        await shop.clean()


async def test_a_plane_that_is_killed_goes_on_and_forgets_no_token(tmp_path: Path):
    """The plane, its worker and the box die at once; the book of what was used is still there."""
    steps = (
        Step(do=(Write("a.txt", "x\n"),), tokens=TOKENS),
        Step(do=(Write("b.txt", "x\n"),), faults=(Fault(Silent()),)),
        Step("Done."),
    )
    async with studio(tmp_path / "e", {"die": steps}, profile("claude")) as shop:
        running = shop.begin("run", "--json", shop.place.plan(task("die", "claude")))
        await shop.models.reached("die", 1)
        for pid in reversed(below(running.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await shop.end(running)
        said = await shop.interlock("run", "--json")

        assert said.code == 0, said.err + said.out
        assert {"a.txt", "b.txt"} < set(shop.place.git("ls-tree", "--name-only", "main").split())
        usage = said.task("die")["usage"]
        assert told_of(usage) == shop.models.told()
        # What was sent and never answered may have been worked on all the same.
        assert (usage["requests"], usage["unknown_tokens"] > 0) == (5, True)
        await shop.clean()


def sleepers() -> list[int]:
    found, words = [], SLEEPS.replace(" ", "\0").encode() + b"\0"
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and (entry / "cmdline").read_bytes() == words:
                found.append(int(entry.name))
    return found


async def until_asleep(count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(sleepers()) < count:  # noqa: ASYNC110 - nothing else tells from outside
            await asyncio.sleep(0.05)
