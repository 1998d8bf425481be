"""Remotes move, processes die, garbage is collected: nothing lands twice and nothing is lost."""

from pathlib import Path

import pytest

from interlock.domain.facts.change import LandingRefusal
from interlock.engine.acts import Landed, Landing, NotLanded
from interlock.engine.errors import PartLost
from tests.e2e.landing_yard import Killed, Yard, commit, git


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def die_before(yard: Yard, moment: str) -> None:
    def heard(call: str) -> None:
        if call == moment:
            raise Killed

    yard.target.heard = heard


async def settled(yard: Yard, landing: Landing) -> Landed | NotLanded:
    """What a new process does with an open intent."""
    yard.restart()
    return await yard.acts.find_landing(landing) or await yard.acts.land(landing)


# --- the remote -----------------------------------------------------------------------------------


async def test_the_remote_and_the_branch_end_at_the_same_commit(yard: Yard) -> None:
    remote = yard.with_remote()
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n"}))
    assert await yard.acts.land(landing) == Landed(landing.prepared)
    assert git(remote, "rev-parse", "main") == landing.prepared == yard.head


async def test_somebody_elses_push_becomes_the_target_and_nothing_is_lost(yard: Yard) -> None:
    remote = yard.with_remote()
    candidate = await yard.brings("one", {"b.py": "B\n"})
    landing = await yard.prepared(candidate)
    colleague = yard.clone(remote)
    pushed = commit(colleague, "from elsewhere", {"a.py": "elsewhere\n"})
    git(colleague, "push", "-q", "origin", "main")
    refused = await yard.acts.land(landing)
    assert isinstance(refused, NotLanded)
    assert refused.refusal is LandingRefusal.TARGET_MOVED
    assert yard.head == pushed
    assert yard.status == ""
    again = await yard.prepared(candidate)
    assert await yard.acts.land(again) == Landed(again.prepared)
    assert git(remote, "rev-parse", "main") == again.prepared
    assert (yard.shown("a.py"), yard.shown("b.py")) == ("elsewhere\n", "B\n")


async def test_commits_that_only_the_person_has_are_not_pushed_along(yard: Yard) -> None:
    remote = yard.with_remote()
    commit(yard.root, "not for the public", {"a.py": "secret\n"})
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n"}))
    with pytest.raises(PartLost, match="git push origin main"):
        await yard.acts.land(landing)
    assert git(remote, "rev-parse", "main") == yard.base


async def test_a_remote_that_is_gone_stops_with_a_sentence_and_lands_nothing(yard: Yard) -> None:
    remote = yard.with_remote()
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n"}))
    remote.rename(remote.with_suffix(".away"))
    with pytest.raises(PartLost, match="origin"):
        await yard.acts.land(landing)
    assert yard.head == yard.base
    remote.with_suffix(".away").rename(remote)
    assert await settled(yard, landing) == Landed(landing.prepared)


# --- crashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["push", "advance", "bring_forward"])
async def test_dying_in_the_middle_of_a_landing(yard: Yard, moment: str) -> None:
    remote = yard.with_remote()
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n", "new.py": "n\n"}))
    die_before(yard, moment)
    with pytest.raises(Killed):
        await yard.acts.land(landing)
    yard.collect_garbage()
    assert await settled(yard, landing) == Landed(landing.prepared)
    assert git(remote, "rev-parse", "main") == landing.prepared == yard.head
    assert git(yard.root, "log", "--format=%P", "-1") == yard.base
    assert yard.status == ""
    assert (yard.root / "new.py").read_text() == "n\n"


async def test_dying_after_the_push_while_a_colleague_pushes_on_top(yard: Yard) -> None:
    remote = yard.with_remote()
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n"}))
    die_before(yard, "advance")
    with pytest.raises(Killed):
        await yard.acts.land(landing)
    colleague = yard.clone(remote)
    on_top = commit(colleague, "on top", {"a.py": "on top\n"})
    git(colleague, "push", "-q", "origin", "main")
    assert await settled(yard, landing) == Landed(landing.prepared)
    assert yard.head == on_top
    assert yard.status == ""


async def test_asked_twice_it_lands_once(yard: Yard) -> None:
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n"}))
    assert await yard.acts.find_landing(landing) is None
    for _ in range(2):
        assert await yard.acts.land(landing) == Landed(landing.prepared)
    assert await yard.acts.find_landing(landing) == Landed(landing.prepared)
    assert git(yard.root, "rev-list", "--count", "main") == "2"
    assert git(yard.root, "for-each-ref", "refs/interlock/") == ""


# --- garbage --------------------------------------------------------------------------------------


@pytest.mark.timeout(120)
async def test_garbage_is_collected_between_every_two_steps(yard: Yard) -> None:
    yard.with_remote()
    candidate = await yard.brings("one", {"a.py": "one\ntwo\nthree\nfour\n", "b.py": "B\n"})
    commit(yard.root, "meanwhile", {"a.py": "zero\none\ntwo\nthree\n"})
    git(yard.root, "push", "-q", "origin", "main")
    yard.collect_garbage()
    await yard.acts.judge(candidate)
    yard.collect_garbage()
    landing = await yard.prepared(candidate)
    yard.collect_garbage()
    yard.target.heard = lambda _: yard.collect_garbage()
    assert isinstance(await yard.acts.land(landing), Landed)
    yard.collect_garbage()
    assert yard.shown("a.py") == "zero\none\ntwo\nthree\nfour\n"
    git(yard.root, "fsck", "--strict", "--no-dangling")


MOMENTS = (
    "tree_of",
    "commit",
    "pin",
    "move_pins",
    "pins",
    "merge",
    "is_ancestor",
    "changed",
    "read",
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_garbage_is_collected_before_any_call(yard: Yard, moment: str) -> None:
    candidate = await yard.brings("one", {"a.py": "one\ntwo\nthree\nfour\n", "b.py": "B\n"})
    commit(yard.root, "meanwhile", {"a.py": "zero\none\ntwo\nthree\n"})
    swept = []

    def heard(call: str) -> None:
        if call == moment and len(swept) < 2:
            swept.append(call)
            yard.collect_garbage()

    yard.trees.heard = heard
    landing = await yard.prepared(candidate)
    assert isinstance(await yard.acts.land(landing), Landed)
    assert swept
    yard.collect_garbage()
    assert yard.shown("a.py") == "zero\none\ntwo\nthree\nfour\n"
    assert yard.status == ""
    git(yard.root, "fsck", "--strict", "--no-dangling")
