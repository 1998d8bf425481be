"""Run documents and rows as the demo meets them, with everything that no test here looks at."""

from datetime import UTC, datetime

from msgspec.structs import replace

from interlock.control.read_models import PlaneRow, Status, TaskRow
from interlock.control.run_document import (
    GateSeen,
    Metrics,
    RunReport,
    TargetSeen,
    TaskSeen,
    TrySeen,
)
from interlock.demo.main import shipped_plan
from interlock.domain.ids import CommitId, RunId, TaskId, TaskName, WorkerId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMMIT = CommitId("6e751a93" * 5)
WHY = "tests: 1 test fails: test_cents_stay_whole (AssertionError: 899.1 != 899)"


def attempt(number: int, reason: str = "") -> TrySeen:
    return TrySeen(
        number=number,
        agent="default",
        worker=WorkerId("agent-local-1"),
        outcome="changed",
        reason=reason,
        log=None,
        started_at=NOW,
        seconds=2.0,
        box="bubblewrap",
        simulated=True,
        by_hand=False,
        denied_hosts=(),
    )


def task(name: str, state: str = "done", attempts: int = 1, waits_for: str | None = None):
    return TaskSeen(
        id=TaskName(name),
        title=name.title(),
        state=state,
        tier=None,
        score=None,
        attempts=attempts,
        commit=COMMIT if state == "done" else None,
        landed_at=NOW if state == "done" else None,
        waits_for=waits_for,
        gates=(
            GateSeen("tests", "passed", "", attempts, 0.1, False, None),
            GateSeen("style", "passed", "", attempts, 0.1, False, None),
        ),
        cost_usd=None,
        tokens=None,
        task_id=TaskId(f"run-1-{name}"),
        agent="default",
        reason="",
        judgement="passed",
        tries=tuple(attempt(number, WHY) for number in range(1, attempts + 1)),
        decisions=(),
        outside=(),
        note="",
    )


def told() -> RunReport:
    """A run that ended as the story has it."""
    endings = {
        "payments": task("payments", "failed", 3, "a person to retry or cancel it: a key"),
        "fraud": task("fraud", "backlog", 0, "payments, which is failed"),
        "coupons": task("coupons", attempts=2),
    }
    tasks = tuple(endings.get(each.id, task(each.id)) for each in shipped_plan().tasks)
    return RunReport(
        run=RunId("run-1"),
        goal="A small shop",
        state="waiting",
        target=TargetSeen("main", COMMIT, COMMIT),
        tasks=tasks,
        review=(),
        metrics=Metrics(26.0, 130.0, 5.0, 1.0, None, 1, 4, 48, None),
        started_at=NOW,
        ended_at=None,
        asked_by="person:ana",
        reasons=(),
        settings_digest=None,
        boxes=("bubblewrap",),
        simulated=True,
        denied_hosts=(),
        notes=(),
        audit="1:00",
    )


def with_task(report: RunReport, changed: TaskSeen) -> RunReport:
    tasks = (changed if each.id == changed.id else each for each in report.tasks)
    return replace(report, tasks=tuple(tasks))


def row(name: str, state: str, attempts: int = 1, waits_for: str | None = None) -> TaskRow:
    return TaskRow(
        id=TaskName(name),
        title=name.title(),
        state=state,
        tier=None,
        score=None,
        attempts=attempts,
        commit=COMMIT if state == "done" else None,
        landed_at=None,
        waits_for=waits_for,
        task_id=TaskId(f"run-1-{name}"),
        run=RunId("run-1"),
        group=None,
        agent="default",
        priority="medium",
        depends_on=(),
        worker=WorkerId("agent-local-2") if state == "in_progress" else None,
        percent=40,
        activity=None,
        since=NOW,
        reason="",
    )


def status(*rows: TaskRow) -> Status:
    plane = PlaneRow(True, "host/1", None, None, None, (), 0)
    return Status(NOW, None, "store.db", "solo", 1, plane, (), rows, ())
