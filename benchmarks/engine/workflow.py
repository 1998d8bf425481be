"""The eleven-stage example, run by the real plane on pretend time: what do its groups save?"""

from pathlib import Path
from typing import Final

from benchmarks.document import Result, Scale
from benchmarks.stage import YEAR, limits_for, perform
from interlock.adapters.pretend.worker import Performance, Profile
from interlock.domain.ids import WorkerId
from interlock.domain.plan import Plan
from interlock.engine.dispatch import Job
from interlock.planning.document import parse_plan

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "workflow.yaml"
PARALLEL_MINUTES: Final = 375.0
SEQUENTIAL_MINUTES: Final = 540.0
SAVED_PERCENT: Final = 30.6
STAGES_AT_ONCE: Final = 4


def measure(scale: Scale) -> list[Result]:  # noqa: ARG001 - nothing here can be made smaller
    plan = parse_plan(EXAMPLE.read_bytes(), EXAMPLE.name)
    if not isinstance(plan, Plan):
        raise TypeError(f"{EXAMPLE} has faults: {plan}")
    parallel = _minutes(plan, STAGES_AT_ONCE)
    sequential = _minutes(plan, 1)
    saved = round(100 * (1 - parallel / sequential), 1)
    against = "the same, one stage at a time"
    return [
        Result(
            "workflow_parallel", parallel, "min", against, sequential, parallel / sequential,
            f"= {PARALLEL_MINUTES:.0f}", parallel == PARALLEL_MINUTES,
        ),
        Result(
            "workflow_sequential", sequential, "min",
            goal=f"= {SEQUENTIAL_MINUTES:.0f}", met=sequential == SEQUENTIAL_MINUTES,
        ),
        Result(
            "workflow_saved", saved, "%", against, None, None,
            f"= {SAVED_PERCENT}", saved == SAVED_PERCENT,
        ),
    ]  # fmt: skip


def _minutes(plan: Plan, parallel_stages: int) -> float:
    agents = sorted({task.agent for task in plan.tasks})
    workers = [Profile(WorkerId(f"w-{a}"), a, heartbeat_seconds=YEAR) for a in agents]
    return perform(plan, limits_for(len(workers), parallel_stages), workers, _as_estimated).minutes


def _as_estimated(job: Job) -> Performance:
    return Performance((job.planned.estimate_minutes or 0.0) * 60, steps=1)
