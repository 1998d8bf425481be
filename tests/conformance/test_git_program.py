"""Git as a program: bounded in time and output, and gone with everything it started."""

import asyncio
import os
from pathlib import Path

import pytest

from interlock.adapters.git.program import Bounds, bare_environment, run
from interlock.engine.errors import PartLost


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called git that stands first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "git"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return program


def write(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


async def pid_in(path: Path) -> int:
    for _ in range(1000):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        await asyncio.sleep(0.01)
    raise AssertionError(f"nothing was written to {path}")


async def gone(pid: int) -> bool:
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        await asyncio.sleep(0.01)
    return False


async def test_one_that_hangs_is_ended_with_its_children(fake: Path, tmp_path: Path) -> None:
    write(fake, f"sleep 300 & echo $! >{tmp_path}/child; wait")
    words, bounds = ("-c", "a=b", "status"), Bounds(seconds=1)
    with pytest.raises(PartLost, match=r"git status gave no answer for 1 s"):
        await run(words, bare_environment(tmp_path), bounds=bounds)
    assert await gone(await pid_in(tmp_path / "child"))


async def test_a_cancelled_one_is_ended(fake: Path, tmp_path: Path) -> None:
    write(fake, f"echo $$ >{tmp_path}/pid; exec sleep 300")
    task = asyncio.create_task(run(("x",), bare_environment(tmp_path)))
    pid = await pid_in(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pid)


async def test_endless_output_is_cut(fake: Path, tmp_path: Path) -> None:
    write(fake, "exec yes")
    answer = await run(("x",), bare_environment(tmp_path), bounds=Bounds(out_bytes=100_000))
    assert answer.cut
    assert len(answer.out) == 100_000


async def test_endless_complaints_do_not_fill_the_memory(fake: Path, tmp_path: Path) -> None:
    write(fake, "yes | head -c 3000000 >&2; echo done")
    answer = await run(("x",), bare_environment(tmp_path))
    assert answer.text == "done"
    assert len(answer.err) < 100_000


async def test_one_that_does_not_listen(fake: Path, tmp_path: Path) -> None:
    write(fake, "exec <&-; exit 3")
    answer = await run(("x",), bare_environment(tmp_path), b"x" * 3_000_000)
    assert answer.code == 3


async def test_no_git_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PartLost, match="Install git"):
        await run(("x",), bare_environment(tmp_path))


async def test_memory_is_bounded(fake: Path, tmp_path: Path) -> None:
    write(fake, "read line; ulimit -d")
    bounds = Bounds(memory_bytes=64 << 20)
    answer = await run(("x",), bare_environment(tmp_path), b"go\n", bounds=bounds)
    assert answer.text == str(64 << 10)
