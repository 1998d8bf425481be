"""Where the time of a task went: its window in the log, cut by what was seen from outside."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from benchmarks.traced import COUNTED, Span

Interval = tuple[float, float]

LAST_WORDS: Final = frozenset({"Finished", "Asked", "Declined"})
"""After one of these reports a worker only clears away, and nobody waits for that."""


class Share(msgspec.Struct, frozen=True):
    """Seconds of one task, from the grant of its lease to its landing; they add up to `whole`.

    `waiting` is for others: a turn to land, a place among the gates, evidence that another task
    makes, a lock that another task's git holds. `rest` is everything else: `no_processor` of it is
    the part in which the process that had the task wanted a processor and had none, None where the
    kernel does not count that; what is left is `ours`.
    """

    task: str
    whole: float
    program: float
    box_start: float
    git: float
    waiting: float
    rest: float
    no_processor: float | None
    git_calls: int
    boxes: int

    @property
    def ours(self) -> float | None:
        return None if self.no_processor is None else self.rest - self.no_processor


def share_of(task: str, window: Interval, spans: Sequence[Span], judgings: int) -> Share:
    """Earlier kinds win where spans overlap: while a program runs in a box, nothing else counts."""
    own = [span for span in spans if span.task == task]
    kinds = [_of(own, "box"), _of(own, "box start"), _of(own, "git")]
    kinds.append([*_of(own, "waiting"), *_turns(task, own, spans, window, judgings)])
    seconds, taken = list[float](), list[Interval]()
    for kind in kinds:
        before = total(taken)
        taken = union([*taken, *clipped(kind, window)])
        seconds.append(total(taken) - before)
    whole = window[1] - window[0]
    rest = max(0.0, whole - total(taken))
    program, box_start, git, waiting = seconds
    return Share(
        task=task,
        whole=whole,
        program=program,
        box_start=box_start,
        git=git,
        waiting=waiting,
        rest=rest,
        no_processor=_no_processor(task, spans, window, less([window], taken)),
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
    gaps = less([window], busy)
    before = [gap for gap in gaps if gap[0] < first]
    after = [gap for gap in gaps if judged and gap[0] >= first]
    return [*common(before, judging), *common(after, landing)]


# --- who had no processor -------------------------------------------------------------------------


def _no_processor(
    task: str, spans: Sequence[Span], window: Interval, rest: Sequence[Interval]
) -> float | None:
    """Waits of several processes at one moment count once, so it is never more than the rest."""
    counted = {span.process for span in spans if span.kind == COUNTED}
    found: list[Interval] = []
    for process, times in _hands(task, spans, window).items():
        if process not in counted:
            return None
        threads = [s for s in spans if s.process == process and s.task in {"", task}]
        found += common(_stood(threads), times)
    return total(common(union(found), rest))


def _stood(spans: Sequence[Span]) -> list[Interval]:
    """When threads of a process were late and none of them ran: it could not go on with the task.

    The main thread and the log's writer work for all tasks of their process, a helper for one.
    """
    return less(union(_of(spans, "late")), union(_of(spans, "ran")))


def _hands(task: str, spans: Sequence[Span], window: Interval) -> Mapping[int, list[Interval]]:
    """When which process had the task: its worker until the last report, the plane at other times.

    Nobody stamps a message on its way. So while a worker tells the plane something and waits until
    it is heard, and from the lease to the begin of the attempt, both have it in their hands.
    """
    own = [span for span in spans if span.task == task]
    plane = next((span.process for span in spans if span.kind == "act"), 0)
    acts, tellings = union(_of(own, "act")), [span for span in own if span.kind == "telling"]
    at_work: dict[int, list[Interval]] = defaultdict(list)
    for attempt in (span for span in own if span.kind == "attempt"):
        last = (t.end for t in tellings if t.what in LAST_WORDS and t.process == attempt.process)
        end = min((at for at in last if at > attempt.begin), default=attempt.end)
        at_work[attempt.process] += less([(attempt.begin, min(end, attempt.end))], acts)
    busy = union([*acts, *chain.from_iterable(at_work.values())])
    idle = less([window], busy)
    hands = {
        process: [*times, *(way for way in idle if any(way[1] == begin for begin, _ in times))]
        for process, times in at_work.items()
    }
    hands[plane] = [*hands.get(plane, ()), *acts, *idle, *_of(tellings, "telling")]
    return {process: union(clipped(times, window)) for process, times in hands.items()}


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


def less(ones: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What is in the ones and not in the others; both as `union` gives them."""
    found, first = [], 0
    for begin, end in ones:
        while first < len(others) and others[first][1] <= begin:
            first += 1
        at, next_one = begin, first
        while next_one < len(others) and others[next_one][0] < end:
            if others[next_one][0] > at:
                found.append((at, others[next_one][0]))
            at = max(at, others[next_one][1])
            next_one += 1
        if at < end:
            found.append((at, end))
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
