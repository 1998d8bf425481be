"""What waits for a person, as they see it at the counter, and their decisions."""

from datetime import timedelta

import pytest

from interlock.control.errors import WrongUsage
from interlock.control.read_models import Reply, ReviewItem
from interlock.domain.attempt import AttemptLoss
from interlock.domain.command import AnswerTask, ApproveTask, RejectTask, RetryTask
from interlock.domain.facts.attempt import AttemptAbandoned, AttemptFinished, AttemptStarted
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskFailed, TaskHeld, TaskParked, TaskSubmitted
from interlock.domain.goal import Goal
from interlock.domain.group import StageGroup
from interlock.domain.ids import (
    BlobId,
    GroupId,
    LeaseId,
    RunId,
    TaskId,
    TaskName,
    Token,
    WorkerId,
)
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import TaskStatus
from tests.unit.control.counters import Town, planned
from tests.unit.control.desks import REPO

WORKER = WorkerId("agent-1")


async def working(town: Town, name: str) -> None:
    now = town.desk.clock.now()
    lease = LeaseGranted(LeaseId(f"r1-{name}@1"), WORKER, Token(1), 1, now, 60.0)
    await town.on(name, lease, AttemptStarted(1, Token(1), WORKER))


async def town_of_troubles() -> Town:
    """One task of every sort that needs a person; `last` waits for two of them."""
    town = Town()
    await town.run(
        planned("held"),
        planned("asking", "held"),
        planned("failing"),
        planned("changing"),
        planned("last", "asking", "failing"),
    )
    await town.on("held", TaskHeld("look first"))
    for name in ("failing", "changing"):
        await working(town, name)
    done = AttemptFinished(1, Token(1), Result(Outcome.UNCHANGED))
    await town.on("changing", done, ChangeJudged(1, Judgement.PASSED, held="it changes settings"))
    failed = AttemptFinished(1, Token(1), Result(Outcome.FAILED))
    await town.on("failing", failed, TaskFailed("3 attempts failed"))
    return town


async def pending(town: Town) -> dict[str, ReviewItem]:
    return {item.short: item for item in (await town.counter().reviews()).items}


async def test_everything_that_needs_a_person_is_an_item():
    town = await town_of_troubles()
    items = await pending(town)
    assert {short: (item.kind, item.about) for short, item in items.items()} == {
        "held-1": ("review", "start"),
        "failing-1": ("investigation", "failure"),
        "changing-1": ("review", "change"),
    }
    held = items["held-1"]
    assert (held.id, held.task, held.task_id, held.run) == ("r1-held-1", "held", "r1-held", "r1")
    assert held.title == "Do held"
    assert held.question == "May this task start? It was held: look first"
    assert held.blocked_tasks == ("asking", "last")
    assert "2 tasks that depend on it" in held.default
    assert held.deadline - held.opened_at == timedelta(hours=24)
    assert (held.state, held.overdue, held.plan) == ("pending", False, None)
    assert items["failing-1"].blocked_tasks == ("last",)


async def test_stages_wait_for_the_groups_and_stages_before_them():
    town = Town()
    groups = (
        StageGroup(GroupId(1), (TaskName("a"), TaskName("b")), (), parallel=False),
        StageGroup(GroupId(2), (TaskName("c"), TaskName("d")), (GroupId(1),), parallel=True),
    )
    await town.run(*(planned(name) for name in "abcd"), groups=groups)
    await town.on("a", TaskHeld("look"))
    assert (await pending(town))["a-1"].blocked_tasks == ("b", "c", "d")


async def test_what_nobody_decides_for_a_day_is_overdue_and_stays():
    town = await town_of_troubles()
    assert not any(item.overdue for item in (await pending(town)).values())
    town.desk.clock.jump(timedelta(hours=24, minutes=1))
    late = (await pending(town)).values()
    assert [(item.overdue, item.state) for item in late] == [(True, "pending")] * 3
    assert await town.state("held") is TaskStatus.AWAITING_REVIEW


async def test_a_held_task_goes_on_when_it_is_approved():
    town = await town_of_troubles()
    answers = await town.counter().decide(["held-1"], "approve", "fine")
    assert answers.replies == (
        Reply("r1-held-1", "accepted", "approved; it starts when its turn comes"),
    )
    assert town.given == [ApproveTask(TaskId("r1-held"), "fine")]
    assert await town.state("held") is TaskStatus.READY
    assert "held-1" not in await pending(town)


async def test_several_are_decided_at_once_by_any_of_their_names():
    town = await town_of_troubles()
    answers = await town.counter().decide(["held", "r1-failing-1", "changing-1"], "approve", "ok")
    assert answers.all_accepted
    assert [type(command) for command in town.given] == [ApproveTask, RetryTask, ApproveTask]
    assert await town.state("failing") is TaskStatus.READY
    assert await pending(town) == {}


async def test_rejected_is_rejected_for_good():
    town = await town_of_troubles()
    answers = await town.counter().decide(["held-1", "failing-1", "changing-1"], "reject", "no")
    assert answers.all_accepted
    assert town.given[0] == RejectTask(TaskId("r1-held"), "no")
    for name in ("held", "failing", "changing"):
        assert await town.state(name) is TaskStatus.REJECTED


async def asking() -> Town:
    town = Town()
    await town.run(planned("asking"))
    await working(town, "asking")
    parked = TaskParked("which {table}?")
    await town.on("asking", AttemptAbandoned(1, Token(1), AttemptLoss.PARKED), parked)
    return town


async def test_a_question_is_answered_with_a_reason():
    town = await asking()
    (item,) = (await town.counter().reviews()).items
    assert (item.kind, item.question) == ("decision", "which {table}?")
    mute = await town.counter().decide(["asking-1"], "approve", "")
    assert mute.replies[0].answer == "refused"
    assert "give the answer with --reason" in mute.replies[0].sentence
    assert town.given == []
    answered = await town.counter().decide(["asking-1"], "approve", "the new one")
    assert answered.all_accepted
    assert town.given == [AnswerTask(TaskId("r1-asking"), "the new one")]
    assert (await town.task("asking")).feedback == "the new one"


async def test_what_is_decided_is_shown_with_who_and_why():
    town = await town_of_troubles()
    await town.counter().decide(["held-1"], "approve", "fine")
    (item,) = (await town.counter().review(["held-1"])).items
    assert (item.state, item.decision, item.decided_by, item.decided_reason) == (
        "decided", "approved", "person:ana", "fine"
    )  # fmt: skip
    every = {item.short: item.state for item in (await town.counter().reviews(decided=True)).items}
    assert every == {"held-1": "decided", "failing-1": "pending", "changing-1": "pending"}
    again = await town.counter().decide(["held-1"], "reject", "")
    assert again.replies[0].sentence.startswith("it was approved by person:ana at ")


async def test_the_second_time_is_another_item():
    town = await town_of_troubles()
    await town.counter().decide(["held-1"], "approve", "fine")
    await town.on("held", TaskHeld("once more"))
    assert "held-2" in await pending(town)
    late = await town.counter().decide(["held-1"], "reject", "")
    assert late.replies[0].answer == "refused"
    assert await town.state("held") is TaskStatus.AWAITING_REVIEW


async def test_one_wrong_name_and_nothing_is_decided():
    town = await town_of_troubles()
    with pytest.raises(WrongUsage) as wrong:
        await town.counter().decide(["held-1", "hold-1", "held-7", "last"], "approve", "")
    assert town.given == []
    assert [line.split(";")[0] for line in str(wrong.value).splitlines()] == [
        "there is no review item 'hold-1'",
        "there is no review item 'held-7'",
        "nothing about 'last' waits for a person",
    ]


async def test_the_same_name_in_two_runs_needs_the_identity():
    town = await town_of_troubles()
    other, task = RunId("r2"), TaskId("r2-held")
    await town.record(
        "run/r2", RunStarted(other, REPO, Goal("B"), BlobId("1" * 64), 1, RunLimits())
    )
    await town.record(f"task/{task}", TaskSubmitted(task, other, REPO, planned("held"), 0, 1.0))
    await town.record("run/r2", RunPlanned(1))
    await town.turn()
    await town.record(f"task/{task}", TaskHeld("look"))
    shorts = [item.short for item in (await town.counter().reviews()).items]
    assert shorts.count("held-1") == 2
    with pytest.raises(WrongUsage, match="say which, r1-held, r2-held"):
        await town.counter().decide(["held-1"], "approve", "")
    assert (await town.counter().decide(["r2-held-1"], "approve", "")).all_accepted


async def test_a_task_whose_name_ends_in_a_number_is_not_an_item_of_another():
    town = Town()
    await town.run(planned("a"), planned("a-1"))
    await town.on("a-1", TaskHeld("look"))
    (found,) = (await town.counter().review(["a-1"])).items
    assert found.id == "r1-a-1-1"
    (exact,) = (await town.counter().review(["a-1-1"])).items
    assert exact.id == "r1-a-1-1"


async def test_the_plane_has_the_last_word():
    town = await town_of_troubles()
    town.silent = True
    answers = await town.counter().decide(["held-1"], "approve", "")
    assert answers.replies[0].answer == "unanswered"
    assert not answers.all_accepted
