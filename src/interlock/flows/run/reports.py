"""News from workers: which facts a report makes true, and what the worker must be told in return.

A report about a job counts only while its token is the one of the live lease. Whoever shows an
older one is told to stop, and nothing of it is recorded.
"""

from __future__ import annotations

from typing import assert_never

from interlock.domain.facts.attempt import QuestionAsked
from interlock.domain.facts.base import Fact
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered, WorkerWentOffline
from interlock.domain.ids import LeaseId, TaskId
from interlock.domain.task import TaskStatus
from interlock.engine.dispatch import (
    PROTOCOL,
    Alive,
    Answer,
    Asked,
    Declined,
    Denied,
    Finished,
    Frozen,
    Interrupt,
    JobReport,
    Joined,
    Left,
    Metered,
    Progressed,
    Questioned,
    Report,
    Started,
    Thaw,
)
from interlock.flows.run.around import around
from interlock.flows.run.draft import Draft
from interlock.flows.run.pictures import WorkerPicture, task_stream, worker_stream
from interlock.flows.task import news
from interlock.flows.task.again import FEEDBACK_CHARACTERS_MAX
from interlock.flows.task.news import Beginning
from interlock.flows.task.picture import TaskPicture


def take(  # noqa: PLR0911 - one case per kind of report
    draft: Draft, report: Report
) -> tuple[LeaseId, ...]:
    """Record what the report makes true; the leases it proves to be alive come back."""
    if report.protocol != PROTOCOL:
        return ()
    match report:
        case Joined():
            _joined(draft, report)
            return _alive(draft, report, report.holds, ())
        case Left():
            _left(draft, report)
            return ()
        case Alive():
            _heard(draft, report)
            _answer_again(draft, report)
            return _alive(draft, report, report.holds, report.frozen)
        case Metered():
            return _metered(draft, report)
        case Started() | Declined() | Denied() | Progressed() | Questioned() | Asked():
            return _about_job(draft, report)
        case Frozen() | Finished():
            return _about_job(draft, report)
        case _:
            assert_never(report)


def _joined(draft: Draft, report: Joined) -> None:
    worker = draft.plane.workers.get(report.worker_id)
    if worker is not None and report.session < worker.session:
        return
    registered = WorkerRegistered(
        report.worker_id,
        report.type,
        report.name,
        report.agent,
        report.capabilities,
        report.capacity,
        report.session,
    )
    if worker is None or _changed(worker, registered):
        draft.record(worker_stream(report.worker_id), registered)
    else:
        _heard(draft, report)


def _changed(worker: WorkerPicture, new: WorkerRegistered) -> bool:
    return (worker.type, worker.name, worker.agent, worker.capabilities, worker.capacity) != (
        new.type,
        new.name,
        new.agent,
        new.capabilities,
        new.capacity,
    )


def _heard(draft: Draft, report: Report) -> None:
    """A sign of life of a worker that was thought gone, or that lives a newer life."""
    worker = draft.plane.workers.get(report.worker_id)
    if worker is None or report.session < worker.session:
        return
    if not worker.online or report.session > worker.session:
        draft.record(worker_stream(worker.id), WorkerCameBack(worker.id, report.session))


def _left(draft: Draft, report: Left) -> None:
    worker = draft.plane.workers.get(report.worker_id)
    if worker is not None and worker.online and report.session == worker.session:
        draft.record(worker_stream(worker.id), WorkerWentOffline(worker.id, report.reason))
        for task in [draft.plane.tasks[task_id] for task_id in worker.holds]:
            if task.status is TaskStatus.CLAIMED:
                # It was given this while it was on its way out: no loss, it never knew of it.
                gone = LeaseEnded(task.token, f"{worker.id} left before it began", lost=False)
                draft.record(task_stream(task.id), gone)


def _alive(
    draft: Draft, report: Report, holds: tuple[LeaseId, ...], frozen: tuple[LeaseId, ...]
) -> tuple[LeaseId, ...]:
    """Compare what the worker holds with what it should hold, and tell it the difference."""
    live: list[LeaseId] = []
    for lease_id in holds:
        task = _leased(draft, lease_id)
        if task is None or task.lease is None or task.lease.worker_id != report.worker_id:
            draft.orders.append((report.worker_id, Interrupt(lease_id)))
            continue
        live.append(lease_id)
        wanted_still = task.status is TaskStatus.PAUSED or bool(
            around(draft.plane, task).interrupted_by
        )
        if lease_id in frozen and not wanted_still:
            draft.orders.append((report.worker_id, Thaw(lease_id)))
    return tuple(live)


def _answer_again(draft: Draft, report: Alive) -> None:
    """The order that brought an answer may have been lost: whoever still asks gets it again."""
    for lease_id, question_id in report.asking:
        task = _leased(draft, lease_id)
        asking = None if task is None else task.asking
        if asking is not None and asking.id == question_id and asking.answer is not None:
            answer = Answer(lease_id, question_id, asking.answer)
            draft.orders.append((report.worker_id, answer))


def _metered(draft: Draft, report: Metered) -> tuple[LeaseId, ...]:
    """Money that was spent was spent, whatever has become of the attempt since."""
    task = draft.plane.tasks.get(report.task_id)
    if task is not None:
        facts = news.on_metered(task, report.token, report.usage, report.trouble)
        draft.record(task_stream(task.id), *facts)
    live = _leased(draft, report.lease)
    return () if live is None else (report.lease,)


def _leased(draft: Draft, lease_id: LeaseId) -> TaskPicture | None:
    task_id, _, _ = lease_id.rpartition("@")
    task = draft.plane.tasks.get(TaskId(task_id))
    return (
        task if task is not None and task.lease is not None and task.lease.id == lease_id else None
    )


def _about_job(draft: Draft, report: JobReport) -> tuple[LeaseId, ...]:
    task = _leased(draft, report.lease)
    if task is None or task.lease is None or task.lease.token != report.token:
        if isinstance(report, Started | Progressed | Frozen):
            draft.orders.append((report.worker_id, Interrupt(report.lease)))
        return ()
    facts = _facts(draft, task, report)
    draft.record(task_stream(task.id), *facts)
    if isinstance(report, Frozen) and not facts and task.status is TaskStatus.IN_PROGRESS:
        draft.orders.append((report.worker_id, Thaw(report.lease)))
    return (report.lease,)


def _asked_in(report: Questioned) -> QuestionAsked:
    question = report.question[:FEEDBACK_CHARACTERS_MAX]
    detail = report.detail[:FEEDBACK_CHARACTERS_MAX]
    return QuestionAsked(report.token, report.question_id, question, report.tool, detail)


def _facts(  # noqa: PLR0911 - one case per report
    draft: Draft, task: TaskPicture, report: JobReport
) -> tuple[Fact, ...]:
    limits = draft.plane.runs[task.run_id].limits
    match report:
        case Started() as begun:
            return news.on_started(
                task,
                Beginning(begun.base, begun.branch, begun.path, begun.box, begun.simulated),
            )
        case Declined(reason=reason):
            return news.on_declined(task, reason, limits)
        case Denied(hosts=hosts):
            return news.on_denied(task, hosts)
        case Progressed(percent=percent, activity=activity):
            return news.on_progress(task, percent, activity)
        case Questioned():
            return news.on_questioned(task, _asked_in(report))
        case Metered(token=token, usage=usage, trouble=trouble):
            return news.on_metered(task, token, usage, trouble)
        case Asked(question=question, tool=tool, cap=cap):
            return news.on_asked(task, question, tool, cap)
        case Frozen():
            return news.on_frozen(task, around(draft.plane, task))
        case Finished(result=result):
            return news.on_finished(task, result, limits, draft.now)
        case _:
            assert_never(report)
