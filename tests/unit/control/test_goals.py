"""A goal in words at the front desk: who is spoken to, and what was asked before."""

from datetime import timedelta
from pathlib import Path

import pytest

from interlock.control.asked import Goals, Planned, Unplanned
from interlock.control.errors import WrongUsage
from interlock.control.goals import demand_planner, goal_of, is_goal, to_chief
from interlock.domain.facts.attempt import AttemptFinished
from interlock.domain.facts.change import ChangeLanded, LandingIntended
from interlock.domain.facts.run import RunCompleted, RunFailed, RunStarted
from interlock.domain.facts.task import TaskCancelled, TaskFailed
from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, CommitId, RunId, Token
from interlock.domain.result import Document, Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.settings import AgentProfile, Settings
from interlock.domain.usage import Usage
from tests.unit.control.desks import Desk
from tests.unit.control.tales import REPO, Tale, passed, task

WORDS = "Count the visitors"
CARRIED_OUT = BlobId("1" * 64)
"""The plan of every run in these tales that asks for none."""

PLAN = b"goal: Count\ntasks: [{id: one, title: One}]\n"


class Asking:
    """A history of goals; documents lie in the desk's blobs."""

    def __init__(self, root: Path) -> None:
        self.tale, self.desk, self.root = Tale(), Desk(), root
        self.tale.joins("w1")

    def begins(self, run: str, source: str, goal: str = WORDS, name: str = "plan") -> None:
        before = len(self.tale.events)
        self.tale.begins(task(name, yields="plan" if name == "plan" else "change"), run=run)
        plan = BlobId("0" * 64) if name == "plan" else CARRIED_OUT
        started = RunStarted(RunId(run), REPO, Goal(goal), plan, 1, RunLimits(), source=source)
        at = self.tale.events[before]
        self.tale.events[before] = type(at)(
            at.position, at.stream, at.version, at.at, at.actor, started
        )
        self.tale.wait(1)

    async def answers(self, run: str, text: bytes = PLAN, usage: Usage | None = None) -> None:
        self.tale.takes("w1", "plan", run)
        blob = await self.desk.blobs.put(text)
        result = Result(
            Outcome.UNCHANGED, usage=usage, document=Document(blob, "plan.yaml")
        )  # fmt: skip
        token = Token(1)
        self.tale.of("plan", AttemptFinished(1, token, result), run=run)

    async def plans(
        self, run: str, usage: Usage | None = None, read_as: BlobId | None = None
    ) -> None:
        await self.answers(run, usage=usage)
        self.tale.judged("plan", passed("plan", evidence=read_as), run=run)
        base = CommitId("b" * 40)
        self.tale.of("plan", LandingIntended("k", 1, Token(1), base, None), run=run)
        self.tale.of("plan", ChangeLanded("k", None), run=run)
        self.ends(run)

    def ends(self, run: str, failed: bool = False) -> None:
        self.tale.record(f"run/{run}", RunFailed(("x",)) if failed else RunCompleted())
        self.tale.wait(1)

    @property
    def goals(self) -> Goals:
        return Goals(self.tale.chronicle(), lambda: self.desk.blobs, str(self.root))

    def current(self, words: str = WORDS) -> str | None:
        found = self.goals.current(words)
        return None if found is None else found.id


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


# --- what a person says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "goal"),
    [
        ("Add rate limiting", "Add rate limiting"),
        ("@chief Add rate limiting ", "Add rate limiting"),
        ("@Chief: refactor", "refactor"),
        ("@chief\nsplit it", "split it"),
        ("two\nlines \udcff", "two\nlines ?"),
    ],
)
def test_a_goal_is_its_words(source: str, goal: str):
    assert is_goal(source)
    assert goal_of(source) == goal
    assert goal_of(to_chief(goal)) == goal


@pytest.mark.parametrize("source", ["plan.yaml", "my plan.yaml", "a b.JSON", "plan", "-", " x "])
def test_what_reads_like_a_place_is_none(source: str):
    assert not is_goal(source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("@bob do it", "@chief"),
        ("@", "@chief"),
        ("@chief", "say what the goal is"),
        ("@chief \n ", "say what the goal is"),
        ("x " * 20_000, "20,000"),
    ],
)
def test_what_is_no_goal_is_refused_with_what_would_be(source: str, why: str):
    with pytest.raises(WrongUsage, match=why):
        goal_of(source)


def test_who_plans_must_be_there_and_able_to_answer():
    chief, default = AgentProfile("chief", "claude"), AgentProfile("default", "command")
    assert demand_planner(Settings(agents=(default, chief))) is chief
    assert demand_planner(Settings(agents=(default,))) is default
    for agents, why in (
        (None, "none is configured"),
        ((), "none is configured"),
        ((AgentProfile("zoe", "command"),), "zoe"),
        ((AgentProfile("chief", "human"), default), "stands for people"),
    ):
        with pytest.raises(WrongUsage, match=why) as refused:
            demand_planner(Settings(agents=agents))
        assert "[agents.chief]" in str(refused.value)


# --- what was asked before ------------------------------------------------------------------------


async def test_the_same_words_go_on_then_carry_out_then_are_a_new_wish(asking: Asking):
    assert asking.current() is None
    asking.begins("a1", "goal:plan")
    assert asking.current("  count THE\nvisitors ") == "a1"
    assert asking.current("count visitors") is None
    await asking.plans("a1")
    assert asking.current() == "a1"
    asking.begins("r1", "goal:a1", name="one")
    assert asking.current() == "a1"
    assert asking.goals.unfinished(RunId("a1")) == ("r1",)
    asking.ends("r1")
    assert asking.current() is None
    asking.begins("a2", "goal:run")
    assert asking.current() == "a2"


async def test_a_mended_copy_that_is_run_carries_the_goal_out(asking: Asking):
    asking.begins("a1", "goal:run")
    asking.begins("r1", str(asking.root / ".interlock" / "plans" / "a1-3.yaml"), name="one")
    asking.begins("r2", str(asking.root / "plans" / "a1-3.yaml"), name="one")
    assert asking.goals.unfinished(RunId("a1")) == ("r1",)
    asking.ends("r1", failed=True)
    assert asking.current() is None


async def test_a_copy_that_lies_anywhere_carries_the_goal_out(asking: Asking):
    asking.begins("r0", "elsewhere.yaml", name="one")
    asking.ends("r0")
    asking.begins("a1", "goal:run")
    await asking.plans("a1", read_as=CARRIED_OUT)
    assert asking.current() == "a1", "an equal plan of another day is not this goal"
    assert asking.goals.left() == ["a1"]
    asking.begins("r1", "somewhere.yaml", name="one")
    assert asking.goals.unfinished(RunId("a1")) == ("r1",)
    assert asking.goals.left() == []


async def test_what_was_given_up_is_asked_anew(asking: Asking):
    asking.begins("a1", "goal:run")
    asking.tale.of("plan", TaskCancelled("no"), run="a1")
    asking.ends("a1", failed=True)
    assert asking.current() is None
    assert asking.goals.left() == []


async def test_a_plan_that_was_wanted_to_run_is_left_until_somebody_does(asking: Asking):
    asking.begins("a1", "goal:run")
    asking.begins("a2", "goal:plan", goal="Another")
    assert asking.goals.left() == []
    await asking.plans("a1")
    await asking.plans("a2")
    assert asking.goals.left() == ["a1"], "what was only looked at is nobody's wish to run"
    asking.begins("r1", "goal:a1", name="one")
    assert asking.goals.left() == []


# --- what came of it ------------------------------------------------------------------------------


async def test_a_plan_is_put_down_once_and_says_what_it_cost(asking: Asking):
    asking.begins("a1", "goal:run")
    await asking.plans("a1", usage=Usage(2, 1_000, output_tokens=234, cost_usd=0.125))
    made = await asking.goals.outcome(RunId("a1"))
    assert isinstance(made, Planned)
    assert made.cost == "one attempt, 1,234 tokens, $0.12"
    copy = Path(made.path)
    assert copy == asking.root / ".interlock" / "plans" / "a1-1.yaml"
    assert copy.read_bytes() == made.content == PLAN
    copy.write_text("changed by a person")
    again = await asking.goals.outcome(RunId("a1"))
    assert again == made
    assert copy.read_text() == "changed by a person"
    asking.begins("r1", "goal:a1", name="one")
    assert "a1" in await asking.goals.remark(RunId("r1"))
    assert made.path in await asking.goals.remark(RunId("a1"))


async def test_money_that_nobody_knows_is_not_hidden(asking: Asking):
    asking.begins("a1", "goal:run")
    await asking.plans("a1", usage=Usage(1, 10, cost_usd=None, unknown_tokens=5))
    made = await asking.goals.outcome(RunId("a1"))
    assert isinstance(made, Planned)
    assert made.cost == "one attempt, 10 tokens, a cost nobody knows and perhaps more"
    assert made.cost_usd is None


async def test_without_a_plan_it_says_why_where_and_what_next(asking: Asking):
    asking.begins("a1", "goal:run")
    waiting = await asking.goals.outcome(RunId("a1"))
    assert isinstance(waiting, Unplanned)
    assert "same words" in waiting.mend
    await asking.answers("a1", b"goal: wrong\n")
    asking.tale.of("plan", TaskFailed("3 attempts failed, the last: no tasks"), run="a1")
    failed = await asking.goals.outcome(RunId("a1"))
    assert isinstance(failed, Unplanned)
    assert "no tasks" in failed.what
    assert Path(failed.path).read_bytes() == b"goal: wrong\n"
    assert f"interlock run {failed.path}" in failed.mend
    assert "interlock task retry a1-plan" in failed.mend
    assert await asking.goals.remark(RunId("a1")) == str(failed)


async def test_nothing_is_put_down_behind_a_link(asking: Asking):
    asking.begins("a1", "goal:run")
    await asking.plans("a1")
    elsewhere = asking.root / "elsewhere"
    elsewhere.mkdir()
    (asking.root / ".interlock").symlink_to(elsewhere)
    with pytest.raises(WrongUsage, match="is a link"):
        await asking.goals.outcome(RunId("a1"))
    assert list(elsewhere.iterdir()) == []


def test_the_minutes_of_the_tale_are_in_order(asking: Asking):
    asking.begins("a1", "goal:run")
    asking.begins("a2", "goal:run")
    first, second = asking.tale.chronicle().runs.values()
    assert second.started_at - first.started_at == timedelta(minutes=1)
    assert asking.current() == "a2"
