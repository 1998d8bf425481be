"""Six small stories that make a plane record every kind of fact there is."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from interlock.adapters.pretend.loop import rehearse
from interlock.adapters.pretend.worker import Performance
from interlock.domain.change import ChangeSet
from interlock.domain.command import (
    AmendRun,
    AnswerTask,
    ApproveTask,
    BeginTask,
    CancelTask,
    ClaimTask,
    HoldTask,
    Pause,
    PrioritiseTask,
    RegisterWorker,
    RejectTask,
    ReleaseTask,
    Resume,
    RetryTask,
    Stop,
    SubmitTask,
)
from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.group import GroupStatus, StageGroup
from interlock.domain.ids import BlobId, CommitId, GroupId, RunId, TaskName, WorkerId
from interlock.domain.plan import AffinityRule, Plan
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Dependency, PlannedTask, Priority
from interlock.domain.task import TaskStatus as S
from interlock.domain.usage import Usage
from interlock.domain.verdict import GateOutcome, GateVerdict
from interlock.engine.acts import Judged, NotLanded
from interlock.engine.errors import PartLost
from tests.replay.theatre import REPO, Theatre


def planned(name: str, *after: str, **fields: object) -> PlannedTask:
    depends_on = tuple(Dependency(task=TaskName(each)) for each in after)
    entry = PlannedTask(
        TaskName(name), name.capitalize(), depends_on=depends_on, estimate_minutes=5
    )
    return msgspec.structs.replace(entry, **fields)


def stages(
    number: int, *names: str, after: tuple[int, ...] = (), parallel: bool = True
) -> StageGroup:
    before = tuple(GroupId(each) for each in after)
    return StageGroup(GroupId(number), tuple(TaskName(name) for name in names), before, parallel)


def fails(token: int) -> Performance:
    """Each time in another way, for who fails in the same way waits until the target has moved."""
    return Performance(60.0, Outcome.FAILED, steps=1, summary=f"{token} tests are red")


async def groups(theatre: Theatre) -> None:
    """Stage groups: one blocks and is restarted, one runs in a row, a condition is false."""
    checkout = (
        planned("schema"),
        planned("api"),
        planned("tracing", when="needs_tracing"),
        planned("page"),
        planned("basket"),
        planned("release", depends_on=(Dependency(group=GroupId(2)),)),
        planned("notes", depends_on=(Dependency(task=TaskName("schema"), at=50),)),
    )
    plan = Plan(
        "Sell things",
        checkout,
        {"needs_tracing": False},
        (
            stages(1, "schema", "api", "tracing"),
            stages(2, "page", "basket", after=(1,), parallel=False),
        ),
        (AffinityRule(("default",), 2, "cpu"),),
    )
    theatre.plays |= {("api", token): fails(token) for token in (1, 2, 3)}
    theatre.world.judgings["page"] = [Judged(Judgement.FAILED, "a test is red", BlobId("a" * 64))]
    theatre.enter()
    for name in ("w1", "w2", "w3"):
        theatre.employ(name)
    await theatre.start("r1", plan)
    await theatre.until("api", S.FAILED)
    await theatre.wait(
        lambda plane: plane.runs[RunId("r1")].groups[GroupId(1)].status is GroupStatus.BLOCKED,
        "group 1 is blocked",
    )
    await theatre.give(RetryTask(theatre.task("api"), "the fixture was wrong"))
    await theatre.until_run_ends()


async def people(theatre: Theatre) -> None:
    """A person holds, approves, answers, rejects, cancels, pauses; gates and landings say no."""
    names = ("held", "unwanted", "asking", "cancelled", "late", "gated", "clashing", "moved")
    plan = Plan("Ask first", (*map(planned, names), planned("last", "held", "asking", "late")))
    theatre.plays["asking", 1] = Performance(60.0, asks="Which of the two currencies?")
    theatre.plays["cancelled", 1] = Performance(3_600.0)
    theatre.world.judgings["gated"] = [
        Judged(Judgement.ERROR, "the test runner is missing"),
        Judged(Judgement.FAILED, "a test is red"),
        Judged(Judgement.PASSED),
    ]
    theatre.world.conflicts["clashing"] = NotLanded(
        LandingRefusal.CONFLICT, "both sides changed prices.py"
    )
    theatre.world.pushes.add(theatre.task("moved"))
    theatre.enter()
    await theatre.give(Pause(reason="wait until the demo is over"))
    await theatre.start("r1", plan, RunLimits(workers=2))
    for name in ("held", "unwanted"):
        await theatre.give(HoldTask(theatre.task(name), "touches money"))
    await theatre.give(PrioritiseTask(theatre.task("asking"), Priority.CRITICAL))
    await theatre.give(Resume(reason="the demo is over"))
    theatre.employ("w1")
    theatre.employ("w2")
    await theatre.until("asking", S.BLOCKED_ON_HUMAN)
    await theatre.give(ApproveTask(theatre.task("held"), "fine", "round to cents"))
    await theatre.give(RejectTask(theatre.task("unwanted"), "not this quarter"))
    await theatre.give(AnswerTask(theatre.task("asking"), "The customer's."))
    await theatre.until("cancelled", S.IN_PROGRESS)
    await theatre.give(Pause(RunId("r1"), "lunch"))
    await theatre.give(CancelTask(theatre.task("cancelled"), "somebody did it by hand"))
    await theatre.give(CancelTask(theatre.task("cancelled"), "again, by mistake"))
    await theatre.give(Resume(RunId("r1")))
    await theatre.until_run_ends()


async def trouble(theatre: Theatre) -> None:
    """A p0 task interrupts, workers decline and die, everything stops, a part and a plane go."""
    plan = Plan(
        "Move the till",
        (planned("tables"), planned("import"), planned("switch", "tables", "import")),
        groups=(stages(1, "tables", "import"),),
    )
    theatre.plays["tables", 1] = Performance(1_200.0, steps=8)
    theatre.plays["import", 1] = Performance(0.0, declines="no room on its disk")
    away = Performance(60.0, Outcome.INFRASTRUCTURE, summary="the model was away")
    theatre.plays["import", 4] = away
    theatre.enter()
    theatre.employ("w1")
    theatre.employ("w2")
    await theatre.start("r1", plan, RunLimits(p0_grace_seconds=120.0))
    await theatre.until("tables", S.IN_PROGRESS)
    await theatre.clock.sleep(60)
    fire = Plan("The till is open to everybody", (planned("close", priority=Priority.P0),))
    await theatre.start("r2", fire)
    await theatre.until_run_ends("r2")
    await theatre.until("tables", S.IN_PROGRESS)
    await theatre.lose_worker("w1")
    theatre.lose_worker_silently("w2")
    await theatre.until("tables", S.READY)
    await theatre.until("import", S.READY)
    theatre.employ("w1", session=2)
    theatre.employ("w2", session=2)
    await theatre.until("import", S.IN_PROGRESS)
    await theatre.give(Stop("smoke in the server room"))
    await theatre.until("tables", S.READY)
    await theatre.give(Resume(reason="it was the toaster"))
    await theatre.until("import", S.IN_PROGRESS)
    theatre.leave()
    await theatre.clock.sleep(30)
    theatre.enter(PartLost("blobs", "no answer for 30 s", "start the store"))
    await theatre.until_run_ends()


async def unfinished(theatre: Theatre) -> None:
    """The log of a morning that somebody stopped in the middle: tasks stand everywhere."""
    names = ("working", "asking", "broken", "unjudged", "held")
    special = planned("special", skills=("cobol",))
    plan = Plan("By noon", (*map(planned, names), special, planned("later", "broken")))
    theatre.plays["working", 1] = Performance(36_000.0)
    theatre.plays["asking", 1] = Performance(60.0, asks="Delete the old prices?")
    theatre.plays |= {("broken", token): fails(token) for token in (1, 2, 3)}
    error = Judged(Judgement.ERROR, "the test runner is missing")
    theatre.world.judgings["unjudged"] = [error] * 4
    theatre.enter()
    for name in ("w1", "w2", "w3", "w4"):
        theatre.employ(name)
    await theatre.start("r1", plan)
    await theatre.until("held", S.READY, S.CLAIMED, S.IN_PROGRESS, S.BACKLOG)
    await theatre.give(HoldTask(theatre.task("held"), "touches money"))
    await theatre.until("broken", S.FAILED)
    await theatre.until("asking", S.BLOCKED_ON_HUMAN)
    await theatre.until("unjudged", S.VERIFYING)


async def hands(theatre: Theatre) -> None:
    """A person works like an agent, looks at a held change, changes the plan while it runs."""
    ada, bench = WorkerId("human-ada"), "/pretend/worktrees/ada"
    first = (planned("press"), planned("settings"), planned("letters"), planned("spare", "press"))
    held = Judged(Judgement.PASSED, verdicts=(GREEN,), held="it changes interlock.toml")
    theatre.world.judgings["settings"] = [held]
    theatre.plays["letters", 1] = Performance(60.0, denies=("example.org",))
    theatre.enter()
    await theatre.give(RegisterWorker(ada, "ada", ("lead",), 2))
    await theatre.start("r1", Plan("Print it", first))
    await theatre.give(ClaimTask(theatre.task("press"), ada))
    base = CommitId("base")
    await theatre.give(BeginTask(theatre.task("press"), ada, base, "worker/human-ada/press", bench))
    await theatre.give(ReleaseTask(theatre.task("press"), "the ink is out"))
    await theatre.give(ClaimTask(theatre.task("press"), ada))
    changed = (
        *first[:3],
        msgspec.structs.replace(first[3], title="A spare one, in blue"),
        planned("binding", "press"),
    )
    blob = await theatre.keep(Plan("Print it", changed))
    await theatre.give(AmendRun(RunId("r1"), blob))
    theatre.employ("w1")
    await theatre.until("settings", S.REVIEW)
    await theatre.give(ApproveTask(theatre.task("settings"), "seen it"))
    change = ChangeSet(REPO, theatre.task("press"), base, CommitId("pressed"))
    await theatre.give(BeginTask(theatre.task("press"), ada, base, "worker/human-ada/press", bench))
    result = Result(Outcome.CHANGED, change, "by hand")
    await theatre.give(SubmitTask(theatre.task("press"), ada, result))
    await theatre.until_run_ends()


async def money(theatre: Theatre) -> None:
    """Agents ask at their work, use models, and reach what they may use."""
    asks, cap = "May it run the old importer?", "tokens_per_task"
    used = Usage(3, 9_000, 40_000, 1_000, 700, 200, cost_usd=0.125)
    cut = Usage(1, 500, unknown_tokens=4_096, cost_usd=0.25, unknown_usd=0.5)
    theatre.plays["import", 1] = Performance(
        600.0, steps=2, asks=asks, patience_seconds=300.0, uses=used
    )
    theatre.plays["prices", 1] = Performance(60.0, asks="It used 1,000 tokens.", cap=cap, uses=cut)
    theatre.enter()
    theatre.employ("w1")
    theatre.employ("w2")
    await theatre.start(
        "r1", Plan("Buy cheaper", tuple(map(planned, ("import", "prices", "labels"))))
    )
    await theatre.wait(
        lambda plane: any(task.asking is not None for task in plane.tasks.values()), "one asks"
    )
    await theatre.give(AnswerTask(theatre.task("import"), "allow"))
    await theatre.until("prices", S.BLOCKED_ON_HUMAN)
    await theatre.give(AnswerTask(theatre.task("prices"), "go on"))
    await theatre.until_run_ends()


GREEN: Final = GateVerdict("tests", GateOutcome.PASSED, "t" * 40, "12 passed", 0.5)

STORIES: Final = (groups, people, trouble, unfinished, hands, money)


def record(story: Callable[[Theatre], Awaitable[None]]) -> Theatre:
    async def main() -> Theatre:
        return await Theatre().play(story)

    return rehearse(main)
