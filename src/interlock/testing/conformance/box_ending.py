"""How a box ends, and everything that was started in it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from interlock.sandbox.ports import (
    OUTBOX,
    BoxLimits,
    BoxOrder,
    BoxRefused,
    Mount,
    Promises,
    RunningBox,
    Sandbox,
)
from interlock.sandbox.running import run_to_end
from interlock.testing.conformance.boxes import (
    ESCAPE,
    PYTHON,
    SOON_SECONDS,
    BoxFixture,
    end_all,
    living,
    script,
    shell,
    token,
    until,
)


class EndingSuite(BoxFixture):
    """When a box ends, and however it ends, what it started ends too."""

    async def _escaped(self, sandbox: Sandbox) -> tuple[RunningBox, str]:
        mark = token()
        box = await sandbox.start(script(ESCAPE, mark))
        assert await until(lambda: bool(living(mark)))
        return box, mark

    async def test_kill_ends_what_left_its_session(
        self, sandbox: Sandbox, promises: Promises
    ) -> None:
        box, mark = await self._escaped(sandbox)
        await box.kill()
        left = living(mark)
        end_all(left)
        assert (await box.wait()).stopped_for == "killed"
        if promises.ends_all_children:
            assert left == set()

    async def test_a_normal_end_leaves_nothing(self, sandbox: Sandbox, promises: Promises) -> None:
        box, mark = await self._escaped(sandbox)
        await box.close_stdin()
        ended = await box.wait()
        left = living(mark)
        end_all(left)
        assert (ended.code, ended.stopped_for) == (0, "")
        if promises.ends_all_children:
            assert left == set()

    async def test_time_runs_out(self, sandbox: Sandbox) -> None:
        mark = token()
        box = await sandbox.start(BoxOrder(("sleep", mark), limits=BoxLimits(seconds=0.3)))
        async with asyncio.timeout(SOON_SECONDS):
            ended = await box.wait()
        assert ended.stopped_for == "time"
        assert ended.code != 0
        assert living(mark) == set()

    async def test_too_much_output_ends_it(self, sandbox: Sandbox) -> None:
        limits = BoxLimits(seconds=20.0, output_bytes=1000)
        done = await run_to_end(sandbox, BoxOrder(("yes",), limits=limits))
        assert done.ended.stopped_for == "output"
        assert len(done.stdout) == 1000

    async def test_killing_twice_is_killing_once(self, sandbox: Sandbox) -> None:
        box = await sandbox.start(BoxOrder(("sleep", token())))
        await box.kill()
        await box.kill()
        assert (await box.wait()).stopped_for == "killed"

    async def test_whoever_cancels_has_killed(self, sandbox: Sandbox) -> None:
        mark = token()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run_to_end(sandbox, BoxOrder(("sleep", mark))))
            assert await until(lambda: bool(living(mark)))
            running.cancel()
        assert running.cancelled()
        assert living(mark) == set()

    async def test_a_frozen_box_holds_still(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        mount = Mount(tmp_path, OUTBOX, writable=True)
        text = f"while :; do echo x >> {OUTBOX}/ticks; sleep 0.01; done"
        box = await sandbox.start(shell(text, mount))
        ticks = tmp_path / "ticks"
        try:
            assert await until(ticks.exists)
            try:
                await box.freeze()
            except BoxRefused:
                assert not promises.ends_all_children
                return
            size = ticks.stat().st_size
            await asyncio.sleep(0.3)
            assert ticks.stat().st_size == size
            await box.thaw()
            assert await until(lambda: ticks.stat().st_size > size)
            await box.freeze()
        finally:
            await box.kill()
        assert (await box.wait()).stopped_for == "killed"

    @pytest.mark.timeout(60)
    async def test_a_plane_that_is_killed_leaves_nothing(self, promises: Promises) -> None:
        if not promises.ends_all_children:
            return
        mark = token()
        module, name = self.KIND.split(":")
        plane = await asyncio.create_subprocess_exec(
            *(PYTHON, "-c", PLANE, module, name, mark),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert plane.stdout is not None
            assert await plane.stdout.readline() == b"started\n"
            assert await until(lambda: len(living(mark)) == 2)
        finally:
            plane.kill()
            await plane.wait()
        gone = await until(lambda: not living(mark))
        end_all(living(mark))
        assert gone


PLANE = """
import asyncio, importlib, sys
from interlock.sandbox.ports import BoxOrder

module, name, mark = sys.argv[1:]

async def main():
    sandbox = getattr(importlib.import_module(module), name)()
    escape = f"(setsid sh -c 'setsid sleep {mark} & exec sleep {mark}' &)"
    box = await sandbox.start(BoxOrder(("sh", "-c", f"{escape}; exec cat")))
    print("started", flush=True)
    await box.wait()

asyncio.run(main())
"""
