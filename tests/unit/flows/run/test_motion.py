"""A run goes on for as long as something can still come of it without a person."""

import pytest

from interlock.domain.command import Pause
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, RunId, TaskId
from interlock.domain.run import RunLimits
from interlock.flows.run.motion import is_under_way, moves
from interlock.flows.run.pictures import run_stream, task_stream
from tests.unit.flows import scenes
from tests.unit.flows.scenes import REPO, RUN, Scene, planned

OTHER = RunId("R-other")


def two_runs(monkeypatch: pytest.MonkeyPatch, theirs: RunLimits) -> Scene:
    """Two runs of one task each, `a` and `z`, and a worker for each of them."""
    ours, task = scenes.task_id, TaskId(f"{OTHER}-z")
    scene = Scene(planned("a")).join("w1").join("w2")
    monkeypatch.setattr(scenes, "task_id", lambda name: task if name == "z" else ours(name))
    started = RunStarted(OTHER, REPO, Goal("other"), BlobId("b"), 1, theirs, (), ())
    scene.record(run_stream(OTHER), started)
    submitted = TaskSubmitted(task, OTHER, REPO, planned("z"), 0, 1.0, None)
    scene.record(task_stream(task), submitted)
    scene.record(run_stream(OTHER), RunPlanned(1))
    return scene.turn()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return two_runs(monkeypatch, RunLimits())


def both_move(scene: Scene) -> tuple[bool, bool]:
    return moves(scene.plane, scene.plane.runs[RUN]), moves(scene.plane, scene.plane.runs[OTHER])


def test_a_change_that_waits_for_the_landing_of_another_run_still_moves(scene: Scene) -> None:
    scene.work("a", "z").judge("a").judge("z").intend("a")
    assert scene.statuses("a", "z") == ["merging", "review"]
    assert both_move(scene) == (True, True)
    assert is_under_way(scene.plane)


def test_what_only_a_person_can_move_is_not_kept_going_by_another_run(scene: Scene) -> None:
    scene.begin("a", "z").park("z")
    assert both_move(scene) == (True, False)


def test_what_a_person_has_to_claim_is_not_kept_going_by_another_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = two_runs(monkeypatch, RunLimits(by_people=(planned("z").agent,)))
    scene.begin("a")
    assert scene.statuses("a", "z") == ["in_progress", "ready"]
    assert both_move(scene) == (True, False)


def test_what_runs_goes_on_while_the_plane_is_paused(scene: Scene) -> None:
    scene.begin("a", "z").ask(Pause(reason="lunch"))
    assert scene.plane.paused
    assert is_under_way(scene.plane)
