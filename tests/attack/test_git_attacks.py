"""What an agent, a landed file or a setting plants: no program runs and no content gets in.

Every trap writes a file when it runs. Traps stand in the repository's own settings, in tracked
files and in the workspace; then everything that the plane's git does is done once.
"""

import os
import stat
import zlib
from hashlib import sha1
from pathlib import Path

import pytest

from interlock.adapters.git.inspector import GitInspector
from interlock.adapters.git.intake import Intake, IntakeLimits
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.collecting import Collected
from interlock.repository.ports import CommitWish, Merged, PackRefused, Signature
from interlock.testing.conformance.repositories import AT, BEGIN, Files, GitHouse, put, refused

HOOKS = (
    "reference-transaction", "post-checkout", "post-index-change", "pre-commit", "commit-msg",
    "post-commit", "pre-push", "post-merge", "pre-merge-commit", "prepare-commit-msg",
    "post-rewrite", "pre-auto-gc", "fsmonitor-watchman", "pre-rebase", "applypatch-msg",
    "proc-receive", "pre-receive", "update", "post-receive", "post-update", "push-to-checkout",
)  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> GitHouse:
    return GitHouse(tmp_path)


class Traps:
    """Programs that leave a file behind when anybody runs them."""

    def __init__(self, folder: Path) -> None:
        self.sprung_in, self.program = folder / "sprung", folder / "trap"
        self.sprung_in.mkdir()
        self.program.write_text(f'#!/bin/sh\necho "$0 $@" >>"{self.sprung_in}/$$"\ncat\n')
        self.program.chmod(0o755)

    def hooks(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            (folder / name).write_text(self.program.read_text())
            (folder / name).chmod(0o755)

    def settings(self, git_dir: Path) -> None:
        trap = self.program
        with (git_dir / "config").open("a") as file:
            file.write(
                f"[core]\nfsmonitor = {trap}\nhooksPath = {git_dir}/hooks\npager = {trap}\n"
                f"editor = {trap}\nalternateRefsCommand = {trap}\nsshCommand = {trap}\n"
                f'[filter "trap"]\nclean = {trap}\nsmudge = {trap}\nprocess = {trap}\n'
                f'[diff]\nexternal = {trap}\n[diff "trap"]\ncommand = {trap}\ntextconv = {trap}\n'
                f'[merge "trap"]\ndriver = {trap} %A %O %B\n[gpg]\nprogram = {trap}\n'
                f'[gpg "ssh"]\nprogram = {trap}\n[commit]\ngpgSign = true\n[tag]\ngpgSign = true\n'
                f"[push]\ngpgSign = if-asked\n[uploadpack]\npackObjectsHook = {trap}\n"
                f'[interactive]\ndiffFilter = {trap}\n[trailer "x"]\ncommand = {trap}\n'
                f'[remote "promise"]\nurl = ext::{trap}\npromisor = true\n'
                f"partialclonefilter = blob:none\nuploadpack = {trap}\n"
                f"[log]\nshowSignature = true\n[credential]\nhelper = !{trap}\n"
            )

    @property
    def sprung(self) -> list[str]:
        return [path.read_text() for path in self.sprung_in.iterdir()]


ATTRIBUTES: Files = {".gitattributes": b"* filter=trap diff=trap merge=trap\n"}


async def test_the_traps_work(house: GitHouse, tmp_path: Path) -> None:
    """For the person's own git they do run: what is proved below is not an accident."""
    await house.build({**BEGIN, **ATTRIBUTES})
    traps = Traps(tmp_path)
    traps.hooks(house.root / ".git" / "hooks")
    traps.settings(house.root / ".git")
    put(house.root, {"README": b"x\n"})
    await house.try_git("status")
    await house.try_git("add", "-A")
    await house.try_git("diff", "--cached")
    await house.try_git("update-ref", "refs/heads/x", "HEAD")
    said = "".join(traps.sprung)
    assert "reference-transaction" in said
    assert said.count("\n") >= 3


async def test_nothing_that_is_planted_runs_on_the_host(house: GitHouse, tmp_path: Path) -> None:
    base = await house.build({**BEGIN, **ATTRIBUTES})
    traps = Traps(tmp_path)
    traps.hooks(house.root / ".git" / "hooks")
    traps.settings(house.root / ".git")
    trees, target = await house.trees(), await house.target()
    workspace = await house.workspace(base)
    traps.hooks(workspace.path / ".git" / "hooks")
    traps.settings(workspace.path / ".git")
    inner = workspace.path / "inner"
    put(inner, {".gitattributes": b"* filter=trap\n", "file": b"1"})
    await house.git("init", "--quiet", at=inner)
    traps.settings(inner / ".git")
    put(workspace.path, {"app/b.py": b"theirs\n"})
    theirs = await house.bring(workspace)
    ours = await house.change(base, {"README": b"ours\n"}, "ours")
    clash = await house.change(base, {"app/b.py": b"other\n"}, "other")

    merged = await trees.merge(ours, theirs)
    assert isinstance(merged, Merged)
    assert not isinstance(await trees.merge(clash, theirs), Merged)
    await trees.changed(base, theirs)
    await trees.patch(base, theirs)
    await trees.read(theirs, "app/b.py")
    landed = await trees.commit(CommitWish(merged.tree, (base,), "x", Signature("A", "a"), AT))
    assert await target.advance("main", landed, base)
    assert "needs the filter trap" in await target.bring_forward("main", base, landed)
    remote = tmp_path / "remote.git"
    await house.git("init", "--quiet", "--bare", str(remote), at=tmp_path)
    assert (await target.push(str(remote), "main", landed, CommitId("0" * 40))).taken
    assert await target.fetch(str(remote), "main") == landed
    for name in ("promise", "ext::" + str(traps.program)):
        with pytest.raises(PartLost):
            await target.fetch(name, "main")
    place = await house.place()
    await GitInspector(place, house.store).inspect(place, "main")
    await trees.unpin("change/ours")
    await (await house.workspaces()).remove(workspace.path)
    assert traps.sprung == []


async def test_a_missing_object_is_not_fetched_from_a_promised_remote(
    house: GitHouse, tmp_path: Path
) -> None:
    base = await house.build(BEGIN)
    traps = Traps(tmp_path)
    traps.settings(house.root / ".git")
    blob = (await house.git("rev-parse", "main:app/b.py")).text
    (house.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(PartLost):
        await (await house.trees()).read(base, "app/b.py")
    with pytest.raises(PartLost):
        await house.workspace(base)
    assert traps.sprung == []
    assert not (tmp_path / "work").exists()


async def test_a_tracked_hook_that_landed_stays_asleep(house: GitHouse, tmp_path: Path) -> None:
    """The person's core.hooksPath leads into the tree, so landing a file there arms a hook."""
    base = await house.build(BEGIN)
    await house.git("config", "core.hooksPath", ".githooks")
    traps = Traps(tmp_path)
    workspace = await house.workspace(base)
    traps.hooks(workspace.path / ".githooks")
    trees, target = await house.trees(), await house.target()
    armed = await house.bring(workspace)
    assert await target.advance("main", armed, base)
    assert not await target.bring_forward("main", base, armed)
    assert stat.S_IMODE((house.root / ".githooks" / "pre-push").stat().st_mode) & 0o100
    next_one = await house.change(armed, {"n": b"1"}, "next")
    assert await target.advance("main", next_one, armed)
    assert not await target.bring_forward("main", armed, next_one)
    await trees.pin("x", base)
    await trees.unpin("x")
    assert traps.sprung == []
    await house.try_git("update-ref", "refs/heads/x", "HEAD")
    assert traps.sprung != []


async def test_settings_from_the_environment_do_not_count(
    house: GitHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await house.build({**BEGIN, **ATTRIBUTES})
    elsewhere = GitHouse(tmp_path / "elsewhere")
    await elsewhere.build({"other": b"1"})
    traps = Traps(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(elsewhere.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(traps.program))
    monkeypatch.setenv("GIT_ASKPASS", str(traps.program))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor'='{traps.program}'")
    new = await house.change(base, {"README": b"x\n"}, "one")
    target = await house.target()
    await (await house.trees()).patch(base, new)
    assert await target.advance("main", new, base)
    assert not await target.bring_forward("main", base, new)
    assert traps.sprung == []
    assert not (tmp_path / "trace").exists()
    assert (await elsewhere.git("rev-list", "--all", "--count")).text == "1"


# --- what must not get in -------------------------------------------------------------------------


def tree_entry(mode: str, name: bytes, blob: str) -> bytes:
    return f"{mode} ".encode() + name + b"\0" + bytes.fromhex(blob)


class Forge:
    """Writes objects that git would refuse to make, into the workspace's own objects."""

    def __init__(self, git_dir: Path) -> None:
        self.objects = git_dir / "objects"

    def write(self, kind: str, content: bytes) -> str:
        raw = f"{kind} {len(content)}".encode() + b"\0" + content
        name = sha1(raw, usedforsecurity=False).hexdigest()
        path = self.objects / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(zlib.compress(raw))
        return name

    def commit(self, tree: str, parent: str) -> CommitId:
        who = "A <a@x> 1700000000 +0000"
        text = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nx\n"
        return CommitId(self.write("commit", text.encode()))


async def packed(house: GitHouse, folder: Path, head: str, base: str) -> Path:
    wanted = f"{head}\n^{base}\n".encode()
    words = ("pack-objects", "--revs", "--stdout", "-q")
    pack = house.folder / "forged.pack"
    pack.write_bytes((await house.git(*words, at=folder, stdin=wanted)).out)
    return pack


async def forged(house: GitHouse, entries: list[tuple[str, bytes, str | bytes]]) -> None:
    """A commit with exactly these entries, as a pack; it must be refused."""
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    forge = Forge(workspace.path / ".git")
    tree = b"".join(
        tree_entry(mode, name, what if isinstance(what, str) else forge.write("blob", what))
        for mode, name, what in entries
    )
    evil = forge.commit(forge.write("tree", tree), base)
    clean = forge.commit((await house.git("rev-parse", f"{base}^{{tree}}")).text, evil)
    for head in (evil, clean):
        pack = await packed(house, workspace.path, head, base)
        await refused(house, pack, head, "no name|not sound|link|inside")


@pytest.mark.parametrize(
    "name",
    [b".git", b".GIT", b"git~1", b".git ", b".g\xe2\x80\x8cit", b"..", b".", b"a/b", b"\xff"],
)
async def test_names_that_are_no_names(house: GitHouse, name: bytes) -> None:
    """Also where a later commit takes them out again."""
    await forged(house, [("100755", name, b"#!/bin/sh\n")])


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../../outside", b".git/hooks", b"a/../../b"])
async def test_links_that_lead_out(house: GitHouse, target: bytes) -> None:
    await forged(house, [("120000", b"link", target)])


async def test_a_repository_inside(house: GitHouse) -> None:
    await forged(house, [("160000", b"inner", "1" * 40)])


async def test_settings_of_submodules_that_run_something(house: GitHouse) -> None:
    evil = b'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'
    await forged(house, [("100644", b".gitmodules", evil)])


async def test_a_merge_that_hides_a_repository(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    left = await house.person_commits({"left": b"1"}, at=workspace.path)
    await house.git("checkout", "--quiet", "-b", "right", base, at=workspace.path)
    await house.person_commits({"right": b"1"}, at=workspace.path)
    await house.git("merge", "--no-commit", "--no-ff", left, at=workspace.path)
    link = f"160000,{base},inner"
    await house.git("update-index", "--add", "--cacheinfo", link, at=workspace.path)
    await house.git("commit", "-m", "merge", at=workspace.path)
    head = (await house.git("rev-parse", "HEAD", at=workspace.path)).text
    pack = await packed(house, workspace.path, head, base)
    await refused(house, pack, CommitId(head), "inside the repository")


async def test_a_tree_that_unfolds_without_end(house: GitHouse) -> None:
    """Ten levels of ten times the same: ten thousand million files out of eleven objects."""
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    forge = Forge(workspace.path / ".git")
    blob, mode = forge.write("blob", b"x"), "100644"
    for _ in range(10):
        entries = (tree_entry(mode, b"f%d" % number, blob) for number in range(10))
        blob, mode = forge.write("tree", b"".join(entries)), "40000"
    head = forge.commit(blob, base)
    await refused(house, await packed(house, workspace.path, head, base), head, "too many paths")


async def test_a_file_that_inflates(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    put(workspace.path, {"bomb": b"\0" * 3_000_000})
    collected = await house.collect(workspace)
    assert isinstance(collected, Collected)
    assert collected.pack is not None
    assert collected.pack.stat().st_size < 50_000
    git = Surroundings(await house.place(), house.store)
    with pytest.raises(PackRefused, match="larger than 1 MB"):
        async with Intake(git, IntakeLimits(file_bytes=1_000_000)).open(
            collected.pack, str(collected.head)
        ) as arrived:
            await arrived.admit()


@pytest.mark.parametrize("where", ["before", "while reading"])
async def test_a_pack_that_is_too_large(house: GitHouse, where: str) -> None:
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    put(workspace.path, {"large": os.urandom(400_000)})
    collected = await house.collect(workspace)
    assert isinstance(collected, Collected)
    assert collected.pack is not None
    git = Surroundings(await house.place(), house.store)
    intake = Intake(git, IntakeLimits(pack_bytes=100_000))
    with pytest.raises(PackRefused, match="larger than"):
        async with intake.open(collected.pack, str(collected.head)):
            pass


async def test_borrowed_objects_of_the_workspace_are_not_followed(
    house: GitHouse, tmp_path: Path
) -> None:
    """An agent lets its clone borrow from another repository; that content cannot be named."""
    other = GitHouse(tmp_path / "private")
    secret = await other.build({"secret": b"of somebody else\n"})
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    alternates = workspace.path / ".git" / "objects" / "info" / "alternates"
    with alternates.open("a") as file:
        file.write(f"{other.root}/.git/objects\n")
    tree = (await other.git("rev-parse", f"{secret}^{{tree}}")).text
    head = Forge(workspace.path / ".git").commit(tree, base)
    pack = tmp_path / "thin.pack"
    wanted = f"{head}\n".encode()
    packing = await house.git("pack-objects", "--stdout", "-q", at=workspace.path, stdin=wanted)
    pack.write_bytes(packing.out)
    await refused(house, pack, head, "not sound|missing")


async def test_what_lies_about_as_garbage_is_no_foundation(house: GitHouse) -> None:
    """A commit nobody holds is in the repository, and half of what it needs is gone already."""
    base = await house.build(BEGIN)
    workspace = await house.workspace(base)
    forge = Forge(house.root / ".git")
    gone = forge.commit("1" * len(base), base)
    head = Forge(workspace.path / ".git").commit(
        (await house.git("rev-parse", f"{base}^{{tree}}")).text, gone
    )
    for lead, wanted in ((gone, b""), (head, f"{head}\n".encode())):
        pack = house.folder / "garbage.pack"
        words = ("pack-objects", "--stdout", "-q")
        pack.write_bytes((await house.git(*words, at=workspace.path, stdin=wanted)).out)
        await refused(house, pack, lead, "missing")


async def test_no_branch_of_the_repository_can_be_reached_by_a_pin(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    trees = await house.trees()
    for name in ("../heads/main", "a b", "x..y", "", "a.lock", "/x"):
        with pytest.raises(PartLost):
            await trees.pin(name, base)
        with pytest.raises(PartLost):
            await trees.move_pins({"fine": base, name: base})
    smuggled = f"x\0{base}\0\0delete refs/heads/main\0\0update refs/interlock/y"
    for commit in (base, None):
        with pytest.raises(PartLost, match="no name for a pin"):
            await trees.move_pins({smuggled: commit})
    assert not await trees.pins()
    assert await trees.head_of("main") == base
