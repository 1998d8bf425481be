"""Pairs of tasks whose files may be the same, found without comparing everything to everything."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from interlock.control.collisions import PAIRS_MAX, Collisions, collisions
from interlock.control.overlap import overlap
from interlock.domain.ids import TaskName
from interlock.domain.task import PlannedTask


def task(name: str, *files: str) -> PlannedTask:
    return PlannedTask(TaskName(name), name, files=files)


def test_the_same_file_is_likelier_than_a_file_in_a_folder_than_two_folders():
    tasks = [task("a", "app/x.py"), task("b", "app/x.py"), task("c", "app/**")]
    found = collisions([*tasks, task("d", "**/*.py")]).pairs
    odds = {pair.tasks: pair.probability for pair in found}
    assert odds["a", "b"] > odds["a", "c"] > odds["c", "d"] > 0
    assert found[0].tasks == ("a", "b")
    assert found[0].paths == ("app/x.py",)
    assert next(pair for pair in found if pair.tasks == ("a", "c")).paths == ("app/x.py",)


def test_apart_is_apart_and_a_task_does_not_collide_with_itself():
    tasks = [task("a", "app/**", "app/x.py"), task("b", "docs/**"), task("c")]
    assert collisions(tasks) == Collisions((), complete=True)


def test_more_files_in_common_are_more_chances():
    one = collisions([task("a", "x", "y"), task("b", "x", "z")]).pairs
    two = collisions([task("a", "x", "y"), task("b", "x", "y")]).pairs
    assert one[0].probability < two[0].probability < 1
    assert two[0].paths == ("x", "y")


def test_there_is_an_end_to_it():
    crowd = [task(f"t{n}", "**") for n in range(400)]
    found = collisions(crowd)
    assert (len(found.pairs), found.complete) == (PAIRS_MAX, False)
    several = collisions(crowd[:30])
    assert (len(several.pairs), several.complete) == (PAIRS_MAX, False)
    few = collisions(crowd[:20])
    assert (len(few.pairs), few.complete) == (190, True)


PARTS = st.sampled_from(["app", "docs", "x.py", "*.py", "**", "*", "u?er", "[ab]c", "."])
PATTERNS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@given(st.lists(st.lists(PATTERNS, max_size=3), max_size=6))
def test_none_is_missed_and_none_is_invented(files: list[list[str]]):
    tasks = [task(f"t{n}", *patterns) for n, patterns in enumerate(files)]
    meeting = {
        (one.id, other.id)
        for one, other in combinations(tasks, 2)
        if any(overlap(a, b) for a in one.files for b in other.files)
    }
    found = collisions(tasks).pairs
    assert {pair.tasks for pair in found} == meeting
    assert all(0 < pair.probability < 1 and pair.paths for pair in found)
