"""A goal in words: asked for once, checked like any plan, shown by `plan`, carried out by `run`."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.plain.sandbox import PlainSandbox
from interlock.adapters.sandlock.sandbox import SandlockSandbox
from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.domain.facts.change import ChangeJudged, ChangeLanded, Judgement
from interlock.domain.facts.run import RunCompleted, RunStarted
from interlock.domain.facts.task import TaskFailed, TaskRequeued
from interlock.domain.ids import TaskName
from interlock.domain.result import Outcome
from interlock.domain.settings import AgentProfile, PrepareSettings
from interlock.domain.task import PlannedTask
from interlock.testing.models import Edit, Shell, Step, Write
from tests.e2e.agents.stage import profile, studio
from tests.e2e.run_stage import Place, facts, of, place, task, writes
from tests.e2e.worker_stage import cleared, git, staged, working

pytestmark = pytest.mark.timeout(120)

GOAL = "Let the shop count its visitors"
CHIEF = """
[agents.chief]
backend = "command"
run = ["sh", "-c", '''{script}''']
"""
LEAVES_A_FILE = 'cat "{signals}/answer-$INTERLOCK_ATTEMPT" > "$OUTBOX/plan.yaml"'
SAYS_IT = 'cat "{signals}/answer-$INTERLOCK_ATTEMPT"'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        yield stage


def hire(shop: Place, script: str) -> None:
    """A chief that does this."""
    script = script.replace("{signals}", str(shop.signals))
    shop.configure(more=CHIEF.format(script=script))


def answer(shop: Place, number: int, *tasks: dict[str, object], **more: object) -> str:
    """What the chief finds to say in its attempt of this number."""
    text = json.dumps({"goal": GOAL, "tasks": tasks, **more}, indent=1)
    (shop.signals / f"answer-{number}").write_text(text)
    return text


def blob(shop: Place, name: str | None) -> str:
    assert name is not None
    return (shop.store / "blobs" / name[:2] / name[2:]).read_text()


def starts(shop: Place) -> list[RunStarted]:
    return facts(shop.events(), RunStarted)


ONE = task("one", writes("one"))
TWO = task("two", writes("two"), depends_on=["one"])


# --- looking --------------------------------------------------------------------------------------


def test_a_goal_is_planned_once_shown_and_then_run_with_the_same_words(shop: Place):
    hire(shop, LEAVES_A_FILE)
    text = answer(shop, 1, ONE, TWO)

    seen = shop.interlock("plan", "--json", GOAL)

    assert seen.code == 0, seen.err
    document = seen.document
    assert [t["id"] for t in document["tasks"]] == ["one", "two"]
    assert document["faults"] == []
    assert document["asked"]["attempts"] == 1
    assert document["asked"]["run"] in seen.err
    assert Path(document["plan"]).read_text() == text
    assert document["plan"] in seen.err
    assert shop.git("status", "--porcelain") == ""
    assert shop.landed() == {}, "nothing of a plan is started by looking at it"

    again = shop.interlock("plan", f"@chief  {GOAL.upper()}")
    assert again.code == 0, again.err
    assert "Do one" in again.out
    assert len(starts(shop)) == 1, "the same words ask nobody twice"

    said = shop.run(GOAL)

    assert said.code == 0, said.err
    assert said.states == {"one": "done", "two": "done"}
    asking, carrying = starts(shop)
    assert said.document["run"] == carrying.run_id
    assert (asking.source, carrying.source) == ("goal:plan", f"goal:{asking.run_id}")
    assert asking.goal.text == GOAL
    assert any(asking.run_id in note for note in said.document["notes"])
    assert set(shop.landed()) == {"one", "two"}
    shop.demand_clean()


def test_run_plans_and_carries_out_and_the_same_words_later_are_a_new_wish(shop: Place):
    hire(shop, SAYS_IT)
    text = answer(shop, 1, ONE)
    said_by_it = f"I looked around.\n```yaml\n{text}\n```\nThat is all.\n"
    (shop.signals / "answer-1").write_text(said_by_it)

    said = shop.run("@chief " + GOAL)

    assert said.code == 0, said.err
    assert said.states == {"one": "done"}
    assert "Do one" in said.err, "the plan is shown before it runs"
    finished = of(shop.events(), "plan", AttemptFinished)
    assert [f.result.outcome for f in finished] == [Outcome.UNCHANGED]
    assert finished[0].result.document.file == ""
    assert finished[0].result.log is not None

    answer(shop, 1, task("three", writes("three")))
    (shop.signals / "answer-1").write_text(f"```\n{(shop.signals / 'answer-1').read_text()}\n```")
    assert shop.run(GOAL).states == {"three": "done"}
    assert len(starts(shop)) == 4
    shop.demand_clean()


def test_a_copy_of_the_plan_that_was_run_is_the_goal_that_was_run(shop: Place):
    hire(shop, LEAVES_A_FILE)
    answer(shop, 1, ONE)
    copy = shop.folder / "copy.yaml"
    seen = shop.interlock("plan", GOAL, "--out", str(copy))
    assert seen.code == 0, seen.err
    assert shop.run(copy).states == {"one": "done"}

    refused = shop.interlock("plan", GOAL, "--out", str(copy))
    assert refused.code == 2
    assert "there already" in refused.err
    assert len(starts(shop)) == 2, "it was refused before anybody was asked"
    assert shop.interlock("plan", GOAL).code == 0
    assert len(starts(shop)) == 3, "that goal was reached, so these are new words"


# --- faults go back -------------------------------------------------------------------------------


def test_faults_go_back_to_it_with_the_document_they_are_in(shop: Place):
    hire(shop, f'cat "$INTERLOCK_FEEDBACK" /dev/null; {LEAVES_A_FILE}')
    answer(shop, 1, task("one", "true", depends_on=["nobody"]))
    answer(shop, 2, ONE)

    said = shop.run(GOAL)

    assert said.code == 0, said.err
    events = shop.events()
    sent_back = of(events, "plan", TaskRequeued)
    assert len(sent_back) == 1
    assert "plan.yaml:" in sent_back[0].feedback
    assert "nobody" in sent_back[0].feedback
    judged = [f.judgement for f in of(events, "plan", ChangeJudged)]
    assert judged == [Judgement.FAILED, Judgement.PASSED]
    shown = shop.interlock("task", "show", f"{starts(shop)[0].run_id}-plan", "--json").document
    assert [(g["name"], g["outcome"]) for g in shown["gates"]] == [("plan", "passed")]
    heard = blob(shop, of(events, "plan", AttemptFinished)[1].result.log)
    assert "plan.yaml:" in heard, "it was told what is wrong, and in which line"
    assert '"id": "one"' in heard, "and found the document that this is about"
    shop.demand_clean()


def test_three_wrong_documents_are_enough_and_the_last_is_kept_to_be_mended(shop: Place):
    hire(shop, LEAVES_A_FILE)
    for number in (1, 2, 3):
        answer(shop, number, task("one", writes("one"), depends_on=[f"nobody-{number}"]))

    said = shop.interlock("plan", "--json", GOAL)

    assert said.code == 1, said.err
    fault = said.document["faults"][0]
    assert "nobody-3" in fault["what"]
    copy = Path(fault["where"])
    assert "nobody-3" in copy.read_text()
    assert str(copy) in said.err
    events = shop.events()
    assert len(of(events, "plan", AttemptStarted)) == 3
    assert len(of(events, "plan", TaskFailed)) == 1

    again = shop.run(GOAL)
    assert again.code == 1
    assert again.states == {"plan": "failed"}
    assert any(str(copy) in note for note in again.document["notes"])
    assert len(of(shop.events(), "plan", AttemptStarted)) == 3, "nothing is paid for again unasked"

    copy.write_text(
        copy.read_text()
        .replace("nobody-3", "two")
        .replace('"tasks": [', f'"tasks": [{json.dumps(task("two", writes("two")))},')
    )
    mended = shop.run(copy)
    assert mended.code == 0, mended.err
    assert mended.states == {"one": "done", "two": "done"}
    shop.demand_clean()


def test_the_same_fault_twice_ends_it_and_a_person_may_let_it_try_again(shop: Place):
    hire(shop, LEAVES_A_FILE)
    for number in (1, 2):
        answer(shop, number, task("one", "true", gates=["nobody"]))
    assert shop.run(GOAL).code == 1
    assert len(of(shop.events(), "plan", AttemptStarted)) == 2

    answer(shop, 3, ONE)
    asking = starts(shop)[0].run_id
    assert shop.interlock("task", "retry", f"{asking}-plan").code == 0
    said = shop.run(GOAL)

    assert said.code == 0, said.err
    assert said.states == {"one": "done"}
    assert len(starts(shop)) == 2
    shop.demand_clean()


def test_who_makes_a_plan_does_not_say_how_it_is_judged(shop: Place):
    hire(shop, LEAVES_A_FILE)
    answer(shop, 1, task("one", writes("one"), gates=["tests"], tests_may_go=True))
    answer(shop, 2, ONE)

    assert shop.run(GOAL).code == 0
    sent_back = of(shop.events(), "plan", TaskRequeued)
    assert "does not say how it is judged" in sent_back[0].feedback


def test_the_copy_of_a_refused_plan_says_nothing_of_how_it_is_judged(shop: Place):
    """Whoever runs it would have said it, and nobody but its agent did."""
    hire(shop, LEAVES_A_FILE)
    for number in (1, 2):
        answer(shop, number, task("one", writes("one"), gates=["tests"], tests_may_go=True))

    said = shop.interlock("plan", "--json", GOAL)

    assert said.code == 1
    copy = Path(said.document["faults"][0]["where"])
    head = [line for line in copy.read_text().splitlines() if line.startswith("#")]
    assert "only a person may say" in head[0]
    assert [line.split(": ", 1)[1] for line in head[1:]] == [
        '"gates": [ "tests" ]', '"tests_may_go": true',
    ]  # fmt: skip
    seen = shop.interlock("plan", str(copy), "--json").document["tasks"]
    assert [(each["id"], each.get("gates", [])) for each in seen] == [("one", [])]
    assert shop.run(copy).states == {"one": "done"}
    shop.demand_clean()


# --- it only reads --------------------------------------------------------------------------------


def test_it_cannot_write_in_its_workspace_and_is_believed_all_the_same(shop: Place):
    hire(shop, "echo x > app/a.py || echo refused; echo y > new.txt || true;" + LEAVES_A_FILE)
    answer(shop, 1, ONE)

    said = shop.run(GOAL)

    assert said.code == 0, said.err
    assert shop.shown("app/a.py") == "x = 1"
    landed = of(shop.events(), "plan", ChangeLanded)
    assert [fact.commit for fact in landed] == [None]
    assert shop.rescued() == []
    shop.demand_clean()


def test_a_link_in_the_outbox_is_no_answer(shop: Place):
    hire(shop, 'ln -s /etc/hostname "$OUTBOX/plan.yaml"')
    assert shop.run(GOAL).code == 1
    finished = of(shop.events(), "plan", AttemptFinished)
    assert {f.result.error_class for f in finished} == {"answer_refused"}
    assert all(f.result.document is None for f in finished)


def test_an_echo_of_the_question_is_no_plan(shop: Place):
    hire(shop, "cat")
    assert shop.run(GOAL).code == 1
    assert "the example" in of(shop.events(), "plan", TaskFailed)[0].reason


ONLY_READS = PlannedTask(TaskName("plan"), "Make a plan", yields="plan")


@pytest.mark.parametrize("sandbox", [BubblewrapSandbox, SandlockSandbox, PlainSandbox])
async def test_what_it_changes_all_the_same_is_kept_said_and_not_used(
    tmp_path: Path, sandbox: type[BubblewrapSandbox | SandlockSandbox | PlainSandbox]
):
    does = "echo x > stray.txt; echo y >> app.py; echo goal: sesame > $OUTBOX/plan.yaml"
    profile = AgentProfile("default", "command", run=("/bin/sh", "-c", does))
    async with staged(tmp_path) as stage:
        stage.sandbox, stage.secrets = sandbox(), ("sesame",)
        stage.environments = stage.prepared()
        prepare = PrepareSettings("false", ("app.py",), (".venv",))
        async with working(stage) as plane:
            job = await stage.job(profile, planned=ONLY_READS, prepare=prepare)
            result = await plane.result_of(job)

        assert (result.outcome, result.change) == (Outcome.UNCHANGED, None), result
        assert result.document is not None
        assert b"sesame" not in await stage.blobs.get(result.document.blob)
        assert result.document.file == "plan.yaml"
        kept = git(stage.root, "for-each-ref", "--format=%(refname)", "refs/interlock/rescue")
        if sandbox is PlainSandbox:
            assert "although it was asked only to read" in result.summary
            assert kept in result.summary
            assert git(stage.root, "show", f"{kept}:stray.txt") == "x"
        else:
            assert kept == ""
            assert "changed" not in result.summary
        assert git(stage.root, "status", "--porcelain") == ""
        await cleared(stage)


# --- who is asked ---------------------------------------------------------------------------------


def test_without_an_agent_it_says_what_to_configure(shop: Place):
    for settings, word in (
        ("[gates.tests]\nrun = 'true'\nreads = 'exit-code'\n", "interlock init"),
        ("[agents.zoe]\nbackend = 'command'\nrun = ['true']\n", "zoe"),
        ("[agents.default]\nbackend = 'human'\n", "stands for people"),
    ):
        shop.commit({"interlock.toml": settings})
        for command in ("plan", "run"):
            said = shop.interlock(command, GOAL)
            assert said.code == 2
            assert word in said.err
            assert "[agents.chief]" in said.err or "no gate" in said.err
    assert shop.events() == []


def test_only_the_chief_is_spoken_to(shop: Place):
    said = shop.interlock("run", "@bob do it")
    assert said.code == 2
    assert "@chief" in said.err
    assert shop.interlock("plan", "@chief").code == 2
    like_a_path = shop.interlock("plan", "no such plan.yaml")
    assert like_a_path.code == 2
    assert "@chief" in like_a_path.err
    assert shop.events() == []


def test_a_scripted_agent_answers_like_any_other(shop: Place):
    text = answer(shop, 1, ONE)
    script = {"tasks": {"plan": [{"steps": [{"say": f"Here:\n```json\n{text}\n```"}]}]}}
    shop.write({"chief.yaml": json.dumps(script)})
    shop.configure(more="[agents.chief]\nbackend = 'scripted'\nscript = 'chief.yaml'\n")
    said = shop.run(GOAL)
    assert said.code == 0, said.err
    assert said.states == {"one": "done"}
    shop.demand_clean()


def test_who_leaves_while_a_plan_is_made_goes_on_with_the_same_words(shop: Place):
    hire(shop, "[ $INTERLOCK_ATTEMPT = 2 ] || sleep 600; " + LEAVES_A_FILE)
    answer(shop, 2, ONE)
    first = shop.begin("plan", GOAL)
    shop.until_at_work("plan")
    first.interrupt()
    left = first.end()
    assert left.code == 130, left.err
    assert "the same words again" in left.err

    said = shop.interlock("plan", GOAL)

    assert said.code == 0, said.err
    assert "Do one" in said.out
    assert len(starts(shop)) == 1
    shop.demand_clean()


def test_a_goal_goes_on_in_the_background(shop: Place):
    hire(shop, LEAVES_A_FILE)
    answer(shop, 1, ONE)
    assert shop.interlock("run", "--detach", "@chief grow").code == 0
    shop.until("both runs end", lambda events: len(facts(events, RunCompleted)) == 2)
    assert [run.goal.text for run in starts(shop)] == ["grow", GOAL]
    assert set(shop.landed()) == {"one"}
    shop.until_quiet()


# --- crashes --------------------------------------------------------------------------------------


def test_killed_in_the_middle_the_same_words_go_on(shop: Place):
    hire(shop, 'touch "$HOME/begun"; [ $INTERLOCK_ATTEMPT = 2 ] || sleep 600; ' + LEAVES_A_FILE)
    answer(shop, 2, ONE)
    first = shop.begin("run", GOAL)
    shop.until_at_work("plan")
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()

    said = shop.run(GOAL)

    assert said.code == 0, said.err
    assert said.states == {"one": "done"}
    assert len(starts(shop)) == 2
    assert len(of(shop.events(), "plan", AttemptStarted)) == 2


def test_what_was_planned_to_be_run_is_carried_out_by_a_bare_run(shop: Place):
    """As after a crash between the end of the planning and the start of what was planned."""
    hire(shop, LEAVES_A_FILE)
    answer(shop, 1, ONE)
    in_the_way = shop.root / ".interlock" / "plans"
    in_the_way.parent.mkdir()
    in_the_way.symlink_to(shop.signals)
    broken = shop.run(GOAL)
    assert broken.code == 2
    assert str(in_the_way) in broken.err
    assert len(facts(shop.events(), RunCompleted)) == 1
    in_the_way.unlink()

    said = shop.run()

    assert said.code == 0, said.err
    assert said.states == {"one": "done"}
    assert len(of(shop.events(), "plan", AttemptStarted)) == 1
    assert shop.run().code == 2, "nothing is left"
    shop.demand_clean()


# --- a real client --------------------------------------------------------------------------------

A_MODEL = """\
goal: Count to two
tasks:
  - id: two
    title: x is two
    agent: {agent}
    prompt: Make x two. [[script:two]]
    files: [app/a.py]
  - id: note
    title: It is written down
    agent: {agent}
    prompt: Say so. [[script:note]]
    depends_on: [{needs}]
"""


@pytest.mark.loopback
@pytest.mark.parametrize("agent", ["claude", "codex"])
async def test_a_real_client_mends_its_plan_and_carries_it_out(tmp_path: Path, agent: str):
    """Its first plan is wrong; what goes back to it names the script of the right one."""
    wrong = A_MODEL.format(agent=agent, needs="nobody") + "# [[script:right]]\n"
    right = A_MODEL.format(agent=agent, needs="two")
    scripts = {
        "wrong": (
            Step("I look first.", (Shell("cat app/a.py; echo no > stray.txt; ls"),)),
            Step(f"This is my plan:\n\n```yaml\n{wrong}```\n\nI hope it helps."),
        ),
        "right": (Step(f"Mended:\n```yaml\n{right}```"),),
        "two": (
            Step(do=(Shell("cat app/a.py"),)),
            Step(do=(Edit("app/a.py", "x = 1", "x = 2"),)),
            Step("Done."),
        ),
        "note": (Step(do=(Write("note.md", "x is two\n"),)), Step("Done.")),
    }
    chief = profile(agent) + profile(agent).replace(f"[agents.{agent}]", "[agents.chief]")
    async with studio(tmp_path / "e", scripts, chief) as shop:
        said = await shop.interlock("run", "--json", "@chief Count to two [[script:wrong]]")

        assert said.code == 0, said.err + said.out
        assert said.states == {"two": "done", "note": "done"}
        assert shop.place.shown("app/a.py") == "x = 2"
        assert shop.place.shown("note.md") == "x is two"
        events = await asyncio.to_thread(shop.place.events)
        judged = [fact.judgement for fact in of(events, "plan", ChangeJudged)]
        assert judged == [Judgement.FAILED, Judgement.PASSED]
        asking = facts(events, RunStarted)[0].run_id
        report = await shop.interlock("report", asking, "--json")
        planned, told = report.task("plan"), shop.models.told()
        worked = sum(task["tokens"] for task in said.document["tasks"])
        assert planned["tokens"] + worked == told.all_input + told.output
        assert f"{planned['tokens']:,} tokens" in said.document["notes"][-1]
        assert "stray.txt" not in shop.place.git("ls-tree", "-r", "--name-only", "main")
        assert shop.place.rescued() == []
        await shop.clean()
