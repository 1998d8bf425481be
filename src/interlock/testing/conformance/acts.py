"""What acts on the world must hold; subclass and provide the fixture `acts`, fresh each time."""

import asyncio

from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import LandingRefusal
from interlock.domain.ids import CommitId, RepoId, TaskId, TaskName, Token
from interlock.domain.task import PlannedTask
from interlock.engine.acts import Acts, Candidate, Landed, Landing, NotLanded, Prepared


def _candidate(name: str, *, changed: bool = True) -> Candidate:
    task_id = TaskId(f"r-{name}")
    head = CommitId(f"{task_id}@1")
    change = ChangeSet(RepoId("repo"), task_id, CommitId("base"), head) if changed else None
    return Candidate(task_id, 1, PlannedTask(TaskName(name), name), change)


async def _prepared(acts: Acts, candidate: Candidate) -> Landing:
    prepared = await acts.prepare(candidate)
    assert isinstance(prepared, Prepared)
    key = f"{candidate.task_id}#1"
    return Landing(key, candidate.task_id, Token(1), prepared.base, prepared.commit)


class ActsSuite:
    """Preparing shows nothing, landing happens once, and the world tells whether it did."""

    async def test_what_is_prepared_is_not_on_the_target(self, acts: Acts) -> None:
        landing = await _prepared(acts, _candidate("a"))
        assert await acts.find_landing(landing) is None

    async def test_what_landed_is_found(self, acts: Acts) -> None:
        landing = await _prepared(acts, _candidate("a"))
        assert await acts.land(landing) == Landed(landing.prepared)
        assert await acts.find_landing(landing) == Landed(landing.prepared)

    async def test_asked_twice_it_lands_once(self, acts: Acts) -> None:
        landing = await _prepared(acts, _candidate("a"))
        await acts.land(landing)
        await acts.land(landing)
        after = await acts.prepare(_candidate("b"))
        assert isinstance(after, Prepared)
        assert after.base == landing.prepared

    async def test_a_moved_target_refuses_and_says_so(self, acts: Acts) -> None:
        first, second = (
            await _prepared(acts, _candidate("a")),
            await _prepared(acts, _candidate("b")),
        )
        await acts.land(first)
        refused = await acts.land(second)
        assert isinstance(refused, NotLanded)
        assert refused.refusal is LandingRefusal.TARGET_MOVED
        assert await acts.find_landing(second) is None

    async def test_of_two_at_once_one_lands(self, acts: Acts) -> None:
        landings = [await _prepared(acts, _candidate(name)) for name in "ab"]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(acts.land(landing)) for landing in landings]
        assert sorted(type(one.result()).__name__ for one in asked) == ["Landed", "NotLanded"]

    async def test_nothing_to_land_leaves_no_commit(self, acts: Acts) -> None:
        landing = await _prepared(acts, _candidate("a", changed=False))
        assert landing.prepared is None
        assert await acts.land(landing) == Landed(None)
