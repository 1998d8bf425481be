"""A task's time is cut by what was seen from outside, and a wait for a processor is nobody's work.

The spans are made by hand: the plane is process 1, the worker process 2, the task is `t`, and its
window is from 0 to 100. It is leased at 0, attempted from 10 to 40 and judged from 50 to 80.
"""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.shares import Share, less, share_of, union
from benchmarks.traced import COUNTED, Span

PLANE, WORKER = 1, 2
KNOWN = [
    Span(COUNTED, "", "", 0, 0, PLANE),
    Span(COUNTED, "", "", 0, 0, WORKER),
    Span("attempt", "", "t", 10, 40, WORKER),
    Span("act", "judge", "t", 50, 80, PLANE),
]


def share(*spans: Span) -> Share:
    return share_of("t", (0, 100), [*KNOWN, *spans], judgings=4)


def late(process: int, begin: float, end: float, thread: str = "main", task: str = "") -> Span:
    return Span("late", thread, task, begin, end, process)


def ran(process: int, begin: float, end: float, thread: str = "main", task: str = "") -> Span:
    return Span("ran", thread, task, begin, end, process)


def test_the_rest_is_what_no_program_no_git_and_nobody_else_took():
    found = share(
        Span("git", "merge-tree", "t", 12, 20, WORKER),
        Span("box start", "sh", "t", 19, 22, WORKER),
        Span("waiting", "a lock of git", "t", 60, 61, PLANE),
        Span("git", "merge-tree", "another", 30, 40, WORKER),
    )
    assert (found.git, found.box_start, found.waiting, found.rest) == (7, 3, 1, 89)
    assert (found.no_processor, found.ours) == (0, 89)


def test_a_wait_counts_where_its_process_had_the_task_in_its_hands():
    assert share(late(WORKER, 25, 27)).no_processor == 2
    assert share(late(PLANE, 25, 27)).no_processor == 0, "the worker was at it"
    assert share(late(PLANE, 55, 58)).no_processor == 3
    assert share(late(WORKER, 55, 58)).no_processor == 0, "the plane was at it"
    assert share(late(PLANE, 42, 45)).no_processor == 3, "on its way from the worker to the plane"
    assert share(late(PLANE, 90, 95)).no_processor == 5


def test_a_job_on_its_way_is_in_the_hands_of_both_and_counts_once():
    assert share(late(PLANE, 2, 5)).no_processor == 3
    assert share(late(WORKER, 6, 10)).no_processor == 4
    assert share(late(PLANE, 2, 5), late(WORKER, 4, 10)).no_processor == 8


def test_a_worker_that_tells_the_plane_something_waits_for_both():
    telling = Span("telling", "Started", "t", 20, 26, WORKER)
    spans = (late(PLANE, 21, 24), late(WORKER, 25, 26))
    assert share(telling, *spans).no_processor == 4
    assert share(*spans).no_processor == 1, "nothing was told"


def test_after_its_last_report_a_worker_only_clears_away():
    spans = (late(WORKER, 36, 39), late(PLANE, 34, 35))
    assert share(*spans).no_processor == 3
    finished = Span("telling", "Finished", "t", 30, 32, WORKER)
    assert share(finished, *spans).no_processor == 1


def test_a_wait_within_what_is_taken_is_not_taken_twice():
    git = Span("git", "merge-tree", "t", 20, 30, WORKER)
    found = share(git, late(WORKER, 18, 33))
    assert (found.git, found.rest, found.no_processor, found.ours) == (10, 90, 5, 85)


def test_no_wait_counts_while_another_thread_goes_on_with_the_work():
    helper = late(PLANE, 60, 66, "helper 7", "t")
    assert share(helper).no_processor == 6
    assert share(helper, ran(PLANE, 61, 63)).no_processor == 4, "the loop ran meanwhile"
    assert share(helper, late(PLANE, 61, 63)).no_processor == 6, "it would have"
    assert share(ran(PLANE, 70, 74, "log"), late(PLANE, 71, 75)).no_processor == 1
    assert share(ran(WORKER, 55, 58), late(PLANE, 55, 58)).no_processor == 3, "with something else"


def test_a_helper_is_of_the_task_that_it_helps():
    assert share(late(PLANE, 60, 66, "helper 7", "another")).no_processor == 0
    assert share(late(PLANE, 60, 66, "log")).no_processor == 6, "the writer is of everybody"
    helps = ran(PLANE, 60, 66, "helper 7", "another")
    assert share(helps, late(PLANE, 60, 66)).no_processor == 6


def test_where_the_kernel_does_not_count_nothing_is_claimed():
    found = share_of("t", (0, 100), [span for span in KNOWN if span.process != WORKER], 4)
    assert found.no_processor == 0, "no worker had it"
    uncounted = [span for span in KNOWN if (span.kind, span.process) != (COUNTED, WORKER)]
    found = share_of("t", (0, 100), [*uncounted, late(PLANE, 55, 58)], 4)
    assert (found.rest, found.no_processor, found.ours) == (100, None, None)


def intervals(most: int = 6) -> st.SearchStrategy[list[tuple[int, int]]]:
    pair = st.tuples(st.integers(0, 30), st.integers(0, 30))
    return st.lists(pair.map(lambda two: (min(two), max(two))), max_size=most)


def cells(of: list[tuple[float, float]]) -> set[int]:
    return {at for begin, end in of for at in range(int(begin), int(end))}


@given(intervals(), intervals())
def test_less_is_the_difference_of_sets(ones: list[tuple[int, int]], others: list[tuple[int, int]]):
    assert cells(less(union(ones), union(others))) == cells(union(ones)) - cells(union(others))


@given(
    st.lists(
        st.builds(
            lambda kind, what, task, at, process: Span(kind, what, task, at[0], at[1], process),
            st.sampled_from(["late", "ran", "git", "waiting", "act", "attempt", "telling"]),
            st.sampled_from(["main", "log", "helper 1", "judge", "land", "Finished"]),
            st.sampled_from(["", "t", "another"]),
            intervals(1).map(lambda found: (*found, (3, 9))[0]),
            st.sampled_from([PLANE, WORKER]),
        ),
        max_size=12,
    )
)
def test_the_parts_add_up_whatever_was_seen(spans: list[Span]):
    found = share_of("t", (5, 25), [*KNOWN[:2], *spans], judgings=2)
    parts = found.program + found.box_start + found.git + found.waiting + found.rest
    assert parts == found.whole == 20
    if found.no_processor is not None:
        assert 0 <= found.no_processor <= found.rest
