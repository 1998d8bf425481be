"""From the log back to the picture: folding everything, or a snapshot and the rest, is the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.domain.command import AnswerTask, HoldTask, Pause, PrioritiseTask, Stop
from interlock.domain.facts.attempt import AttemptStarted
from interlock.domain.facts.change import Judgement
from interlock.domain.plan import AffinityRule
from interlock.domain.result import Outcome
from interlock.domain.task import Priority
from interlock.engine.ports import NewEvent, Snapshot, StreamWrite
from interlock.flows.run.pictures import PlanePicture, empty
from interlock.flows.run.recovery import (
    FORMAT,
    picture_of,
    read_picture,
    snapshot_name,
    snapshot_of,
)
from interlock.flows.run.state import fold
from interlock.flows.task.state import ImpossibleHistory
from tests.unit.flows.scenes import REPO, RUN, Scene, group, planned, task_id


def eventful() -> Scene:
    """A bit of everything: groups, a parked, a failed, a landed and a held task, p0, a pause."""
    tasks = (planned("a"), planned("b", "a@50"), planned("c"), planned("d", "c"))
    waiting = planned("e", agent="liz")
    scene = Scene(
        *tasks,
        waiting,
        groups=(group(1, "a", "b"),),
        affinity=(AffinityRule(("default",), 9, "io"),),
    )
    scene.join("w1", capacity=2).join("w2", capacity=4).begin("a").progress("a", 60).begin(
        "b"
    ).park("b")
    scene.done("c").begin("d").finish("d", outcome=Outcome.FAILED)
    scene.ask(HoldTask(task_id("e")))
    scene.finish("a").judge("a").intend("a")
    scene.ask(AnswerTask(task_id("b"), "this"))
    scene.ask(PrioritiseTask(task_id("b"), Priority.P0))
    scene.pass_time(9).judge("d", Judgement.ERROR)
    scene.ask(Pause(RUN))
    return scene


EVENTFUL = eventful()


def folded(count: int) -> PlanePicture:
    plane = empty(REPO)
    for event in EVENTFUL.history[:count]:
        plane = fold(plane, event)
    return plane


def test_folding_the_history_gives_the_picture_of_the_draft() -> None:
    assert folded(len(EVENTFUL.history)) == EVENTFUL.plane


@given(st.integers(0, len(EVENTFUL.history)))
def test_a_snapshot_is_the_picture_at_any_moment(count: int) -> None:
    plane = folded(count)
    assert picture_of(snapshot_of(plane)) == plane


@given(st.integers(0, len(EVENTFUL.history)))
def test_the_rest_of_history_folds_onto_a_snapshot(count: int) -> None:
    plane = picture_of(snapshot_of(folded(count)))
    for event in EVENTFUL.history[count:]:
        plane = fold(plane, event)
    assert plane == EVENTFUL.plane


@given(st.integers(0, len(EVENTFUL.history)))
def test_an_event_that_is_in_the_picture_already_changes_nothing(count: int) -> None:
    plane = EVENTFUL.plane
    for event in EVENTFUL.history[:count]:
        plane = fold(plane, event)
    assert plane is EVENTFUL.plane


async def told() -> MemoryStore:
    store = MemoryStore()
    log = MemoryEventLog(store)
    for event in EVENTFUL.history:
        write = StreamWrite(event.stream, None, (NewEvent(event.fact, event.actor),))
        await log.append([write], event.at)
    return store


async def test_reading_the_log_with_and_without_a_snapshot() -> None:
    store = await told()
    log, snapshots = MemoryEventLog(store), MemorySnapshots(store)
    whole = await read_picture(log, None, REPO)
    assert whole.position == len(EVENTFUL.history)
    await snapshots.save(snapshot_name(REPO), snapshot_of(folded(20)))
    assert await read_picture(log, snapshots, REPO) == whole


@pytest.mark.parametrize("format_", ["plane-0", f"{FORMAT}0"])
async def test_a_snapshot_of_another_format_is_ignored(format_: str) -> None:
    store = await told()
    snapshots = MemorySnapshots(store)
    await snapshots.save(snapshot_name(REPO), Snapshot(9, format_, b"not even msgpack"))
    log = MemoryEventLog(store)
    assert await read_picture(log, snapshots, REPO) == await read_picture(log, None, REPO)


def test_an_impossible_history_is_told_and_not_guessed() -> None:
    plane = EVENTFUL.plane
    running = next(e for e in EVENTFUL.history if isinstance(e.fact, AttemptStarted))
    late = replace(running, version=plane.tasks[task_id("c")].version + 1, stream="task/r-c")
    with pytest.raises(ImpossibleHistory, match="cannot start a task that is done"):
        fold(plane, late)


def test_a_stop_survives_a_snapshot() -> None:
    scene = Scene(planned("a")).turn()
    scene.ask(Stop("smoke"))
    assert picture_of(snapshot_of(scene.plane)).stopped == "smoke"
