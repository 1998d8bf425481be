"""Lines and their commits in real repositories; nothing that a repository names is ever run."""

import os
import subprocess
from pathlib import Path

import pytest

from interlock.adapters.git.blame import GitBlame
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import Blame, RepositoryPlace

TRAILER = "Interlock-Task: table"


class House:
    """A repository of which each commit is by somebody in particular."""

    def __init__(self, root: Path, object_format: str = "sha1") -> None:
        self.root, self.object_format = root, object_format
        root.mkdir()
        self.git("init", "--quiet", "-b", "main", f"--object-format={object_format}")

    def git(self, *words: str) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        who = {"NAME": "Roy", "EMAIL": "roy@example.org"}
        names = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER") for k, v in who.items()}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**kept, **names, **quiet},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str, **files: str) -> CommitId:
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_py", ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return CommitId(self.git("rev-parse", "HEAD"))

    @property
    def blame(self) -> Blame:
        common = self.root / ".git"
        place = RepositoryPlace(self.root, common, object_format=self.object_format)
        return GitBlame(place, common / "interlock" / "git")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "shop")


async def test_a_line_is_led_back_to_its_commit(house: House):
    first = house.commit("Begin", app_py="one\ntwo\n")
    second = house.commit(f"Make it\n\nAs planned.\n\n{TRAILER}", app_py="one\n\tTWO\nthree\n")
    one = await house.blame.blame("main", "app.py", 1)
    two = await house.blame.blame("main", "app.py", 2)
    assert one is not None
    assert two is not None
    assert (one.commit, one.text, one.author) == (first, "one", "Roy")
    assert (two.commit, two.text, two.carrier) == (second, "\tTWO", None)
    assert two.message == f"Make it\n\nAs planned.\n\n{TRAILER}\n"


async def test_of_a_whole_file_the_newest_change_is_named(house: House):
    house.commit("Begin", app_py="one\n", other_py="x\n")
    second = house.commit("Change", app_py="two\n")
    house.commit("Elsewhere", other_py="y\n")
    found = await house.blame.blame("main", "app.py", None)
    assert found is not None
    assert (found.commit, found.text) == (second, None)


async def test_what_is_not_there_is_no_answer_and_no_error(house: House):
    house.commit("Begin", app_py="one\n", src__a_py="a\n")
    for branch, path, line in (
        ("main", "app.py", 2),
        ("main", "missing.py", 1),
        ("main", "missing.py", None),
        ("main", "*.py", None),
        ("main", "src", 1),
        ("nowhere", "app.py", 1),
        ("--help", "app.py", 1),
        ("main", "--contents=/etc/passwd", 1),
    ):
        assert await house.blame.blame(branch, path, line) is None, (branch, path, line)


async def test_what_is_not_committed_does_not_count(house: House):
    first = house.commit("Begin", app_py="one\n")
    (house.root / "app.py").write_text("zero\none\n")
    found = await house.blame.blame("main", "app.py", 1)
    assert found is not None
    assert (found.commit, found.text) == (first, "one")


async def test_a_commit_that_came_with_a_merge_names_the_merge(house: House):
    house.commit("Begin", app_py="one\n")
    house.git("checkout", "--quiet", "-b", "work")
    early = house.commit("wip", work_py="a\n")
    house.commit("wip 2", work_py="a\nb\n")
    house.git("checkout", "--quiet", "main")
    house.commit("Meanwhile", app_py="one\ntwo\n")
    house.git("merge", "--quiet", "--no-ff", "work", "-m", f"Land it\n\n{TRAILER}")
    merge = house.git("rev-parse", "HEAD")
    house.commit("After", app_py="three\n")
    found = await house.blame.blame("main", "work.py", 1)
    assert found is not None
    assert found.commit == early
    assert found.carrier is not None
    assert (found.carrier.commit, TRAILER in found.carrier.message) == (merge, True)


async def test_in_a_repository_with_sha256_it_is_the_same(tmp_path: Path):
    house = House(tmp_path / "long", "sha256")
    first = house.commit("Begin", app_py="one\n")
    found = await house.blame.blame("main", "app.py", 1)
    assert found is not None
    assert found.commit == first
    assert len(first) == 64


async def test_nothing_that_the_repository_names_is_run(house: House, tmp_path: Path):
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    (house.root / ".gitattributes").write_text("*.py diff=bad filter=bad\n")
    first = house.commit("Begin", app_py="one\n")
    for key in (
        "diff.bad.textconv", "filter.bad.clean", "filter.bad.smudge", "diff.external",
        "core.fsmonitor", "gpg.program", "core.pager", "pager.blame", "alias.blame",
    ):  # fmt: skip
        house.git("config", key, str(program))
    house.git("config", "log.showSignature", "true")
    house.git("config", "blame.ignoreRevsFile", str(tmp_path / "missing"))
    for line in (1, None):
        found = await house.blame.blame("main", "app.py", line)
        assert found is not None
        assert found.commit == first
    assert not ran.exists()


@pytest.mark.parametrize("lost", ["HEAD^{tree}", "HEAD:app.py"])
async def test_damaged_objects_are_out_of_order_not_absent(house: House, lost: str):
    house.commit("Begin", app_py="one\n")
    name = house.git("rev-parse", lost)
    (house.root / ".git" / "objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(PartLost):
        await house.blame.blame("main", "app.py", 1)
