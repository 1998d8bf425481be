"""The examples that are shipped: they are right, and mean what they say they mean."""

from pathlib import Path

import pytest

from interlock.domain.plan import Plan
from interlock.planning.document import parse_plan
from interlock.planning.forecast import forecast
from interlock.planning.graph import critical_path, levels
from interlock.planning.importers.reading import gather
from tests.unit.planning.importers.bundles import graph, taken

ROOT = Path(__file__).resolve().parents[4]
STREAMS = ROOT / "examples" / "four-streams.yaml"


@pytest.fixture(scope="module")
def streams() -> Plan:
    found = parse_plan(STREAMS.read_bytes(), STREAMS.name)
    assert isinstance(found, Plan), found
    return found


def test_three_streams_begin_at_once_and_the_fourth_joins_them(streams: Plan):
    first, second = levels(streams)
    assert [len([t for t in first if t.startswith(s)]) for s in "abc"] == [5, 4, 3]
    assert second == ("d1-bridge", "d2-workplace")
    waits = {t.id: {d.task: d.at for d in t.depends_on} for t in streams.tasks if t.depends_on}
    assert waits == {
        "d1-bridge": {"a1-states": 50, "a1-tdd": 50, "b1-messages": 50, "b1-commands": 50},
        "d2-workplace": {"b2-layout": 75, "b2-input": 75, "a2-sessions": 50},
    }


def test_fourteen_at_once_and_the_way_that_decides(streams: Plan):
    expected = forecast(streams, 14, 14)
    assert expected.minutes.sequential == 14 * 120
    assert expected.minutes.parallel == expected.minutes.lower_bound == 90 + 120
    assert critical_path(streams).tasks == ("b2-layout", "d2-workplace")
    assert expected.slots["d1-bridge"].start_minutes == 60
    assert expected.slots["d2-workplace"].start_minutes == 90


def test_no_two_streams_share_a_file(streams: Plan):
    owners: dict[str, str] = {}
    for task in streams.tasks:
        assert task.files
        for path in task.files:
            assert owners.setdefault(path, task.id) == task.id


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        (
            "openspec:examples/openspec/changes/add-rate-limits",
            {
                "1-2": [],
                "1-3": ["1-2"],
                "2-1": ["1-3"],
                "2-2": ["1-3"],
                "2-3": ["2-1", "2-2"],
                "3-1": ["1-3"],
            },
        ),
        (
            "speckit:examples/specs/001-export",
            {
                "t002": [],
                "t003": ["t002"],
                "t004": ["t002"],
                "t005": ["t003", "t004"],
                "t006": ["t005"],
            },
        ),
        ("issues:examples/issues", {"issue-12": [], "issue-13": ["issue-12"]}),
    ],
)
def test_documents_of_other_tools(name: str, waits: dict[str, list[str]]):
    assert graph(taken(gather(name, ROOT, ROOT)).plan) == waits
