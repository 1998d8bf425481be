"""Where attempts lie: locked while their worker lives, found when it is dead, never confused."""

import os
from pathlib import Path

import msgspec
import pytest

from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import CommitId, LeaseId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import Job
from interlock.workers.folders import NOBODY_KNOWS, bytes_under, remove_tree
from interlock.workers.quota import AT_START_SECONDS, Quota
from interlock.workers.sites import Parked, Sites, SiteTaken, write_site


def job(name: str = "login", token: int = 1) -> Job:
    return Job(
        LeaseId(f"R1-{name}@{token}"),
        TaskId(f"R1-{name}"),
        RunId("R1"),
        WorkerId("agent-local-1"),
        Token(token),
        1,
        30.0,
        PlannedTask(TaskName(name), "Title"),
    )


@pytest.fixture
def sites(tmp_path: Path) -> Sites:
    return Sites(tmp_path / "store", tmp_path / "project")


def test_a_site_names_its_places(sites: Sites, tmp_path: Path):
    with sites.opened(job()) as site:
        assert site.workspace == tmp_path / "project/.worktrees/agent-local-1/R1-login"
        assert site.home == tmp_path / "store/homes/R1-login"
        assert site.branch == "worker/agent-local-1/R1-login"
        assert site.given.is_dir()


def test_whoever_works_there_is_not_disturbed(sites: Sites, tmp_path: Path):
    with sites.opened(job()):
        with pytest.raises(SiteTaken), sites.opened(job()):
            raise AssertionError("two at one site")
        other = Sites(tmp_path / "store", tmp_path / "project")
        with other.left_behind() as found:
            assert found == ()


def test_a_dead_workers_site_is_found_with_all_that_rescuing_needs(sites: Sites):
    with sites.opened(job()) as site:
        changed = msgspec.structs.replace(site, base=CommitId("a" * 40))
        write_site(changed)
    with sites.left_behind() as found:
        assert found == (changed,)
        with sites.left_behind() as again:
            assert again == ()


def test_a_site_without_a_record_is_removed(sites: Sites, tmp_path: Path):
    torn = tmp_path / "store/attempts/R1-x@1"
    torn.mkdir(parents=True)
    (torn / "site.json").write_text('{"folder":')
    with sites.left_behind() as found:
        assert found == ()
    assert not torn.exists()


def test_a_workspace_that_could_not_be_rescued_keeps_its_name(sites: Sites, tmp_path: Path):
    (tmp_path / "project/.worktrees/agent-local-1/R1-login").mkdir(parents=True)
    with sites.opened(job()) as site:
        assert site.workspace.name == "R1-login+2"


def test_a_parked_conversation_is_remembered_until_it_is_over(sites: Sites):
    task = TaskId("R1-login")
    assert sites.parked(task) is None
    parked = Parked("default", "1/3", "Which one?", CommitId("a" * 40))
    sites.park(task, parked)
    assert sites.parked(task) == parked
    sites.unpark(task)
    assert sites.parked(task) is None


def test_forgetting_a_task_removes_its_home(sites: Sites):
    with sites.opened(job()) as site:
        (site.home / ".cache").mkdir()
    sites.forget(TaskId("R1-login"))
    assert not site.home.exists()


async def test_only_the_greediest_is_ended_by_a_full_disk(sites: Sites, tmp_path: Path):
    quota = Quota(sites, tmp_path / "store", SystemClock())
    with sites.opened(job("small")) as small, sites.opened(job("big", 2)) as big:
        (small.home / "x").write_bytes(b"x" * 100_000)
        (big.home / "x").write_bytes(b"x" * 900_000)
        assert await quota.too_much(big, 2_000_000) == ""
        assert await quota.too_much(small, 500_000) == ""
        assert "its own 1 MB are the most" in await quota.too_much(big, 500_000)
        assert "raise it" in await quota.refusal(500_000)
        assert await quota.refusal(50_000_000) == ""


async def test_names_that_are_no_text_are_counted_as_well(sites: Sites, tmp_path: Path):
    """Anybody may put such a folder there, and no start may fail for it."""
    store = tmp_path / "store"
    (store / "homes" / os.fsdecode(b"caf\xe9")).mkdir(parents=True)
    quota = Quota(sites, store, SystemClock())
    assert await quota.refusal(50_000_000) == ""
    (store / "disk.json").write_bytes(b'{"caf\xe9": 1}')
    assert await quota.refusal(50_000_000) == ""


def test_a_tree_is_removed_however_deep_it_is(tmp_path: Path):
    top = tmp_path / "top"
    top.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    folder = os.open(top, os.O_RDONLY)
    for number in range(1_500):
        os.mkdir("n" * 40, dir_fd=folder)
        below = os.open("n" * 40, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
        if number % 100 == 0:
            os.close(os.open("file", os.O_CREAT, dir_fd=folder))
            os.symlink(outside, "link", dir_fd=folder)
    os.fchmod(folder, 0)
    os.close(folder)
    (top / "shut").mkdir(mode=0)
    assert bytes_under(top) == NOBODY_KNOWS, "longer than a path may be: more than any disk has"
    remove_tree(top)
    assert not top.exists()
    assert (outside / "kept").exists()
    remove_tree(top)


async def test_one_counts_for_all_and_nobody_is_refused_by_an_old_count(
    sites: Sites, tmp_path: Path
):
    ours, theirs = (
        Quota(sites, tmp_path / "store", SystemClock()),
        Quota(sites, tmp_path / "store", SystemClock()),
    )
    with sites.opened(job("big")) as big:
        (big.home / "x").write_bytes(b"x" * 900_000)
        assert "raise it" in await ours.refusal(500_000)
        assert await ours.refusal(5_000_000) == ""
        (big.home / "y").write_bytes(b"y" * 900_000)
        assert await theirs.refusal(1_000_000) == "", "counted a moment ago, by the other"
        age(tmp_path / "store" / "disk.json", AT_START_SECONDS)
        assert "raise it" in await theirs.refusal(1_000_000)
        (big.home / "x").unlink()
        (big.home / "y").unlink()
        assert await ours.refusal(1_000_000) == "", "the old count says that it is full"


@pytest.mark.parametrize("left", ["", "nonsense", '{"a": "b"}', "[]"])
async def test_a_count_that_cannot_be_read_is_made_anew(sites: Sites, tmp_path: Path, left: str):
    quota = Quota(sites, tmp_path / "store", SystemClock())
    with sites.opened(job("big")) as big:
        (big.home / "x").write_bytes(b"x" * 900_000)
        (tmp_path / "store" / "disk.json").write_text(left)
        assert "its own 1 MB are the most" in await quota.too_much(big, 500_000)


async def test_where_no_count_can_be_kept_everybody_counts(sites: Sites, tmp_path: Path):
    quota = Quota(sites, tmp_path / "store", SystemClock())
    with sites.opened(job("big")) as big:
        for name in ("disk.lock", "disk.new"):
            (tmp_path / "store" / name).mkdir()
        assert await quota.refusal(5_000_000) == ""
        (big.home / "x").write_bytes(b"x" * 9_000_000)
        assert "raise it" in await quota.refusal(5_000_000)


def age(path: Path, seconds: float) -> None:
    before = path.stat().st_mtime - seconds
    os.utime(path, (before, before))


def test_a_link_is_neither_measured_nor_followed(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 1_000_000)
    inside = tmp_path / "inside"
    (inside / "shut").mkdir(parents=True)
    (inside / "link").symlink_to(outside)
    (inside / "shut" / "file").touch()
    (inside / "shut").chmod(0)
    assert bytes_under(inside) < 100_000
    remove_tree(inside)
    assert not inside.exists()
    assert (outside / "big").exists()
    link = tmp_path / "link"
    link.symlink_to(outside)
    remove_tree(link)
    assert (outside / "big").exists()
