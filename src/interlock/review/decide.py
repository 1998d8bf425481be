"""From what a person decided about a case to the command that carries it out."""

from typing import Literal

import msgspec

from interlock.domain.command import AnswerTask, ApproveTask, RejectTask, RetryTask, TaskCommand
from interlock.domain.ids import TaskId
from interlock.review.state import About, Case

Verdict = Literal["approve", "reject"]


class Undecidable(msgspec.Struct, frozen=True):
    """Why the verdict does not settle the case, as a sentence with what to do instead."""

    why: str


def command_for(  # noqa: PLR0911 - one case per question
    task_id: TaskId, case: Case, verdict: Verdict, reason: str
) -> TaskCommand | Undecidable:
    """What the plane is asked for; approving a failure means another set of attempts."""
    if case.ended is not None:
        ended = case.ended
        return Undecidable(f"it was {ended.ending} by {ended.by} at {ended.at:%Y-%m-%d %H:%M} UTC")
    if verdict == "reject" and case.about is About.PERMISSION:
        return AnswerTask(task_id, f"deny: {reason or 'a person said no'}")
    if verdict == "reject":
        return RejectTask(task_id, reason)
    match case.about:
        case About.START | About.CHANGE:
            return ApproveTask(task_id, reason)
        case About.FAILURE:
            return RetryTask(task_id, reason)
        case About.PERMISSION:
            return AnswerTask(task_id, "allow")
        case About.BUDGET:
            return AnswerTask(task_id, reason or "You were given more. Go on where you stopped.")
        case About.QUESTION if not reason.strip():
            return Undecidable('it asks a question: give the answer with --reason "..."')
        case About.QUESTION:
            return AnswerTask(task_id, reason)
