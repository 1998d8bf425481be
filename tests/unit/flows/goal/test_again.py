"""A document that is wrong in the same way once more is not asked for a third time."""

import msgspec
import pytest

from interlock.domain.facts.task import Requeue, TaskFailed, TaskRequeued, TaskSubmitted
from interlock.domain.run import RunLimits
from interlock.domain.task import Yield
from interlock.flows.task.again import again
from interlock.flows.task.state import submitted
from tests.unit.flows.scenes import AT, REPO, RUN, planned, task_id


@pytest.mark.parametrize("yields", ["change", "plan"])
def test_only_a_change_may_hope_for_a_target_that_moves(yields: Yield):
    asked = planned("a", yields=yields)
    task = msgspec.structs.replace(
        submitted(TaskSubmitted(task_id("a"), RUN, REPO, asked, 0, 1.0), AT),
        attempts_spent=1,
        feedback="no tasks",
        last_cause=Requeue.GATE_FAILED,
    )

    (same,) = again(task, Requeue.GATE_FAILED, "no tasks", None, RunLimits(), AT)
    (other,) = again(task, Requeue.GATE_FAILED, "no goal", None, RunLimits(), AT)

    assert other == TaskRequeued(Requeue.GATE_FAILED, feedback="no goal")
    if yields == "plan":
        assert same == TaskFailed("the same failure again: no tasks", "gate_failed")
    else:
        assert same == TaskRequeued(Requeue.GATE_FAILED, feedback="no tasks", after_move=True)
