"""Each question to git is a process of its own, so a landing asks nothing twice."""

import stat
from pathlib import Path

import pytest

from interlock.engine.acts import Landed
from interlock.merging.service import LandingDisproved
from tests.e2e.landing_yard import ENV, Yard, git

COUNTING = """\
#!/bin/sh
printf '%s\\n' "$*" >> "{calls}"
PATH="{path}"
exec git "$@"
"""


class Counter:
    """Stands before git on the PATH of the plane; the git of the test itself is not counted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls = folder / "calls"
        program = folder / "bin" / "git"
        program.parent.mkdir()
        program.write_text(COUNTING.format(calls=self._calls, path=ENV["PATH"]))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:{ENV['PATH']}")

    def since(self) -> list[str]:
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return calls


@pytest.mark.parametrize(("remote", "landing_max"), [(False, 9), (True, 10)])
async def test_what_a_landing_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: bool, landing_max: int
) -> None:
    yard = Yard(tmp_path)
    if remote:
        yard.with_remote()
    first = await yard.prepared(await yard.brings("first", {"a.py": "1\n"}))
    assert await yard.acts.land(first) == Landed(first.prepared)
    candidate = await yard.brings("one", {"b.py": "B\n"})
    counter = Counter(tmp_path, monkeypatch)
    landing = await yard.prepared(candidate)
    prepared = counter.since()
    assert len(prepared) <= 15, prepared
    assert await yard.acts.land(landing) == Landed(landing.prepared)
    landed = counter.since()
    assert len(landed) <= landing_max, landed
    asked = [call.split(" -c ")[-1] for call in (*prepared, *landed)]
    for once in ("update-ref -m", "merge-base --is-ancestor", "rev-parse"):
        same = [call for call in asked if once in call]
        assert len(same) == len(set(same)), same
    # What must be done for real: the merge anew, what it came to, and the compare and swap.
    for real in ("merge-tree", "--no-ext-diff", "update-ref -m", "read-tree -m"):
        assert sum(real in call for call in landed) == 1, real


@pytest.mark.parametrize("packed", [False, True])
async def test_where_the_branch_stands_is_looked_up_each_time(tmp_path: Path, packed: bool) -> None:
    yard = Yard(tmp_path)
    landing = await yard.prepared(await yard.brings("one", {"b.py": "B\n"}))
    looked = []

    def heard(call: str) -> None:
        if call == "head_of":
            looked.append(git(yard.root, "rev-parse", "main"))
        if call == "head_of" and len(looked) > 1:
            git(yard.root, "update-ref", "refs/heads/main", yard.base)
            git(yard.root, "pack-refs", *(["--all"] if packed else []))

    yard.trees.heard = heard
    with pytest.raises(LandingDisproved, match="is not there"):
        await yard.acts.land(landing)
    assert looked == [yard.base, landing.prepared]
