"""Pins that move together, when what moves them breaks off in the middle."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interlock.engine.errors import PartLost
from interlock.repository.ports import CommitWish, Signature
from interlock.testing.conformance.repositories import BEGIN, GitHouse

CUT_SHORT = """\
#!{python}
import os, subprocess, sys
os.environ["PATH"] = {path!r}
words = ["git", *sys.argv[1:]]
if "update-ref" not in words:
    os.execvp("git", words)
told = sys.stdin.buffer.read()
told = told[: told.index(b"update refs/interlock/second")]
sys.exit(subprocess.run(words, input=told).returncode)
"""


async def test_half_of_the_list_moves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = GitHouse(tmp_path)
    base = await house.build(BEGIN)
    trees, path = await house.trees(), os.environ["PATH"]
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(CUT_SHORT.format(python=sys.executable, path=path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{path}")
    with pytest.raises(PartLost, match="2 pins"):
        await trees.move_pins({"first": base, "second": base})
    monkeypatch.setenv("PATH", path)
    assert await trees.pins() == {}
    await trees.move_pins({"first": base, "second": base})
    assert set(await trees.pins()) == {"first", "second"}


async def test_a_commit_that_was_made_anew_is_looked_at_although_its_tree_is_known(
    tmp_path: Path,
) -> None:
    house = GitHouse(tmp_path)
    base = await house.build(BEGIN)
    (house.root / "app" / "a.py").write_bytes(b"another\n")
    await house.git("add", "-A")
    tree = (await house.git("write-tree")).text
    folder = (await house.git("rev-parse", f"{tree}:app")).text
    trees = await house.trees()
    wish = CommitWish(tree, (base,), "Try it\n", Signature("A", "a@x"), datetime.now(UTC))
    made = await trees.commit(wish)
    known = await trees.changed(base, made)
    (house.root / ".git" / "objects" / folder[:2] / folder[2:]).unlink()
    assert await trees.changed(base, made) == known
    assert await trees.commit(wish) == made
    with pytest.raises(PartLost):
        await trees.changed(base, made)


async def test_where_one_pin_stands(tmp_path: Path) -> None:
    house = GitHouse(tmp_path)
    base = await house.build(BEGIN)
    new = await house.person_commits({"new": b"1"})
    trees = await house.trees()
    await trees.move_pins({"some/one": base, "some/two": base})
    await house.git("pack-refs", "--all")
    await trees.move_pins({"some/one": new, "some/two": None, "some/three": base})
    wanted = {"some/one": new, "some/two": None, "some/three": base, "some": None}
    for packing in (False, True):
        if packing:
            await house.git("pack-refs", "--all")
        assert {name: await trees.pin_of(name) for name in wanted} == wanted
