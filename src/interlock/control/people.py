"""People as workers: they take a task, work in a folder of their own, hand in, or give it back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from interlock.control.errors import WrongUsage
from interlock.control.overlap import overlap
from interlock.control.read_models import Claimed, Reply
from interlock.control.store import Store
from interlock.control.tasks import Give, reply_of
from interlock.domain.attempt import Attempt
from interlock.domain.bench import Bench, Harvest
from interlock.domain.change import ChangeSet
from interlock.domain.command import (
    BeginTask,
    ClaimTask,
    RegisterWorker,
    ReleaseTask,
    SubmitTask,
)
from interlock.domain.ids import TaskId, WorkerId
from interlock.domain.lifecycle import ACTIVE
from interlock.domain.result import Outcome, Result
from interlock.domain.task import TaskStatus
from interlock.flows.run.around import new_starts_wait_for, waits_for
from interlock.flows.run.pictures import PlanePicture, WorkerPicture
from interlock.flows.task.picture import TaskPicture

ANY_SKILL: Final = "*"
FILES_KEPT: Final = 1_000
"""Facts are small: of a change to more files the first are named, the rest is in the change."""

_PERSON: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SKILL: Final = re.compile(r"[^\s,][^,]{0,63}")
_BUSY: Final = ACTIVE | {TaskStatus.PAUSED}
"""Its files are being changed, or its change is on its way to the target."""


class Hands(Protocol):
    """Workspaces of people. They raise an EngineError or a DeskError when it cannot be done."""

    async def make(self, worker_id: WorkerId, task_id: TaskId, target: str) -> Bench:
        """The bench for this task; one that stands already is kept as it is."""
        ...

    async def collect(self, worker_id: WorkerId, task_id: TaskId, bench: Bench) -> Harvest:
        """Everything that differs from the base, committed or not. The bench stays."""
        ...


# --- becoming a worker ----------------------------------------------------------------------------


def person_id(name: str) -> WorkerId:
    """'ada' -> 'human-ada'; raises WrongUsage for what cannot stand in a branch or a path."""
    short = name.removeprefix("human-")
    if _PERSON.fullmatch(short) is None:
        raise WrongUsage(
            f"{name[:60]!r} is no name for a worker: up to 40 small letters, digits and hyphens, "
            "as in --name ada"
        )
    return WorkerId(f"human-{short}")


async def register(give: Give, name: str, skills: Sequence[str]) -> Reply:
    worker_id = person_id(name)
    wrong = [skill for skill in skills if _SKILL.fullmatch(skill) is None]
    if wrong:
        raise WrongUsage(f"{wrong[0][:60]!r} is no skill: write --skills python,sql")
    wanted = tuple(dict.fromkeys(skills))
    answer = await give(RegisterWorker(worker_id, worker_id.removeprefix("human-"), wanted))
    can = f", who can {', '.join(wanted)}" if wanted else ""
    return reply_of(worker_id, answer, f"registered{can}")


# --- taking a task --------------------------------------------------------------------------------


def obstacles(
    plane: PlanePicture, task: TaskPicture, worker_id: WorkerId, now: datetime, *, anyway: bool
) -> list[str]:
    """Everything that keeps this person from this task, each a sentence; none: they may begin."""
    worker = plane.workers.get(worker_id)
    if worker is None:
        name = worker_id.removeprefix("human-")
        return [
            f"no worker {worker_id} is known: interlock worker register --type human --name {name}"
        ]
    if worker.type != "human":
        return [f"{worker_id} is an agent's worker, and the plane hands agents their tasks"]
    found = [_standing(plane, task, now), _hands_full(plane, worker), _missing_skills(task, worker)]
    if not anyway:
        found.append(_conflicts(plane, task))
    return [sentence for sentence in found if sentence]


def _standing(plane: PlanePicture, task: TaskPicture, now: datetime) -> str:
    name = task.planned.id
    if task.lease is not None:
        return f"{task.lease.worker_id} holds {name}"
    if task.status is TaskStatus.READY:
        held = new_starts_wait_for(plane, plane.runs[task.run_id], task)
        return f"{name} cannot start yet: it waits for {held}" if held else ""
    waiting = waits_for(plane, task, now) if task.status is TaskStatus.BACKLOG else None
    if waiting:
        return f"{name} cannot start yet: it waits for {waiting}"
    return f"{name} is {task.status}, and only a ready task can be claimed"


def _hands_full(plane: PlanePicture, worker: WorkerPicture) -> str:
    if len(worker.holds) < worker.capacity:
        return ""
    held = ", ".join(plane.tasks[task].planned.id for task in worker.holds if task in plane.tasks)
    return f"{worker.id} works on {held} already: submit or release that first"


def _missing_skills(task: TaskPicture, worker: WorkerPicture) -> str:
    missing = sorted(set(task.planned.skills) - set(worker.capabilities))
    if not missing or ANY_SKILL in worker.capabilities:
        return ""
    return f"{task.planned.id} asks for {', '.join(missing)}, which {worker.id} does not list"


def _conflicts(plane: PlanePicture, task: TaskPicture) -> str:
    found = file_conflicts(plane, task)
    if not found:
        return ""
    return f"{'; '.join(found)}. Wait for that, or claim with --anyway and settle it at the landing"


def file_conflicts(plane: PlanePicture, task: TaskPicture) -> list[str]:
    """'app/models/** being modified by schema', for each such task that is being worked on."""
    busy = (other for other in plane.tasks.values() if other.status in _BUSY)
    others = sorted((o for o in busy if o.id != task.id), key=lambda other: other.id)
    return [
        f"{mine} being modified by {other.planned.id}"
        for other in others
        for mine in task.planned.files
        if any(overlap(mine, theirs) for theirs in other.planned.files)
    ]


class Claim(msgspec.Struct, frozen=True):
    """Who wants which task; `anyway` although somebody else changes the same files."""

    task: TaskPicture
    worker_id: WorkerId
    anyway: bool = False


async def claim(
    plane: PlanePicture, hands: Hands, give: Give, wish: Claim, now: datetime
) -> Claimed:
    """Take the task, make its bench, begin. Asked again after an interruption it goes on."""
    task, worker_id = wish.task, wish.worker_id
    mine = _held_by(task, worker_id)
    if mine and task.status is TaskStatus.IN_PROGRESS:
        return _at_work(wish, _bench_of(task), "you hold it already; go on")
    if not mine:
        against = obstacles(plane, task, worker_id, now, anyway=wish.anyway)
        if against:
            return _not_claimed(wish, Reply(task.planned.id, "refused", "; ".join(against)))
        answer = await give(ClaimTask(task.id, worker_id))
        reply = reply_of(task.planned.id, answer, "claimed")
        if reply.answer != "accepted":
            return _not_claimed(wish, reply)
    return await _begin(plane, hands, give, wish)


async def _begin(plane: PlanePicture, hands: Hands, give: Give, wish: Claim) -> Claimed:
    task, worker_id = wish.task, wish.worker_id
    try:
        bench = await hands.make(worker_id, task.id, plane.runs[task.run_id].target)
    except Exception:
        await give(ReleaseTask(task.id, f"no workspace could be made for {worker_id}"))
        raise
    answer = await give(BeginTask(task.id, worker_id, bench.base, bench.branch, bench.path))
    reply = reply_of(task.planned.id, answer, f"{worker_id} works on it")
    if reply.answer == "refused":
        return _not_claimed(wish, reply)
    return msgspec.structs.replace(_at_work(wish, bench, ""), reply=reply)


def _held_by(task: TaskPicture, worker_id: WorkerId) -> bool:
    lease = task.lease
    return lease is not None and lease.by_hand and lease.worker_id == worker_id


def _not_claimed(wish: Claim, reply: Reply) -> Claimed:
    return Claimed(reply, wish.task.planned.id, wish.worker_id)


def _at_work(wish: Claim, bench: Bench, sentence: str) -> Claimed:
    return Claimed(
        Reply(wish.task.planned.id, "accepted", sentence),
        wish.task.planned.id,
        wish.worker_id,
        bench.branch,
        bench.path,
        bench.base,
        wish.task.feedback,
    )


# --- handing in -----------------------------------------------------------------------------------


class Submission(msgspec.Struct, frozen=True):
    """What a person says about the work they hand in; `unchanged` if it needed no change."""

    task: TaskPicture
    message: str = ""
    unchanged: bool = False


async def submit(store: Store, hands: Hands, give: Give, wish: Submission) -> Reply:
    """The road of any worker: what is on the bench is judged, then it lands or comes back."""
    task = wish.task
    name, lease = task.planned.id, task.lease
    if lease is None or not lease.by_hand:
        holder = "nobody" if lease is None else lease.worker_id
        return Reply(name, "refused", f"no person works on it ({holder} holds it): claim it first")
    if task.status is not TaskStatus.IN_PROGRESS:
        again = f"interlock task claim {name} --worker {lease.worker_id}"
        return Reply(name, "refused", f"it has no workspace yet: {again}")
    bench = _bench_of(task)
    harvest = await hands.collect(lease.worker_id, task.id, bench)
    if harvest.head is None and not wish.unchanged:
        why = (
            f"nothing differs in {bench.path}: save your work, or say --unchanged if none is needed"
        )
        return Reply(name, "refused", why)
    result = await _result(store, wish, bench, harvest)
    answer = await give(SubmitTask(task.id, lease.worker_id, result))
    files = len(harvest.files)
    changed = f"{files} file{'' if files == 1 else 's'} handed in" if harvest.head else "no change"
    remarks = f" ({harvest.remarks})" if harvest.remarks else ""
    return reply_of(name, answer, f"{changed}{remarks}; the gates look at it next, then it lands")


async def _result(store: Store, wish: Submission, bench: Bench, harvest: Harvest) -> Result:
    if harvest.head is None:
        return Result(Outcome.UNCHANGED, summary=wish.message or "it needed no change")
    pack = await store.open_blobs().put(harvest.pack)
    task = wish.task
    files = harvest.files[:FILES_KEPT]
    change = ChangeSet(task.repo_id, task.id, bench.base, harvest.head, files, pack)
    return Result(Outcome.CHANGED, change, wish.message)


def _bench_of(task: TaskPicture) -> Bench:
    last: Attempt | None = task.attempts[-1] if task.attempts else None
    if last is None or last.base is None or not last.path:
        raise WrongUsage(
            f"it is not recorded where {task.planned.id} is worked on: release it and claim it anew"
        )
    return Bench(last.base, last.branch, last.path)


# --- to somebody else -----------------------------------------------------------------------------


async def give_back_for(
    plane: PlanePicture, give: Give, wish: Claim, reason: str, now: datetime
) -> Claimed | None:
    """Give the task back so that the other person can claim it; an answer only if that fails."""
    task = wish.task
    against = _cannot_take_over(plane, wish, now)
    if against:
        return _not_claimed(wish, Reply(task.planned.id, "refused", "; ".join(against)))
    why = reason or f"handed to {wish.worker_id}"
    reply = reply_of(task.planned.id, await give(ReleaseTask(task.id, why)), "given back")
    return None if reply.answer == "accepted" else _not_claimed(wish, reply)


def after_giving_back(claimed: Claimed) -> Claimed:
    """Between the two an agent may have been faster; then nobody shall think it was undone."""
    if claimed.reply.answer == "accepted":
        return claimed
    sentence = f"it was given back, and then not claimed: {claimed.reply.sentence}"
    reply = msgspec.structs.replace(claimed.reply, sentence=sentence)
    return msgspec.structs.replace(claimed, reply=reply)


def _cannot_take_over(plane: PlanePicture, wish: Claim, now: datetime) -> list[str]:
    """What would keep the new holder from claiming the task once it is given back."""
    task, worker_id = wish.task, wish.worker_id
    if task.lease is None or not task.lease.by_hand:
        return [f"no person holds {task.planned.id}: claim it for {worker_id} instead"]
    if task.lease.worker_id == worker_id:
        return [f"{worker_id} holds {task.planned.id} already"]
    given_back = msgspec.structs.replace(task, lease=None, status=TaskStatus.READY)
    return obstacles(plane, given_back, worker_id, now, anyway=True)
