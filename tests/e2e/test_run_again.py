"""Work that comes back: why it came back, how often, and what a person can do about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.domain.facts.change import ChangeJudged
from interlock.domain.facts.task import TaskCancelled
from tests.e2e.run_stage import Place, of, place, task, writes

pytestmark = pytest.mark.timeout(120)

CHECK = """
for file in *.txt; do
  if [ -e "$file" ] && grep -q bad "$file"; then echo "the gate saw bad in $file"; exit 1; fi
done
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e", check=CHECK) as stage:
        yield stage


def test_the_second_attempt_is_told_why_the_first_came_back_each_task_its_own_reason(shop: Place):
    """Two fail at the same time, and neither hears of the other."""
    mends = (
        'if [ -n "$INTERLOCK_FEEDBACK" ]; then cp "$INTERLOCK_FEEDBACK" {0}.told; '
        "echo ok > {0}.txt; else echo bad > {0}.txt; fi"
    )

    said = shop.run(
        shop.plan(task("left", mends.format("left")), task("right", mends.format("right")))
    )

    assert said.code == 0
    for name, other in (("left", "right"), ("right", "left")):
        told = shop.shown(f"{name}.told")
        assert f"the gate saw bad in {name}.txt" in told
        assert f"{other}.txt" not in told
        assert said.task(name)["attempts"] == 2
        first = said.task(name)["tries"][0]
        assert "tests" in first["reason"]
        assert shop.landed()[name] == [said.task(name)["commit"]]
    assert said.document["metrics"]["reworks"] == 2
    shop.demand_clean()


def test_a_task_that_never_passes_is_capped_and_waits_for_a_person_while_the_rest_goes_on(
    shop: Place,
):
    shop.configure(limits="workers = 4\nmax_attempts = 2")
    does = (
        f'if [ -e "{shop.signals}/mended" ]; then echo good > bad.txt; '
        'else echo "bad $INTERLOCK_ATTEMPT" > bad.txt; fi'
    )
    plan = shop.plan(
        task("bad", does), task("after", writes("after"), depends_on=["bad"]),
        task("other", writes("other")),
    )  # fmt: skip

    said = shop.run(plan)

    assert said.code == 1
    assert said.document["state"] == "waiting"
    assert said.states == {"bad": "failed", "after": "backlog", "other": "done"}
    assert said.task("bad")["attempts"] == 2
    assert "bad" in said.task("after")["waits_for"]
    (item,) = said.document["review"]
    assert item["task"] == "bad"
    listed = shop.interlock("review", "list", "--json").document["items"]
    assert [(i["id"], i["state"]) for i in listed] == [(item["id"], "pending")]
    assert listed[0]["blocked_tasks"] == ["after"]

    shop.give("mended")
    approved = shop.interlock("review", "approve", item["short"], "--reason", "it is mended")
    assert approved.code == 0, approved
    again = shop.run(plan)
    assert again.code == 0
    assert again.states == dict.fromkeys(("bad", "after", "other"), "done")
    assert shop.shown("bad.txt") == "good"
    assert again.document["review"] == []
    shop.demand_clean()


def test_an_agent_that_fails_by_itself_says_why_and_its_work_is_kept(shop: Place):
    shop.configure(limits="workers = 4\nmax_attempts = 1")
    said = shop.run(shop.plan(task("one", "echo half > half.txt; echo no idea >&2; exit 7")))
    assert said.code == 1
    (tried,) = said.task("one")["tries"]
    assert "7" in tried["reason"]
    assert "no idea" in tried["reason"]
    (rescue,) = shop.rescued()
    assert rescue.split("/")[-1] in tried["reason"]
    assert shop.shown("half.txt", rescue) == "half"
    shop.demand_clean()


def test_a_change_outside_of_its_files_is_recorded(shop: Place):
    does = "echo y > app/b.py; echo z > elsewhere.txt"
    said = shop.run(shop.plan(task("one", does, files=["app/**"])))
    assert said.code == 0
    assert said.task("one")["outside"] == ["elsewhere.txt"]


def test_a_change_outside_of_its_files_is_refused_where_the_settings_say_so(shop: Place):
    shop.configure(project='target = "main"\nboundary = "refuse"', limits="max_attempts = 2")
    does = (
        'echo y > app/b.py; if [ -z "$INTERLOCK_FEEDBACK" ]; then echo z > elsewhere.txt; '
        'else cat "$INTERLOCK_FEEDBACK" > app/told; fi'
    )
    said = shop.run(shop.plan(task("one", does, files=["app/**"])))
    assert said.code == 0
    assert said.task("one")["attempts"] == 2
    assert "elsewhere.txt" in shop.shown("app/told")
    assert "elsewhere.txt" not in shop.git("ls-tree", "--name-only", "main")


def test_a_change_to_the_settings_waits_for_a_person_and_lands_when_it_is_approved(shop: Place):
    shop.write({"notes.txt": "mine, not committed"})
    plan = shop.plan(task("one", "echo '# more' >> interlock.toml"), task("two", writes("two")))

    said = shop.run(plan)

    assert said.code == 1
    assert said.document["state"] == "waiting"
    assert said.states == {"one": "review", "two": "done"}
    assert "interlock.toml" in said.task("one")["waits_for"]
    (item,) = said.document["review"]
    assert shop.interlock("review", "approve", item["short"]).code == 0
    again = shop.run()
    assert again.states == {"one": "done", "two": "done"}
    assert again.code == 0
    assert shop.shown("interlock.toml").endswith("# more")
    assert (shop.root / "notes.txt").read_text() == "mine, not committed"
    shop.demand_clean()


# --- while it runs --------------------------------------------------------------------------------


def test_a_cancelled_agent_is_gone_and_who_depends_on_it_says_so(shop: Place):
    plan = shop.plan(
        task("one", f"sleep 1000 & {shop.waits('never')}"),
        task("after", writes("after"), depends_on=["one"]),
        task("other", f"{shop.waits('go')}; {writes('other')}"),
    )
    run = shop.begin("run", "--json", str(plan))
    shop.until_at_work("one", "other")

    cancelled = shop.interlock("task", "cancel", "one", "--reason", "not needed")

    assert cancelled.code == 0, cancelled
    shop.until("it is cancelled", lambda events: of(events, "one", TaskCancelled))
    shop.until(
        "its agent is gone", lambda _: not any("never" in p for p in shop.processes().values())
    )
    shop.give("go")
    end = run.end()
    assert end.code == 1
    assert end.states == {"one": "cancelled", "after": "backlog", "other": "done"}
    assert "one" in end.task("after")["waits_for"]
    assert "cancelled" in end.task("after")["waits_for"]
    shop.demand_clean()


def test_a_pause_holds_new_starts_until_it_is_lifted(shop: Place):
    plan = shop.plan(
        task("one", f"{shop.waits('go')}; {writes('one')}"),
        task("two", writes("two"), depends_on=["one"]),
    )
    run = shop.begin("run", "--wait", "--json", str(plan))
    shop.until_at_work("one")
    assert shop.interlock("pause", "--reason", "lunch").code == 0
    shop.give("go")
    shop.until("one lands", lambda _: "one" in shop.landed())
    assert of(shop.events(), "two", AttemptStarted) == []
    assert "lunch" in shop.interlock("status").out
    assert shop.interlock("resume").code == 0
    assert run.end().states == {"one": "done", "two": "done"}


def test_a_stop_ends_everything_now_and_a_person_s_run_lifts_it(shop: Place):
    plan = shop.plan(task("one", f"echo half > half.txt; {shop.waits('go')}; {writes('one')}"))
    run = shop.begin("run", "--json", str(plan))
    shop.until_at_work("one")
    shop.until("it wrote half", lambda _: [*shop.root.glob(".worktrees/*/*/half.txt")])

    assert shop.interlock("stop", "--reason", "fire").code == 0

    end = run.end()
    assert end.code == 1
    assert end.document["state"] == "stopped"
    shop.demand_clean()
    assert len(shop.rescued()) == 1
    shop.give("go")
    again = shop.run(plan)
    assert "lifts that" in again.err
    assert again.states == {"one": "done"}
    shop.demand_clean()


def test_an_agent_that_changed_nothing_and_gates_that_cannot_run_are_not_passed(shop: Place):
    shop.configure(more='[gates.broken]\nrun = "no-such-program"\nreads = "exit-code"')
    run = shop.begin("run", "--json", str(shop.plan(task("one", writes("one"), gates=["broken"]))))
    events = shop.until("it is judged", lambda events: of(events, "one", ChangeJudged))
    assert of(events, "one", ChangeJudged)[0].judgement.value == "error"
    run.interrupt()
    assert run.end().code == 130
    assert shop.landed() == {}
    assert [f.result.outcome.value for f in of(events, "one", AttemptFinished)] == ["changed"]
