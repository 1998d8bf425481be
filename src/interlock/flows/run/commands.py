"""Commands from people and programs: each is answered once, in the append that carries it out."""

from __future__ import annotations

from typing import assert_never

from interlock.domain.command import (
    AmendRun,
    AnswerTask,
    ApproveTask,
    BeginTask,
    CancelTask,
    ClaimTask,
    HoldTask,
    Pause,
    PrioritiseTask,
    RegisterWorker,
    RejectTask,
    ReleaseTask,
    Resume,
    RetryTask,
    StartRun,
    Stop,
    SubmitTask,
    TaskCommand,
)
from interlock.domain.facts.attempt import QuestionAnswered
from interlock.domain.facts.command import CommandAccepted, CommandRefused
from interlock.domain.ids import RunId
from interlock.domain.lifecycle import Refusal
from interlock.engine.dispatch import Answer
from interlock.flows.run import by_hand
from interlock.flows.run import decide as run_decide
from interlock.flows.run.draft import Draft
from interlock.flows.run.pictures import (
    GivenCommand,
    answer_stream,
    plane_stream,
    run_stream,
    task_stream,
)
from interlock.flows.task import commands as task_commands


def answer(draft: Draft, given: GivenCommand) -> None:
    """Carry the command out or refuse it; a start is answered when its plan is read."""
    command = given.command
    match command:
        case StartRun() | AmendRun():
            return
        case Pause() | Resume() | Stop():
            refusal = _plane_command(draft, given, command)
        case RegisterWorker():
            refusal = by_hand.register(draft, given.actor, command)
        case (
            CancelTask()
            | HoldTask()
            | ApproveTask()
            | RejectTask()
            | RetryTask()
            | AnswerTask()
            | PrioritiseTask()
            | ClaimTask()
            | BeginTask()
            | SubmitTask()
            | ReleaseTask()
        ):
            refusal = _task_command(draft, given, command)
        case _:
            assert_never(command)
    reply(draft, given, refusal)


def reply(
    draft: Draft, given: GivenCommand, refusal: Refusal | None, run_id: RunId | None = None
) -> None:
    fact = (
        CommandAccepted(given.id, run_id) if refusal is None else CommandRefused(given.id, refusal)
    )
    draft.record(answer_stream(draft.plane.repo_id), fact)


def _plane_command(
    draft: Draft, given: GivenCommand, command: Pause | Resume | Stop
) -> Refusal | None:
    outcome = run_decide.on_plane_command(draft.plane, command)
    if isinstance(outcome, Refusal):
        return outcome
    plane_facts, run_facts = outcome
    draft.record(plane_stream(draft.plane.repo_id), *plane_facts, actor=given.actor)
    if run_facts and not isinstance(command, Stop) and command.run_id is not None:
        draft.record(run_stream(command.run_id), *run_facts, actor=given.actor)
    return None


def _task_command(draft: Draft, given: GivenCommand, command: TaskCommand) -> Refusal | None:
    task = draft.plane.tasks.get(command.task_id)
    asked = type(command).__name__.removesuffix("Task").lower()
    if task is None:
        return Refusal(None, asked, (), f"no task {command.task_id} is known here")
    if draft.plane.runs[task.run_id].ended:
        return Refusal(task.status, asked, (), "its run has ended; start a new one")
    if isinstance(command, ClaimTask | BeginTask | SubmitTask):
        outcome = by_hand.on_command(draft, task, command)
    else:
        outcome = task_commands.on_command(task, command)
    if isinstance(outcome, Refusal):
        return outcome
    draft.record(task_stream(task.id), *outcome, actor=given.actor)
    for fact in outcome:
        if isinstance(fact, QuestionAnswered) and task.lease is not None:
            answer = Answer(task.lease.id, fact.question_id, fact.answer)
            draft.orders.append((task.lease.worker_id, answer))
    return None
