"""News from workers: only the live token counts; a repeat and an old life change nothing."""

from msgspec.structs import replace

from interlock.domain.facts.attempt import AttemptStarted
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered, WorkerWentOffline
from interlock.domain.ids import LeaseId, Token, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.engine.dispatch import (
    PROTOCOL,
    Alive,
    Declined,
    Finished,
    Frozen,
    Interrupt,
    Left,
    Progressed,
    Report,
    Started,
    Thaw,
)
from tests.unit.flows.scenes import Scene, planned, task_id

W1 = WorkerId("w1")


def working() -> Scene:
    return Scene(planned("a")).join("w1").begin("a")


def alive(session: int = 1, holds: tuple[str, ...] = (), frozen: tuple[str, ...] = ()) -> Alive:
    held, still = tuple(map(LeaseId, holds)), tuple(map(LeaseId, frozen))
    return Alive(id="alive", worker_id=W1, session=session, holds=held, frozen=still)


def untouched(scene: Scene, report: Report) -> bool:
    before = len(scene.history)
    scene.turn(report)
    return len(scene.history) == before


def test_a_stale_token_records_nothing_and_is_told_to_stop() -> None:
    scene = working()
    late = scene.about(Progressed, "a", percent=60)
    scene.silent.add(task_id("a"))
    scene.pass_time(0, look_at=("a",))
    scene.silent.clear()
    scene.pass_time(5)
    assert scene.task("a").token == 2
    assert untouched(scene, late)
    assert scene.told == [(W1, Interrupt(LeaseId("r-a@1")))]


def test_a_forged_token_records_nothing() -> None:
    scene = working()
    assert untouched(scene, scene.about(Progressed, "a", percent=60, token=Token(9)))


def test_a_late_end_is_dropped_without_a_word() -> None:
    scene = working()
    late = scene.about(Finished, "a", result=Result(Outcome.UNCHANGED))
    scene.finish("a")
    assert untouched(scene, late)
    assert scene.told == []


def test_a_repeated_report_changes_nothing() -> None:
    scene = Scene(planned("a")).join("w1")
    start = scene.about(Started, "a")
    scene.turn(start, start).turn(start)
    assert len(scene.recorded(AttemptStarted)) == 1
    step = scene.about(Progressed, "a", percent=40)
    scene.turn(step)
    assert untouched(scene, step)


def test_a_declined_job_goes_to_somebody_again() -> None:
    scene = Scene(planned("a")).join("w1")
    scene.turn(scene.about(Declined, "a", reason="no disk"))
    assert (scene.task("a").token, scene.task("a").losses_in_a_row) == (2, 1)


def test_whoever_declines_for_ever_is_looked_at_by_a_person() -> None:
    scene = Scene(planned("a")).join("w1")
    for _ in range(5):
        scene.turn(scene.about(Declined, "a", reason="no disk"))
    assert scene.status("a").value == "awaiting_review"


def test_losses_in_a_row_are_counted_and_success_forgets_them() -> None:
    scene = Scene(planned("a")).join("w1")
    for _ in range(4):
        scene.begin("a").finish("a", outcome=Outcome.INFRASTRUCTURE).pass_time(300)
    assert (scene.status("a").value, scene.task("a").losses_in_a_row) == ("claimed", 4)
    scene.begin("a").finish("a", outcome=Outcome.INFRASTRUCTURE)
    assert (scene.status("a").value, scene.task("a").attempts_spent) == ("failed", 0)
    scene = working()
    scene.finish("a", outcome=Outcome.INFRASTRUCTURE).pass_time(5).work("a")
    assert scene.task("a").losses_in_a_row == 0


def test_another_protocol_is_left_alone() -> None:
    scene = working()
    assert untouched(scene, replace(scene.joined("w9"), protocol=PROTOCOL + 1))


# --- workers come and go --------------------------------------------------------------------------


def test_joining_again_in_a_newer_life_takes_the_old_lifes_work() -> None:
    scene = working()
    scene.join("w1", session=2)
    assert scene.recorded(WorkerCameBack) == [WorkerCameBack(W1, 2)]
    assert scene.status("a").value == "ready"
    assert (W1, Interrupt(LeaseId("r-a@1"))) in scene.told


def test_joining_again_with_other_skills_registers_anew() -> None:
    scene = Scene().join("w1").join("w1", session=2, capabilities=("sql",))
    assert len(scene.recorded(WorkerRegistered)) == 2
    worker = scene.plane.workers[W1]
    assert (worker.session, worker.capabilities) == (2, ("sql",))


def test_news_of_an_older_life_are_ignored() -> None:
    scene = Scene().join("w1", session=2)
    assert untouched(scene, scene.joined("w1", session=1, capabilities=("sql",)))
    assert untouched(scene, alive(session=1))
    assert untouched(scene, Left(id="left", worker_id=W1, session=1, reason="died"))


def test_a_worker_that_left_loses_its_work_and_comes_back() -> None:
    scene = working()
    scene.turn(Left(id="left", worker_id=W1, session=1, reason="died"))
    assert scene.recorded(WorkerWentOffline) == [WorkerWentOffline(W1, "died")]
    assert scene.status("a").value == "ready"
    scene.turn(alive()).pass_time(5)
    assert scene.status("a").value == "claimed"


def test_who_leaves_without_having_begun_costs_the_task_nothing() -> None:
    """It was given the task on its way out; five of these must not bring a person into it."""
    scene = Scene(planned("a"))
    for number in range(1, 7):
        scene.join("w1", session=number)
        assert scene.status("a").value == "claimed"
        scene.turn(Left(id=f"left-{number}", worker_id=W1, session=number, reason="told to"))
        assert scene.status("a").value == "ready"
    assert not any(ended.lost for ended in scene.recorded(LeaseEnded))


def test_a_stranger_that_is_alive_is_nobody_yet() -> None:
    assert untouched(Scene(planned("a")).turn(), alive())


# --- what the worker says it holds ----------------------------------------------------------------


def test_a_worker_is_told_to_drop_what_it_should_not_hold() -> None:
    scene = working()
    scene.turn(alive(holds=("r-a@1", "r-a@7", "nonsense")))
    assert scene.told == [(W1, Interrupt(LeaseId("r-a@7"))), (W1, Interrupt(LeaseId("nonsense")))]


def test_a_worker_that_holds_still_for_nothing_is_thawed() -> None:
    scene = working()
    scene.turn(alive(holds=("r-a@1",), frozen=("r-a@1",)))
    assert scene.told == [(W1, Thaw(LeaseId("r-a@1")))]
    scene.turn(scene.about(Frozen, "a"))
    assert scene.told == [(W1, Thaw(LeaseId("r-a@1")))]
    assert scene.status("a").value == "in_progress"


def test_somebody_elses_lease_is_not_alive_through_me() -> None:
    scene = Scene(planned("a")).join("w0").join("w1")
    scene.turn(alive(holds=("r-a@1",)))
    assert scene.told == [(W1, Interrupt(LeaseId("r-a@1")))]
