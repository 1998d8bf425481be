"""Every history that a release ever wrote is read, checked and gone on with by this one."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from interlock.adapters.pretend.loop import rehearse
from interlock.domain.codec import FACTS
from interlock.domain.command import AnswerTask, ApproveTask, RetryTask
from interlock.domain.lifecycle import ENDED
from interlock.domain.run import RunStatus
from interlock.engine.chain import Head, Stored, Verification, verify_chain
from interlock.engine.records import recorded_of
from interlock.flows.run.around import around
from interlock.flows.run.pictures import PlanePicture, empty
from interlock.flows.run.recovery import happened
from interlock.flows.run.state import fold
from interlock.flows.task.decide import Decision, decide
from interlock.flows.task.state import ImpossibleHistory
from tests.replay.history import Ending, ending_of, rows_in, store_with
from tests.replay.theatre import REPO, Theatre

HERE = Path(__file__).parent
HISTORIES = sorted(HERE.glob("v*/*.jsonl"))
BROKEN = HERE / "broken"

each_history = pytest.mark.parametrize(
    "path", HISTORIES, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def expected_ending(path: Path) -> Ending:
    endings = msgspec.json.decode((path.parent / "expected.json").read_bytes())
    return msgspec.convert(endings[path.stem], Ending)


def picture_of(rows: Sequence[Stored]) -> PlanePicture:
    plane = empty(REPO)
    for row in rows:
        plane = fold(plane, happened(recorded_of(row)))
    return plane


async def verified(rows: Sequence[Stored], written_down: Head | None = None) -> Verification:
    async def each() -> AsyncIterator[Stored]:
        for row in rows:
            yield row

    store = store_with(rows)
    return await verify_chain(each(), store.heads, store.head, written_down)


def test_there_is_something_to_read():
    assert len(HISTORIES) >= 4
    releases = {path.parent for path in HISTORIES}
    told = {f"{folder.name}/{name}" for folder in releases for name in expected_in(folder)}
    assert told == {f"{path.parent.name}/{path.stem}" for path in HISTORIES}


def expected_in(folder: Path) -> Iterator[str]:
    yield from msgspec.json.decode((folder / "expected.json").read_bytes())


def test_the_first_release_wrote_every_kind_of_fact_it_had():
    kinds = {row.type for path in sorted(HERE.glob("v0.1/*.jsonl")) for row in rows_in(path)}
    assert len(kinds) > 50
    assert kinds <= FACTS.keys()


@each_history
async def test_both_chains_hold_up_to_the_head_written_down_elsewhere(path: Path):
    rows, ending = rows_in(path), expected_ending(path)
    verification = await verified(rows, Head(ending.events, bytes.fromhex(ending.head)))
    assert verification.ok, verification.first_broken
    assert verification.events == ending.events == len(rows) > 50


@each_history
def test_folding_gives_the_picture_its_release_saw(path: Path):
    rows = rows_in(path)
    plane = picture_of(rows)
    assert ending_of(store_with(rows).head, plane) == expected_ending(path)
    assert picture_of([*rows, *rows]) == plane


@each_history
def test_every_task_gets_a_decision(path: Path):
    rows = rows_in(path)
    plane, now = picture_of(rows), recorded_of(rows[-1]).at
    assert plane.tasks
    for task_id in sorted(plane.tasks):
        task = plane.tasks[task_id]
        limits = plane.runs[task.run_id].limits
        decision = decide(task, around(plane, task), limits, now)
        assert isinstance(decision, Decision)
        assert decision == decide(task, around(plane, task), limits, now)


@each_history
def test_a_plane_of_today_goes_on_where_the_release_stopped(path: Path):
    """A person clears up what waits; then every run ends, and nothing that ended moves again."""
    rows = rows_in(path)
    before = picture_of(rows)

    async def go_on(theatre: Theatre) -> None:
        theatre.clock.jump(recorded_of(rows[-1]).at - theatre.clock.now())
        theatre.enter()
        for name in ("w5", "w6"):
            theatre.employ(name, "cobol")
        await theatre.clock.sleep(600)
        for task_id in sorted(before.tasks):
            for command in (RetryTask(task_id), AnswerTask(task_id, "yes"), ApproveTask(task_id)):
                if theatre.picture.tasks[task_id].status not in ENDED - {"failed"}:
                    await theatre.give(command)
        await theatre.wait(lambda plane: not plane.active_runs, "every run has ended")

    theatre = rehearse(lambda: Theatre(store_with(rows)).play(go_on))
    after = theatre.picture
    assert {after.runs[run_id].status for run_id in after.runs} <= {
        RunStatus.COMPLETED,
        RunStatus.FAILED,
    }
    for task_id in sorted(before.tasks):
        if before.tasks[task_id].status in ENDED - {"failed"}:
            assert after.tasks[task_id] == before.tasks[task_id]


# --- that these tests can fail --------------------------------------------------------------------


async def test_a_tampered_history_is_found():
    verification = await verified(rows_in(BROKEN / "tampered.jsonl"))
    assert not verification.ok
    assert "its content does not match its hash" in (verification.first_broken or "")


async def test_a_cut_tail_is_found():
    rows, ending = rows_in(HISTORIES[0]), expected_ending(HISTORIES[0])
    verification = await verified(rows[:-1], Head(ending.events, bytes.fromhex(ending.head)))
    assert not verification.ok


async def test_an_impossible_history_does_not_fold_however_honest_its_chain():
    rows = rows_in(BROKEN / "impossible.jsonl")
    assert (await verified(rows)).ok
    with pytest.raises(ImpossibleHistory, match="cannot accept a task that is verifying"):
        picture_of(rows)
