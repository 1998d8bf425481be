"""Prepared environments: built once, shown to many, spoilt by nobody."""

import asyncio
from pathlib import Path

import pytest

from interlock.domain.ids import CommitId
from interlock.domain.result import Outcome
from interlock.domain.settings import AgentProfile, PrepareSettings, Settings
from interlock.workers.prepare import PreparationFailed
from tests.e2e.worker_stage import Stage, git, staged, working

pytestmark = pytest.mark.timeout(90)

FILES = {
    "requirements.txt": "one\n",
    "src/pkg.py": "NAME = 'target'\n",
}
BUILD = (
    "mkdir -p .venv/lib && echo /workspace/src > .venv/lib/project.pth "
    "&& cp requirements.txt .venv/ && echo built >> /workspace/.venv/builds"
)
PREPARE = PrepareSettings(BUILD, ("requirements.txt",), (".venv",))
SETTINGS = Settings(prepare=PREPARE)


def shell(text: str) -> AgentProfile:
    return AgentProfile("default", "command", run=("/bin/sh", "-c", text))


def head(stage: Stage) -> CommitId:
    return CommitId(git(stage.root, "rev-parse", "main"))


def commit(stage: Stage, name: str, text: str) -> CommitId:
    (stage.root / name).write_text(text)
    git(stage.root, "add", name)
    git(stage.root, "commit", "-qm", f"Change {name}")
    return head(stage)


def folders(stage: Stage) -> list[str]:
    return sorted(
        path.name for path in (stage.store / "environments").iterdir() if path.name != "locks"
    )


async def test_an_editable_install_leads_to_the_tree_of_whoever_uses_it(tmp_path: Path):
    async with staged(tmp_path, FILES) as stage:
        stage.environments = stage.prepared()
        async with working(stage) as plane:
            see = (
                "python3 -B -S -c \"import site; site.addsitedir('/workspace/.venv/lib'); "
                'import pkg; print(pkg.NAME, pkg.__file__)" > seen'
            )
            for name in ("ada", "bob"):
                mine = f"echo \"NAME = '{name}'\" > src/pkg.py; {see}"
                job = await stage.job(shell(mine), name=name, prepare=PREPARE)
                result = await plane.result_of(job)
                assert result.outcome is Outcome.CHANGED, result
                assert result.change.files == ("seen", "src/pkg.py")
                seen = git(stage.root, "show", f"{result.change.head}:seen")
                assert seen == f"{name} /workspace/src/pkg.py"
        assert len(folders(stage)) == 1


async def test_no_attempt_can_spoil_it_for_another(tmp_path: Path):
    async with staged(tmp_path, FILES) as stage:
        stage.environments = stage.prepared()
        async with working(stage) as plane:
            spoil = "echo evil > .venv/lib/evil.pth; rm -rf .venv/lib; echo x > x"
            await plane.result_of(await stage.job(shell(spoil), prepare=PREPARE))
            look = "ls .venv/lib > seen; cat .venv/builds >> seen"
            result = await plane.result_of(
                await stage.job(shell(look), name="other", prepare=PREPARE)
            )
            seen = git(stage.root, "show", f"{result.change.head}:seen")
            assert seen == "project.pth\nbuilt"


async def test_many_who_ask_at_once_wait_for_one_build(tmp_path: Path):
    slow = PrepareSettings(f"sleep 0.5; {BUILD}", PREPARE.files, PREPARE.keeps)
    async with staged(tmp_path, FILES) as stage:
        settings, here = Settings(prepare=slow), head(stage)
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(stage.prepared().mounts(settings, here, here))
        (mount,) = await stage.prepared().mounts(settings, here, here)
        assert mount.inside == "/workspace/.venv"
        assert mount.copy_on_write
        assert not mount.writable
        assert (mount.outside / "builds").read_text() == "built\n"
        assert len(folders(stage)) == 1


async def test_a_candidate_that_changes_what_it_is_built_from_gets_its_own(tmp_path: Path):
    async with staged(tmp_path, FILES) as stage:
        prepared, target = stage.prepared(), head(stage)
        candidate = commit(stage, "requirements.txt", "two\n")
        (private,) = await prepared.mounts(SETTINGS, candidate, target)
        (shared,) = await prepared.mounts(SETTINGS, target, target)
        assert (private.outside / "requirements.txt").read_text() == "two\n"
        assert (shared.outside / "requirements.txt").read_text() == "one\n"
        assert await prepared.key(SETTINGS, candidate) != await prepared.key(SETTINGS, target)
        await prepared.drop(candidate)
        assert folders(stage) == [shared.outside.parents[1].name]
        # Once it has landed, it is everybody's, and built anew from the target's own tree.
        (landed,) = await prepared.mounts(SETTINGS, candidate, candidate)
        assert "private" not in str(landed.outside)


async def test_a_candidate_that_changes_something_else_shares_it(tmp_path: Path):
    async with staged(tmp_path, FILES) as stage:
        prepared, target = stage.prepared(), head(stage)
        candidate = commit(stage, "src/pkg.py", "NAME = 'new'\n")
        assert await prepared.mounts(SETTINGS, candidate, target) == await prepared.mounts(
            SETTINGS, target, target
        )


async def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path):
    broken = PrepareSettings("echo no such package; mkdir .venv; exit 7", (), (".venv",))
    async with staged(tmp_path, FILES) as stage:
        stage.environments = stage.prepared()
        async with working(stage) as plane:
            result = await plane.result_of(await stage.job(shell("true"), prepare=broken))
            assert result.outcome is Outcome.INFRASTRUCTURE
            assert "exit code 7" in result.summary
            assert "no such package" in result.summary
        assert folders(stage) == []
        assert await stage.workspaces.made() == ()
        assert git(stage.root, "for-each-ref", "refs/interlock/environments") == ""


@pytest.mark.parametrize(
    ("run", "words"),
    [("true", "made no such folder"), ("ln -s /etc .venv", "leads out of the workspace")],
)
async def test_what_is_kept_must_be_a_folder_of_the_workspace(tmp_path: Path, run: str, words: str):
    async with staged(tmp_path, FILES) as stage:
        settings = Settings(prepare=PrepareSettings(run, (), (".venv",)))
        with pytest.raises(PreparationFailed, match=words):
            await stage.prepared().mounts(settings, head(stage), head(stage))
        assert folders(stage) == []


async def test_a_build_that_was_cancelled_half_way_is_done_again(tmp_path: Path):
    slow = PrepareSettings(f"{BUILD}; sleep 1000", PREPARE.files, PREPARE.keeps)
    async with staged(tmp_path, FILES) as stage:
        here = head(stage)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await stage.prepared().mounts(Settings(prepare=slow), here, here)
        assert folders(stage) == []
        (mount,) = await stage.prepared().mounts(SETTINGS, here, here)
        assert (mount.outside / "builds").read_text() == "built\n"


async def test_what_a_dead_builder_left_is_thrown_away(tmp_path: Path):
    async with staged(tmp_path, FILES) as stage:
        here = head(stage)
        key = await stage.prepared().key(SETTINGS, here)
        half = stage.store / "environments" / f"{key}.build"
        half.mkdir(parents=True)
        await stage.trees.pin(f"environments/{key}", here)
        await stage.workspaces.make(half / "workspace", here)
        (half / "workspace" / ".venv").mkdir()
        (half / "workspace" / ".venv" / "half").touch()
        (stage.store / "environments" / key / "keeps" / "0").mkdir(parents=True)
        (mount,) = await stage.prepared().mounts(SETTINGS, here, here)
        assert sorted(path.name for path in mount.outside.iterdir()) == [
            "builds",
            "lib",
            "requirements.txt",
        ]


async def test_its_name_changes_with_everything_it_is_made_from(tmp_path: Path):
    async with staged(tmp_path, FILES) as stage:
        prepared, here = stage.prepared(), head(stage)
        variants = [
            PREPARE,
            PrepareSettings(BUILD + " ", PREPARE.files, PREPARE.keeps),
            PrepareSettings(BUILD, (*PREPARE.files, "absent.txt"), PREPARE.keeps),
            PrepareSettings(BUILD, PREPARE.files, (".venv", "more")),
            PrepareSettings(f"python3 -V; {BUILD}", PREPARE.files, PREPARE.keeps),
        ]
        keys = {await prepared.key(Settings(prepare=each), here) for each in variants}
        keys.add(await prepared.key(SETTINGS, commit(stage, "requirements.txt", "two\n")))
        assert len(keys) == len(variants) + 1
        assert await prepared.key(Settings(), here) == "nothing"
