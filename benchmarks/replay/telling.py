"""What a replay came to, as results: times beside the loop's, and what was found wrong."""

from collections.abc import Sequence

from benchmarks.document import Result, rounded
from interlock.testing.replaying.rehearsal import Outcome, Rehearsal

AT_MOST = 1.2


def results_of(rehearsal: Rehearsal, outcomes: Sequence[Outcome]) -> list[Result]:
    left_out = rehearsal.joined.left_out
    about = (
        f"{len(rehearsal.steps)} tasks from {len(rehearsal.all_steps)} commits"
        + (f", {len(left_out)} at the end stay red and are left out" if left_out else "")
        + f"; agents take {rehearsal.wish.agents_take:g} s"
    )
    loop = Result("loop_wall", rounded(rehearsal.loop.seconds), "s", note=about)
    return [loop, *(each for outcome in outcomes for each in _of_order(rehearsal, outcome))]


def _of_order(rehearsal: Rehearsal, outcome: Outcome) -> list[Result]:
    played, numbers = outcome.played, outcome.played.report.metrics
    landed, tasks = len(played.landed), len(rehearsal.steps)
    return [
        _wall(rehearsal, outcome),
        Result(
            f"{outcome.order}_landed", landed, "tasks", "tasks in the plan", tasks,
            rounded(landed / tasks), "all of them", landed == tasks, _why_not(outcome),
        ),
        Result(
            f"{outcome.order}_wrong", len(outcome.findings.wrong), "findings",
            goal="none", met=not outcome.findings.wrong,
            note="; ".join(outcome.findings.wrong[:5])
            or "every landing no worse than the one before, everything there, nothing twice",
        ),
        Result(f"{outcome.order}_attempts", played.attempts, "attempts"),
        Result(f"{outcome.order}_conflicts", numbers.conflicts_met, "conflicts"),
        Result(f"{outcome.order}_gate_runs", numbers.gate_runs, "runs"),
        Result(f"{outcome.order}_overhead_p95", rounded(numbers.overhead_seconds_p95 or 0.0), "s"),
    ]  # fmt: skip


def _wall(rehearsal: Rehearsal, outcome: Outcome) -> Result:
    loop, wall = rehearsal.loop.seconds, outcome.played.seconds
    ratio, goal = wall / loop, _goal(outcome.order, rehearsal.wish.agents_take)
    met = None if goal is None else ratio <= AT_MOST if "1.2" in goal else ratio < 1
    turn = loop / len(rehearsal.steps)
    note = (
        f"a turn of the loop takes {turn:.2f} s; boxes, a fresh workspace for every gate and the "
        "program's own start are in our time, and the loop judges nothing"
    )
    return Result(
        f"{outcome.order}_wall", rounded(wall), "s", "the shell loop, same run", rounded(loop),
        rounded(ratio), goal, met, note,
    )  # fmt: skip


def _goal(order: str, takes: float) -> str | None:
    """Blind is only reported, and a line of tasks whose agents take time can gain nothing."""
    if order == "blind":
        return None
    if takes:
        return "faster than the loop" if order == "overlap" else None
    return "<= 1.2 of the loop"


def _why_not(outcome: Outcome) -> str:
    stuck = [task for task in outcome.played.report.tasks if task.state != "done"]
    said = (
        f"{task.id} {task.state}: {(task.waits_for or task.reason)[:200]}" for task in stuck[:3]
    )
    return "; ".join(said) or "all done"
