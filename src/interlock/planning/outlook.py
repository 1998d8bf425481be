"""What a plan will take, most likely: time and money at even odds and at eight of ten, and why.

    plan or rest of a run  ->  what history makes of each task  ->  many rehearsals  ->  outlook

The estimates alone are rehearsed in `forecast.py`; here history, failures, gates and the landing
lane are counted in. Nobody knows what an agent costs before an attempt of its kind told: the cost
of the whole is then unknown, not less.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from interlock.domain.forecast import RunForecast, Spread
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.planning.history import Expected, Experience, Seen
from interlock.planning.montecarlo import Chore, Means, Stand, rehearse
from interlock.planning.network import Network
from interlock.planning.spread import Guess

SAMPLES_MAX: Final = 2_000
SAMPLES_MIN: Final = 50
TASKS_REHEARSED: Final = 30_000
"""Samples times tasks: what a person waits for gladly, whatever the size of the plan."""

LANDING_MINUTES: Final = 0.05
_AGENTS_NAMED_MAX: Final = 3


class Pair(msgspec.Struct, frozen=True):
    """Two tasks that may touch the same files, and how likely they collide if both are open."""

    tasks: tuple[TaskName, TaskName]
    paths: tuple[str, ...]
    probability: float


class Setting(msgspec.Struct, frozen=True):
    """What there will be to work with."""

    workers: int
    parallel_stages: int
    gates: int
    max_attempts: int


class Now(msgspec.Struct, frozen=True):
    """How far a task is; the minutes are those of its present attempt."""

    stand: Stand
    elapsed: float = 0.0


class Outlook(msgspec.Struct, frozen=True):
    """The answer. `conflicts` are the pairs with what their meeting makes of their probability.

    `unmoved` wait for a person, or for who does: they are in none of the numbers. Where pairs were
    left out, how many conflicts are to be expected is not known.
    """

    minutes: Spread
    cost_usd: Spread | None
    tasks: dict[TaskName, Expected]
    conflicts: tuple[Pair, ...]
    samples: int
    basis: tuple[str, ...]
    gates: int
    unmoved: tuple[TaskName, ...] = ()
    pairs_left_out: bool = False

    def kept(self) -> RunForecast:
        """What of it stays with the run, no finer than it can be meant."""
        met = sum(pair.probability for pair in self.conflicts)
        return RunForecast(
            minutes=_rounded(self.minutes, 2),
            cost_usd=None if self.cost_usd is None else _rounded(self.cost_usd, 4),
            conflicts=None if self.pairs_left_out else round(met, 2),
            basis=self.basis,
            gates=self.gates,
        )


def outlook(
    plan: Plan,
    setting: Setting,
    experience: Experience,
    pairs: Sequence[Pair] = (),
    now: Mapping[TaskName, Now] | None = None,
    samples_max: int = SAMPLES_MAX,
) -> Outlook:
    """The same plan, history and limits always give the same outlook."""
    network, stands = Network(plan), now or {}
    expected = {
        task.id: experience.expect(task)
        for task, skipped in zip(network.tasks, network.skipped, strict=True)
        if not skipped and stands.get(task.id, _TO_DO).stand < Stand.LANDING
    }
    chores = [
        _chore(expected.get(task.id), stands.get(task.id, _TO_DO), experience)
        for task in network.tasks
    ]
    at = [(network.index[pair.tasks[0]], network.index[pair.tasks[1]]) for pair in pairs]
    samples = max(SAMPLES_MIN, min(samples_max, TASKS_REHEARSED // max(1, len(expected))))
    trials = rehearse(network, chores, _means(setting, experience), _seed(plan), samples, at)
    whole = [
        msgspec.structs.replace(pair, probability=pair.probability * met)
        for pair, met in zip(pairs, trials.met, strict=True)
        if met > 0
    ]
    unpriced = _unpriced(plan, expected)
    paid = any(each.modelled for each in expected.values()) and not unpriced
    return Outlook(
        minutes=trials.minutes,
        cost_usd=trials.cost_usd if paid else None,
        tasks=expected,
        conflicts=tuple(sorted(whole, key=lambda pair: (-pair.probability, pair.tasks))),
        samples=samples,
        basis=(_times_known(expected), _costs_known(expected, unpriced)),
        gates=setting.gates,
        unmoved=tuple(network.tasks[number].id for number in trials.unmoved),
    )


_TO_DO: Final = Now(Stand.TO_DO)
_NOTHING: Final = Chore(Guess(0.0, 0.0), None, 0.0)


def _chore(expected: Expected | None, now: Now, experience: Experience) -> Chore:
    """What lands takes no time and costs nothing more; what is judged may still be sent back."""
    if expected is None:
        return msgspec.structs.replace(_NOTHING, stand=now.stand)
    return Chore(
        minutes=Guess(expected.minutes.mean, experience.own_deviation(expected.minutes)),
        cost_usd=expected.cost_usd,
        fails=expected.fails,
        stand=now.stand,
        elapsed=now.elapsed,
    )


def _means(setting: Setting, experience: Experience) -> Means:
    return Means(
        workers=max(1, setting.workers),
        parallel_stages=max(1, setting.parallel_stages),
        gates=max(1, setting.gates),
        max_attempts=max(1, setting.max_attempts),
        judging=experience.judging,
        landing_minutes=LANDING_MINUTES,
        bias=experience.bias,
    )


def _rounded(spread: Spread, digits: int) -> Spread:
    return Spread(round(spread.p50, digits), round(spread.p80, digits))


def _seed(plan: Plan) -> bytes:
    return hashlib.sha256(msgspec.json.encode(plan)).digest()


def _unpriced(plan: Plan, expected: Mapping[TaskName, Expected]) -> tuple[str, ...]:
    """Agents of which nobody knows what they cost."""
    agents = (
        task.agent
        for task in plan.tasks
        if (found := expected.get(task.id)) is not None
        and found.modelled
        and found.cost_usd is None
    )
    return tuple(sorted(set(agents)))


_BEHIND: Final[dict[Seen, str]] = {
    "alike": "by what tasks of the same kind and agent took here",
    "other": "by what other tasks took here",
    "nothing": "by estimates alone",
}


def _times_known(expected: Mapping[TaskName, Expected]) -> str:
    """How many tasks rest on what, the most alike first."""
    behind = Counter(each.seen for each in expected.values())
    if not behind:
        return "time: nothing is left to be worked on"
    parts = [f"{_tasks(behind[seen])} {words}" for seen, words in _BEHIND.items() if behind[seen]]
    return f"time: {', '.join(parts)}"


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"


def _costs_known(expected: Mapping[TaskName, Expected], unpriced: Sequence[str]) -> str:
    if unpriced:
        named = ", ".join(unpriced[:_AGENTS_NAMED_MAX])
        more = len(unpriced) - _AGENTS_NAMED_MAX
        named += f" and {more:,} more" if more > 0 else ""
        return f"cost: not known, no attempt by {named} has told what it cost here"
    if not any(each.modelled for each in expected.values()):
        return "cost: no model is used, as far as anybody knows"
    return "cost: by what attempts of these agents cost here"
