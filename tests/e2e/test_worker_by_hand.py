"""People as workers: a folder of their own, their own name, and nothing lost when they hand in."""

import asyncio
from pathlib import Path

import pytest

from interlock.domain.bench import Bench, Harvest
from interlock.domain.ids import TaskId, WorkerId
from interlock.workers.boxes import Surroundings
from interlock.workers.by_hand import ByHand, HandsTied, HandTools
from tests.e2e.worker_stage import Stage, git, staged

pytestmark = pytest.mark.timeout(90)

ADA, BO, TASK = WorkerId("human-ada"), WorkerId("human-bo"), TaskId("R1-login")


def hands(stage: Stage) -> ByHand:
    around = Surroundings(stage.env, (stage.store, stage.root))
    return ByHand(
        HandTools(stage.sandbox, stage.workspaces, stage.trees, around, stage.store, stage.root)
    )


async def test_a_person_works_in_an_own_clone_under_their_own_name(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        folder = Path(bench.path)
        assert folder == stage.root / ".worktrees" / ADA / TASK
        assert bench.branch == f"worker/{ADA}/{TASK}"
        assert git(folder, "rev-parse", "--abbrev-ref", "HEAD") == bench.branch
        (folder / "app.py").write_text("print('by hand')\n")
        git(folder, "commit", "-qam", "By hand")
        (folder / "later.py").write_text("not committed\n")
        assert git(folder, "config", "--default", "nobody", "user.name") == "nobody"
        assert git(stage.root, "status", "--porcelain") == ""

        harvest = await hands(stage).collect(ADA, TASK, bench)
        assert harvest.files == ("app.py", "later.py")
        assert harvest.pack.startswith(b"PACK")
        authors = git(stage.root, "log", "--format=%an: %s", f"main..{harvest.head}").splitlines()
        assert authors[-1] == "Ada: By hand"
        assert folder.exists()


async def test_a_bench_that_stands_is_kept_as_it_is(tmp_path: Path):
    async with staged(tmp_path) as stage:
        first = await hands(stage).make(ADA, TASK, "main")
        (Path(first.path) / "mine.py").write_text("mine\n")
        (stage.root / "app.py").write_text("moved\n")
        git(stage.root, "commit", "-qam", "The target moves")
        assert await hands(stage).make(ADA, TASK, "main") == first
        assert (Path(first.path) / "mine.py").exists()


async def test_an_untouched_bench_brings_nothing(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        assert await hands(stage).collect(ADA, TASK, bench) == Harvest(None)


async def test_clearing_keeps_the_work_and_says_where(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        (Path(bench.path) / "half.py").write_text("half\n")
        assert hands(stage).standing() == [(ADA, TASK)]
        sentence = await hands(stage).clear(ADA, TASK)
        assert hands(stage).standing() == []
        pin = f"refs/interlock/rescue-by-hand/{TASK}@{ADA}"
        assert pin in sentence
        assert git(stage.root, "show", f"{pin}:half.py") == "half"
        assert not await asyncio.to_thread(Path(bench.path).exists)
        again = await hands(stage).make(ADA, TASK, "main")
        assert again == Bench(bench.base, bench.branch, bench.path)


async def test_of_what_has_landed_nothing_is_kept(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        (Path(bench.path) / "done.py").write_text("done\n")
        landed = (await hands(stage).collect(ADA, TASK, bench)).head
        assert await hands(stage).clear(ADA, TASK, landed) == ""
        assert not await asyncio.to_thread(Path(bench.path).exists)
        assert await stage.trees.pins() == {}


async def test_what_was_changed_after_it_was_handed_in_is_kept(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        (Path(bench.path) / "done.py").write_text("done\n")
        landed = (await hands(stage).collect(ADA, TASK, bench)).head
        (Path(bench.path) / "done.py").write_text("and more\n")
        pin = f"rescue-by-hand/{TASK}@{ADA}"
        assert pin in await hands(stage).clear(ADA, TASK, landed)
        assert set(await stage.trees.pins()) == {pin}
        assert git(stage.root, "show", f"refs/interlock/{pin}:done.py") == "and more"


async def test_two_people_had_a_bench_for_the_same_task(tmp_path: Path):
    async with staged(tmp_path) as stage:
        for worker, line in ((ADA, "of ada"), (BO, "of bo")):
            bench = await hands(stage).make(worker, TASK, "main")
            (Path(bench.path) / "half.py").write_text(f"{line}\n")
        for worker in (ADA, BO):
            await hands(stage).clear(worker, TASK)
        kept = [f"refs/interlock/rescue-by-hand/{TASK}@{worker}:half.py" for worker in (ADA, BO)]
        assert [git(stage.root, "show", each) for each in kept] == ["of ada", "of bo"]


async def test_clearing_goes_on_where_it_was_interrupted(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        await stage.workspaces.remove(Path(bench.path))
        assert await hands(stage).clear(ADA, TASK) == ""
        assert hands(stage).standing() == []
        assert await stage.trees.pins() == {}


async def test_a_starting_worker_leaves_the_benches_of_people_alone(tmp_path: Path):
    async with staged(tmp_path) as stage:
        bench = await hands(stage).make(ADA, TASK, "main")
        assert (await stage.gateway().open()).sentences == ()
        assert (Path(bench.path) / "app.py").exists()


async def test_what_cannot_be_done_is_a_sentence(tmp_path: Path):
    async with staged(tmp_path) as stage:
        with pytest.raises(HandsTied, match="'gone' is not in this repository"):
            await hands(stage).make(ADA, TASK, "gone")
        with pytest.raises(HandsTied, match="claim it first"):
            await hands(stage).clear(ADA, TASK)
