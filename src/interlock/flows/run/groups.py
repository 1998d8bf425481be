"""Stage groups: released and judged together, blocked with one report, restarted in part.

planned -> running -> settled -> verifying -> passed
              ^                      |
              +---- (restarted) -- blocked
running -> interrupted -> running
"""

from __future__ import annotations

from interlock.domain.facts.base import Fact
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRecovered,
    GroupRestarted,
    GroupSettled,
    GroupStarted,
    GroupVerifying,
)
from interlock.domain.group import GroupStatus, StageFailure
from interlock.domain.lifecycle import SATISFIES
from interlock.domain.task import TaskStatus as S
from interlock.flows.run.before import DEAD, ON_A_PERSON, hopeless
from interlock.flows.run.p0 import allowed
from interlock.flows.run.pictures import GroupPicture, PlanePicture, RunPicture
from interlock.flows.task.picture import TaskPicture

_WORK_OVER = SATISFIES | DEAD | ON_A_PERSON | {S.VERIFYING, S.REVIEW, S.MERGING}
_SETTLED_FOR_GOOD = SATISFIES | DEAD | ON_A_PERSON | {S.READY, S.BACKLOG, S.PROPOSED}
"""Nothing is being judged or landed any more: what is ready again waits for the restart."""


def decide(  # noqa: PLR0911 - one case per state
    plane: PlanePicture, run: RunPicture, group: GroupPicture
) -> tuple[Fact, ...]:
    """What happens next to the group; the facts go to the stream of its run."""
    if not run.planned:
        return ()
    stages = [plane.tasks[stage] for stage in group.stages]
    match group.status:
        case GroupStatus.PLANNED:
            return _start(run, group, stages)
        case GroupStatus.RUNNING:
            return _running(plane, group, stages)
        case GroupStatus.SETTLED | GroupStatus.VERIFYING:
            return _verifying(plane, group, stages)
        case GroupStatus.BLOCKED:
            return _restart(plane, group, stages)
        case GroupStatus.INTERRUPTED | GroupStatus.INFRASTRUCTURE_FAILURE:
            interrupted = plane.lost_part or _interrupted_by_p0(plane, group)
            return () if interrupted else (GroupRecovered(group.id),)
        case GroupStatus.PASSED:
            return ()


def _start(run: RunPicture, group: GroupPicture, stages: list[TaskPicture]) -> tuple[Fact, ...]:
    if any(run.groups[before].status is not GroupStatus.PASSED for before in group.depends_on):
        return ()
    return (GroupStarted(group.id, tuple(stage.planned.id for stage in stages)),)


def _running(
    plane: PlanePicture, group: GroupPicture, stages: list[TaskPicture]
) -> tuple[Fact, ...]:
    if all(stage.status in SATISFIES for stage in stages):
        return (GroupSettled(group.id), GroupVerifying(group.id), GroupPassed(group.id))
    if plane.lost_part:
        return (GroupInterrupted(group.id, plane.lost_part),)
    if _interrupted_by_p0(plane, group):
        return (GroupInterrupted(group.id, "p0", plane.p0[0]),)
    if all(_work_over(plane, group, stage) for stage in stages):
        return (GroupSettled(group.id), GroupVerifying(group.id))
    return ()


def _interrupted_by_p0(plane: PlanePicture, group: GroupPicture) -> bool:
    return bool(plane.p0) and not any(allowed(plane, stage) for stage in group.stages)


def _work_over(plane: PlanePicture, group: GroupPicture, stage: TaskPicture) -> bool:
    """No worker will do anything for this stage before something else happens first."""
    if stage.status in _WORK_OVER:
        # One after another: the stage must land before the next may start, so it is judged at once.
        return group.parallel or stage.status in SATISFIES | DEAD | ON_A_PERSON
    return stage.status is S.BACKLOG and hopeless(plane, stage)


def _verifying(
    plane: PlanePicture, group: GroupPicture, stages: list[TaskPicture]
) -> tuple[Fact, ...]:
    if all(stage.status in SATISFIES for stage in stages):
        return (GroupPassed(group.id),)
    if all(_is_settled(plane, stage) for stage in stages):
        report = tuple(_failure(stage) for stage in stages if stage.status not in SATISFIES)
        return (GroupBlocked(group.id, report), *_restart(plane, group, stages))
    return ()


def _is_settled(plane: PlanePicture, stage: TaskPicture) -> bool:
    """Also a change that cannot land because what it was built on has ended."""
    if stage.status in (S.VERIFYING, S.REVIEW):
        return hopeless(plane, stage)
    return stage.status in _SETTLED_FOR_GOOD


def _restart(
    plane: PlanePicture, group: GroupPicture, stages: list[TaskPicture]
) -> tuple[Fact, ...]:
    """Only what is unfinished and can go on runs again; what landed stays landed."""
    again = tuple(s.planned.id for s in stages if _can_go_on(plane, s))
    return (GroupRestarted(group.id, again),) if again else ()


def _can_go_on(plane: PlanePicture, stage: TaskPicture) -> bool:
    if stage.status is S.READY:
        return True
    waiting = stage.status in (S.BACKLOG, S.PROPOSED, S.VERIFYING, S.REVIEW)
    return waiting and not hopeless(plane, stage)


def _failure(stage: TaskPicture) -> StageFailure:
    log = None if stage.judged is None else stage.judged.log
    error = stage.status.value if stage.last_cause is None else stage.last_cause.value
    owner = stage.last_worker or stage.planned.agent
    detail = stage.reason or stage.feedback or f"waits: {stage.status}"
    return StageFailure(
        stage.planned.id, stage.id, stage.planned.agent, error, detail[:500], log, owner
    )
