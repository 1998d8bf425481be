"""The dry run, as the document of `interlock plan --json` and as a page for people."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from msgspec.structs import replace

from interlock.domain.plan import Plan
from interlock.domain.task import TaskKind
from interlock.planning.faults import Fault
from interlock.planning.history import Attempted, History
from interlock.planning.outlook import Pair
from interlock.planning.overview import (
    Prospect,
    overview_document,
    overview_text,
    refusal_document,
    refusal_text,
)
from interlock.planning.profiles import Suggestion
from tests.unit.planning.outlooks import prospect
from tests.unit.planning.plans import accepted, at, group, plan, plans, task

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

MIXED = plan(
    task("schema", 15),
    task("api", 45, "schema", when="wanted"),
    task("page", None, at("schema", 50), at(7, 100)),
    task("release", 5),
    flags={"wanted": False},
    groups=(group(7, "release"),),
)


def test_the_document_of_a_dry_run():
    found = prospect(MIXED)
    minutes = found.outlook.minutes
    assert overview_document(MIXED, 2, 4, found) == {
        "goal": "Try it out",
        "faults": [],
        "tasks": [
            entry("schema", [], [], 0, 15, 15.0),
            entry("api", ["schema"], [], None, None, None),
            entry("page", ["schema"], [7], 7.5, 37.5, 30.0),
            entry("release", [], [], 0, 5, 5.0),
        ],
        "groups": [{"id": 7, "stages": ["release"], "depends_on": [], "parallel": True}],
        "critical_path": ["schema", "page"],
        "minutes": {
            "sequential": 50, "parallel": 37.5, "lower_bound": 37.5,
            "p50": round(minutes.p50, 1), "p80": round(minutes.p80, 1),
        },
        "cost_usd": {"p50": None, "p80": None},
        "conflicts": [],
        "forecast": {"based_on": list(found.outlook.basis), "samples": found.outlook.samples},
    }  # fmt: skip


def test_the_document_tells_cost_conflicts_and_proposals_as_far_as_they_are_known():
    made = plan(task("a", 10, agent="large"), task("b", 10, agent="large"))
    seen = (Attempted(TaskKind.FEATURE, "large", 10.0, 10.0, 0.5, good=True),) * 9
    known = prospect(made, History(seen))
    pair = Pair((made.tasks[0].id, made.tasks[1].id), ("app/x.py",), 0.444)
    known = Prospect(
        replace(known.outlook, conflicts=(pair,)),
        {made.tasks[0].id: Suggestion("small", "11 of 12")},
    )
    document: Any = overview_document(made, 2, 4, known)
    assert document["conflicts"] == [
        {"tasks": ["a", "b"], "paths": ["app/x.py"], "probability": 0.44}
    ]
    assert 0 < document["cost_usd"]["p50"] <= document["cost_usd"]["p80"]
    first, second = document["tasks"]
    assert (first["suggested_agent"], first["suggested_because"]) == ("small", "11 of 12")
    assert (second["suggested_agent"], second["suggested_because"]) == (None, None)
    assert first["forecast"]["based_on"] == "9 attempts of kind feature by large"
    page = overview_text(made, 2, 4, known)
    assert "expected to cost    $" in page
    assert "   44%  a and b: app/x.py" in page
    assert "small for a: 11 of 12" in page


def entry(
    name: str, after: list[str], groups: list[int], start: object, finish: object, p50: object
) -> dict[str, object]:
    basis = "nothing: no estimate, so 30 min were assumed" if name == "page" else "its estimate"
    return {
        "id": name, "title": name, "depends_on": after, "depends_on_groups": groups,
        "tier": None, "score": None, "raw_score": None, "reasons": [], "factors": [],
        "start_minutes": start, "finish_minutes": finish,
        "suggested_agent": None, "suggested_because": None,
        "forecast": None if p50 is None else {
            "minutes": {"p50": p50, "p80": round(1.5232 * float(str(p50)), 1)},
            "cost_usd": {"p50": None, "p80": None}, "sent_back": 0.1, "based_on": basis,
        },
    }  # fmt: skip


def test_the_document_of_a_refusal_has_its_faults_and_nothing_else():
    faults = [Fault("plan.yaml:3", "no title", "write one")]
    assert refusal_document(faults) == {
        "faults": [{"where": "plan.yaml:3", "what": "no title", "mend": "write one"}]
    }
    assert refusal_text(faults) == (
        "plan.yaml:3: no title; write one\nThe plan has 1 fault; nothing was started.\n"
    )


def _page(made: Plan, workers: int) -> str:
    return overview_text(made, workers, 4, prospect(made))


def test_the_page_of_the_workflow():
    page = _page(accepted((EXAMPLES / "workflow.yaml").read_text()), 10)
    assert page.splitlines()[2:11] == [
        "group 1",
        "  ── * research         0:00 - 0:45    45 min     cynthia  "
        "Research how the change is best made",
        "group 2, after 1",
        "  ── * critique         0:45 - 1:15    30 min     sylvia   "
        "Criticise what the research proposes",
        "group 3, after 2, all at once",
        "  ┌─ * backend          1:15 - 2:15    1 h        roy      Build the backend",
        "  └─   frontend         1:15 - 2:15    1 h        jen      Build the frontend",
        "group 4, after 3, all at once",
        "  ┌─ * backend-qa       2:15 - 3:00    45 min     billy    Test the backend",
    ]
    assert page.splitlines()[-8:-3] == [
        "* critical path: research -> critique -> backend -> backend-qa -> performance"
        " -> statistics -> devops -> documentation",
        "one after another   9 h",
        "in parallel         6 h 15 min (30.6 % less), with 10 workers and 4 stages at once",
        "never less than     6 h 15 min",
        "",
    ]
    assert re.match(
        r"expected            \d+ h( \d+ min)?, eight times of ten ", page.splitlines()[-3]
    )


def test_the_page_of_a_plan_with_everything():
    assert (
        _page(MIXED, 1).partition("\nexpected")[0]
        == """\
Try it out

group 7
  ──   release    0:15 - 0:20    5 min      default  release
step 1, outside the groups
  ── * schema     0:00 - 0:15    15 min     default  schema
step 2, outside the groups
  ┌─   api      skipped: wanted is false
  └─ * page       0:20 - 0:50   ~30 min     default  page  (after 50 % of schema, group 7)

* critical path: schema -> page
~ no estimate given, 30 min assumed
one after another   50 min
in parallel         50 min, with 1 worker and 4 stages at once
never less than     50 min
"""
    )


def test_stages_in_turn_point_downwards_and_long_chains_are_shortened():
    made = plan(
        *(task(f"t{n}", 1) for n in range(30)),
        groups=(group(1, *(f"t{n}" for n in range(30)), parallel=False),),
    )
    page = _page(made, 2).splitlines()
    assert page[2] == "group 1, one after another"
    assert [line[2:4].strip() for line in page[3:33]] == ["│"] * 29 + ["▼"]
    assert page[34].endswith(
        "-> t9 -> (10 more) -> t20 -> t21 -> t22 -> t23 -> t24 -> t25 -> t26 -> t27 -> t28 -> t29"
    )


@given(plans())
def test_every_plan_has_a_page_with_each_task_and_a_document_that_is_json(made: Plan):
    page = _page(made, 3)
    assert all(f" {each.id} " in page for each in made.tasks)
    document = overview_document(made, 3, 4, prospect(made))
    assert json.loads(json.dumps(document)) == document
