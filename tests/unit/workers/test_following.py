"""Following an agent, on pretend time: who may end it, when, and what is told meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.loop import rehearse
from interlock.domain.ids import LeaseId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.task import PlannedTask
from interlock.domain.usage import Usage
from interlock.engine.dispatch import Frozen, Job, Metered, Progressed, Questioned, Report
from interlock.sandbox.ports import BoxEnded, BoxRefused
from interlock.workers.agents.ports import AgentEvent, Ended, Moved, Said, Used, Wanted
from interlock.workers.following import Course, Follower, Stop, Watch
from interlock.workers.models.ports import OverCap
from interlock.workers.reins import Reins
from interlock.workers.telling import Teller

JOB = Job(
    LeaseId("R1-t@1"),
    TaskId("R1-t"),
    RunId("R1"),
    WorkerId("agent-local-1"),
    Token(1),
    1,
    30.0,
    PlannedTask(TaskName("t"), "Title"),
)

Step = AgentEvent | float
"""What an agent says, or how many seconds it takes before it goes on."""


class Box:
    """A box that can be told to refuse to hold still, or to outlive its own end."""

    def __init__(self, *, freezes: bool = True) -> None:
        self.freezes, self.frozen = freezes, False
        self.killed = asyncio.Event()
        self.moves = asyncio.Event()
        self.moves.set()

    async def freeze(self) -> None:
        if not self.freezes:
            raise BoxRefused("This kind of box cannot hold still.")
        self.frozen = True
        self.moves.clear()

    async def thaw(self) -> None:
        self.frozen = False
        self.moves.set()

    async def kill(self) -> None:
        self.killed.set()

    async def wait(self) -> BoxEnded:
        await self.killed.wait()
        return BoxEnded(137, "killed")

    def complaints(self) -> bytes:
        return b""


class Turn:
    """Plays its steps; ends early when its box is killed, unless it is stubborn."""

    def __init__(self, *steps: Step, box: Box | None = None, stubborn: bool = False) -> None:
        self.steps, self.box, self.stubborn = steps, box or Box(), stubborn
        self.interrupted = False
        self.answers: list[tuple[str, str]] = []

    async def events(self) -> AsyncIterator[AgentEvent]:
        for step in self.steps:
            if isinstance(step, float):
                if await self._killed_within(step):
                    break
            else:
                yield step
        if self.stubborn:
            await asyncio.Event().wait()
        yield Ended(broken="killed") if self.box.killed.is_set() else Ended("done")

    async def _killed_within(self, seconds: float) -> bool:
        for _ in range(int(seconds)):
            await self.box.moves.wait()
            try:
                async with asyncio.timeout(1):
                    await self.box.killed.wait()
            except TimeoutError:
                continue
            return True
        return False

    async def answer(self, question: str, answer: str) -> None:
        self.answers.append((question, answer))

    async def interrupt(self) -> None:
        self.interrupted = True


class Scene:
    """One turn being followed."""

    def __init__(self, turn: Turn, seconds: float = 1_000.0, patience: float = 0.0) -> None:
        self.turn, self.reins, self.reports = turn, Reins(), list[Report]()
        self.full = ""
        self.clock = PretendClock()
        teller = Teller(JOB, 1, self._heard, lambda: f"report-{len(self.reports)}")
        self.rules: dict[str, str] = {}
        self.breach: asyncio.Future[OverCap] = asyncio.get_running_loop().create_future()
        self.usage = Usage()
        self.trouble = ""
        watch = Watch(
            seconds,
            self._over_quota,
            lambda wanted: self.rules.get(wanted.detail, ""),
            patience,
            self._breached,
            lambda: self.usage,
            lambda: self.trouble,
        )
        self.follower = Follower(turn, teller, self.reins, watch, self.clock)

    async def _heard(self, report: Report) -> None:
        self.reports.append(report)

    async def _breached(self) -> OverCap:
        return await self.breach

    async def _over_quota(self) -> str:
        return self.full

    async def run(self, *told: tuple[float, Callable[[], None]]) -> Course:
        """Follow to the end, and do these things at these seconds."""
        async with asyncio.TaskGroup() as group:
            for seconds, deed in told:
                group.create_task(self._later(seconds, deed))
            return await self.follower.follow()

    async def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        await self.clock.sleep(seconds)
        deed()


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    rehearse(story)


def test_an_agent_that_ends_is_let_go():
    async def story() -> None:
        scene = Scene(Turn(Said("hello"), 5.0, Used(10, 5), Used(1, 2, 3, 0.5)))
        course = await scene.run()
        assert course == Course(Ended("done"), used=Used(11, 7, 3, 0.5))
        assert not scene.turn.interrupted
        assert scene.follower.transcript().startswith(b"hello\n")

    play(story)


def test_time_ends_it_politely_first():
    async def story() -> None:
        scene = Scene(Turn(5_000.0), seconds=60)
        course = await scene.run()
        assert (course.stop, course.why) == (Stop.TIME, "it was not done within 1 minutes")
        assert scene.turn.interrupted
        assert scene.turn.box.killed.is_set()
        assert 60 <= scene.clock.monotonic() < 75

    play(story)


def test_while_it_holds_still_its_time_stands_still():
    async def story() -> None:
        scene = Scene(Turn(50.0), seconds=60)
        course = await scene.run((10, scene.reins.freeze), (500, scene.reins.thaw))
        assert course.stop is None
        assert [type(report) for report in scene.reports] == [Frozen]
        assert 535 <= scene.clock.monotonic() < 545

    play(story)


def test_an_order_that_was_taken_back_in_time_does_nothing():
    async def story() -> None:
        scene = Scene(Turn(20.0))
        scene.reins.freeze()
        scene.reins.thaw()
        await scene.run()
        assert scene.reports == []

    play(story)


def test_a_box_that_cannot_hold_still_is_never_said_to():
    async def story() -> None:
        scene = Scene(Turn(20.0, box=Box(freezes=False)))
        course = await scene.run((5, scene.reins.freeze))
        assert course.stop is None
        assert scene.reports == []
        assert not scene.reins.holds_still
        assert b"cannot hold still" in scene.follower.transcript()

    play(story)


def test_a_frozen_one_can_be_interrupted():
    async def story() -> None:
        scene = Scene(Turn(5_000.0))
        ending = (20, lambda: scene.reins.interrupt("p0"))
        course = await scene.run((10, scene.reins.freeze), ending)
        assert (course.stop, course.why) == (Stop.INTERRUPTED, "p0")
        assert not scene.turn.box.frozen

    play(story)


def test_a_question_ends_the_turn_and_is_told_with_its_options():
    async def story() -> None:
        asks = Wanted("1", "Which one?", tool="shell", options=("a", "b"))
        scene = Scene(Turn(2.0, asks, Wanted("2", "Another?"), 5_000.0))
        course = await scene.run()
        assert course.stop is Stop.ASKED
        assert course.why == "Which one? (about shell) Options: a; b."

    play(story)


MAKE = Wanted("q1", "May it run make?", "Bash", detail="make")


def test_what_settings_can_answer_is_nobody_s_question():
    async def story() -> None:
        scene = Scene(Turn(MAKE, 20.0), patience=300)
        scene.rules = {"make": "allow"}
        course = await scene.run()
        assert course.stop is None
        assert scene.turn.answers == [("q1", "allow")]
        assert scene.reports == []

    play(story)


def test_an_answer_in_time_reaches_the_agent_at_its_work():
    async def story() -> None:
        scene = Scene(Turn(MAKE, 100.0), seconds=120, patience=300)
        course = await scene.run((90, lambda: scene.reins.answer("q1", "deny: use ninja")))
        assert course.stop is None
        assert scene.turn.answers == [("q1", "deny: use ninja")]
        (asked,) = scene.reports
        assert isinstance(asked, Questioned)
        assert (asked.question_id, asked.tool) == ("q1", "Bash")
        assert scene.reins.asking == ""

    play(story)


def test_questions_come_to_a_person_one_by_one():
    async def story() -> None:
        second = Wanted("q2", "May it push?", "Bash", detail="git push")
        scene = Scene(Turn(MAKE, second, 100.0), patience=300)
        await scene.run(
            (10, lambda: scene.reins.answer("q1", "allow")),
            (20, lambda: scene.reins.answer("q2", "allow")),
        )
        asked = [each.question_id for each in scene.reports if isinstance(each, Questioned)]
        assert asked == ["q1", "q2"]
        assert scene.turn.answers == [("q1", "allow"), ("q2", "allow")]

    play(story)


def test_who_waits_too_long_for_an_answer_is_parked():
    async def story() -> None:
        scene = Scene(Turn(MAKE, 5_000.0), seconds=60, patience=300)
        course = await scene.run()
        assert (course.stop, course.asked) == (Stop.ASKED, MAKE)
        assert scene.turn.interrupted
        assert 300 <= scene.clock.monotonic() < 315

    play(story)


def test_an_answer_to_something_else_answers_nothing():
    async def story() -> None:
        scene = Scene(Turn(MAKE, 5_000.0), patience=60)
        course = await scene.run((10, lambda: scene.reins.answer("q9", "allow")))
        assert course.stop is Stop.ASKED
        assert scene.turn.answers == []

    play(story)


def test_a_cap_ends_it_and_says_which():
    async def story() -> None:
        scene = Scene(Turn(5_000.0))
        over = OverCap("tokens_per_task", "it would pass 10 tokens")
        course = await scene.run((30, lambda: scene.breach.set_result(over)))
        assert (course.stop, course.cap) == (Stop.BUDGET, "tokens_per_task")
        assert course.why == "it would pass 10 tokens"

    play(story)


def test_an_agent_that_gives_up_for_a_cap_has_not_failed():
    async def story() -> None:
        scene = Scene(Turn(5.0))
        scene.breach.set_result(OverCap("cost_usd_per_run", "the run has no money left"))
        course = await scene.run()
        assert (course.stop, course.cap) == (Stop.BUDGET, "cost_usd_per_run")

    play(story)


def test_what_was_used_is_told_now_and_then_while_it_grows():
    async def story() -> None:
        scene = Scene(Turn(200.0))

        def spend(requests: int) -> None:
            scene.usage = Usage(requests, input_tokens=10)

        await scene.run((20, lambda: spend(1)), (100, lambda: spend(2)))
        told = [each.usage.requests for each in scene.reports if isinstance(each, Metered)]
        assert told == [1, 2]

    play(story)


def test_trouble_on_the_way_to_models_is_told_at_once_and_once():
    async def story() -> None:
        scene = Scene(Turn(60.0))
        await scene.run((7, lambda: setattr(scene, "trouble", "anthropic answers 529")))
        told = [each.trouble for each in scene.reports if isinstance(each, Metered)]
        assert told == ["anthropic answers 529"]

    play(story)


def test_who_fills_the_disk_is_ended_at_once():
    async def story() -> None:
        scene = Scene(Turn(5_000.0))
        course = await scene.run((7, lambda: setattr(scene, "full", "it filled the disk")))
        assert (course.stop, course.why) == (Stop.DISK, "it filled the disk")
        assert not scene.turn.interrupted
        assert scene.clock.monotonic() < 15

    play(story)


def test_one_that_never_says_its_end_is_given_up():
    async def story() -> None:
        scene = Scene(Turn(5_000.0, stubborn=True), seconds=60)
        course = await scene.run()
        assert course.stop is Stop.TIME
        assert "did not come to its end" in course.end.broken
        assert scene.clock.monotonic() < 120

    play(story)


def test_news_of_progress_are_news_and_few():
    async def story() -> None:
        hasty = [Moved(percent % 8) for percent in range(5_000)]
        slow = [step for percent in range(1, 400) for step in (Moved(percent % 100), 1.0)]
        scene = Scene(Turn(*hasty, 1.0, Moved(7), Moved(7), 1.0, Moved(7), *slow))
        await scene.run()
        percents = [each.percent for each in scene.reports if isinstance(each, Progressed)]
        assert percents[:3] == [0, 7, 1]
        assert len(percents) == 120

    play(story)


def test_a_leap_is_told_at_once_for_somebody_may_wait_for_it():
    async def story() -> None:
        scene = Scene(Turn(Moved(5), Moved(9), Moved(50), Moved(55), Moved(100)))
        await scene.run()
        percents = [each.percent for each in scene.reports if isinstance(each, Progressed)]
        assert percents == [5, 50, 100]

    play(story)


def test_what_breaks_while_steering_ends_the_following():
    async def story() -> None:
        class Broken(Exception):
            pass

        async def breaks() -> str:
            raise Broken

        scene = Scene(Turn(5_000.0))
        watch = Watch(1_000.0, breaks)
        teller = Teller(JOB, 1, nobody, str)
        follower = Follower(scene.turn, teller, scene.reins, watch, scene.clock)
        with pytest.raises(Broken):
            await follower.follow()

    async def nobody(_: Report) -> None:
        raise AssertionError("nothing is told here")

    play(story)
