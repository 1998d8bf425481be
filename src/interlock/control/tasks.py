"""Tasks as people ask about them: found by name, listed, shown, and moved by a command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec.structs import asdict

from interlock.control import plans
from interlock.control.commands import Accepted, Answer, Commands, Refused, Unanswered
from interlock.control.errors import WrongUsage
from interlock.control.forecasts import expect, memory_of
from interlock.control.ground import Ground
from interlock.control.pictures import runs_in_order, task_row, tasks_in_order
from interlock.control.read_models import Reply, TaskCard, TaskList
from interlock.control.store import Store
from interlock.domain.command import (
    CancelTask,
    Command,
    HoldTask,
    PrioritiseTask,
    ReleaseTask,
    RetryTask,
    StartRun,
)
from interlock.domain.ids import RepoId, TaskId
from interlock.domain.lifecycle import ENDED
from interlock.domain.plan import Plan
from interlock.domain.settings import Settings
from interlock.domain.task import Priority, TaskStatus
from interlock.engine.ports import Clock
from interlock.flows.run.pictures import PlanePicture
from interlock.flows.run.recovery import read_picture
from interlock.flows.task.picture import TaskPicture
from interlock.planning.overview import refusal_text

Give = Callable[[Command], Awaitable[Answer]]
"""Gives a command in the name of whoever asked, and waits for the answer."""

TaskVerb = Literal["cancel", "retry", "hold", "release", "prioritise"]

UNANSWERED: Final = "nobody answered in time; it stands in the log, and the next plane answers it"
_RELEASED: Final = "it is ready for anybody again; the folder you worked in stays as it is"
NAME_CHARACTERS_MAX: Final = 40
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_OVER: Final = ENDED - {TaskStatus.FAILED}
"""What no list shows unasked: nothing can be done about it any more."""


async def picture_of(store: Store) -> PlanePicture:
    """Everything as of now; the log is enough, no plane is needed."""
    return await read_picture(store.log, store.snapshots, store.repo_id or RepoId("unknown"))


# --- which task is meant --------------------------------------------------------------------------


def find_tasks(plane: PlanePicture, named: Sequence[str]) -> tuple[TaskPicture, ...]:
    """The tasks these words name, each once; raises WrongUsage with every word that names none."""
    found: dict[str, TaskPicture] = {}
    wrong: list[str] = []
    for word in named:
        match = find_task(plane, word)
        if isinstance(match, str):
            wrong.append(match)
        else:
            found[match.id] = match
    if wrong:
        raise WrongUsage("\n".join(wrong))
    return tuple(found.values())


def find_task(plane: PlanePicture, word: str) -> TaskPicture | str:
    """By identity, or by the plan's name where one unfinished run (or only one run) has it."""
    exact = [task for task in plane.tasks.values() if task.id == word]
    named = [task for task in plane.tasks.values() if task.planned.id == word]
    for candidates in (exact, [t for t in named if not plane.runs[t.run_id].ended], named):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            choices = ", ".join(sorted(task.id for task in candidates))
            return f"several runs have a task {word!r}: say which, {choices}"
    names = {str(task.planned.id) for task in plane.tasks.values()}
    near = difflib.get_close_matches(word[:80], sorted(names), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see `interlock task list --all`"
    return f"there is no task {word[:80]!r} in the latest runs; {hint}"


# --- lists ----------------------------------------------------------------------------------------


class TaskQuestion(msgspec.Struct, frozen=True):
    """Which tasks: in these states, in the hands of this worker, ended ones too."""

    states: tuple[str, ...] = ()
    worker: str | None = None
    ended: bool = False


async def task_list(store: Store, clock: Clock, question: TaskQuestion) -> TaskList:
    plane, now = await picture_of(store), clock.now()
    tasks = [task for run in runs_in_order(plane) for task in tasks_in_order(plane, run)]
    wanted = [task for task in tasks if _wanted(task, question)]
    shown = [t for t in wanted if question.ended or question.states or t.status not in _OVER]
    cards = tuple(task_card(plane, task, now) for task in shown)
    return TaskList(cards, len(wanted) - len(shown))


def _wanted(task: TaskPicture, question: TaskQuestion) -> bool:
    holder = None if task.lease is None else task.lease.worker_id
    in_state = not question.states or task.status.value in question.states
    return in_state and (question.worker is None or question.worker == holder)


def task_card(plane: PlanePicture, task: TaskPicture, now: datetime) -> TaskCard:
    row = task_row(plane, task, now)
    planned = task.planned
    return TaskCard(
        **asdict(row),
        estimate_minutes=planned.estimate_minutes,
        files=planned.files,
        skills=planned.skills,
    )


# --- commands -------------------------------------------------------------------------------------


class Move(msgspec.Struct, frozen=True):
    """A command that some tasks can be given, and what to say of a task that took it."""

    command: Callable[[TaskId], Command]
    done: str


def move(verb: TaskVerb, reason: str, priority: Priority | None = None) -> Move:
    """The command behind a verb; `prioritise` needs the new priority."""
    match verb:
        case "cancel":
            return Move(lambda task: CancelTask(task, reason), "it is cancelled")
        case "retry":
            return Move(lambda task: RetryTask(task, reason), "it gets a fresh set of attempts")
        case "hold":
            return Move(lambda task: HoldTask(task, reason), "it waits for `interlock review`")
        case "release":
            return Move(lambda task: ReleaseTask(task, reason), _RELEASED)
        case "prioritise":
            if priority is None:
                raise WrongUsage("say how urgent the task is now: --priority high")
            return Move(lambda task: PrioritiseTask(task, priority), f"it has priority {priority}")


async def move_tasks(
    plane: PlanePicture, give: Give, named: Sequence[str], wish: Move
) -> tuple[Reply, ...]:
    """Every task gets the command; a refused one keeps none of the others from theirs."""
    tasks = find_tasks(plane, named)
    return tuple(
        [reply_of(task.planned.id, await give(wish.command(task.id)), wish.done) for task in tasks]
    )


def reply_of(of: str, answer: Answer, done: str) -> Reply:
    """The answer of the plane as a sentence about what was asked of it."""
    match answer:
        case Accepted(run_id=run_id):
            return Reply(of, "accepted", done, run_id)
        case Refused(refusal=refusal):
            return Reply(of, "refused", refusal.hint if refusal.state is None else str(refusal))
        case Unanswered():
            return Reply(of, "unanswered", UNANSWERED)


# --- one task as a run of its own -----------------------------------------------------------------


class NewTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person says of a task; the names are those of a plan file."""

    title: str
    id: str = ""
    prompt: str = ""
    kind: str = ""
    files: tuple[str, ...] = ()
    priority: str = ""
    estimate: str = ""
    agent: str = ""
    skills: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()


def plan_of_one(wish: NewTask, settings: Settings) -> Plan:
    """A plan with this one task, checked like any plan; raises WrongUsage with every fault."""
    entry = msgspec.structs.replace(wish, id=wish.id or name_from(wish.title))
    document = {"goal": wish.title, "tasks": [entry]}
    plan = plans.read_plan(msgspec.json.encode(document), "the task", settings)
    if isinstance(plan, tuple):
        raise WrongUsage(refusal_text(plan).rstrip())
    return plan


async def start_of(
    store: Store, commands: Commands, plan: Plan, settings: Settings, ground: Ground
) -> StartRun:
    """The command that carries the plan out on this ground, under these settings."""
    project = msgspec.structs.replace(settings.project, target=ground.target)
    ruling = msgspec.structs.replace(settings, project=project)
    limits = plans.limits_of(ruling)
    expected = expect(plan, ruling, limits, await memory_of(store))
    start = await commands.start_run(plan, limits)
    return msgspec.structs.replace(
        start,
        settings=await store.open_blobs().put(msgspec.json.encode(ruling)),
        settings_digest=settings.digest,
        target=ground.target,
        base=ground.base,
        forecast=expected.outlook.kept(),
    )


def name_from(title: str) -> str:
    """'Fix the Login!' -> 'fix-the-login'; a title without such letters gives 'task'."""
    words = _NOT_IN_NAMES.sub("-", title.lower()).strip("-")
    return words[:NAME_CHARACTERS_MAX].strip("-") or "task"
