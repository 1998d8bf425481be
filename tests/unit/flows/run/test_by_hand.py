"""People in the same graph: they claim, begin and hand in; nothing is taken from their hands."""

from datetime import timedelta

import pytest

from interlock.domain.change import ChangeSet
from interlock.domain.command import (
    BeginTask,
    ClaimTask,
    RegisterWorker,
    ReleaseTask,
    Stop,
    SubmitTask,
)
from interlock.domain.facts.command import CommandAccepted, CommandRefused
from interlock.domain.ids import CommitId, RepoId, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from tests.unit.flows.scenes import Scene, planned, task_id

ADA = WorkerId("human-ada")


def with_ada(scene: Scene, *skills: str, capacity: int = 1) -> Scene:
    answer = scene.ask(RegisterWorker(ADA, "ada", skills, capacity))
    assert isinstance(answer, CommandAccepted)
    return scene


def claim(scene: Scene, name: str, worker: WorkerId = ADA) -> CommandAccepted | str:
    answer = scene.ask(ClaimTask(task_id(name), worker))
    assert answer is not None
    return answer.refusal.hint if isinstance(answer, CommandRefused) else answer


def begin(scene: Scene, name: str) -> None:
    command = BeginTask(task_id(name), ADA, CommitId("base"), "worker/human-ada/a", "/somewhere")
    assert isinstance(scene.ask(command), CommandAccepted)


def submit(scene: Scene, name: str, worker: WorkerId = ADA) -> CommandAccepted | str:
    change = ChangeSet(RepoId("repo"), task_id(name), CommitId("base"), CommitId("head"))
    answer = scene.ask(SubmitTask(task_id(name), worker, Result(Outcome.CHANGED, change)))
    assert answer is not None
    return answer.refusal.hint if isinstance(answer, CommandRefused) else answer


def test_a_person_goes_the_same_way_as_an_agent() -> None:
    scene = with_ada(Scene(planned("a"), planned("b", "a")))
    assert isinstance(claim(scene, "a"), CommandAccepted)
    assert scene.status("a").value == "claimed"
    begin(scene, "a")
    attempt = scene.task("a").attempts[-1]
    assert (attempt.worker_id, attempt.branch, attempt.path) == (
        ADA,
        "worker/human-ada/a",
        "/somewhere",
    )
    assert isinstance(submit(scene, "a"), CommandAccepted)
    scene.judge("a").land("a")
    assert scene.statuses("a", "b") == ["done", "ready"]


@pytest.mark.parametrize(
    ("name", "worker", "said"),
    [
        ("a", WorkerId("human-bob"), "no person is registered as human-bob"),
        ("b", ADA, "it waits for a, which is ready"),
        ("c", ADA, "human-ada lacks the skills sql"),
    ],
)
def test_a_claim_that_cannot_be_says_why(name: str, worker: WorkerId, said: str) -> None:
    scene = with_ada(Scene(planned("a"), planned("b", "a"), planned("c", skills=("sql",))))
    hint = claim(scene, name, worker)
    assert isinstance(hint, str)
    assert said in hint


def test_one_task_at_a_time_and_nobody_takes_it_from_another() -> None:
    scene = with_ada(Scene(planned("a"), planned("b"))).join("w1")
    assert claim(scene, "a") == "w1 holds it"
    assert isinstance(claim(scene, "b"), CommandAccepted)
    scene = with_ada(Scene(planned("a"), planned("b")))
    claim(scene, "a")
    assert claim(scene, "b") == "human-ada holds a already"


def test_only_the_holder_hands_in() -> None:
    scene = with_ada(Scene(planned("a")))
    assert "nobody holds it" in str(submit(scene, "a"))
    claim(scene, "a")
    assert "human-ada holds it" in str(submit(scene, "a", WorkerId("human-bob")))


def test_a_profile_for_people_waits_for_one() -> None:
    limits = RunLimits(by_people=("reviewer",))
    scene = Scene(planned("a", agent="reviewer"), limits=limits)
    scene.join("w1", agent="*", capabilities=("*",))
    assert scene.status("a").value == "ready"
    with_ada(scene)
    assert isinstance(claim(scene, "a"), CommandAccepted)


def test_nothing_is_taken_out_of_a_persons_hands_before_days_have_passed() -> None:
    scene = with_ada(Scene(planned("a")))
    claim(scene, "a")
    begin(scene, "a")
    scene.ask(Stop())
    scene.pass_time(3_600 * 24, look_at=["a"])
    assert scene.status("a").value == "in_progress"
    assert scene.task("a").lease is not None
    lease = scene.task("a").lease
    assert lease is not None
    assert lease.seconds == timedelta(days=5).total_seconds()


def test_what_is_given_back_is_ready_for_anybody() -> None:
    scene = with_ada(Scene(planned("a"), planned("b")))
    claim(scene, "a")
    scene.ask(ReleaseTask(task_id("a"), "no time"))
    assert (scene.status("a").value, scene.task("a").losses_in_a_row) == ("ready", 0)
    claim(scene, "a")
    begin(scene, "a")
    scene.ask(ReleaseTask(task_id("a")))
    assert (scene.status("a").value, scene.task("a").attempts_spent) == ("ready", 0)
    assert isinstance(claim(scene, "a"), CommandAccepted)


def test_an_agents_task_is_not_given_back_by_command() -> None:
    scene = Scene(planned("a")).join("w1").begin("a")
    answer = scene.ask(ReleaseTask(task_id("a")))
    assert isinstance(answer, CommandRefused)
    assert answer.refusal.hint == "no person holds this task"
