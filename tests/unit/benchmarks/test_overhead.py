"""The rest of a task is told in two parts, or it is told that they are unknown."""

import msgspec

from benchmarks.overhead import Round, part_of_rest
from benchmarks.shares import Share


def told(part: str, *rounds: list[float | None]) -> list[tuple[str, float | None]]:
    """Tasks that rest for 100 ms each, and wait for a processor for so many of them."""
    seen = [Round([share(ms) for ms in each], [], 1.0) for each in rounds]
    results = part_of_rest(part, "8_workers", seen, "as it is")
    assert all(each.value is not None or each.note != "as it is" for each in results)
    return [(each.metric, each.value) for each in results]


def share(no_processor_ms: float | None) -> Share:
    seconds = None if no_processor_ms is None else no_processor_ms / 1e3
    return Share("t", 1.0, 0.9, 0.0, 0.0, 0.0, 0.1, seconds, git_calls=0, boxes=0)


def test_one_run_with_a_hiccup_does_not_decide():
    runs = ([10, 20, 30], [11, 21, 31], [90, 90, 90])
    assert told("no_processor", *runs) == [
        ("no_processor_p95_8_workers", 31.0),
        ("no_processor_median_8_workers", 21.0),
    ]
    assert told("ours", *runs) == [
        ("ours_p95_8_workers", 89.0),
        ("ours_median_8_workers", 79.0),
    ]


def test_one_task_of_which_it_is_unknown_is_enough_to_say_so():
    assert told("ours", [10, 20], [10, None]) == [
        ("ours_p95_8_workers", None),
        ("ours_median_8_workers", None),
    ]
    for result in part_of_rest("ours", "1_worker", [Round([share(None)], [], 1.0)], ""):
        assert result.note is not msgspec.UNSET
        assert "schedstat" in result.note
