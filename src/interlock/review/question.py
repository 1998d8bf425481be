"""A case as a question for a person: what is asked, what each answer means, what waiting means."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from interlock.domain.ids import TaskId
from interlock.review.state import About, Case


class Option(msgspec.Struct, frozen=True):
    """One thing the person can decide, with what speaks for and against it."""

    name: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]


class Question(msgspec.Struct, frozen=True):
    """What the person reads; `minutes` is a rule of thumb for this sort of question."""

    text: str
    default: str
    options: tuple[Option, ...]
    minutes: int


_MINUTES: Final = {
    About.START: 5,
    About.CHANGE: 10,
    About.QUESTION: 5,
    About.PERMISSION: 1,
    About.BUDGET: 2,
    About.FAILURE: 15,
}

_TEXTS: Final = {
    About.START: "May this task start? It was held: {asked}",
    About.CHANGE: "May this change land? Its gates passed, and it was held: {asked}",
    About.QUESTION: "{asked}",
    About.PERMISSION: "{asked}",
    About.BUDGET: "May it use as much again? {asked}",
    About.FAILURE: "Shall it be tried again? It failed: {asked}",
}

_REJECT: Final = Option(
    "reject",
    pros=("the question is settled for good",),
    cons=("the task ends without a change, and what depends on it cannot start",),
)

_DENY: Final = Option(
    "reject",
    pros=("its agent is told no, with your reason, and looks for another way",),
    cons=("it may not find one",),
)

_APPROVE: Final = {
    About.START: Option(
        "approve",
        pros=("it starts as soon as a worker is free", "its change must still pass every gate"),
        cons=("its attempts cost time before you see a result",),
    ),
    About.CHANGE: Option(
        "approve",
        pros=("it lands, and what depends on it goes on",),
        cons=("gates do not judge what you were asked about: nobody looks at it after you",),
    ),
    About.QUESTION: Option(
        "approve",
        pros=("the next attempt gets your answer (--reason) and goes on",),
        cons=("a wrong answer costs an attempt",),
    ),
    About.PERMISSION: Option(
        "approve",
        pros=("its agent does this, once, and goes on",),
        cons=("it happens in its box, with what that box shows and reaches",),
    ),
    About.BUDGET: Option(
        "approve",
        pros=("it goes on where it stopped, with as much again as that setting allows",),
        cons=("the money is spent whether or not it finishes",),
    ),
    About.FAILURE: Option(
        "approve",
        pros=("it gets a fresh set of attempts",),
        cons=("nothing else changed: unless the cause is gone it fails the same way",),
    ),
}


def question_of(case: Case, blocked: int) -> Question:
    return Question(
        text=_TEXTS[case.about].format(asked=case.asked or "no reason was given"),
        default=_default(blocked),
        options=(_APPROVE[case.about], _DENY if case.about is About.PERMISSION else _REJECT),
        minutes=_MINUTES[case.about],
    )


def _default(blocked: int) -> str:
    if blocked == 0:
        return "it goes on waiting; nothing else waits for it"
    others = "does the task that depends" if blocked == 1 else f"do the {blocked} tasks that depend"
    return f"it goes on waiting, and so {others} on it; everything else goes on"


Waiting = Mapping[TaskId, Sequence[TaskId]]
"""For each task the tasks that wait for it directly."""


def waiting_for(after: Mapping[TaskId, Sequence[TaskId]]) -> Waiting:
    """Turned around: `after` tells for each task what it waits for."""
    waiting: dict[TaskId, list[TaskId]] = {}
    for waiter, before in after.items():
        for other in before:
            waiting.setdefault(other, []).append(waiter)
    return waiting


def blocked_by(task_id: TaskId, waiting: Waiting) -> frozenset[TaskId]:
    """Who waits for the task, directly or not."""
    found: set[TaskId] = set()
    todo = deque([task_id])
    while todo:
        for waiter in waiting.get(todo.popleft(), ()):
            if waiter not in found and waiter != task_id:
                found.add(waiter)
                todo.append(waiter)
    return frozenset(found)
