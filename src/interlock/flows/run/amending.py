"""A plan that was changed while its run is unfinished: what is taken over, what stays as it was.

new in the plan             submitted
changed, not begun          edited
gone from the plan, not begun   skipped, so that nobody waits for it
begun or ended              stays as it was, whatever the plan says now
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interlock.domain.facts.base import Fact
from interlock.domain.facts.run import RunAmended
from interlock.domain.facts.task import TaskEdited, TaskSkipped, TaskSubmitted
from interlock.domain.ids import BlobId, TaskName, task_id_of
from interlock.domain.plan import Plan
from interlock.domain.task import PlannedTask, TaskStatus
from interlock.flows.run.pictures import PlanePicture, RunPicture, run_stream, task_stream
from interlock.flows.task.picture import TaskPicture

_NOT_BEGUN = frozenset(
    {TaskStatus.PROPOSED, TaskStatus.BACKLOG, TaskStatus.READY, TaskStatus.AWAITING_REVIEW}
)


def objection(run: RunPicture, plan: Plan) -> str:
    """Why the run cannot go on by this plan; empty when it can."""
    if run.ended:
        return "its run has ended; start a new one with --new"
    if not run.planned:
        return "the rest of its first plan is not in the log yet; try again in a moment"
    if run.groups or plan.groups:
        return "a run with stage groups keeps its plan; start the changed one with --new"
    return ""


def amendments(
    plane: PlanePicture,
    run: RunPicture,
    plan: Plan,
    blob: BlobId,
    remaining: Mapping[TaskName, float],
) -> Iterator[tuple[str, Fact]]:
    """The facts that make the changed plan true, each with its stream."""
    wanted = {planned.id: planned for planned in plan.tasks}
    known = {t.planned.id: t for t in (plane.tasks[i] for i in run.task_ids.values())}
    added = [planned for planned in plan.tasks if planned.id not in known]
    yield run_stream(run.id), RunAmended(blob, run.tasks + len(added))
    for index, planned in enumerate(added, start=run.tasks):
        yield _submission(run, planned, index, remaining[planned.id])
    for name in sorted(known):
        task = known[name]
        if not _begun(task):
            yield from _edit(task, wanted.get(name), remaining)


def _begun(task: TaskPicture) -> bool:
    return task.attempts_made > 0 or task.status not in _NOT_BEGUN


def _submission(
    run: RunPicture, planned: PlannedTask, index: int, minutes: float
) -> tuple[str, Fact]:
    task_id = task_id_of(run.id, planned.id)
    fact = TaskSubmitted(task_id, run.id, run.repo_id, planned, index, minutes)
    return task_stream(task_id), fact


def _edit(
    task: TaskPicture, planned: PlannedTask | None, remaining: Mapping[TaskName, float]
) -> Iterator[tuple[str, Fact]]:
    if planned is None:
        if task.status is not TaskStatus.AWAITING_REVIEW:
            yield task_stream(task.id), TaskSkipped("its author took it out of the plan")
    elif planned != task.planned:
        yield task_stream(task.id), TaskEdited(planned, remaining[planned.id])
