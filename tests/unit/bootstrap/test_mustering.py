"""Few start at a time, the first at once, and nobody holds up the others for ever."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.bootstrap.mustering import (
    JOIN_SECONDS_MAX,
    WORKERS_MAX,
    Starting,
    due,
    still_starting,
    worker_id_of,
)
from interlock.control.following import Wanted
from interlock.domain.ids import WorkerId


class Muster:
    """What a plane's process knows, and processes that do what a test says."""

    def __init__(self, workers: int, at_once: int, holders: frozenset[int] = frozenset()) -> None:
        self.workers, self.at_once, self.holders = workers, at_once, holders
        self.now = 0.0
        self.living: set[int] = set()
        self.starting: dict[int, Starting] = {}
        self.sessions: dict[WorkerId, int] = {}

    def look(self) -> list[int]:
        held = frozenset(map(worker_id_of, self.holders))
        wanted = Wanted(self.workers, held, self.sessions)
        self.starting = still_starting(self.starting, self.living, self.sessions, self.now)
        numbers = due(wanted, self.living, len(self.starting), self.at_once)
        for number in numbers:
            before = self.sessions.get(worker_id_of(number))
            self.starting[number] = Starting(self.now, before)
        self.living.update(numbers)
        return numbers

    def join(self, number: int) -> None:
        self.sessions[worker_id_of(number)] = self.sessions.get(worker_id_of(number), 0) + 1


def test_the_first_come_at_once_and_the_next_for_each_that_joined():
    muster = Muster(workers=6, at_once=4)
    assert muster.look() == [1, 2, 3, 4]
    assert muster.look() == []
    muster.join(3)
    assert muster.look() == [5]
    muster.join(1)
    muster.join(5)
    assert muster.look() == [6]
    for number in (2, 4, 6):
        muster.join(number)
    assert muster.look() == []


def test_who_never_joins_holds_up_nobody_for_ever():
    muster = Muster(workers=3, at_once=1)
    assert muster.look() == [1]
    muster.now = JOIN_SECONDS_MAX / 2
    assert muster.look() == []
    muster.now = JOIN_SECONDS_MAX
    assert muster.look() == [2]
    assert muster.living == {1, 2}


def test_who_ends_before_it_joined_gives_its_place_and_its_number_away():
    muster = Muster(workers=2, at_once=1)
    assert muster.look() == [1]
    muster.living.discard(1)
    assert muster.look() == [1]


def test_a_name_that_was_here_yesterday_has_not_joined_today():
    muster = Muster(workers=2, at_once=1)
    muster.join(1)
    assert muster.look() == [1]
    assert muster.look() == []
    muster.join(1)
    assert muster.look() == [2]


def test_who_holds_a_task_and_is_gone_comes_first():
    muster = Muster(workers=5, at_once=2, holders=frozenset({4, 9}))
    assert muster.look() == [4, 9]
    muster.join(4)
    muster.join(9)
    assert muster.look() == [1, 2]


def test_numbers_come_to_an_end():
    muster = Muster(workers=5_000, at_once=5_000)
    assert len(muster.look()) == WORKERS_MAX - 1
    assert muster.look() == []


deeds = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["join", "end"]), st.integers(1, 12)),
        st.tuples(st.just("wait"), st.sampled_from([1, 9, 30])),
    ),
    max_size=60,
)


@given(st.integers(0, 12), st.integers(1, 5), st.frozensets(st.integers(1, 14)), deeds)
def test_never_too_many_at_once_and_in_the_end_all(
    workers: int, at_once: int, holders: frozenset[int], story: list[tuple[str, int]]
):
    muster = Muster(workers, at_once, holders)
    for deed, what in story:
        if deed == "wait":
            muster.now += what
        elif what in muster.living and deed == "join":
            muster.join(what)
        else:
            muster.living.discard(what)
        muster.look()
        fresh = [each for each in muster.starting.values() if muster.now - each.since < 20.0]
        assert len(fresh) <= at_once
        assert set(muster.starting) <= muster.living
    for _ in range(len(holders) + workers):
        for number in muster.living:
            muster.join(number)
        muster.look()
    assert holders <= muster.living
    assert len(muster.living) >= workers
    assert muster.look() == []
