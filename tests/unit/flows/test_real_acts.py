"""Judging, preparing and landing for real, above a repository in memory."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.ids import BlobId, CommitId, RepoId, TaskId, TaskName
from interlock.domain.settings import ProjectSettings, Settings
from interlock.domain.task import PlannedTask
from interlock.engine.acts import Acts, Candidate, Judged, Landed, Landing, NotLanded, Prepared
from interlock.engine.errors import PartLost
from interlock.flows.task.acts import ALREADY_THERE, UNCHANGED, UNPROVED
from interlock.merging.message import trailers_of
from interlock.merging.service import LandingDisproved
from interlock.repository.ports import Merged
from interlock.testing.conformance.acts import ActsSuite
from tests.unit.merging.fakes import Killed, refused_pack
from tests.unit.merging.stage import GREEN, TESTS, Stage, refusal, with_remote


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


class Translated:
    """The suite's candidates know no repository; here they get a change, settings and a branch."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._settings = stage, BlobId("")

    async def judge(self, candidate: Candidate) -> Judged:
        return await self._stage.acts.judge(await self._real(candidate))

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded:
        return await self._stage.acts.prepare(await self._real(candidate))

    async def land(self, landing: Landing) -> Landed | NotLanded:
        return await self._stage.acts.land(self._with(landing))

    async def find_landing(self, landing: Landing) -> Landed | None:
        return await self._stage.acts.find_landing(self._with(landing))

    async def _real(self, candidate: Candidate) -> Candidate:
        name = str(candidate.planned.id)
        edits = {} if candidate.change is None else {f"{name}_txt": "new\n"}
        real = await self._stage.candidate(name, **edits)
        assert real.settings is not None
        self._settings = real.settings
        return msgspec.structs.replace(real, task_id=candidate.task_id, attempt=candidate.attempt)

    def _with(self, landing: Landing) -> Landing:
        return msgspec.structs.replace(landing, settings=self._settings, target="main")


class TestRealActs(ActsSuite):
    @pytest.fixture
    def acts(self, stage: Stage) -> Acts:
        return Translated(stage)


# --- judging --------------------------------------------------------------------------------------


async def test_gates_look_at_the_change_on_the_target_of_now(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    onto = stage.push_by_somebody(b_py="9\n")
    judged = await stage.acts.judge(candidate)
    assert (judged.judgement, judged.target, judged.files) == (Judgement.PASSED, onto, ("a.py",))
    (question,) = stage.gates.asked
    assert question.target == onto
    assert stage.repo.files(question.candidate)["b.py"] == "9\n"
    assert question.gates == (TESTS,)


async def test_the_settings_of_the_run_rule_and_not_those_in_the_candidate(stage: Stage) -> None:
    candidate = await stage.candidate(interlock_toml="[gates.tests]\nrun = 'true'\n")
    judged = await stage.acts.judge(candidate)
    assert stage.gates.asked[0].gates == (TESTS,)
    assert "interlock.toml (the settings)" in judged.held


async def test_nothing_changed_needs_no_gate(stage: Stage) -> None:
    candidate = await stage.candidate()
    assert await stage.acts.judge(candidate) == Judged(
        Judgement.PASSED, UNCHANGED, target=stage.base
    )
    assert await stage.acts.prepare(candidate) == Prepared(stage.base, None)
    assert stage.gates.asked == []


async def test_what_the_target_has_already_needs_no_gate_and_leaves_no_commit(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    stage.push_by_somebody(a_py="2\n")
    judged = await stage.acts.judge(candidate)
    assert (judged.judgement, judged.detail) == (Judgement.PASSED, ALREADY_THERE)
    landing = await stage.prepared(candidate)
    assert landing.prepared is None
    assert await stage.acts.land(landing) == Landed(None)


async def test_a_conflict_names_both_sides(stage: Stage) -> None:
    other = await stage.prepared(await stage.candidate("schema", a_py="2\n"))
    mine = await stage.candidate("mine", a_py="3\n")
    await stage.acts.land(other)
    judged = await stage.acts.judge(mine)
    assert judged.judgement is Judgement.CONFLICT
    assert "changed a.py" in judged.detail
    assert "schema (Do schema)" in judged.detail
    assert judged.log is not None
    assert b"ours and theirs" in await stage.blobs.get(judged.log)
    assert stage.gates.asked[-1].settings == GREEN
    assert len(stage.gates.asked) == 1


async def test_a_merge_that_drops_one_side_in_silence_is_seen_before_any_gate(
    stage: Stage,
) -> None:
    candidate = await stage.candidate(a_py="2\n")
    onto = stage.push_by_somebody(b_py="9\n")
    assert candidate.change is not None
    dropped = {**stage.repo.files(onto), "a.py": "2\n", "b.py": "1\n"}
    wrong = stage.repo.commits[stage.repo.put(dropped)].tree

    async def merge(ours: CommitId, theirs: CommitId) -> Merged:
        stage.repo.trees[wrong] = dropped
        return Merged(wrong)

    stage.repo.merge = merge  # type: ignore[method-assign]
    judged = await stage.acts.judge(candidate)
    assert judged.judgement is Judgement.CONFLICT
    assert "b.py: only the target touched it" in judged.detail
    assert stage.gates.asked == []


async def test_a_worker_cannot_pin_under_another_task(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    assert candidate.change is not None
    forged = msgspec.structs.replace(candidate.change, task_id=TaskId("r1-other"))
    await stage.acts.judge(msgspec.structs.replace(candidate, change=forged))
    assert [pin for pin in stage.repo.pinned if "other" in pin] == []
    assert f"changes/{candidate.task_id}/1" in stage.repo.pinned


async def test_a_pack_that_is_refused_is_the_attempts_fault(stage: Stage) -> None:
    patch = await refused_pack(stage.blobs, "it holds a nested repository: x/.git")
    change = ChangeSet(
        RepoId("repo"), TaskId("r1-one"), stage.base, CommitId("f" * 40), patch=patch
    )
    judged = await stage.acts.judge(await stage.candidate(change=change))
    assert judged.judgement is Judgement.FAILED
    assert "nested repository" in judged.detail


async def test_work_that_does_not_build_on_its_base_is_refused(stage: Stage) -> None:
    stranger = stage.repo.put({"a.py": "x"})
    change = await stage.repo.bring(stage.blobs, TaskId("r1-one"), stage.base, stranger)
    judged = await stage.acts.judge(await stage.candidate(change=change))
    assert judged.judgement is Judgement.FAILED
    assert "does not build on" in judged.detail
    assert stage.repo.pinned == {}


async def test_a_target_that_was_rewritten_sends_the_task_to_begin_anew(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    stage.repo.branches["main"] = stage.repo.put({"a.py": "other history"})
    stage.repo.collect_garbage()
    judged = await stage.acts.judge(candidate)
    assert judged.judgement is Judgement.CONFLICT
    assert "was rewritten" in judged.detail


@pytest.mark.parametrize("what", ["settings", "pack", "branch", "none"])
async def test_what_is_missing_is_never_passed(stage: Stage, what: str) -> None:
    candidate = await stage.candidate(a_py="2\n")
    assert candidate.settings is not None
    assert candidate.change is not None
    assert candidate.change.patch is not None
    match what:
        case "settings":
            await stage.blobs.erase(candidate.settings)
        case "pack":
            await stage.blobs.erase(candidate.change.patch)
        case "branch":
            candidate = msgspec.structs.replace(candidate, target="gone")
        case _:
            candidate = msgspec.structs.replace(candidate, settings=None)
    judged = await stage.acts.judge(candidate)
    assert judged.judgement is Judgement.ERROR
    assert refusal(await stage.acts.prepare(candidate)).refusal is LandingRefusal.TARGET_MOVED
    assert stage.gates.asked == []


async def test_a_gate_that_nobody_defined_could_not_run(stage: Stage) -> None:
    planned = PlannedTask(TaskName("one"), "Do", gates=("tests", "mutants"))
    judged = await stage.acts.judge(await stage.candidate(planned=planned, a_py="2\n"))
    assert judged.judgement is Judgement.ERROR
    assert "gate mutants" in judged.detail


async def test_without_any_gate_a_person_must_look(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Settings())
    judged = await stage.acts.judge(await stage.candidate(a_py="2\n"))
    assert (judged.judgement, judged.held) == (Judgement.PASSED, UNPROVED)


async def test_outside_its_files_is_recorded(stage: Stage) -> None:
    planned = PlannedTask(TaskName("one"), "Do", files=("a.py",))
    judged = await stage.acts.judge(await stage.candidate(planned=planned, a_py="2\n", b_py="2\n"))
    assert (judged.judgement, judged.outside) == (Judgement.PASSED, ("b.py",))


async def test_outside_its_files_is_refused_where_the_settings_say_so(tmp_path: Path) -> None:
    strict = msgspec.structs.replace(GREEN, project=ProjectSettings(boundary="refuse"))
    stage = Stage(tmp_path, strict)
    planned = PlannedTask(TaskName("one"), "Do", files=("a.py",))
    judged = await stage.acts.judge(await stage.candidate(planned=planned, a_py="2\n", b_py="2\n"))
    assert (judged.judgement, judged.outside) == (Judgement.FAILED, ("b.py",))
    assert "touches b.py, outside the files of its task (a.py)" in judged.detail
    assert stage.gates.asked == []


# --- preparing ------------------------------------------------------------------------------------


async def test_the_commit_is_the_workers_and_says_whose_task_it_is(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert landing.prepared is not None
    made = stage.repo.commits[landing.prepared]
    assert made.parents == (stage.base,)
    assert made.author == "agent-local-1 <agent-local-1@no-reply.interlock.invalid>"
    assert trailers_of(made.message) == {
        "Interlock-Task": "one",
        "Interlock-Run": "r1",
        "Interlock-Agent": "default",
        "Interlock-Audit": f"7:{'ab' * 32}",
    }


async def test_merge_keeps_the_agents_commits(tmp_path: Path) -> None:
    stage = Stage(tmp_path, msgspec.structs.replace(GREEN, project=ProjectSettings(land="merge")))
    candidate = await stage.candidate(a_py="2\n")
    assert candidate.change is not None
    landing = await stage.prepared(candidate)
    assert landing.prepared is not None
    assert stage.repo.commits[landing.prepared].parents == (stage.base, candidate.change.head)
    await stage.acts.land(landing)
    stage.repo.collect_garbage()
    assert stage.repo.commits[candidate.change.head].message == "agent: one\n"


async def test_a_target_that_stands_is_not_judged_twice(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    await stage.acts.judge(candidate)
    prepared = await stage.acts.prepare(candidate)
    assert isinstance(prepared, Prepared)
    assert prepared.judged is None
    assert len(stage.gates.asked) == 1


async def test_what_could_not_be_judged_is_not_remembered(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    stage.gates.answer = lambda _: Judgement.ERROR
    assert (await stage.acts.judge(candidate)).judgement is Judgement.ERROR
    stage.gates.answer = lambda _: Judgement.PASSED
    assert (await stage.prepared(candidate)).prepared is not None


async def test_a_target_that_moved_is_judged_anew_and_its_verdict_told(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    await stage.acts.judge(candidate)
    onto = stage.push_by_somebody(b_py="9\n")
    prepared = await stage.acts.prepare(candidate)
    assert isinstance(prepared, Prepared)
    assert prepared.judged is not None
    assert prepared.judged.target == onto
    assert prepared.commit is not None
    assert stage.repo.files(prepared.commit) == {
        "a.py": "2\n",
        "b.py": "9\n",
        "interlock.toml": "\n",
    }


async def test_gates_that_ran_when_a_change_looked_ahead_count_as_its_own_runs(
    stage: Stage,
) -> None:
    """They ran once, for this change: the verdict found afterwards is the one that tells of it."""
    ahead, behind = (
        await stage.candidate("one", a_py="2\n"),
        await stage.candidate("two", b_py="2\n"),
    )
    first, looked = await stage.acts.judge(ahead), asyncio.Event()

    def answer(_: object) -> Judgement:
        looked.set()
        return Judgement.PASSED

    stage.gates.answer = answer
    async with asyncio.TaskGroup() as both:
        waiting = both.create_task(stage.acts.judge(behind))
        await looked.wait()
        await stage.acts.land(await stage.prepared(ahead))
    second = waiting.result()
    assert len(stage.gates.asked) == 3
    assert [verdict.reused for verdict in (*first.verdicts, *second.verdicts)] == [False, False]
    again = await stage.acts.judge(behind)
    assert [verdict.reused for verdict in again.verdicts] == [True]


@pytest.mark.parametrize(
    ("judgement", "refused"),
    [
        (Judgement.FAILED, LandingRefusal.RED),
        (Judgement.ERROR, LandingRefusal.TARGET_MOVED),
        (Judgement.TARGET_RED, LandingRefusal.TARGET_MOVED),
    ],
)
async def test_what_fails_on_the_moved_target_does_not_land(
    stage: Stage, judgement: Judgement, refused: LandingRefusal
) -> None:
    candidate = await stage.candidate(a_py="2\n")
    await stage.acts.judge(candidate)
    stage.push_by_somebody(b_py="9\n")
    stage.gates.answer = lambda _: judgement
    outcome = refusal(await stage.acts.prepare(candidate))
    assert outcome.refusal is refused
    assert outcome.detail == f"tests: {judgement.value}"
    assert (outcome.judged is not None) == (judgement is Judgement.FAILED)


async def test_a_conflict_with_the_moved_target_does_not_land(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    await stage.acts.judge(candidate)
    stage.push_by_somebody(a_py="9\n")
    outcome = refusal(await stage.acts.prepare(candidate))
    assert outcome.refusal is LandingRefusal.CONFLICT
    assert "(by hand)" in outcome.detail


async def test_a_verdict_about_another_tree_proves_nothing(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    judge = stage.gates.judge

    async def lying(question: object) -> Judged:
        judged = await judge(question)  # type: ignore[arg-type]
        wrong = msgspec.structs.replace(judged.verdicts[0], tree="0" * 40)
        return msgspec.structs.replace(judged, verdicts=(wrong,))

    stage.gates.judge = lying  # type: ignore[method-assign]
    with pytest.raises(LandingDisproved, match="judged the tree 000000000000"):
        await stage.acts.judge(candidate)


# --- landing --------------------------------------------------------------------------------------


async def test_it_lands_once_however_often_it_is_asked(stage: Stage) -> None:
    acts: Acts = stage.acts
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert await acts.find_landing(landing) is None
    assert await acts.land(landing) == Landed(landing.prepared)
    assert await acts.land(landing) == Landed(landing.prepared)
    assert await acts.find_landing(landing) == Landed(landing.prepared)
    assert stage.head == landing.prepared == stage.repo.checkouts["main"]
    assert stage.repo.pinned == {}


async def test_a_push_between_prepare_and_land_is_not_lost(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    theirs = stage.push_by_somebody(b_py="9\n")
    outcome = refusal(await stage.acts.land(landing))
    assert outcome.refusal is LandingRefusal.TARGET_MOVED
    assert stage.head == theirs
    assert await stage.acts.find_landing(landing) is None


async def test_a_push_in_the_very_moment_of_the_swap_is_not_lost(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))

    def push(call: str) -> None:
        if call == "advance":
            stage.repo.before = lambda _: None
            stage.push_by_somebody(b_py="9\n")

    stage.repo.before = push
    assert refusal(await stage.acts.land(landing)).refusal is LandingRefusal.TARGET_MOVED
    assert stage.repo.files(stage.head)["b.py"] == "9\n"


async def test_a_checkout_left_alone_is_told(stage: Stage) -> None:
    stage.repo.edited.add("main")
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert await stage.acts.land(landing) == Landed(
        landing.prepared, "Your checkout was left alone."
    )


async def test_a_commit_that_reverts_the_target_in_silence_is_stopped(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    stage.push_by_somebody(b_py="9\n")
    landing = await stage.prepared(candidate)
    assert landing.prepared is not None
    made = stage.repo.commits[landing.prepared]
    wrong = stage.repo.put({"a.py": "2\n", "b.py": "1\n", "interlock.toml": "\n"}, stage.head)
    for what in ("commit", "change", "base"):
        pin = f"candidates/r1-one/{landing.prepared}/{what}"
        stage.repo.pinned[pin.replace(landing.prepared, wrong)] = stage.repo.pinned[pin]
    outcome = refusal(await stage.acts.land(msgspec.structs.replace(landing, prepared=wrong)))
    assert outcome.refusal is LandingRefusal.CONFLICT
    assert "the whole tree" in outcome.detail
    assert stage.head in made.parents


async def test_what_landed_unproved_says_so_loudly(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    assert landing.prepared is not None
    stage.repo.commits[landing.prepared] = msgspec.structs.replace(
        stage.repo.commits[landing.prepared], tree=stage.repo.commits[stage.base].tree
    )
    stage.repo.branches["main"] = landing.prepared
    found = await stage.acts.find_landing(landing)
    assert found is not None
    assert found.note.startswith("LANDED UNPROVED.")


async def test_a_branch_that_does_not_keep_what_landed_stops_everything(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    advance = stage.repo.advance

    async def lying(branch: str, new: CommitId, old: CommitId) -> bool:
        await advance(branch, new, old)
        stage.repo.branches[branch] = old
        return True

    stage.repo.advance = lying  # type: ignore[method-assign]
    with pytest.raises(LandingDisproved, match="is not there"):
        await stage.acts.land(landing)


async def test_an_intent_without_its_settings_is_not_settled_by_guessing(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    lost = msgspec.structs.replace(landing, settings=BlobId("0" * 64))
    with pytest.raises(PartLost, match="settings of this run are gone"):
        await stage.acts.find_landing(lost)


# --- with a remote --------------------------------------------------------------------------------


@pytest.fixture
def remote(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, with_remote())
    stage.repo.remotes["origin"] = {"main": stage.base}
    return stage


async def test_the_remote_has_it_before_the_branch(remote: Stage) -> None:
    landing = await remote.prepared(await remote.candidate(a_py="2\n"))
    assert await remote.acts.land(landing) == Landed(landing.prepared)
    order = [call for call in remote.repo.calls if call in ("push", "advance", "bring_forward")]
    assert order == ["push", "advance", "bring_forward"]
    assert remote.repo.remotes["origin"]["main"] == landing.prepared == remote.head


async def test_a_remote_that_moved_becomes_the_target(remote: Stage) -> None:
    candidate = await remote.candidate(a_py="2\n")
    landing = await remote.prepared(candidate)
    theirs = remote.repo.edit(remote.base, b_py="9\n")
    remote.repo.remotes["origin"]["main"] = theirs
    outcome = refusal(await remote.acts.land(landing))
    assert outcome.refusal is LandingRefusal.TARGET_MOVED
    assert remote.head == theirs == remote.repo.checkouts["main"]
    again = await remote.prepared(candidate)
    assert await remote.acts.land(again) == Landed(again.prepared)
    assert remote.repo.files(remote.head)["b.py"] == "9\n"


async def test_dying_between_following_the_remote_and_the_checkout_is_made_good(
    remote: Stage,
) -> None:
    landing = await remote.prepared(await remote.candidate(a_py="2\n"))
    remote.repo.remotes["origin"]["main"] = remote.repo.edit(remote.base, b_py="9\n")

    def die(call: str) -> None:
        if call == "bring_forward":
            raise Killed

    remote.repo.before = die
    with pytest.raises(Killed):
        await remote.acts.land(landing)
    assert remote.repo.checkouts["main"] == remote.base != remote.head
    remote.restart()
    assert await remote.acts.find_landing(landing) is None
    remote.repo.calls.clear()
    assert refusal(await remote.acts.land(landing)).refusal is LandingRefusal.TARGET_MOVED
    assert remote.repo.checkouts["main"] == remote.head
    assert "push" not in remote.repo.calls


async def test_commits_that_only_this_side_has_are_never_pushed_along(remote: Stage) -> None:
    remote.push_by_somebody(b_py="local work")
    landing = await remote.prepared(await remote.candidate(a_py="2\n"))
    with pytest.raises(PartLost, match=r"git push origin main"):
        await remote.acts.land(landing)
    assert remote.repo.remotes["origin"]["main"] == remote.base


async def test_a_remote_without_the_branch_says_what_to_do(remote: Stage) -> None:
    remote.repo.remotes["origin"].clear()
    landing = await remote.prepared(await remote.candidate(a_py="2\n"))
    with pytest.raises(PartLost, match="has no branch main"):
        await remote.acts.land(landing)


async def test_landed_there_while_somebody_committed_here_is_landed(remote: Stage) -> None:
    landing = await remote.prepared(await remote.candidate(a_py="2\n"))

    def commit(call: str) -> None:
        if call == "push":
            remote.repo.before = lambda _: None
            remote.push_by_somebody(b_py="9\n")

    remote.repo.before = commit
    landed = await remote.acts.land(landing)
    assert isinstance(landed, Landed)
    assert "git pull --rebase origin main" in landed.note
    assert remote.repo.files(remote.head)["b.py"] == "9\n"


# --- crashes and garbage --------------------------------------------------------------------------


async def story(stage: Stage) -> Landing:
    """One task from its pack to the target; the flow's part is played by the test."""
    candidate = await stage.candidate(a_py="2\n")
    stage.repo.calls.clear()
    await stage.acts.judge(candidate)
    landing = await stage.prepared(candidate)
    assert await stage.acts.find_landing(landing) is None
    assert await stage.acts.land(landing) == Landed(landing.prepared)
    return landing


async def calls_of(tmp_path: Path, settings: Settings) -> int:
    stage = Stage(tmp_path, settings)
    stage.repo.remotes["origin"] = {"main": stage.base}
    await story(stage)
    return len(stage.repo.calls)


@pytest.mark.parametrize("settings", [GREEN, with_remote()], ids=["local", "remote"])
async def test_garbage_may_be_collected_before_any_call(tmp_path: Path, settings: Settings) -> None:
    for moment in range(await calls_of(tmp_path, settings)):
        stage = Stage(tmp_path, settings)
        stage.repo.remotes["origin"] = {"main": stage.base}

        def sweep(_: str, stage: Stage = stage, moment: int = moment) -> None:
            if len(stage.repo.calls) == moment + 1:
                stage.repo.collect_garbage()

        stage.repo.before = sweep
        landing = await story(stage)
        stage.repo.collect_garbage()
        assert landing.prepared == stage.head
        assert stage.repo.files(stage.head)["a.py"] == "2\n"


@pytest.mark.parametrize("settings", [GREEN, with_remote()], ids=["local", "remote"])
async def test_the_process_may_die_before_any_call_of_a_landing(
    tmp_path: Path, settings: Settings
) -> None:
    moment, died = 0, True
    while died:
        stage = Stage(tmp_path, settings)
        stage.repo.remotes["origin"] = {"main": stage.base}
        landing = await stage.prepared(await stage.candidate(a_py="2\n"))
        stage.repo.calls.clear()

        def die(_: str, stage: Stage = stage, moment: int = moment) -> None:
            if len(stage.repo.calls) > moment:
                raise Killed

        stage.repo.before = die
        try:
            await stage.acts.land(landing)
            died = False
        except Killed:
            died = True
        stage.restart()
        stage.repo.collect_garbage()
        outcome = await stage.acts.find_landing(landing) or await stage.acts.land(landing)
        assert outcome == Landed(landing.prepared)
        assert stage.head == landing.prepared == stage.repo.checkouts["main"]
        assert stage.repo.commits[stage.head].parents == (stage.base,)
        assert settings is GREEN or stage.repo.remotes["origin"]["main"] == stage.head
        assert stage.repo.pinned == {}
        moment += 1
    assert moment > 10


async def test_a_restart_judges_again_and_lands_the_same_tree(stage: Stage) -> None:
    candidate = await stage.candidate(a_py="2\n")
    await stage.acts.judge(candidate)
    stage.restart()
    prepared = await stage.acts.prepare(candidate)
    assert isinstance(prepared, Prepared)
    assert len(stage.gates.asked) == 1
    assert prepared.judged is not None
    assert await stage.acts.land(stage.landing(candidate, prepared)) == Landed(prepared.commit)


async def test_two_planes_that_land_the_same_intent_land_it_once(stage: Stage) -> None:
    landing = await stage.prepared(await stage.candidate(a_py="2\n"))
    other = Stage(stage.path, GREEN, stage.repo)
    other.blobs = stage.blobs
    other._build()
    first, second = await stage.acts.land(landing), await other.acts.land(landing)
    assert first == second == Landed(landing.prepared)
    assert stage.repo.commits[stage.head].parents == (stage.base,)


async def test_what_ended_another_way_is_not_kept_for_ever(stage: Stage) -> None:
    for name in ("ended", "alive"):
        await stage.acts.judge(await stage.candidate(name, a_py="2\n"))
    left = stage.path / "scratch" / "left.pack"
    left.write_bytes(b"of a process that was killed")
    await stage.merging.sweep({TaskId("r1-alive")})
    assert {pin.split("/")[1] for pin in stage.repo.pinned} == {"r1-alive"}
    assert not left.exists()
