"""Attempts from the job to their last report: real boxes, a real repository, played agents."""

import asyncio
import contextlib
import errno
import os
import tempfile
from pathlib import Path

import msgspec
import pytest

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.git import program
from interlock.adapters.git.intake import Arrived
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.adapters.plain.sandbox import PlainSandbox
from interlock.adapters.sandlock.sandbox import SandlockSandbox
from interlock.domain.ids import BlobId, TaskName
from interlock.domain.result import REFUSED, Outcome
from interlock.domain.settings import AgentProfile, Limits, SandboxSettings
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import (
    Answer,
    Asked,
    Declined,
    Finished,
    Freeze,
    Frozen,
    Left,
    Questioned,
    Report,
    Started,
    Thaw,
)
from interlock.engine.errors import DiskFull, PartLost
from interlock.workers.reins import Reins
from interlock.workers.sites import Site, write_site
from interlock.workers.telling import Teller
from tests.e2e.worker_stage import cleared, git, seen_in, staged, standing, working

pytestmark = pytest.mark.timeout(90)


def command(*argv: str, **more: object) -> AgentProfile:
    return AgentProfile("default", "command", run=argv, **more)


def shell(text: str, **more: object) -> AgentProfile:
    return command("/bin/sh", "-c", text, **more)


async def test_an_edit_becomes_a_change_that_is_in_the_repository(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        base = git(stage.root, "rev-parse", "main")
        job = await stage.job(shell("echo new > new.py; rm app.py; echo Renamed it."))
        result = await plane.result_of(job)
        await cleared(stage)

        assert result.outcome is Outcome.CHANGED, result
        change = result.change
        assert (change.base, change.files) == (base, ("app.py", "new.py"))
        assert result.summary == "Renamed it."
        pin = f"refs/interlock/changes/{job.task_id}/1"
        assert git(stage.root, "rev-parse", pin) == change.head
        assert git(stage.root, "show", f"{change.head}:new.py") == "new"
        assert git(stage.root, "for-each-ref", "--format=%(refname)", "refs/interlock/") == pin
        assert b"Renamed it." in await stage.blobs.get(result.log)
        (started,) = [each for each in plane.reports if isinstance(each, Started)]
        assert (started.base, started.branch) == (base, f"worker/agent-local-1/{job.task_id}")
        assert (started.box, started.simulated) == ("bubblewrap", False)
        assert git(stage.root, "status", "--porcelain") == ""


async def test_what_the_agent_committed_itself_is_part_of_its_change(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = "echo a > a && git add a && git commit -qm 'Its own words' && echo b > b"
        result = await plane.result_of(await stage.job(shell(text)))
        assert result.outcome is Outcome.CHANGED, result
        assert result.change.files == ("a", "b")
        log = git(stage.root, "log", "--format=%s", f"main..{result.change.head}")
        assert "Its own words" in log.splitlines()


async def test_an_unchanged_workspace_is_said_to_be_unchanged(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        job = await stage.job(shell("echo nothing to do here"))
        result = await plane.result_of(job)
        assert (result.outcome, result.change) == (Outcome.UNCHANGED, None)
        assert "without having changed a file" in result.summary
        assert "nothing to do here" in result.summary
        await cleared(stage)
        assert git(stage.root, "for-each-ref", "refs/interlock/") == ""


async def test_a_failed_attempt_keeps_its_work_and_says_where(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        job = await stage.job(shell("echo half > half.py; echo 'cannot go on' >&2; exit 3"))
        result = await plane.result_of(job)
        assert (result.outcome, result.error_class) == (Outcome.FAILED, "agent_failed")
        assert "exit code 3" in result.summary
        assert "cannot go on" in result.summary
        pin = f"refs/interlock/rescue/{job.task_id}/1"
        assert pin in result.summary
        assert git(stage.root, "show", f"{pin}:half.py") == "half"
        await cleared(stage)


async def test_a_program_that_is_not_there_costs_the_task_nothing(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        result = await plane.result_of(await stage.job(command("no-such-agent")))
        assert result.outcome is Outcome.INFRASTRUCTURE
        assert "no-such-agent" in result.summary
        await cleared(stage)


async def test_an_agent_that_takes_too_long_is_ended(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        slow = shell("echo half > half.py; sleep 1000", timeout_minutes=0.02)
        job = await stage.job(slow)
        result = await plane.result_of(job)
        assert (result.outcome, result.error_class) == (Outcome.FAILED, "time_out")
        assert "0.02 minutes" in result.summary
        assert git(stage.root, "show", f"refs/interlock/rescue/{job.task_id}/1:half.py") == "half"


async def test_the_shorter_of_both_limits_of_time_counts(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        job = await stage.job(shell("sleep 1000"), limits=Limits(wall_minutes=0.01))
        result = await plane.result_of(job)
        assert "0.01 minutes" in result.summary


async def test_an_interrupted_attempt_leaves_nothing_but_its_work(tmp_path: Path):
    mark = f"86{os.getpid()}"
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = f"echo half > half.py; setsid sleep {mark} & echo ready; sleep {mark}"
        job = await stage.job(shell(f"({text})"))
        await plane.give(job)
        await plane.until(Started, job.lease)
        await seen_in(stage, "half.py")
        await plane.interrupt(job)
        end = await plane.until(Finished, job.lease)
        assert (end.result.outcome, end.result.error_class) == (
            Outcome.INFRASTRUCTURE,
            "interrupted",
        )
        assert git(stage.root, "show", f"refs/interlock/rescue/{job.task_id}/1:half.py") == "half"
        await cleared(stage)
        assert running(mark) == []


async def test_the_report_waits_for_nothing_that_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """And the next attempt at the same task waits until its place is free."""
    go_on, remove = asyncio.Event(), GitWorkspaces.remove

    async def late(workspaces: GitWorkspaces, path: Path) -> None:
        await go_on.wait()
        await remove(workspaces, path)

    monkeypatch.setattr(GitWorkspaces, "remove", late)
    async with staged(tmp_path) as stage, working(stage) as plane:
        result = await plane.result_of(await stage.job(shell("echo x > x")))
        assert result.outcome is Outcome.CHANGED
        assert standing(stage) != []
        second = await stage.job(shell("echo y > y"), attempt=2)
        await plane.give(second)
        # Another task goes its whole way meanwhile, so the second would have been laid out by now.
        await plane.end_of(await stage.job(shell("echo z > z"), "other"))
        go_on.set()
        end = await plane.until(Finished, second.lease)
        assert end.result.outcome is Outcome.CHANGED, end
        await cleared(stage)


async def test_a_job_is_over_with_its_report_and_before_it_is_cleared_away(tmp_path: Path):
    """Else it is told again to the next life of a worker that dies while it clears away."""
    said: list[tuple[str, bool]] = []
    async with staged(tmp_path) as stage:

        async def report(report: Report) -> None:
            said.append((type(report).__name__, standing(stage) != []))

        async def over() -> None:
            said.append(("over", standing(stage) != []))

        job = await stage.job(shell("echo x > x"))
        teller = Teller(job, 1, report, iter(map(str, range(100))).__next__)
        await stage.gateway().run(job, teller, Reins(), over)
        assert standing(stage) == []
    assert said[-2:] == [("Finished", True), ("over", True)]


async def test_who_is_asked_to_leave_clears_away_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Otherwise a workspace stays a moment behind its change, for those who judge it go first."""
    monkeypatch.setattr("interlock.workers.service.BEHIND_SECONDS", 3600.0)
    monkeypatch.setattr("interlock.workers.process.GOODBYE_SECONDS", 3600.0)
    async with staged(tmp_path) as stage:
        async with working(stage) as plane:
            job = await stage.job(shell("echo x > x"))
            assert (await plane.result_of(job)).outcome is Outcome.CHANGED
            await plane.end_of(await stage.job(shell("true"), "other"))
            assert [name for name in standing(stage) if job.task_id in name]
        assert standing(stage) == []


async def test_the_next_attempt_at_a_task_does_not_wait_for_the_moment_behind_its_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("interlock.workers.service.BEHIND_SECONDS", 3600.0)
    async with staged(tmp_path) as stage, working(stage) as plane:
        for attempt in (1, 2, 3):
            job = await stage.job(shell(f"echo {attempt} > x"), attempt=attempt)
            assert (await plane.result_of(job)).outcome is Outcome.CHANGED


async def test_what_was_told_before_its_worker_died_is_not_rescued_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def never(_workspaces: GitWorkspaces, path: Path) -> None:
        raise PartLost("git", str(path), "Repair it")

    async with staged(tmp_path) as stage:
        with monkeypatch.context() as broken:
            broken.setattr(GitWorkspaces, "remove", never)
            async with working(stage) as plane:
                job = await stage.job(shell("echo x > x"))
                assert (await plane.result_of(job)).outcome is Outcome.CHANGED
        assert standing(stage) != []
        assert (await stage.gateway().open()).sentences == ()
        assert standing(stage) == []
        refs = git(stage.root, "for-each-ref", "--format=%(refname)", "refs/interlock/")
        assert refs == f"refs/interlock/changes/{job.task_id}/1"


async def test_a_full_disk_does_not_end_the_worker_that_has_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(site: Site) -> None:
        if site.told:
            raise OSError(28, "No space left on device")
        write_site(site)

    monkeypatch.setattr("interlock.workers.attempt.write_site", full)
    async with staged(tmp_path) as stage, working(stage) as plane:
        for name in ("first", "second"):
            result = await plane.result_of(await stage.job(shell(f"echo {name} > x"), name))
            assert result.outcome is Outcome.CHANGED
        await cleared(stage)


async def test_nothing_is_nested_too_deep_to_be_cleared_away(tmp_path: Path):
    deep = "i=0; while [ $i -lt 1300 ]; do mkdir -p q && cd q; i=$((i+1)); done; chmod 0 ."
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = f"echo '/q/' > .gitignore; echo x > x; ({deep})"
        result = await plane.result_of(await stage.job(shell(text)))
        assert result.outcome is Outcome.CHANGED, result
        await cleared(stage)


async def test_a_worker_that_leaves_takes_nothing_with_it(tmp_path: Path):
    async with staged(tmp_path) as stage:
        async with working(stage) as plane:
            job = await stage.job(shell("echo half > half.py; sleep 1000"))
            await plane.give(job)
            await plane.until(Started, job.lease)
            await seen_in(stage, "half.py")
        end = await plane.until(Finished, job.lease)
        assert "asked to stop" in end.result.summary
        await plane.until(Left)
        assert git(stage.root, "show", f"refs/interlock/rescue/{job.task_id}/1:half.py") == "half"
        await cleared(stage)


async def test_a_frozen_attempt_holds_still_and_goes_on(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = "i=0; while [ ! -e /workspace/stop ]; do i=$((i+1)); echo $i > count; done"
        job = await stage.job(shell(text, timeout_minutes=0.5))
        await plane.give(job)
        await plane.until(Started, job.lease)
        counts = await seen_in(stage, "count")
        await plane.give(Freeze(job.lease))
        await plane.until(Frozen, job.lease)
        before = counts[0].read_bytes()
        await asyncio.sleep(0.2)
        assert counts[0].read_bytes() == before
        counts[0].with_name("stop").touch()
        await plane.give(Thaw(job.lease))
        end = await plane.until(Finished, job.lease)
        assert end.result.outcome is Outcome.CHANGED


async def test_a_question_parks_the_work_and_the_answer_goes_on_with_it(tmp_path: Path):
    script = """
    tasks:
      login:
        - steps:
            - write: {path: half.py, text: "half\\n"}
            - ask: {question: "Sessions or tokens?", options: [sessions, tokens]}
            - write: {path: whole.py, text: "whole\\n"}
    """
    async with staged(tmp_path) as stage, working(stage) as plane:
        profile = stage.script(script)
        asked = await plane.end_of(await stage.job(profile))
        assert isinstance(asked, Asked), asked
        assert asked.question == "Sessions or tokens? Options: sessions; tokens."
        await cleared(stage)

        (stage.root / "other.py").write_text("meanwhile\n")
        git(stage.root, "add", "other.py")
        git(stage.root, "commit", "-qm", "Meanwhile")
        result = await plane.result_of(await stage.job(profile, attempt=2, feedback="tokens"))
        assert result.outcome is Outcome.CHANGED, result
        assert result.change.files == ("half.py", "whole.py")
        assert result.change.base == git(stage.root, "rev-parse", "main")
        log = await stage.blobs.get(result.log)
        assert b"You asked: Sessions or tokens?" in log
        assert b"The answer: tokens" in log
        (first, _) = [each for each in plane.reports if isinstance(each, Started)]
        assert first.simulated


async def test_a_question_that_is_answered_in_time_does_not_cost_an_attempt(tmp_path: Path):
    script = """
    tasks:
      login:
        - steps:
            - ask: {question: "Sessions or tokens?"}
            - write: {path: whole.py, text: "whole\n"}
    """
    async with staged(tmp_path) as stage, working(stage) as plane:
        profile = msgspec.structs.replace(stage.script(script), question_minutes=5.0)
        job = await stage.job(profile)
        await plane.give(job)
        asked = await plane.until(Questioned, job.lease)
        assert asked.question == "Sessions or tokens?"
        await plane.give(Answer(job.lease, "another question", "no"))
        await plane.give(Answer(job.lease, asked.question_id, "tokens"))
        end = await plane.until(Finished, job.lease)
        assert end.result.outcome is Outcome.CHANGED, end
        assert end.result.change.files == ("whole.py",)
        assert b"answered] tokens" in await stage.blobs.get(end.result.log)


async def test_what_an_attempt_taught_its_shell_binds_no_later_one(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        teach = 'touch one; for each in .bashrc .gitconfig; do echo taught > "$HOME/$each"; done'
        first = await plane.result_of(await stage.job(shell(f"{teach}; touch $HOME/kept; exit 1")))
        assert first.outcome is Outcome.FAILED
        look = 'ls -A "$HOME" > seen.txt'
        second = await plane.result_of(await stage.job(shell(look), attempt=2, feedback="again"))
        seen = git(stage.root, "show", f"{second.change.head}:seen.txt").split()
        assert "kept" in seen
        assert not {".bashrc", ".gitconfig"} & set(seen)


async def test_the_second_attempt_reads_why_the_first_was_sent_back(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = '(echo gone > "$INTERLOCK_FEEDBACK") || true; cp "$INTERLOCK_FEEDBACK" why.txt'
        log = await stage.blobs.put(b"E   assert 3 == 4\n")
        job = await stage.job(shell(text), attempt=2, feedback="1 test fails", feedback_log=log)
        result = await plane.result_of(job)
        told = git(stage.root, "show", f"{result.change.head}:why.txt")
        assert "1 test fails" in told
        assert "assert 3 == 4" in told


async def test_an_agent_sees_the_few_variables_that_were_named_for_it(tmp_path: Path):
    async with staged(tmp_path) as stage:
        stage.env = {"PATH": os.environ["PATH"], "SECRET": "s3cret", "NAMED": "yes", "ALSO": "too"}
        async with working(stage) as plane:
            text = 'env > seen; cat > prompt; printf %s "$INTERLOCK_PROMPT" > variable'
            job = await stage.job(
                shell(text, env=("NAMED",)), sandbox=SandboxSettings(env=("ALSO",))
            )
            result = await plane.result_of(job)
            head = result.change.head
            seen = dict(
                line.partition("=")[::2]
                for line in git(stage.root, "show", f"{head}:seen").splitlines()
            )
            assert (seen["NAMED"], seen["ALSO"]) == ("yes", "too")
            assert "SECRET" not in seen
            assert "INTERLOCK_FEEDBACK" not in seen
            assert (seen["INTERLOCK_TASK"], seen["INTERLOCK_ATTEMPT"]) == ("login", "1")
            assert seen["INTERLOCK_BASE"] == git(stage.root, "rev-parse", "main")
            assert seen["HOME"] == "/home/agent"
            assert git(stage.root, "show", f"{head}:prompt") == "Build it"
            assert git(stage.root, "show", f"{head}:variable") == "Build it"


async def test_secrets_of_the_worker_are_masked_wherever_text_is_kept(tmp_path: Path):
    async with staged(tmp_path) as stage:
        stage.secrets = ("hunter2hunter2",)
        async with working(stage) as plane:
            result = await plane.result_of(await stage.job(shell("echo hunter2hunter2; exit 1")))
            assert "hunter2" not in result.summary
            assert b"hunter2" not in await stage.blobs.get(result.log)
            assert "[secret]" in result.summary


async def test_a_flood_of_words_is_kept_within_bounds(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = "echo first; yes words | head -c 15000000; echo; echo last; echo x > x"
        result = await plane.result_of(await stage.job(shell(text)))
        assert result.outcome is Outcome.CHANGED, result
        log = await stage.blobs.get(result.log)
        assert len(log) < 600_000
        assert log.startswith(b"first\n")
        assert log.rstrip().endswith(b"last")
        assert b"bytes left out" in log


async def test_an_attempt_that_fills_the_disk_is_ended_by_its_quota(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        text = "head -c 60000000 /dev/zero > big; sleep 1000"
        job = await stage.job(shell(text), limits=Limits(disk_bytes=30_000_000))
        result = await plane.result_of(job)
        assert (result.outcome, result.error_class) == (Outcome.FAILED, "disk_quota")
        assert "disk quota" in result.summary
        assert "30 MB" in result.summary
        assert standing(stage) == [], "its room is what the next one waits for"


@pytest.mark.parametrize("where", ["where packs come in", "while git writes"])
async def test_a_change_that_finds_no_room_stays_where_it_is_and_is_nobodys_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def says_full(*_: object, **__: object) -> program.Answer:
        return program.Answer(128, b"", b"fatal: write error: No space left on device\n")

    async with staged(tmp_path) as stage, working(stage) as plane:
        job = await stage.job(shell("echo new > new.py"))
        with monkeypatch.context() as disk:
            if where == "where packs come in":
                disk.setattr(tempfile, "mkdtemp", full)
            else:
                disk.setattr(Arrived, "_run", says_full)
            result = await plane.result_of(job)

    assert (result.outcome, result.error_class) == (Outcome.INFRASTRUCTURE, "collecting")
    assert "the disk is full" in result.summary
    assert str(stage.store) in result.summary
    assert "Free more than 200 MB" in result.summary
    (workspace,) = stage.root.glob(".worktrees/*/*")
    assert f"Nothing is lost: the work stays in {workspace}." in result.summary
    assert (workspace / "new.py").read_text() == "new\n"


async def test_a_change_that_is_in_but_finds_no_room_to_be_told_of_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The repository has it, the store of blobs has no room for its pack."""

    async def full(_: bytes) -> BlobId:
        raise DiskFull("blobs", "blobs/ab")

    async with staged(tmp_path) as stage, working(stage) as plane:
        job = await stage.job(shell("echo new > new.py"))
        monkeypatch.setattr(stage.blobs, "put", full)
        result = await plane.result_of(job)
        await cleared(stage)

    assert result.outcome is Outcome.INFRASTRUCTURE
    assert "no space left on its disk (blobs/ab). Free some space there" in result.summary
    pin = f"refs/interlock/changes/{job.task_id}/1"
    assert f"Its work until then is kept as {pin}" in result.summary
    assert git(stage.root, "show", f"{pin}:new.py") == "new"


async def test_nothing_starts_on_a_full_disk(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        home = stage.store / "homes" / "R0-old"
        home.mkdir(parents=True)
        (home / "big").write_bytes(b"x" * 2_000_000)
        job = await stage.job(shell("true"), limits=Limits(disk_bytes=1_000_000))
        end = await plane.end_of(job)
        assert isinstance(end, Declined)
        assert "2 MB of the 1 MB" in end.reason


@pytest.mark.parametrize(
    ("profile", "more", "words"),
    [
        (AgentProfile("other", "command", run=("true",)), {}, "no agent 'default'"),
        (AgentProfile("default", "human"), {}, "interlock task claim"),
        (AgentProfile("default", "command", run=("true",)), {"target": "gone"}, "'gone'"),
        (AgentProfile("default", "command", run=("true",)), {"settings": None}, "settings"),
    ],
)
async def test_a_job_that_nobody_could_do_is_declined_with_a_reason(
    tmp_path: Path, profile: AgentProfile, more: dict[str, object], words: str
):
    async with staged(tmp_path) as stage, working(stage) as plane:
        planned = PlannedTask(TaskName("login"), "Build it")
        job = await stage.job(profile, planned=planned)
        end = await plane.end_of(msgspec.structs.replace(job, **more))
        assert isinstance(end, Declined), end
        assert words in end.reason
        await cleared(stage)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "cannot be read"),
        ("tasks: {login: [{steps: [{wriet: x}]}]}", "script.yaml:1: `wriet` is not known"),
        ("tasks: {other: [{steps: [{say: x}]}]}", "knows no task 'login'"),
    ],
)
async def test_a_wrong_script_is_nobodys_attempt(tmp_path: Path, script: str | None, words: str):
    async with staged(tmp_path) as stage, working(stage) as plane:
        profile = stage.script(script or "")
        if script is None:
            (stage.root / "script.yaml").unlink()
        result = await plane.result_of(await stage.job(profile))
        assert (result.outcome, result.error_class) == (Outcome.FAILED, REFUSED)
        assert words in result.summary


async def test_the_box_does_not_show_the_repository_nor_the_store(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        shown = tmp_path / "shown"
        shown.touch()
        around = SandboxSettings(read=(str(shown), str(stage.store), str(stage.root)))
        text = f"ls {shown} {stage.store} {stage.root} {stage.root}/.git/refs >seen 2>&1; exit 0"
        result = await plane.result_of(await stage.job(shell(text), sandbox=around))
        seen = git(stage.root, "show", f"{result.change.head}:seen")
        assert "shown" in seen
        assert "app.py" not in seen
        assert "heads" not in seen
        assert "homes" not in seen


@pytest.mark.parametrize("kind", [BubblewrapSandbox, SandlockSandbox, PlainSandbox])
async def test_every_kind_of_box_will_do(
    tmp_path: Path, kind: type[BubblewrapSandbox | SandlockSandbox | PlainSandbox]
):
    async with staged(tmp_path) as stage:
        stage.sandbox = kind()
        async with working(stage) as plane:
            profile = stage.script("any: [{steps: [{run: 'echo x > x'}, {commit: Done}]}]")
            job = await stage.job(profile, attempt=2, feedback="why")
            result = await plane.result_of(job)
            assert result.outcome is Outcome.CHANGED, result
            assert result.change.files == ("x",)
            await cleared(stage)


async def test_a_job_that_is_told_again_is_done_once(tmp_path: Path):
    async with staged(tmp_path) as stage, working(stage) as plane:
        job = await stage.job(shell("echo x > begun; until [ -e go ]; do sleep 0.02; done"))
        await plane.give(job)
        (begun,) = await seen_in(stage, "begun")
        await plane.give(job)
        other = await stage.job(shell("true"), name="other")
        await plane.end_of(other)
        begun.with_name("go").touch()
        await plane.until(Finished, job.lease)
        await plane.give(job)
        await plane.end_of(await stage.job(shell("true"), name="third"))
        assert plane.kinds().count("Started") == 3


def running(mark: str) -> list[str]:
    """Programs of this machine with this word among theirs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if mark.encode() in words:
                found.append(path.parent.name)
    return found
