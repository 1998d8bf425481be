"""Workers of a kept plane are real processes, started one after the other as they join."""

import os
from collections.abc import AsyncIterator

import pytest

from interlock.adapters.processes.crew import Crew
from interlock.bootstrap.kept import Kept
from interlock.control.following import Stop, Wanted
from interlock.domain.ids import WorkerId


class ActingKeeper:
    """A plane that acts, or stands by; nothing else is asked of it before the end."""

    acts = True


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    crew = Crew({"PATH": os.defpath}, grace_seconds=5.0)
    yield crew
    await crew.kill()


def kept_by(keeper: ActingKeeper, crew: Crew) -> Kept:
    idle = ["sh", "-c", "exec sleep 60"]
    return Kept(crew, keeper, idle, Stop(), at_once=2)  # type: ignore[arg-type]  # enough of one


def wanted(workers: int, **joined: int) -> Wanted:
    sessions = {WorkerId(f"agent-local-{name[1:]}"): each for name, each in joined.items()}
    return Wanted(workers, frozenset(), sessions)


async def test_the_next_process_starts_when_one_has_joined_or_ended(crew: Crew):
    kept = kept_by(ActingKeeper(), crew)
    await kept.staff(wanted(4))
    await kept.staff(wanted(4))
    first, second = crew.members
    await kept.staff(wanted(4, _1=7))
    assert len(crew.members) == 3
    await second.end(5.0)
    await kept.staff(wanted(4, _1=7))
    assert len(crew.members) == 3
    assert first in crew.members
    assert second not in crew.members


async def test_who_stands_by_starts_nobody(crew: Crew):
    keeper = ActingKeeper()
    keeper.acts = False
    kept = kept_by(keeper, crew)
    await kept.staff(wanted(4))
    assert crew.members == ()
