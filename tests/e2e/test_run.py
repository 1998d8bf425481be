"""`interlock run`: what it prints, how it ends, how it goes on, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.domain.facts.attempt import AttemptStarted
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.run import RunCompleted, RunStarted
from interlock.domain.facts.task import Requeue, TaskRequeued
from tests.e2e.run_stage import Place, facts, of, place, task, writes

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        yield stage


# --- a run that goes well -------------------------------------------------------------------------


def test_a_run_prints_the_document_that_scripts_rely_on(shop: Place):
    base = shop.git("rev-parse", "main")
    plan = shop.plan(
        task("one", writes("one")),
        task("two", writes("two"), depends_on=["one"]),
        task("off", writes("off"), when="never"),
        flags={"never": False},
    )

    said = shop.run(plan)

    assert said.code == 0
    document = said.document
    assert document["goal"] == "Try it"
    assert document["state"] == "completed"
    assert document["run"].startswith("run-")
    head = shop.git("rev-parse", "main")
    assert document["target"] == {"branch": "main", "base": base, "head": head}
    assert said.states == {"one": "done", "two": "done", "off": "skipped"}
    one = said.task("one")
    assert one["title"] == "Do one"
    assert one["attempts"] == 1
    assert one["commit"] == shop.landed()["one"][0]
    assert one["task_id"] == f"{document['run']}-one"
    assert [(g["name"], g["outcome"]) for g in one["gates"]] == [("tests", "passed")]
    assert one["waits_for"] is None
    assert (one["tier"], one["score"], one["cost_usd"], one["tokens"]) == (None,) * 4
    assert one["landed_at"] < said.task("two")["landed_at"]
    assert document["review"] == []
    assert set(document["metrics"]) == {
        "wall_seconds", "sequential_seconds", "parallel_efficiency", "overhead_seconds_p95",
        "conflicts_predicted", "conflicts_met", "reworks", "gate_runs", "red_target_seconds",
    }  # fmt: skip
    assert document["metrics"]["conflicts_predicted"] == 0
    shop.demand_clean()


def test_what_landed_names_its_task_its_run_its_agent_and_the_log(shop: Place):
    run = shop.run(shop.plan(task("one", writes("one")))).document["run"]

    body = shop.git("log", "-1", "--format=%an <%ae>%n%cn%n%(trailers:only)", "main").splitlines()

    assert body[0].startswith("agent-local-1 <")
    assert body[1] == "Interlock"
    trailers = dict(line.split(": ", 1) for line in body[2:] if line)
    assert trailers["Interlock-Task"] == "one"
    assert trailers["Interlock-Run"] == run
    assert trailers["Interlock-Agent"] == "default"
    assert trailers["Interlock-Audit"].split(":")[0].isdecimal()


# --- what is refused, before anything is recorded -------------------------------------------------

WRONG = {
    "a cycle": ([task("a", "true", depends_on=["b"]), task("b", "true", depends_on=["a"])], "a"),
    "an unknown dependency": ([task("a", "true", depends_on=["nobody"])], "nobody"),
    "an unknown agent": ([task("a", "true", agent="nobody")], "nobody"),
    "an unknown gate": ([task("a", "true", gates=["nobody"])], "nobody"),
    "a name twice": ([task("a", "true"), task("a", "true")], "a"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_plan_is_refused_whole(shop: Place, wrong: str):
    tasks, named = WRONG[wrong]

    said = shop.run(shop.plan(*tasks))

    assert said.code == 2
    faults = said.document["faults"]
    assert any(named in fault["what"] for fault in faults)
    assert all(fault["where"] and fault["mend"] for fault in faults)
    assert "Traceback" not in said.err
    assert not shop.store.exists()


SETTINGS = {
    "no gates": ("[agents.default]\nbackend='command'\nrun=['true']\n", "no gate is configured"),
    "no agents": ("[gates.t]\nrun='true'\nreads='exit-code'\n", "no agent is configured"),
    "an agent that cannot pay": (
        "[agents.default]\nbackend='claude'\n[gates.t]\nrun='true'\nreads='exit-code'\n"
        "[models.anthropic]\nbase_url='http://127.0.0.1:9'\nkey_env='KEY_THAT_NOBODY_SET'\n",
        "KEY_THAT_NOBODY_SET",
    ),
    "a provider that nothing knows": (
        "[agents.default]\nbackend='acp'\nrun=['true']\nprovider='moon'\n"
        "[gates.t]\nrun='true'\nreads='exit-code'\n",
        "[models.moon]",
    ),
    "a wrong word": ("[limit]\nworkers = 3\n", "limit"),
    "no TOML": ("[limits\n", "interlock.toml"),
}


@pytest.mark.parametrize("wrong", SETTINGS)
def test_settings_that_cannot_run_are_refused_with_their_sentence(shop: Place, wrong: str):
    text, named = SETTINGS[wrong]
    shop.commit({"interlock.toml": text})

    said = shop.run(shop.plan(task("a", "true")))

    assert (said.code, said.out) == (2, "")
    assert named in said.err
    assert "Traceback" not in said.err
    assert not shop.store.exists()


def test_a_file_that_is_not_there_is_refused(shop: Place):
    gone = shop.run("no-such-plan.yaml")
    assert gone.code == 2
    assert "no-such-plan.yaml" in gone.err
    nothing = shop.run()
    assert nothing.code == 2
    assert shop.events() == []


# --- going on -------------------------------------------------------------------------------------


def test_a_second_run_joins_the_first_and_both_see_the_end(shop: Place):
    plan = shop.plan(task("one", f"{shop.waits('go')}; {writes('one')}"))
    first = shop.begin("run", "--json", str(plan))
    shop.until_at_work("one")

    second = shop.begin("run", "--json", str(plan))
    shop.until("the second joins", lambda _: "going on with" in second.err)
    shop.give("go")

    ends = first.end(), second.end()
    assert [end.code for end in ends] == [0, 0]
    assert ends[0].document["run"] == ends[1].document["run"]
    assert [end.states for end in ends] == [{"one": "done"}] * 2
    assert len(of(shop.events(), "one", AttemptStarted)) == 1
    shop.demand_clean()


def test_the_first_ctrl_c_puts_work_down_and_the_next_run_finishes_it(shop: Place):
    plan = shop.plan(
        task("one", f"echo half > half.txt; {shop.waits('go')}; {writes('one')}; rm half.txt")
    )
    first = shop.begin("run", str(plan))
    shop.until_at_work("one")
    shop.until("it wrote half", lambda _: [*shop.root.glob(".worktrees/*/*/half.txt")])

    first.interrupt()

    assert first.end().code == 130
    assert "workers put down what they hold" in first.err
    shop.demand_clean()
    (rescue,) = shop.rescued()
    assert shop.shown("half.txt", rescue) == "half"
    assert shop.landed() == {}
    events = shop.events()
    assert len(of(events, "one", LeaseGranted)) == 1, "nobody is given work any more"
    assert of(events, "one", TaskRequeued) == [TaskRequeued(Requeue.INTERRUPTED)]
    shop.give("go")
    said = shop.run(plan)
    assert said.code == 0
    assert "going on with" in said.err
    assert said.states == {"one": "done"}
    shop.demand_clean()


def test_a_second_ctrl_c_kills_at_once_and_leaves_nobody_behind(shop: Place):
    plan = shop.plan(task("one", f"trap '' INT TERM; {shop.waits('go')}; {writes('one')}"))
    first = shop.begin("run", str(plan))
    shop.until_at_work("one")

    first.interrupt()
    first.interrupt()

    assert first.end().code == 130
    shop.until_quiet()
    shop.give("go")
    assert shop.run().code == 0
    shop.demand_clean()


def test_a_changed_plan_asks_what_is_meant(shop: Place):
    slow = task("one", f"{shop.waits('go')}; {writes('one')}")
    plan = shop.plan(slow, task("two", writes("two"), depends_on=["one"]))
    first = shop.begin("run", str(plan))
    shop.until_at_work("one")
    first.interrupt()
    assert first.end().code == 130
    plan = shop.plan(slow, task("two", writes("second"), depends_on=["one"]), task("three", "true"))

    asked = shop.run(plan)

    assert asked.code == 2
    assert "--resume" in asked.err
    assert "--new" in asked.err
    plan = shop.plan(
        slow, task("two", writes("second"), depends_on=["one"]), task("three", writes("three"))
    )
    shop.give("go")
    resumed = shop.run(plan, "--resume")
    assert resumed.states == {"one": "done", "two": "done", "three": "done"}
    assert resumed.code == 0
    assert shop.shown("second.txt") == "done"
    assert len(facts(shop.events(), RunStarted)) == 1


def test_a_changed_plan_can_start_beside_the_unfinished_run(shop: Place):
    plan = shop.plan(task("one", f"{shop.waits('go')}; {writes('one')}"))
    first = shop.begin("run", str(plan))
    shop.until_at_work("one")
    first.interrupt()
    assert first.end().code == 130
    plan = shop.plan(task("other", writes("other")))

    beside = shop.begin("run", "--json", "--new", str(plan))
    shop.until("other lands", lambda _: "other" in shop.landed())
    shop.give("go")

    end = beside.end()
    assert end.code == 0
    assert end.states == {"other": "done"}
    assert shop.run().code in (0, 2)
    assert len(facts(shop.events(), RunCompleted)) == 2


def test_a_run_in_the_background_goes_on_without_its_terminal(shop: Place):
    plan = shop.plan(task("one", f"{shop.waits('go')}; {writes('one')}"))

    said = shop.interlock("run", "--detach", str(plan))

    assert said.code == 0
    shop.until_at_work("one")
    shop.give("go")
    shop.until("it ends", lambda events: facts(events, RunCompleted))
    assert shop.landed().keys() == {"one"}
    shop.demand_clean()


def test_what_cannot_run_is_not_sent_to_the_background(shop: Place):
    wrong = shop.interlock("run", "--detach", str(shop.plan(*WRONG["a cycle"][0])))
    shop.configure(project='target = "release"')
    nowhere = shop.interlock("run", "--detach", str(shop.plan(task("a", "true"))))
    assert (wrong.code, nowhere.code) == (2, 2)
    assert "release" in nowhere.err
    assert not shop.store.exists()


def test_homes_of_agents_stay_no_longer_than_their_tasks(shop: Place):
    first = shop.run(shop.plan(task("one", f"echo cached > $HOME/cache; {writes('one')}")))
    assert first.code == 0

    second = shop.run(shop.plan(task("two", writes("two"))))

    assert second.code == 0
    homes = [home.name for home in shop.store.glob("homes/*")]
    assert homes == [second.task("two")["task_id"]]


def test_so_many_at_once_as_the_person_says(shop: Place):
    plan = shop.plan(*(task(name, f"{shop.waits(name)}; {writes(name)}") for name in "abc"))
    run = shop.begin("run", "--json", "--parallel", "2", str(plan))
    shop.until_at_work("a", "b")
    assert of(shop.events(), "c", AttemptStarted) == []
    shop.give("a")
    shop.until_at_work("c")
    assert "a" in shop.landed() or of(shop.events(), "a")
    for name in "bc":
        shop.give(name)
    assert run.end().code == 0
    shop.demand_clean()
