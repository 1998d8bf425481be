"""What a landing does not ask, because it knows it; and pins that move together."""

from pathlib import Path

import msgspec
import pytest

from interlock.domain.facts.change import LandingRefusal
from interlock.domain.ids import CommitId
from interlock.engine.acts import Landed
from interlock.merging.following import Following, Parted
from interlock.merging.service import Branch
from interlock.repository.ports import PINS_AT_ONCE_MAX
from tests.unit.merging.stage import Stage, refusal

MAIN = Branch("main")
QUESTIONS = {"has", "is_ancestor"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def asked(stage: Stage) -> list[str]:
    """What was asked about histories since the last time."""
    calls = [call for call in stage.repo.calls if call in QUESTIONS]
    stage.repo.calls.clear()
    return calls


async def test_a_branch_that_stands_at_the_commit_has_it(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert landing.prepared is not None
    stage.repo.branches["main"] = landing.prepared
    stage.repo.pinned.clear()
    stage.repo.calls.clear()
    assert await stage.merging.find_landing(landing, MAIN) == Landed(landing.prepared)
    assert await stage.merging.land(landing, MAIN) == Landed(landing.prepared)
    assert asked(stage) == []


async def test_on_its_base_only_the_proof_asks_about_history(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    stage.repo.calls.clear()
    assert await stage.merging.land(landing, MAIN) == Landed(landing.prepared)
    assert asked(stage) == ["is_ancestor"]


async def test_what_does_not_build_on_its_base_does_not_land(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert landing.prepared is not None
    stray = stage.repo.put(stage.repo.files(landing.prepared))
    pins = {what: name for name in stage.repo.pinned for what in [name.rpartition("/")[2]]}
    for what in ("change", "base"):
        moved = pins[what].replace(landing.prepared, stray)
        stage.repo.pinned[moved] = stage.repo.pinned[pins[what]]
    lost = msgspec.structs.replace(landing, prepared=stray)
    refused = refusal(await stage.merging.land(lost, MAIN))
    assert refused.refusal is LandingRefusal.CONFLICT
    assert "does not build on" in refused.detail
    assert stage.head == stage.base


async def test_a_landing_that_somebody_built_on_is_asked_about(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert await stage.merging.land(landing, MAIN) == Landed(landing.prepared)
    on_top = stage.push_by_somebody(b_py="9\n")
    stage.repo.calls.clear()
    assert await stage.merging.land(landing, MAIN) == Landed(landing.prepared)
    assert set(asked(stage)) == QUESTIONS
    assert stage.head == on_top


async def test_following_asks_only_what_it_cannot_see(stage: Stage) -> None:
    following = Following(stage.repo, stage.repo)
    behind, ahead = stage.base, stage.push_by_somebody(b_py="9\n")
    other = stage.repo.edit(behind, a_py="3\n")
    wanted: list[tuple[CommitId, CommitId, Parted | None, CommitId, int]] = [
        (ahead, ahead, None, ahead, 0),
        (behind, ahead, None, ahead, 1),
        (ahead, behind, None, ahead, 2),
        (ahead, other, Parted(), ahead, 2),
    ]
    for head, theirs, outcome, then, questions in wanted:
        stage.repo.branches["main"] = head
        stage.repo.calls.clear()
        assert await following.follow("main", theirs) == outcome
        assert stage.head == then
        assert len(asked(stage)) == questions


async def test_what_was_prepared_is_pinned_at_once(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    await stage.acts.judge(candidate)
    stage.repo.calls.clear()
    landing = await stage.prepared(candidate)
    assert stage.repo.calls == ["head_of", "commit", "move_pins", "tree_of"]
    kept = {name.rpartition("/")[2] for name in stage.repo.pinned if str(landing.prepared) in name}
    assert kept == {"commit", "change", "base"}


async def test_however_many_pins_were_left_they_go(stage: Stage) -> None:
    left = 2 * PINS_AT_ONCE_MAX + 1
    stage.repo.pinned = {f"changes/r1-gone/{number}": stage.base for number in range(left)}
    stage.repo.pinned["bases/r1-gone"] = stage.base
    stage.repo.calls.clear()
    await stage.merging.sweep(set())
    assert stage.repo.pinned == {"bases/r1-gone": stage.base}
    assert stage.repo.calls == ["pins", "move_pins", "move_pins", "move_pins"]
