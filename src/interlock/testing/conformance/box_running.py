"""How programs run in a box, and what they see of the host."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from interlock.sandbox.ports import (
    HOME,
    OUTBOX,
    WORKSPACE,
    BoxOrder,
    BoxRefused,
    Mount,
    Promises,
    Sandbox,
)
from interlock.sandbox.running import run_to_end
from interlock.testing.conformance.boxes import (
    NO_LONGER,
    BoxFixture,
    script,
    shell,
)


class RunningSuite(BoxFixture):
    """Programs run, talk and end."""

    async def test_a_program_runs_and_its_exit_code_is_told(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, shell("echo out; echo err >&2; exit 3"))
        assert finished.ended.code == 3
        assert finished.ended.stopped_for == ""
        assert finished.stdout == b"out\n"
        assert finished.stderr == b"err\n"

    async def test_a_signal_that_ends_it_is_told(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, shell("kill -TERM $$"))
        assert finished.ended.code == 128 + signal.SIGTERM
        assert finished.ended.stopped_for == ""

    async def test_a_missing_program_ends_with_127(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, BoxOrder(("no-such-program",)))
        assert finished.ended.code == 127
        assert b"no-such-program" in finished.stderr

    async def test_input_and_output_flow_while_it_runs(self, sandbox: Sandbox) -> None:
        box = await sandbox.start(BoxOrder(("cat",), limits=NO_LONGER))
        pieces = box.output()
        for line in (b"one\n", b"two\n"):
            await box.feed(line)
            assert await anext(pieces) == line
        await box.close_stdin()
        assert [piece async for piece in pieces] == []
        assert (await box.wait()).code == 0

    async def test_much_input_comes_out_again(self, sandbox: Sandbox) -> None:
        much = os.urandom(1000) * 2000
        order = BoxOrder(("cat",), limits=NO_LONGER)
        finished = await run_to_end(sandbox, order, much, log_bytes_max=10 * len(much))
        assert finished.stdout == much

    async def test_input_that_nobody_reads_bothers_nobody(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, shell("exit 4"), b"x" * 2_000_000)
        assert finished.ended.code == 4

    async def test_the_environment_is_the_one_given(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INTERLOCK_TEST_SECRET", "of the plane")
        order = BoxOrder(("env",), env={"GIVEN": "yes = no"}, limits=NO_LONGER)
        said = (await run_to_end(sandbox, order)).stdout.decode().splitlines()
        assert "GIVEN=yes = no" in said
        names = {line.partition("=")[0] for line in said}
        # Where it is, and where its temp folder is, a box may tell of its own.
        assert names - {"GIVEN", "PWD", "TMPDIR"} == set()

    async def test_it_starts_in_its_folder(self, sandbox: Sandbox, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "file").write_text("here")
        mount = Mount(tmp_path, WORKSPACE)
        order = BoxOrder(("cat", "file"), (mount,), cwd=f"{WORKSPACE}/deep", limits=NO_LONGER)
        assert (await run_to_end(sandbox, order)).stdout == b"here"

    async def test_a_folder_that_is_not_there_is_refused(self, sandbox: Sandbox) -> None:
        with pytest.raises(BoxRefused, match=r"not there|chdir"):
            await run_to_end(sandbox, BoxOrder(("true",), cwd=f"{WORKSPACE}/nowhere"))

    async def test_twenty_at_once_do_not_mix(self, sandbox: Sandbox) -> None:
        numbers = range(20)
        async with asyncio.TaskGroup() as group:
            runs = [
                group.create_task(run_to_end(sandbox, shell(f"cat; echo {n}"), b"box "))
                for n in numbers
            ]
        assert [run.result().stdout for run in runs] == [f"box {n}\n".encode() for n in numbers]


class MountsSuite(BoxFixture):
    """What a box shows of the host."""

    async def test_a_writable_mount_is_written_by_us(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        (tmp_path / "in").write_text("from outside")
        mounts = (Mount(tmp_path, OUTBOX, writable=True),)
        done = await run_to_end(sandbox, shell(f"cat {OUTBOX}/in > {OUTBOX}/out", *mounts))
        assert done.ended.code == 0, done.stderr
        assert (tmp_path / "out").read_text() == "from outside"
        assert (tmp_path / "out").stat().st_uid == os.geteuid()
        (tmp_path / "out").unlink()

    async def test_a_read_only_mount_is_not(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        (tmp_path / "in").write_text("old")
        done = await run_to_end(
            sandbox, shell(f"cat {OUTBOX}/in; echo new > {OUTBOX}/in", Mount(tmp_path, OUTBOX))
        )
        assert done.stdout == b"old"
        if promises.hides_files:
            assert done.ended.code != 0
            assert (tmp_path / "in").read_text() == "old"

    async def test_a_mount_that_is_not_there_is_refused(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        if promises.hides_files:
            order = shell("true", Mount(tmp_path / "gone", OUTBOX))
            with pytest.raises(BoxRefused, match="not there"):
                await sandbox.start(order)

    async def test_home_and_neighbours_are_hidden(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        if not promises.hides_files:
            return
        (tmp_path / "neighbour").write_text("secret")
        (tmp_path / "mine").mkdir()
        places = (
            f"{tmp_path}/neighbour {Path.home()}/.ssh {Path.home()}/.gitconfig /run/docker.sock"
        )
        mount = Mount(tmp_path / "mine", WORKSPACE, writable=True)
        done = await run_to_end(sandbox, shell(f"cat {places}; ls {tmp_path}", mount))
        assert done.stdout == b""

    async def test_what_is_hidden_wins_over_what_may_be_read(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        if not promises.hides_files:
            return
        for name in ("shown", "hidden"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_text(name)
        order = BoxOrder(
            ("sh", "-c", f"cat {tmp_path}/shown/file; cat {tmp_path}/hidden/file"),
            read=(tmp_path,),
            hide=(tmp_path / "hidden",),
            limits=NO_LONGER,
        )
        assert (await run_to_end(sandbox, order)).stdout == b"shown"

    async def test_constant_paths_are_constant(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        mounts = (Mount(tmp_path, WORKSPACE, writable=True), Mount(tmp_path, HOME))
        done = await run_to_end(sandbox, shell(f"pwd; cd {HOME}; pwd", *mounts))
        expected = f"{WORKSPACE}\n{HOME}\n" if promises.constant_paths else f"{tmp_path}\n" * 2
        assert done.stdout.decode() == expected

    async def test_this_interpreter_runs_wherever_it_lives(self, sandbox: Sandbox) -> None:
        done = await run_to_end(sandbox, script("import msgspec, sys; print(sys.prefix)"))
        assert done.stdout.decode().strip() == sys.prefix, done.stderr
