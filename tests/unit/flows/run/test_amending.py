"""A changed plan is taken over by its unfinished run: additions, edits, and what was taken out."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.domain.facts.run import RunAmended
from interlock.domain.facts.task import TaskEdited, TaskSkipped
from interlock.domain.ids import BlobId
from interlock.domain.plan import Plan
from interlock.domain.task import PlannedTask
from interlock.flows.run.amending import amendments, objection
from interlock.flows.run.indexes import rebuilt
from interlock.planning.graph import remaining_minutes
from tests.unit.flows.scenes import Scene, planned


def amend(scene: Scene, *tasks: PlannedTask) -> list[object]:
    plan = Plan("g", tuple(tasks))
    run = next(iter(scene.plane.runs.values()))
    assert objection(run, plan) == ""
    facts = list(amendments(scene.plane, run, plan, BlobId("new"), remaining_minutes(plan)))
    for stream, fact in facts:
        scene.record(stream, fact)
    scene.turn()
    return [fact for _, fact in facts]


def test_a_task_that_was_added_runs_after_what_it_depends_on() -> None:
    scene = Scene(planned("a")).join("w1").begin("a")
    amend(scene, planned("a"), planned("b", "a"))
    assert scene.statuses("a", "b") == ["in_progress", "backlog"]
    scene.finish("a").judge("a").land("a")
    assert scene.statuses("a", "b") == ["done", "claimed"]


def test_what_had_begun_stays_and_what_had_not_is_edited() -> None:
    scene = Scene(planned("a"), planned("b", "a")).join("w1").begin("a")
    facts = amend(
        scene, replace(planned("a"), title="too late"), replace(planned("b", "a"), title="new")
    )
    assert [type(fact) for fact in facts] == [RunAmended, TaskEdited]
    assert scene.task("a").planned.title != "too late"
    assert scene.task("b").planned.title == "new"


def test_an_edit_may_change_what_a_task_waits_for() -> None:
    scene = Scene(planned("a"), planned("b", "a")).join("w1").begin("a")
    amend(scene, planned("a"), planned("b"))
    assert scene.join("w2").status("b").value == "claimed"


def test_what_was_taken_out_is_skipped_and_holds_nobody_up() -> None:
    scene = Scene(planned("a"), planned("b", "a"), planned("c", "b")).join("w1").begin("a")
    facts = amend(scene, planned("a"), planned("c", "a"))
    assert TaskSkipped in {type(fact) for fact in facts}
    scene.finish("a").judge("a").land("a")
    assert scene.statuses("b", "c") == ["skipped", "claimed"]


def test_nothing_changed_is_recorded_as_such() -> None:
    scene = Scene(planned("a"))
    assert [type(f) for f in amend(scene, planned("a"))] == [RunAmended]


@given(st.integers(0, 6))
def test_rebuilding_every_index_gives_the_same_picture(steps: int) -> None:
    scene = Scene(planned("a"), planned("b", "a"), planned("c")).join("w1").join("w2")
    for step in [
        lambda: scene.begin("a"),
        lambda: scene.finish("a"),
        lambda: scene.judge("a"),
        lambda: scene.land("a"),
        lambda: amend(scene, planned("a"), planned("b", "a"), planned("c"), planned("d")),
        lambda: scene.begin("b"),
    ][:steps]:
        step()
    assert rebuilt(scene.plane) == scene.plane
