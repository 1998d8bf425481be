"""Gates at work in a played world: what is run, found, shared, told, and cleared away."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from interlock.domain.facts.change import Judgement
from interlock.domain.ids import BlobId, CommitId
from interlock.domain.settings import GateSettings, SandboxSettings, Settings
from interlock.domain.verdict import GateOutcome
from interlock.engine.acts import Judged
from interlock.engine.errors import PartLost
from interlock.gates.change import ChangeFacts
from interlock.gates.evidence import Evidence
from interlock.gates.service import GateQuestion, Gates
from interlock.repository.ports import PINS_AT_ONCE_MAX, Workspace, WorkspaceRefused
from interlock.sandbox.ports import HOME, OUTBOX, WORKSPACE
from tests.unit.gates.scenes import CLOCK, Play, World, commit, folders_in, junit

TESTS = GateSettings("tests", "pytest --junitxml={report}", "junit")
CHECK = GateSettings("check", "make check", "exit-code")
COVER = GateSettings("cover", "cov --out {report}", "coverage-xml", minimum=50.0)
NO_FACTS = ChangeFacts()
GREEN = Play(report=junit("a", "b"), says=b"2 passed\n")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "scratch")


async def judge(
    world: World, *gates: GateSettings, change: ChangeFacts = NO_FACTS, **settings: object
) -> Judged:
    sandbox = msgspec.convert(settings, SandboxSettings)
    question = GateQuestion(commit("new"), commit("old"), gates, Settings(sandbox=sandbox), change)
    async with world.crew.lent():
        return await world.gates.judge(question)


async def test_a_good_change_passes_with_everything_that_proves_it(world: World) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    judged = await judge(world, TESTS)
    (verdict,) = judged.verdicts
    assert (judged.judgement, judged.detail) == (Judgement.PASSED, "tests: 2 tests passed")
    assert judged.target == commit("old")
    assert (verdict.gate, verdict.outcome, verdict.tree, verdict.reused) == (
        "tests", GateOutcome.PASSED, "new", False,
    )  # fmt: skip
    assert verdict.log
    assert await world.blobs.get(verdict.log) == b"2 passed\n"
    assert verdict.evidence
    evidence = msgspec.json.decode(await world.blobs.get(verdict.evidence), type=Evidence)
    assert evidence.tests == {"t::a": "passed", "t::b": "passed"}


async def test_the_box_gets_what_a_gate_needs_and_nothing_else(world: World) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    await judge(world, TESTS, env=["EXTRA", "HOME", "ABSENT"], read=["/opt/data"])
    order = world.sandbox.orders[0]
    assert order.argv[-1] == f"pytest --junitxml={OUTBOX}/report.xml"
    assert order.env == {
        "PATH": "/bin", "LANG": "C.UTF-8", "HOME": HOME, "TMPDIR": "/tmp", "EXTRA": "yes",
    }  # fmt: skip
    assert order.network == ()
    assert order.limits.seconds == 600
    assert {mount.inside for mount in order.mounts if mount.writable} == {WORKSPACE, HOME, OUTBOX}
    assert [mount.inside for mount in order.mounts if not mount.writable] == [
        str(world.scratch / "objects")
    ]
    assert order.read == (Path("/opt/data"),)
    assert "pytest" in order.programs


async def test_nothing_is_left_behind(world: World) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    await judge(world, TESTS)
    assert folders_in(world.scratch) == []
    assert world.pinned == {}
    assert sorted(world.was_pinned) == [commit("new"), commit("old")]


async def test_all_gates_report_whatever_the_others_say(world: World) -> None:
    world.plays_as(TESTS, new=Play(1, report=junit("a", "b-")), old=GREEN)
    world.plays_as(CHECK, new=Play(2, says=b"E: unused\n"), old=Play())
    judged = await judge(world, TESTS, CHECK)
    assert judged.judgement is Judgement.FAILED
    assert [verdict.outcome for verdict in judged.verdicts] == [GateOutcome.FAILED] * 2
    assert "t::b (assert 1 == 2)" in judged.detail
    assert "check: exit code 2; it said: E: unused" in judged.detail
    assert judged.log == judged.verdicts[0].log


async def test_the_same_tree_is_not_judged_twice(world: World) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    await judge(world, TESTS)
    again = await judge(world, TESTS)
    assert [verdict.reused for verdict in again.verdicts] == [True]
    assert (world.gates.runs, world.gates.reuses) == (2, 2)


async def test_a_landed_candidate_is_the_next_baseline(world: World) -> None:
    world.plays_as(TESTS, old=GREEN, new=GREEN, newer=GREEN)
    await judge(world, TESTS)
    question = GateQuestion(commit("newer"), commit("new"), (TESTS,), Settings())
    async with world.crew.lent():
        await world.gates.judge(question)
    assert world.gates.runs == 3


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(TESTS, run="pytest -x --junitxml={report}"),
        msgspec.structs.replace(TESTS, timeout_minutes=1.0),
        msgspec.structs.replace(TESTS, run="pytest", reads="exit-code"),
    ],
)
async def test_another_definition_is_another_gate(world: World, other: GateSettings) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    await judge(world, TESTS)
    judged = await judge(world, other)
    assert [verdict.reused for verdict in judged.verdicts] == [False]


async def test_a_threshold_is_no_reason_to_run_again(world: World) -> None:
    report = b'<coverage><class filename="a"><line number="1" hits="1"/></class></coverage>'
    world.plays_as(COVER, new=Play(report=report))
    await judge(world, COVER)
    stricter = msgspec.structs.replace(COVER, minimum=99.0)
    assert [verdict.reused for verdict in (await judge(world, stricter)).verdicts] == [True]


async def test_other_variables_are_another_environment(world: World) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    await judge(world, TESTS)
    judged = await judge(world, TESTS, env=["EXTRA"])
    assert [verdict.reused for verdict in judged.verdicts] == [False]


async def test_two_who_ask_for_the_same_at_once_share_one_run(world: World) -> None:
    world.plays_as(TESTS, new=GREEN, old=GREEN)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(judge(world, TESTS)) for _ in range(5)]
    assert {task.result().judgement for task in asked} == {Judgement.PASSED}
    assert (world.gates.runs, world.gates.reuses) == (2, 8)


async def test_no_more_run_at_once_than_there_are_slots(world: World) -> None:
    gates = [GateSettings(f"g{n}", f"g{n} {{report}}", "junit") for n in range(5)]
    for gate in gates:
        world.plays_as(gate, new=GREEN, old=GREEN)
    judged = await judge(world, *gates)
    assert judged.judgement is Judgement.PASSED
    assert world.sandbox.most_at_once == 2


async def test_a_green_exit_code_needs_no_look_at_the_target(world: World) -> None:
    world.plays_as(CHECK, new=Play())
    assert (await judge(world, CHECK)).judgement is Judgement.PASSED
    assert world.gates.runs == 1


async def test_red_on_the_target_too_waits_for_the_target(world: World) -> None:
    world.plays_as(CHECK, new=Play(1), old=Play(1))
    judged = await judge(world, CHECK)
    assert judged.judgement is Judgement.TARGET_RED
    assert judged.verdicts[0].outcome is GateOutcome.TARGET_RED


async def test_what_the_change_broke_goes_back_to_its_author(world: World) -> None:
    world.plays_as(TESTS, new=Play(127, says=b"sh: pytest: not found\n"), old=GREEN)
    judged = await judge(world, TESTS)
    assert judged.judgement is Judgement.FAILED
    assert judged.verdicts[0].outcome is GateOutcome.ERROR
    assert "so the change broke it" in judged.detail
    assert judged.log
    assert await world.blobs.get(judged.log) == b"sh: pytest: not found\n"


async def test_a_box_that_does_not_start_is_nobodys_fault(world: World) -> None:
    world.plays_as(TESTS, new=Play(refused="No box starts here"), old=GREEN)
    judged = await judge(world, TESTS)
    assert judged.judgement is Judgement.ERROR
    assert "No box starts here" in judged.detail


async def test_trouble_is_not_remembered(world: World) -> None:
    world.plays_as(TESTS, new=Play(137, stopped_for="time"), old=GREEN)
    assert (await judge(world, TESTS)).judgement is Judgement.FAILED
    world.plays_as(TESTS, new=GREEN)
    assert (await judge(world, TESTS)).judgement is Judgement.PASSED


async def test_an_environment_that_the_change_broke(world: World) -> None:
    world.plays_as(TESTS, old=GREEN)
    world.unbuildable = {"new"}
    judged = await judge(world, TESTS)
    assert judged.judgement is Judgement.FAILED
    assert "its environment could not be built: pip could not build it" in judged.detail
    assert judged.log
    assert await world.blobs.get(judged.log) == b"pip log"


async def test_an_environment_that_nobody_can_build(world: World) -> None:
    world.unbuildable = {"new", "old"}
    assert (await judge(world, TESTS)).judgement is Judgement.ERROR


async def test_changed_lines_are_looked_for_where_a_gate_asks(world: World) -> None:
    report = (
        b'<coverage><class filename="a.py"><line number="1" hits="1"/>'
        b'<line number="2" hits="0"/><line number="3" hits="0"/></class></coverage>'
    )
    world.plays_as(COVER, new=Play(report=report))
    world.patch_bytes = b"+++ b/a.py\n@@ -0,0 +1,3 @@\n+a\n+b\n+c\n"
    judged = await judge(world, COVER)
    assert judged.judgement is Judgement.FAILED
    assert "33.3 % of the changed executable lines are covered (1 of 3)" in judged.detail
    given = await judge(world, COVER, change=ChangeFacts(lines={"a.py": (1,)}))
    assert given.judgement is Judgement.PASSED


async def test_cancelling_kills_the_box_and_clears_away(world: World) -> None:
    world.plays_as(TESTS, new=Play(hangs=True), old=Play(hangs=True))
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(judge(world, TESTS))
        await world.sandbox.has_started(2)
        asked.cancel()
    assert asked.cancelled()
    assert all(box.was_killed for box in world.sandbox.boxes)
    assert folders_in(world.scratch) == []
    assert world.pinned == {}


async def test_who_waits_for_a_run_that_is_cancelled_takes_it_over(world: World) -> None:
    world.plays_as(CHECK, new=Play(hangs=True))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(judge(world, CHECK))
        await world.sandbox.has_started(1)
        second = group.create_task(judge(world, CHECK))
        for _ in range(20):
            await CLOCK.sleep(0)
        world.plays_as(CHECK, new=Play())
        first.cancel()
    assert second.result().judgement is Judgement.PASSED
    assert len(world.sandbox.boxes) == 2


async def test_a_box_that_outlives_its_time_is_ended_by_us(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.gates.running.GRACE_SECONDS", 0.0)
    short = msgspec.structs.replace(CHECK, timeout_minutes=0.0005)
    world.plays_as(short, new=Play(hangs=True), old=Play())
    judged = await judge(world, short)
    assert judged.judgement is Judgement.FAILED
    assert "did not end within" in judged.detail
    assert world.sandbox.boxes[0].was_killed


async def test_a_lost_part_is_raised_as_itself(world: World) -> None:
    async def lost(data: bytes) -> BlobId:
        raise PartLost("blobs", "gone", "Bring it back")

    world.plays_as(TESTS, new=GREEN, old=GREEN)
    world.blobs.put = lost  # type: ignore[method-assign]
    with pytest.raises(PartLost, match="blobs is out of order"):
        await judge(world, TESTS)
    assert folders_in(world.scratch) == []


async def test_secrets_are_in_no_log_and_no_detail(tmp_path: Path) -> None:
    world = World(tmp_path / "s", mask=lambda data: data.replace(b"s3cret", b"[secret]"))
    report = junit("a-").replace(b"assert 1 == 2", b"token s3cret is wrong")
    world.plays_as(TESTS, new=Play(1, report=report, says=b"with s3cret"), old=GREEN)
    judged = await judge(world, TESTS)
    assert "token [secret] is wrong" in judged.detail
    assert judged.log
    assert await world.blobs.get(judged.log) == b"with [secret]"
    (verdict,) = judged.verdicts
    assert verdict.evidence
    assert b"s3cret" not in await world.blobs.get(verdict.evidence)


async def test_a_long_log_keeps_its_beginning_and_its_end(world: World) -> None:
    options = msgspec.structs.replace(world.options, log_bytes_max=100)
    world.gates = Gates(world.parts, options)
    world.plays_as(CHECK, new=Play(says=b"first" + b"." * 5000 + b"last"))
    judged = await judge(world, CHECK)
    log = judged.verdicts[0].log
    assert log
    text = await world.blobs.get(log)
    assert text.startswith(b"first")
    assert text.endswith(b"last")
    assert b"[... 4,909 bytes left out ...]" in text


def link_out(outbox: Path) -> None:
    (outbox.parent / "elsewhere.xml").write_bytes(junit("a", "b"))
    (outbox / "report.xml").symlink_to(outbox.parent / "elsewhere.xml")


def pipe(outbox: Path) -> None:
    os.mkfifo(outbox / "report.xml")


def folder(outbox: Path) -> None:
    (outbox / "report.xml").mkdir()


def locked(outbox: Path) -> None:
    (outbox / "a").mkdir()
    (outbox / "a" / "b").write_text("x")
    (outbox / "a").chmod(0)


@pytest.mark.parametrize(
    ("play", "says"),
    [
        pytest.param(Play(leave=link_out), "cannot be opened", id="a link"),
        pytest.param(Play(leave=pipe), "no regular file", id="a pipe"),
        pytest.param(Play(leave=folder), "no regular file", id="a folder"),
        pytest.param(Play(leave=locked), "the report is missing", id="nothing but a locked folder"),
        pytest.param(Play(report=b""), "the report is empty", id="empty"),
        pytest.param(Play(report=junit("a", "b")[:-8]), "not well-formed", id="truncated"),
        pytest.param(Play(report=b" " * 2001), "larger than 2,000 bytes", id="huge"),
        pytest.param(Play(127), "is missing in the box", id="a missing tool"),
        pytest.param(Play(0), "the report is missing", id="no report"),
        pytest.param(Play(5, report=junit()), "nothing was executed", id="an empty suite"),
        pytest.param(Play(0, report=junit("a~", "b~")), "nothing was executed", id="all skipped"),
        pytest.param(Play(137, stopped_for="memory"), "too much memory", id="killed"),
        pytest.param(Play(0, report=junit("a")), "is gone: t::b", id="a test deleted"),
        pytest.param(Play(0, report=junit("a", "b~")), "skipped now: t::b", id="a test skipped"),
        pytest.param(Play(0, report=junit("z1", "z2")), "are gone: t::a, t::b", id="forged"),
        pytest.param(Play(1, report=junit("a", "b")), "and yet: exit code 1", id="exit code"),
        pytest.param(Play(0, report=junit("a", "b-")), "contradicts the report", id="hidden"),
    ],
)
async def test_a_gate_cannot_be_made_to_lie(world: World, play: Play, says: str) -> None:
    world.gates = Gates(world.parts, msgspec.structs.replace(world.options, report_bytes_max=2000))
    world.plays_as(TESTS, new=play, old=GREEN)
    judged = await judge(world, TESTS)
    assert judged.judgement is Judgement.FAILED
    assert judged.verdicts[0].outcome is not GateOutcome.PASSED
    assert says in judged.detail
    assert folders_in(world.scratch) == []


async def test_a_gate_whose_command_names_no_report_says_so(world: World) -> None:
    blind = msgspec.structs.replace(TESTS, run="pytest")
    world.plays_as(blind, new=GREEN, old=GREEN)
    judged = await judge(world, blind)
    assert judged.judgement is Judgement.ERROR
    assert "the gate's command does not name {report}" in judged.detail


async def test_what_an_earlier_life_left_is_swept_away(world: World) -> None:
    left = world.scratch / "gate-old"
    (left / "outbox").mkdir(parents=True)
    for number in range(PINS_AT_ONCE_MAX):
        await world.pin(f"gates/gate-{number}", commit("old"))
    await world.pin("gates/gate-old", commit("old"))
    await world.pin("change/7", commit("new"))
    await world.make(left / "workspace", commit("old"))
    await world.gates.sweep()
    assert folders_in(world.scratch) == []
    assert world.pinned == {"change/7": commit("new")}


async def test_a_scratch_folder_that_cannot_be_made_is_a_lost_part(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    world = World(tmp_path / "file")
    world.plays_as(CHECK, new=Play())
    with pytest.raises(PartLost, match="scratch folder of the gates is out of order"):
        await judge(world, CHECK)


async def test_clearing_away_is_not_cut_short(world: World) -> None:
    """Cancelled while it clears away: it does so to the end, and then obeys."""
    world.plays_as(CHECK, new=Play())
    removing, go_on = asyncio.Event(), asyncio.Event()
    remove = world.remove

    async def slowly(path: Path) -> None:
        removing.set()
        await go_on.wait()
        await remove(path)

    world.remove = slowly  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(judge(world, CHECK))
        await removing.wait()
        for _ in range(3):
            asked.cancel()
            await CLOCK.sleep(0)
        go_on.set()
    assert asked.cancelled()
    assert folders_in(world.scratch) == []
    assert world.pinned == {}


async def test_no_verdict_hangs_on_what_cannot_be_cleared_away(world: World) -> None:
    """The gate has said what it had to say; the next sweep looks again."""

    async def lost(path: Path) -> None:
        raise PartLost("git", str(path), "Repair it")

    world.plays_as(CHECK, new=Play())
    world.remove = lost  # type: ignore[method-assign]
    assert (await judge(world, CHECK)).judgement is Judgement.PASSED
    assert world.pinned == {}


async def test_nobody_waits_for_what_is_cleared_away(world: World) -> None:
    """The verdict is told while the folder of its gate still stands."""
    go_on, remove = asyncio.Event(), world.remove

    async def late(path: Path) -> None:
        await go_on.wait()
        await remove(path)

    world.plays_as(CHECK, new=Play())
    world.remove = late  # type: ignore[method-assign]
    question = GateQuestion(commit("new"), commit("old"), (CHECK,), Settings())
    async with world.crew.lent():
        assert (await world.gates.judge(question)).judgement is Judgement.PASSED
        assert folders_in(world.scratch) != []
        go_on.set()
    assert folders_in(world.scratch) == []
    assert world.pinned == {}


async def test_a_verdict_does_not_wait_until_it_stands_in_the_book(world: World) -> None:
    """And who asks for the same meanwhile finds it all the same."""
    go_on, keep = asyncio.Event(), world.keep

    async def late(key: str, evidence: Evidence) -> None:
        await go_on.wait()
        await keep(key, evidence)

    world.plays_as(CHECK, new=Play())
    world.keep = late  # type: ignore[method-assign]
    question = GateQuestion(commit("new"), commit("old"), (CHECK,), Settings())
    async with world.crew.lent():
        first = await world.gates.judge(question)
        assert world.kept == {}
        again = await world.gates.judge(question)
        go_on.set()
    assert [v.reused for v in (*first.verdicts, *again.verdicts)] == [False, True]
    assert world.gates.runs == 1
    assert len(world.kept) == 1
    assert [v.reused for v in (await judge(world, CHECK)).verdicts] == [True]


async def test_a_book_that_is_out_of_order_is_told_and_its_evidence_made_again(
    world: World,
) -> None:
    """No verdict hangs on the book; but running everything twice for ever would be a secret."""

    async def lost(key: str, evidence: Evidence) -> None:
        raise PartLost("verdicts", key, "Repair it")

    world.plays_as(CHECK, new=Play())
    world.keep = lost  # type: ignore[method-assign]
    assert (await judge(world, CHECK)).judgement is Judgement.PASSED
    with pytest.raises(PartLost, match="verdicts"):
        await judge(world, CHECK)
    assert (await judge(world, CHECK)).judgement is Judgement.PASSED
    assert world.gates.runs == 2


async def test_no_endless_row_of_folders_waits_to_be_cleared_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With so many left standing, the next gate waits for one of them."""
    monkeypatch.setattr("interlock.gates.service.FOLDERS_MAX", 2)
    world.gates = Gates(world.parts, world.options)
    go_on, remove = asyncio.Event(), world.remove

    async def late(path: Path) -> None:
        await go_on.wait()
        await remove(path)

    world.remove = late  # type: ignore[method-assign]
    trees = {f"new{number}": Play() for number in range(3)}
    world.plays_as(CHECK, **trees)
    async with world.crew.lent(), asyncio.TaskGroup() as group:
        first, second, third = (
            group.create_task(
                world.gates.judge(GateQuestion(commit(tree), commit("old"), (CHECK,), Settings()))
            )
            for tree in trees
        )
        await asyncio.wait((first, second))
        for _ in range(100):
            await CLOCK.sleep(0)
        assert not third.done()
        assert len([*folders_in(world.scratch)]) == 2
        go_on.set()
    assert third.result().judgement is Judgement.PASSED
    assert folders_in(world.scratch) == []


async def test_a_workspace_that_cannot_be_made_is_nobodys_fault(world: World) -> None:
    async def refused(path: Path, commit: CommitId, branch: str | None = None) -> Workspace:
        raise WorkspaceRefused("Commit c:new is not in the repository.")

    world.make = refused  # type: ignore[method-assign]
    judged = await judge(world, CHECK)
    assert judged.judgement is Judgement.ERROR
    assert "it could not be started: Commit c:new is not in the repository." in judged.detail
    assert folders_in(world.scratch) == []


async def test_half_a_workspace_of_an_earlier_life_is_swept_away_too(world: World) -> None:
    async def refused(path: Path) -> None:
        raise WorkspaceRefused(f"{path} is no workspace of this repository")

    (world.scratch / "gate-old" / "workspace").mkdir(parents=True)
    world.remove = refused  # type: ignore[method-assign]
    await world.gates.sweep()
    assert folders_in(world.scratch) == []
