"""Repositories of every kind: `run` works in them, or refuses with the sentence that helps."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.run_stage import PATIENCE_SECONDS, Place, place, task, writes

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        yield stage


def one(shop: Place) -> Path:
    return shop.plan(task("one", writes("one")))


def demand_landed(shop: Place, at: Path | None = None) -> None:
    said = shop.interlock("run", "--json", str(one(shop)), at=at)
    assert said.code == 0, said
    assert shop.git("show", "main:one.txt", at=at) == "done"
    assert shop.git("log", "-1", "--format=%(trailers:key=Interlock-Task)", "main", at=at)


def demand_refused(shop: Place, *words: str, at: Path | None = None) -> None:
    before = shop.git("for-each-ref", at=at)
    said = shop.interlock("run", "--json", str(one(shop)), at=at)
    assert (said.code, said.out) == (2, ""), said
    for word in words:
        assert word in said.err
    assert "Traceback" not in said.err
    assert shop.git("for-each-ref", at=at) == before
    assert not [*(at or shop.root).glob("**/interlock/")], "nothing is made where nothing can run"


def cloned(shop: Place, *words: str) -> Path:
    """A clone of the shop with its settings, made with these options."""
    there = shop.folder / "clone"
    shop.git("clone", "-q", *words, f"file://{shop.root}", str(there), at=shop.folder)
    return there


# --- refused --------------------------------------------------------------------------------------


def test_outside_of_a_repository(shop: Place):
    said = shop.interlock("run", str(one(shop)), at=shop.folder)
    assert said.code == 2
    assert "git init" in said.err


def test_an_empty_repository(shop: Place):
    there = shop.folder / "empty"
    shop.git("init", "-q", "-b", "main", str(there), at=shop.folder)
    (there / "interlock.toml").write_text((shop.root / "interlock.toml").read_text())
    demand_refused(shop, "commit", at=there)


def test_a_target_that_is_not_there(shop: Place):
    shop.configure(project='target = "release"')
    demand_refused(shop, "release")


def test_an_unborn_branch_without_a_named_target(shop: Place):
    shop.configure(project="")
    shop.git("checkout", "-q", "--orphan", "fresh")
    demand_refused(shop, "fresh")


def test_a_detached_head_without_a_named_target(shop: Place):
    shop.configure(project="")
    shop.git("checkout", "-q", "--detach")
    demand_refused(shop, "target")


def test_a_rebase_in_progress_on_the_target(shop: Place):
    shop.git("checkout", "-q", "-b", "side")
    shop.commit({"app/a.py": "x = 2\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"app/a.py": "x = 3\n"})
    stopped = subprocess.run(
        ["git", "rebase", "-q", "side"],
        cwd=shop.root,
        env=shop.env,
        capture_output=True,
        check=False,
    )
    assert stopped.returncode != 0
    demand_refused(shop, "rebase")


def test_a_sparse_promise_a_partial_clone(shop: Place):
    shop.git("config", "uploadpack.allowFilter", "true")
    there = cloned(shop, "--filter=blob:none", "--no-checkout")
    (there / "interlock.toml").write_text((shop.root / "interlock.toml").read_text())
    said = shop.interlock("run", "--json", str(one(shop)), at=there)
    assert said.code == 2, said
    assert "partial" in said.err


# --- worked in ------------------------------------------------------------------------------------


def test_a_bare_repository(shop: Place):
    there = cloned(shop, "--bare")
    (there / "interlock.toml").write_text((shop.root / "interlock.toml").read_text())
    demand_landed(shop, there)


def test_a_shallow_clone(shop: Place):
    demand_landed(shop, cloned(shop, "--depth", "1"))


def test_a_clone_that_borrows_objects(shop: Place):
    there = shop.folder / "clone"
    shop.git("clone", "-q", "--shared", str(shop.root), str(there), at=shop.folder)
    demand_landed(shop, there)


def test_a_repository_of_the_longer_hashes(shop: Place):
    there = shop.folder / "long"
    shop.git("init", "-q", "-b", "main", "--object-format=sha256", str(there), at=shop.folder)
    for name in ("interlock.toml", "check.sh"):
        (there / name).write_text((shop.root / name).read_text())
    shop.git("add", "-A", at=there)
    shop.git("commit", "-q", "-m", "First", at=there)
    demand_landed(shop, there)


def test_a_path_with_spaces_and_letters_of_all_kinds(tmp_path: Path):
    with place(tmp_path / "e f", name="Käse & 'Brot' 店") as shop:
        demand_landed(shop)
        shop.demand_clean()


def test_from_a_folder_within(shop: Place):
    demand_landed(shop, shop.root / "app")


def test_from_a_linked_worktree_that_shares_the_plane(shop: Place):
    linked = shop.folder / "linked"
    shop.git("worktree", "add", "-q", "-b", "side", str(linked))
    demand_landed(shop, linked)
    assert (shop.root / "one.txt").read_text() == "done\n"
    assert shop.git("status", "--porcelain") == ""
    assert shop.git("status", "--porcelain", at=linked) == ""
    tasks = shop.interlock("task", "list", "--all", "--json").document["tasks"]
    assert [task["state"] for task in tasks] == ["done"]
    shop.demand_clean()


def test_a_target_that_is_checked_out_elsewhere_is_brought_forward_there(shop: Place):
    shop.git("checkout", "-q", "-b", "side")
    linked = shop.folder / "linked"
    shop.git("worktree", "add", "-q", str(linked), "main")
    demand_landed(shop)
    assert (linked / "one.txt").read_text() == "done\n"
    assert shop.git("status", "--porcelain", at=linked) == ""
    assert not (shop.root / "one.txt").exists()


def test_a_target_that_is_checked_out_nowhere(shop: Place):
    shop.git("checkout", "-q", "--detach")
    demand_landed(shop)
    assert shop.git("status", "--porcelain") == ""


def test_submodules_are_refused(shop: Place):
    other = shop.folder / "other"
    shop.git("clone", "-q", str(shop.root), str(other), at=shop.folder)
    shop.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "lib")
    shop.git("commit", "-q", "-m", "Submodule")
    plan = shop.plan(task("one", "test -e lib/app/a.py && echo done > one.txt"))
    said = shop.run(plan)
    assert said.code == 2, said
    assert "submodule" in said.err


def test_files_kept_elsewhere_by_lfs_are_refused(shop: Place):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    shop.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=shop.root, env=shop.env, input=pointer,
        capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS,
    ).stdout.strip()  # fmt: skip
    shop.git("update-index", "--add", "--cacheinfo", f"100644,{blob},big.bin")
    shop.git("commit", "-q", "-m", "Large")
    demand_refused(shop, "LFS")


def test_a_lock_that_another_git_left_ends_the_run_with_its_sentence(shop: Place):
    lock = shop.root / ".git" / "packed-refs.lock"
    lock.touch()
    said = shop.run(one(shop))
    assert said.code == 3, said
    assert ".lock" in said.err
    lock.unlink()
    assert shop.run(one(shop)).states == {"one": "done"}


# --- hooks, and what the person has not committed -------------------------------------------------


def test_a_hook_that_landed_does_not_run_when_the_next_change_lands(shop: Place):
    """The person's own git runs tracked hooks; the plane's git never does."""
    shop.git("config", "core.hooksPath", ".githooks")
    trap = shop.folder / "sprung"
    hook = f"#!/bin/sh\\necho $0 >> {trap}\\n"
    names = "reference-transaction post-checkout pre-commit post-merge post-index-change pre-push"
    plants = (
        f"mkdir .githooks; for name in {names}; do "
        f"printf '{hook}' > .githooks/$name; chmod +x .githooks/$name; done"
    )
    plan = shop.plan(
        task("plant", plants), task("next", writes("next"), depends_on=["plant"]),
        task("last", writes("last"), depends_on=["next"]),
    )  # fmt: skip

    said = shop.run(plan)

    if said.code == 1:
        # Hooks are a thing that a person looks at first.
        (item,) = said.document["review"]
        assert shop.interlock("review", "approve", item["short"]).code == 0
        said = shop.run(plan)
    assert said.states == dict.fromkeys(("plant", "next", "last"), "done"), said
    assert (shop.root / "last.txt").exists()
    assert not trap.exists()
    assert (shop.root / ".githooks" / "post-checkout").exists()


def test_what_the_person_has_not_committed_stays_and_never_lands(shop: Place):
    shop.write({"app/a.py": "mine\n", "one.txt": "mine too\n", "new.txt": "mine as well\n"})
    said = shop.run(one(shop))
    assert said.code == 0
    assert shop.shown("one.txt") == "done"
    assert shop.shown("app/a.py") == "x = 1"
    for name, text in (("app/a.py", "mine"), ("one.txt", "mine too"), ("new.txt", "mine as well")):
        assert (shop.root / name).read_text().strip() == text
    assert said.document["notes"], "a checkout that was left behind is named"


def test_a_clean_checkout_is_brought_forward(shop: Place):
    demand_landed(shop)
    assert (shop.root / "one.txt").read_text() == "done\n"
    assert shop.git("status", "--porcelain") == ""
