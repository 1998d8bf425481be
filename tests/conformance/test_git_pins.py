"""Pins that move together, when what moves them breaks off in the middle."""

import os
import sys
from pathlib import Path

import pytest

from interlock.engine.errors import PartLost
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
