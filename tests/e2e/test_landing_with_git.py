"""Changes land in a real repository: their form, their proof, what else goes on there meanwhile."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.ids import CommitId, TaskName
from interlock.domain.task import PlannedTask
from interlock.engine.acts import Landed, NotLanded, Prepared
from interlock.merging.message import Label, commit_message, trailers_of
from interlock.merging.trials import Origin, Trials
from interlock.repository.ports import Merged
from tests.e2e.landing_yard import Yard, commit, git, project, write
from tests.unit.merging.test_message import FORGERIES

HOOKS = (
    "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "pre-merge-commit",
    "post-merge", "pre-push", "post-checkout", "post-index-change", "reference-transaction",
    "pre-auto-gc", "post-rewrite", "update", "pre-receive", "post-receive", "post-update",
)  # fmt: skip


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


# --- forms ----------------------------------------------------------------------------------------


async def test_squashed_it_is_one_commit_of_its_worker(yard: Yard) -> None:
    candidate = await yard.brings("schema", {"a.py": "one\nTWO\nthree\n", "new.py": "n\n"})
    landing = await yard.prepared(candidate)
    assert await yard.acts.land(landing) == Landed(landing.prepared)
    assert yard.head == landing.prepared
    who = git(yard.root, "log", "-1", "--format=%an <%ae>|%cn|%s|%P")
    assert who == (
        f"agent-local-1 <agent-local-1@no-reply.interlock.invalid>|Interlock|Do schema|{yard.base}"
    )
    trailers = git(yard.root, "log", "-1", "--format=%(trailers:only,unfold)")
    assert trailers.splitlines() == [
        "Interlock-Task: schema",
        "Interlock-Run: r1",
        "Interlock-Agent: default",
        f"Interlock-Audit: 42:{'cd' * 32}",
    ]
    assert yard.status == ""
    assert (yard.root / "new.py").read_text() == "n\n"
    git(yard.root, "fsck", "--strict")


async def test_merged_it_keeps_the_agents_commits(tmp_path: Path) -> None:
    yard = Yard(tmp_path, project(land="merge"))
    candidate = await yard.brings("schema", {"b.py": "B\n"})
    commit(yard.root, "by hand", {"a.py": "ONE\ntwo\nthree\n"})
    landing = await yard.prepared(candidate)
    assert isinstance(await yard.acts.land(landing), Landed)
    assert candidate.change is not None
    parents = git(yard.root, "log", "-1", "--format=%P").split()
    assert parents == [landing.base, candidate.change.head]
    assert (yard.shown("a.py"), yard.shown("b.py")) == ("ONE\ntwo\nthree\n", "B\n")


@pytest.mark.parametrize("text", FORGERIES)
def test_git_itself_reads_no_forged_trailer(yard: Yard, text: str) -> None:
    message = commit_message(Label(text, text, "schema", "r1", text, "42:ab"))
    read = git(yard.root, "interpret-trailers", "--parse", stdin=message.encode())
    assert dict(line.split(": ", 1) for line in read.splitlines()) == trailers_of(message)
    assert trailers_of(message)["Interlock-Task"] == "schema"


async def test_what_the_target_has_already_leaves_no_commit(yard: Yard) -> None:
    candidate = await yard.brings("schema", {"b.py": "B\n"})
    commit(yard.root, "the same by hand", {"b.py": "B\n"})
    prepared = await yard.acts.prepare(candidate)
    assert isinstance(prepared, Prepared)
    assert (prepared.base, prepared.commit) == (yard.head, None)
    assert yard.gates.asked == []


# --- what it may touch ----------------------------------------------------------------------------


async def test_a_change_of_the_settings_is_held_and_judged_by_those_of_the_run(yard: Yard) -> None:
    candidate = await yard.brings("sly", {"interlock.toml": "[gates.tests]\nrun = 'true'\n"})
    judged = await yard.acts.judge(candidate)
    assert "interlock.toml (the settings)" in judged.held
    assert yard.gates.asked[0].settings == yard.settings


async def test_outside_its_files_is_refused_where_the_settings_say_so(tmp_path: Path) -> None:
    yard = Yard(tmp_path, project(boundary="refuse"))
    planned = PlannedTask(TaskName("one"), "One", files=("c/**",))
    judged = await yard.acts.judge(
        await yard.brings("one", {"c/d.py": "D\n", "b.py": "B\n"}, planned=planned)
    )
    assert (judged.judgement, judged.outside) == (Judgement.FAILED, ("b.py",))
    assert judged.log is not None
    assert b"+B" in await yard.blobs.get(judged.log)


async def test_both_sides_of_a_conflict_are_named(yard: Yard) -> None:
    mine = await yard.brings("mine", {"a.py": "one\nmine\nthree\n"})
    theirs = await yard.prepared(await yard.brings("theirs", {"a.py": "one\ntheirs\nthree\n"}))
    await yard.acts.land(theirs)
    judged = await yard.acts.judge(mine)
    assert judged.judgement is Judgement.CONFLICT
    assert "changed a.py" in judged.detail
    assert "theirs (Do theirs)" in judged.detail
    assert judged.log is not None
    log = (await yard.blobs.get(judged.log)).decode()
    assert "+theirs" in log
    assert "+mine" in log


# --- the proof ------------------------------------------------------------------------------------


async def test_a_rename_here_and_an_edit_there_go_together(yard: Yard) -> None:
    lines = "".join(f"line {number}\n" for number in range(40))
    commit(yard.root, "long", {"long.py": lines})
    mover = await yard.brings("mover", {"long.py": None, "moved/longer.py": lines})
    commit(yard.root, "edit", {"long.py": lines.replace("line 7\n", "line seven\n")})
    landing = await yard.prepared(mover)
    assert isinstance(await yard.acts.land(landing), Landed)
    assert "line seven" in yard.shown("moved/longer.py")


EDITS = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "c/d.py", "e.py", "f/g.py"]),
    st.sampled_from([None, "x\n", "one\ntwo\nthree\n", "d\n", "one\ntwo\nthree\nfour\n"]),
    max_size=4,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(here=EDITS, there=EDITS, wrong=st.sampled_from(["a.py", "b.py", "c/d.py", "new.py"]))
@pytest.mark.timeout(120)
async def test_what_git_merges_is_proved_and_what_anybody_bends_is_not(
    yard: Yard, here: dict[str, str | None], there: dict[str, str | None], wrong: str
) -> None:
    git(yard.root, "checkout", "-q", "-f", "-B", "target", yard.base)
    onto = commit(yard.root, "target", _possible(yard.root, there))
    git(yard.root, "checkout", "-q", "-f", "-B", "change", yard.base)
    head = commit(yard.root, "change", _possible(yard.root, here))
    trials = Trials(yard.trees, yard.blobs, yard.folder / "scratch")
    merged = await yard.trees.merge(onto, head)
    if not isinstance(merged, Merged):
        return
    landed = CommitId(git(yard.root, "commit-tree", merged.tree, "-p", onto, "-m", "landed"))
    assert await trials.disproof(landed, Origin(head, yard.base), onto) == ()
    git(yard.root, "checkout", "-q", "-f", "--detach", landed)
    bent = commit(yard.root, "bent", {wrong: "nobody wrote this\n"})
    assert await trials.disproof(bent, Origin(head, yard.base), onto) != ()


def _possible(root: Path, edits: dict[str, str | None]) -> dict[str, str | None]:
    return {name: text for name, text in edits.items() if text or (root / name).exists()}


# --- others at work in the repository -------------------------------------------------------------


async def test_a_commit_of_the_person_between_prepare_and_land_wins(yard: Yard) -> None:
    candidate = await yard.brings("one", {"b.py": "B\n"})
    landing = await yard.prepared(candidate)
    yard.target.heard = lambda call: (
        None if call != "advance" else _once(yard, {"a.py": "by hand\n"})
    )
    refused = await yard.acts.land(landing)
    assert isinstance(refused, NotLanded)
    assert refused.refusal is LandingRefusal.TARGET_MOVED
    assert yard.shown("b.py") == "b\n"
    again = await yard.prepared(candidate)
    assert isinstance(await yard.acts.land(again), Landed)
    assert (yard.shown("a.py"), yard.shown("b.py")) == ("by hand\n", "B\n")


def _once(yard: Yard, files: dict[str, str | None]) -> None:
    yard.target.heard = lambda _: None
    commit(yard.root, "by hand", files)


async def test_a_checkout_with_work_in_it_is_left_alone_and_can_catch_up(yard: Yard) -> None:
    candidate = await yard.brings("one", {"b.py": "B\n"})
    write(yard.root, {"b.py": "my own unfinished work\n"})
    landing = await yard.prepared(candidate)
    landed = await yard.acts.land(landing)
    assert isinstance(landed, Landed)
    assert "was left alone" in landed.note
    assert (yard.root / "b.py").read_text() == "my own unfinished work\n"
    assert yard.shown("b.py") == "B\n"


@pytest.mark.parametrize("form", ["squash", "merge"])
async def test_no_hook_of_the_person_ever_runs(tmp_path: Path, form: str) -> None:
    yard = Yard(tmp_path, project(land=form))
    remote, ran = yard.with_remote(), tmp_path / "ran"
    hooks = tmp_path / "hooks"
    for folder in (yard.root / ".git" / "hooks", hooks):
        folder.mkdir(exist_ok=True)
        for name in HOOKS:
            (folder / name).write_text(f"#!/bin/sh\necho {name} >>'{ran}'\nexit 1\n")
            (folder / name).chmod(0o755)
    git(yard.root, "config", "core.hooksPath", str(hooks))
    candidate = await yard.brings("one", {"b.py": "B\n"})
    ran.unlink(missing_ok=True)
    landing = await yard.prepared(candidate)
    assert isinstance(await yard.acts.land(landing), Landed)
    assert git(remote, "rev-parse", "main") == landing.prepared
    assert not ran.exists(), ran.read_text()
    assert yard.status == ""
