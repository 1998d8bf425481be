"""Where the time of a task went: its window in the log, cut by what was seen from outside."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from benchmarks.traced import Span

Interval = tuple[float, float]


class Share(msgspec.Struct, frozen=True):
    """Seconds of one task, from the grant of its lease to its landing; they add up to `whole`.

    `waiting` is for others: a turn to land, a place among the gates, evidence that another task
    makes, a lock that another task's git holds. `rest` is everything else, and that is ours.
    """

    task: str
    whole: float
    program: float
    box_start: float
    git: float
    waiting: float
    rest: float
    git_calls: int
    boxes: int


def share_of(task: str, window: Interval, spans: Sequence[Span], judgings: int) -> Share:
    """Earlier kinds win where spans overlap: while a program runs in a box, nothing else counts."""
    own = [span for span in spans if span.task == task]
    kinds = [_of(own, "box"), _of(own, "box start"), _of(own, "git")]
    kinds.append([*_of(own, "waiting"), *_turns(task, own, spans, window, judgings)])
    seconds, taken = [], list[Interval]()
    for kind in kinds:
        before = total(taken)
        taken = union([*taken, *clipped(kind, window)])
        seconds.append(total(taken) - before)
    whole = window[1] - window[0]
    rest = max(0.0, whole - total(taken))
    return Share(
        task,
        whole,
        *seconds,
        rest,
        git_calls=sum(span.kind == "git" for span in own),
        boxes=sum(span.kind == "box start" for span in own),
    )


def _of(spans: Iterable[Span], kind: str) -> list[Interval]:
    return [(span.begin, span.end) for span in spans if span.kind == kind]


def _turns(
    task: str, own: Sequence[Span], spans: Sequence[Span], window: Interval, judgings: int
) -> list[Interval]:
    """While nothing of this task is under way: one landing at a time, and so many judgings."""
    busy = union([*_of(own, "act"), *_of(own, "attempt")])
    others = [span for span in spans if span.task != task and span.kind == "act"]
    landing = union([(s.begin, s.end) for s in others if s.what in {"prepare", "land"}])
    judging = crowded([(s.begin, s.end) for s in others if s.what == "judge"], judgings)
    judged = any(span.what == "judge" for span in own if span.kind == "act")
    first = min((s.begin for s in own if s.what == "judge"), default=window[1])
    gaps = _without(window, busy)
    before = [gap for gap in gaps if gap[0] < first]
    after = [gap for gap in gaps if judged and gap[0] >= first]
    return [*common(before, judging), *common(after, landing)]


# --- intervals ------------------------------------------------------------------------------------


def union(intervals: Iterable[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def total(intervals: Iterable[Interval]) -> float:
    return sum(end - begin for begin, end in union(intervals))


def clipped(intervals: Iterable[Interval], window: Interval) -> list[Interval]:
    low, high = window
    return [(max(a, low), min(b, high)) for a, b in intervals if b > low and a < high]


def common(ones: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    return [each for other in others for each in clipped(ones, other)]


def crowded(intervals: Sequence[Interval], most: int) -> list[Interval]:
    """When at least so many of them ran at once."""
    steps = sorted([(a, 1) for a, _ in intervals] + [(b, -1) for _, b in intervals])
    found, running, since = [], 0, 0.0
    for at, step in steps:
        if running < most <= running + step:
            since = at
        if running + step < most <= running:
            found.append((since, at))
        running += step
    return found


def _without(window: Interval, busy: Sequence[Interval]) -> list[Interval]:
    found, at = [], window[0]
    for begin, end in clipped(busy, window):
        if begin > at:
            found.append((at, begin))
        at = max(at, end)
    if at < window[1]:
        found.append((at, window[1]))
    return found


# --- by what --------------------------------------------------------------------------------------


def dearest(spans: Iterable[Span], kind: str) -> Mapping[str, tuple[int, float]]:
    """Calls and seconds by name."""
    found: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for span in spans:
        if span.kind == kind:
            calls, seconds = found[span.what]
            found[span.what] = (calls + 1, seconds + span.end - span.begin)
    return dict(sorted(found.items(), key=lambda item: -item[1][1]))
