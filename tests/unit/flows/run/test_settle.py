"""A turn on paper: facts fold as they are decided, and one draft is one append."""

from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.task import TaskMadeReady
from interlock.domain.ids import LeaseId, WorkerId
from interlock.engine.dispatch import Freeze, Job
from interlock.flows.run.draft import FACTS_MAX, Dirty, Draft
from interlock.flows.run.settle import freeze_of, job_of, settle
from tests.unit.flows.scenes import AT, ME, Scene, planned, task_id


def test_a_turn_goes_on_until_nothing_more_follows() -> None:
    scene = Scene(planned("a"), planned("b", "a")).join("w1")
    assert scene.statuses("a", "b") == ["claimed", "backlog"]
    assert scene.wishes.jobs == [task_id("a")]
    before = len(scene.history)
    scene.turn()
    assert len(scene.history) == before


def test_a_draft_is_thrown_away_by_keeping_the_old_picture() -> None:
    scene = Scene(planned("a")).turn()
    before = scene.plane
    draft = Draft(before, Dirty(), AT, ME)
    draft.record(f"task/{task_id('a')}", LeaseGranted(LeaseId("l"), WorkerId("w"), 1, 1, AT, 9.0))  # type: ignore[arg-type]
    assert draft.plane is not before
    assert before.tasks[task_id("a")].status.value == "ready"


def test_writes_expect_the_versions_the_draft_saw() -> None:
    scene = Scene(planned("a"), planned("b")).turn()
    draft = Draft(scene.plane, Dirty(), AT, ME)
    lease = LeaseGranted(LeaseId("l"), WorkerId("w"), 1, 1, AT, 9.0)  # type: ignore[arg-type]
    for name in ("a", "b"):
        draft.record(f"task/{task_id(name)}", lease)
    assert [(w.stream, w.expected, len(w.events)) for w in draft.writes()] == [
        ("task/r-a", 3, 1),
        ("task/r-b", 3, 1),
    ]


def test_a_full_draft_leaves_the_rest_to_the_next_turn() -> None:
    scene = Scene(*(planned(f"t{n}") for n in range(FACTS_MAX)))
    dirty = Dirty()
    dirty.everything(scene.plane)
    first = Draft(scene.plane, dirty, AT, ME)
    settle(first, lambda _: "")
    assert first.full
    assert dirty
    second = Draft(first.plane, dirty, AT, ME)
    settle(second, lambda _: "")
    third = Draft(second.plane, dirty, AT, ME)
    settle(third, lambda _: "")
    assert not dirty
    assert {t.status.value for t in third.plane.tasks.values()} == {"ready"}


def test_after_a_restart_everything_is_looked_at_and_nothing_is_decided_twice() -> None:
    scene = Scene(planned("a"), planned("b", "a")).join("w1").begin("a")
    dirty = Dirty()
    dirty.everything(scene.plane)
    draft = Draft(scene.plane, dirty, AT, ME)
    settle(draft, lambda _: "")
    assert draft.writes() == []


def test_what_a_worker_is_sent() -> None:
    scene = Scene(planned("a")).join("w1")
    job = job_of(scene.plane, scene.task("a"))
    assert isinstance(job, Job)
    assert (job.lease, job.worker_id, job.token, job.attempt) == ("r-a@1", "w1", 1, 1)
    assert freeze_of(scene.task("a")) == Freeze(LeaseId("r-a@1"))
    assert job_of(scene.plane, scene.work("a").task("a")) is freeze_of(scene.task("a")) is None


def test_each_task_is_made_ready_once() -> None:
    scene = Scene(planned("a"), planned("b")).turn().turn()
    assert len(scene.recorded(TaskMadeReady)) == 2
