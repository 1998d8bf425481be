"""Every history that a release ever wrote can be looked back on, whatever it holds."""

from pathlib import Path

import msgspec
import pytest

from interlock.control.chronicle import Chronicle
from interlock.control.dashboard import dashboard
from interlock.control.health import health_report
from interlock.control.journal import Moment, journal_pages
from interlock.control.narration import narrate
from interlock.control.report_text import report_text
from interlock.control.reports import Seen, run_report
from interlock.engine.records import recorded_of
from interlock.flows.run.pictures import empty
from tests.replay.history import rows_in
from tests.replay.theatre import REPO

HISTORIES = sorted((Path(__file__).parents[2] / "replay").glob("v*/*.jsonl"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recorded_history_is_looked_back_on(path: Path):
    chronicle, lines = Chronicle(empty(REPO)), []
    for row in rows_in(path):
        event = recorded_of(row)
        chronicle.take(event)
        lines.append(narrate(event, chronicle.plane))
    now = event.at
    assert any(lines)
    assert chronicle.runs
    for run_id in chronicle.runs:
        report = run_report(chronicle, run_id, Seen(now, None, "0:00"))
        states = {task.task_id: task.state for task in report.tasks}
        of_run = [t for t in chronicle.plane.tasks.values() if t.run_id == run_id]
        assert states == {task.id: task.status.value for task in of_run}
        told = any(gate.seconds for task in report.tasks for gate in task.gates)
        assert (report.metrics.overhead_seconds_p95 is None) is not told
        assert report_text(report)
        assert msgspec.json.encode(report)
    assert health_report(chronicle, now).conflicts.tasks > 0
    assert dashboard(chronicle, now, None, None).run is not None
    assert len(journal_pages(chronicle, Moment(now))) == (
        1 + len(chronicle.tasks) + len(chronicle.workers)
    )


def test_there_are_histories():
    assert HISTORIES
