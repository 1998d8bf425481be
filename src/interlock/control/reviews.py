"""What waits for a person: items with a question, and a person's decision as a command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from interlock.control.errors import WrongUsage
from interlock.control.pictures import runs_in_order, tasks_in_order
from interlock.control.read_models import Reply, ReviewItem, ReviewList, ReviewOption
from interlock.control.store import Store
from interlock.control.task_past import events_of
from interlock.control.tasks import Give, find_task, picture_of, reply_of
from interlock.domain.ids import TaskId, TaskName, task_id_of
from interlock.domain.task import TaskStatus
from interlock.engine.ports import Clock
from interlock.flows.run.pictures import PlanePicture, RunPicture
from interlock.flows.task.picture import TaskPicture
from interlock.review.decide import Undecidable, Verdict, command_for
from interlock.review.question import Waiting, blocked_by, question_of, waiting_for
from interlock.review.state import About, Case, Cases, Told, fold

_MAY_WAIT: Final = frozenset(
    {
        TaskStatus.AWAITING_REVIEW,
        TaskStatus.BLOCKED_ON_HUMAN,
        TaskStatus.REVIEW,
        TaskStatus.FAILED,
        TaskStatus.IN_PROGRESS,
        TaskStatus.PAUSED,
    }
)
"""Only in these states can a task have an open case, so only their streams are read."""

_SETTLED: Final = {
    About.START: "approved; it starts when its turn comes",
    About.CHANGE: "approved; it lands when its turn comes",
    About.QUESTION: "answered; it goes on with your answer",
    About.PERMISSION: "allowed; its agent goes on",
    About.BUDGET: "raised; it goes on where it stopped",
    About.FAILURE: "approved; it gets a fresh set of attempts",
}


class Found(msgspec.Struct, frozen=True):
    """A case with the task it belongs to."""

    task: TaskPicture
    case: Case

    @property
    def id(self) -> str:
        return f"{self.task.id}-{self.case.number}"

    @property
    def short(self) -> str:
        return f"{self.task.planned.id}-{self.case.number}"


# --- lists ----------------------------------------------------------------------------------------


async def review_list(store: Store, clock: Clock, *, decided: bool = False) -> ReviewList:
    """Everything open; with `decided` also what was settled in the latest runs."""
    plane, now = await picture_of(store), clock.now()
    found = await _cases(store, _in_order(plane), decided=decided)
    found.sort(key=lambda each: (each.case.opened_at, each.id))
    return _listed(plane, found, now)


async def review_items(store: Store, clock: Clock, named: Sequence[str]) -> ReviewList:
    """The items these words name, decided ones too."""
    plane, now = await picture_of(store), clock.now()
    return _listed(plane, await _find(store, plane, named), now)


async def open_item(store: Store, task: TaskPicture) -> str | None:
    """The id of what a person is asked about this task, if they are."""
    found = await _cases(store, [task])
    return found[0].id if found else None


def _in_order(plane: PlanePicture) -> list[TaskPicture]:
    return [task for run in runs_in_order(plane) for task in tasks_in_order(plane, run)]


async def _cases(
    store: Store, tasks: Sequence[TaskPicture], *, decided: bool = False
) -> list[Found]:
    found: list[Found] = []
    for task in tasks:
        if decided or (task.status in _MAY_WAIT and not _is_at_work(task)):
            cases = await _cases_of(store, task)
            found.extend(Found(task, case) for case in cases.all if decided or case.open)
    return found


def _is_at_work(task: TaskPicture) -> bool:
    """Nobody is asked about it: its stream need not be read."""
    working = task.status in (TaskStatus.IN_PROGRESS, TaskStatus.PAUSED)
    return working and (task.asking is None or task.asking.answer is not None)


async def _cases_of(store: Store, task: TaskPicture) -> Cases:
    cases = Cases()
    for event in await events_of(store.log, task.id):
        cases = fold(cases, Told(event.at, str(event.actor), event.fact))
    return cases


def _listed(plane: PlanePicture, found: Sequence[Found], now: datetime) -> ReviewList:
    """Who waits for whom is worked out once per run, however many items it has."""
    runs = {each.task.run_id: plane.runs[each.task.run_id] for each in found}
    waiting = {run_id: _waiting(plane, run) for run_id, run in runs.items()}
    return ReviewList(
        tuple(
            _item(each, _blocked_by(plane, each, waiting[each.task.run_id]), now) for each in found
        )
    )


def _blocked_by(plane: PlanePicture, found: Found, waiting: Waiting) -> tuple[TaskName, ...]:
    """In the order of the plan; nobody waits for what is decided."""
    if not found.case.open:
        return ()
    tasks = [plane.tasks[task] for task in blocked_by(found.task.id, waiting)]
    return tuple(task.planned.id for task in sorted(tasks, key=lambda task: task.index))


def _item(found: Found, blocked: tuple[TaskName, ...], now: datetime) -> ReviewItem:
    task, case = found.task, found.case
    question = question_of(case, len(blocked))
    ended = case.ended
    judged = task.judged if case.about is About.CHANGE else None
    return ReviewItem(
        id=found.id,
        short=found.short,
        task=task.planned.id,
        task_id=task.id,
        run=task.run_id,
        kind=case.about.kind,
        about=case.about.value,
        state="pending" if ended is None else "decided",
        title=task.planned.title,
        question=question.text,
        reason=case.asked,
        default=question.default,
        options=tuple(ReviewOption(o.name, o.pros, o.cons) for o in question.options),
        estimated_minutes=question.minutes,
        blocked_tasks=blocked,
        opened_at=case.opened_at,
        deadline=case.deadline,
        overdue=case.overdue(now),
        files=() if judged is None else judged.files,
        decision=None if ended is None else ended.ending,
        decided_at=None if ended is None else ended.at,
        decided_by=None if ended is None else ended.by,
        decided_reason=None if ended is None else ended.reason,
    )


def _waiting(plane: PlanePicture, run: RunPicture) -> Waiting:
    """Who of the run's unfinished tasks waits for whom."""
    tasks = [task for task in tasks_in_order(plane, run) if not task.ended]
    return waiting_for({task.id: _before(run, task) for task in tasks})


def _before(run: RunPicture, task: TaskPicture) -> list[TaskId]:
    needs = task.planned.depends_on
    before = [task_id_of(run.id, need.task) for need in needs if need.task is not None]
    groups = [need.group for need in needs if need.group is not None]
    if task.group is not None:
        own = run.groups[task.group]
        groups.extend(own.depends_on)
        if not own.parallel:
            before.extend(own.stages[: own.stages.index(task.id)])
    for group in groups:
        before.extend(run.groups[group].stages)
    return before


# --- decisions ------------------------------------------------------------------------------------


async def decide(
    store: Store, give: Give, named: Sequence[str], verdict: Verdict, reason: str
) -> tuple[Reply, ...]:
    """Carry the person's verdict out, item by item; nothing happens if one word names nothing."""
    found = await _find(store, await picture_of(store), named)
    return tuple([await _decide(give, each, verdict, reason) for each in found])


async def _decide(give: Give, found: Found, verdict: Verdict, reason: str) -> Reply:
    command = command_for(found.task.id, found.case, verdict, reason)
    if isinstance(command, Undecidable):
        return Reply(found.id, "refused", command.why)
    done = _SETTLED[found.case.about] if verdict == "approve" else _rejected(found.case.about)
    return reply_of(found.id, await give(command), done)


def _rejected(about: About) -> str:
    if about is About.PERMISSION:
        return "refused; its agent is told so and goes on"
    return "rejected; it ends here"


async def _find(store: Store, plane: PlanePicture, named: Sequence[str]) -> list[Found]:
    """Each once, in the order named; raises WrongUsage with every word that names no item."""
    found: dict[str, Found] = {}
    wrong: list[str] = []
    for word in named:
        match = await _find_one(store, plane, word)
        if isinstance(match, str):
            wrong.append(match)
        else:
            found[match.id] = match
    if wrong:
        raise WrongUsage("\n".join(wrong))
    return list(found.values())


async def _find_one(store: Store, plane: PlanePicture, word: str) -> Found | str:
    """`<task>-<n>`, where the task stands for its identity or its name; or a task alone."""
    start, _, number = word.rpartition("-")
    task = find_task(plane, start) if start and number.isdecimal() else ""
    if isinstance(task, TaskPicture):
        cases = (await _cases_of(store, task)).all
        if 1 <= int(number[:9]) <= len(cases):
            return Found(task, cases[int(number) - 1])
    alone = find_task(plane, word)
    if isinstance(alone, TaskPicture):
        waiting = (await _cases_of(store, alone)).open
        if waiting is not None:
            return Found(alone, waiting)
        return (
            f"nothing about {word[:80]!r} waits for a person; see `interlock task show {word[:80]}`"
        )
    several = next((t for t in (task, alone) if isinstance(t, str) and "several" in t), None)
    return several or f"there is no review item {word[:80]!r}; see `interlock review list --all`"
