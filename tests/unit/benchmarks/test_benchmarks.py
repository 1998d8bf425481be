"""The benchmarks still run, and their documents have the shape people and scripts rely on."""

import json

import pytest

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.document import Document, Machine, Result, as_text, percentile
from benchmarks.engine.makespan import random_case
from benchmarks.histories import Template, tell
from benchmarks.stage import REPO
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import EPOCH
from interlock.flows.run.recovery import read_picture

KEYS = {"metric", "value", "unit", "against", "against_value", "ratio", "goal", "met"}
PARTS = [(name, part) for name, parts in BENCHMARKS.items() for part in parts]


@pytest.mark.timeout(180)  # some start real processes, and the machine may have others to run
@pytest.mark.parametrize(("name", "part"), PARTS, ids=lambda each: each)
def test_every_part_gives_a_document_of_the_agreed_shape(
    name: str, part: str, capsys: pytest.CaptureFixture[str]
):
    assert main([name, "--part", part, "--quick", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["name", "machine", "seconds", "results"]
    assert document["name"] == name
    assert {"cores", "python", "load_at_start", "load_at_end"} <= set(document["machine"])
    assert document["seconds"] >= 0
    assert document["results"]
    for result in document["results"]:
        assert_agreed(result)


def assert_agreed(result: dict[str, object]) -> None:
    assert set(result) - {"note"} == KEYS
    assert isinstance(result["value"], int | float) or (result["value"] is None and result["note"])
    assert (result["goal"] is None) == (result["met"] is None)
    if result["met"] is False:
        assert result["note"], "a miss says why"


def test_what_is_known_exactly_is_exact(capsys: pytest.CaptureFixture[str]):
    main(["engine", "--part", "workflow", "--quick", "--json"])
    results = json.loads(capsys.readouterr().out)["results"]
    assert [(r["metric"], r["value"], r["met"]) for r in results] == [
        ("workflow_parallel", 375.0, True),
        ("workflow_sequential", 540.0, True),
        ("workflow_saved", 30.6, True),
    ]


def test_all_benchmarks_can_be_asked_for_by_name():
    assert set(BENCHMARKS) == {
        "crowd",
        "engine",
        "gateway",
        "overhead",
        "planning",
        "replay",
        "simulation",
    }
    with pytest.raises(SystemExit):
        main(["no-such-benchmark"])


def test_a_table_for_people_shows_a_miss_and_its_reason():
    missed = Result("speed", 1.0, "1/s", "raw", 4.0, 0.25, ">= 0.5", met=False, note="too slow")
    document = Document("engine", Machine(2, "3.11", "Linux", 0.5, 0.6), 1.5, [missed])
    assert as_text(document).splitlines()[1:] == [
        "  speed  1 1/s  against raw: 4, ratio 0.25  [>= 0.5: MISSED]",
        "         too slow",
    ]


def test_a_percentile_is_one_of_the_values():
    values = [number * 37 % 101 for number in range(1, 101)]
    assert [percentile(values, percent) for percent in (1, 50, 95, 100)] == [1, 50, 95, 100]
    assert percentile([7], 95) == 7


def test_the_bound_of_a_graph_is_one_that_no_schedule_beats():
    case = random_case(1)
    minutes = [task.estimate_minutes or 0.0 for task in case.plan.tasks]
    assert 50 <= len(minutes) <= 200
    assert case.bound_minutes >= max(*minutes, sum(minutes) / case.workers)


@pytest.fixture
def template():
    """Rehearsed on a loop of its own, so not inside a test that has one."""
    return Template(tasks=4)


async def test_a_history_told_again_folds_like_the_one_it_came_from(template: Template):
    log = MemoryEventLog(MemoryStore())
    await log.append(template.prologue(), EPOCH)
    one_run = len(template.run)
    assert await tell(log, template, 1, 2 * one_run + one_run // 2) == 4
    picture = await read_picture(log, None, REPO)
    assert sorted(picture.runs) == ["r-000001", "r-000002", "r-000003"]
    assert picture.ended_runs == ("r-000001", "r-000002")
    assert picture.active_runs == ("r-000003",)
    assert (await log.verify()).ok
