"""A worker process is killed or loses its plane; the next one finds its work and keeps it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock.adapters.files.blobs import FileBlobs
from interlock.adapters.processes.dispatch import SocketDispatch
from interlock.adapters.system.ids import RandomIds
from interlock.domain.settings import AgentProfile
from interlock.engine.dispatch import Finished, Joined, Left, Started
from tests.e2e.worker_stage import Plane, Stage, cleared, git, seen_in, staged

pytestmark = pytest.mark.timeout(120)

MAIN = Path(__file__).with_name("worker_main.py")
SLOW = AgentProfile("default", "command", run=("/bin/sh", "-c", "echo half > half.py; sleep 1000"))


@asynccontextmanager
async def plane_at(folder: Path) -> AsyncIterator[Plane]:
    dispatch = await SocketDispatch.listen(folder, RandomIds())
    try:
        yield Plane(dispatch)
    finally:
        await dispatch.close()


async def started(stage: Stage, session: int) -> asyncio.subprocess.Process:
    folder = stage.root.parent
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(MAIN),
        str(folder),
        str(session),
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def ended(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    return out.decode()


async def test_the_work_of_a_killed_worker_is_rescued_by_the_next(short_path: Path):
    async with staged(short_path) as stage, plane_at(short_path) as plane:
        stage.blobs = FileBlobs(stage.store / "blobs")
        first = await started(stage, 1)
        await plane.until(Joined)
        job = await stage.job(SLOW)
        await plane.give(job)
        await plane.until(Started, job.lease)
        (half,) = await seen_in(stage, "half.py")
        first.send_signal(signal.SIGKILL)
        await ended(first)
        assert half.exists()

        second = await started(stage, 2)
        joined = await plane.until(Joined)
        while joined.session != 2:
            joined = await plane.until(Joined)
        pin = f"refs/interlock/rescue/{job.task_id}/1"
        assert git(stage.root, "show", f"{pin}:half.py") == "half"
        second.terminate()
        await plane.until(Left)
        numbers = json.loads(await ended(second))
        assert second.returncode == 0
        # Only now: this plane offers the job again, and the second may have begun it.
        await cleared(stage)
        assert git(stage.root, "for-each-ref", "refs/interlock/bases") == ""
        assert numbers["peak_kb"] < 100_000


async def test_a_worker_asked_to_stop_rescues_and_reports(short_path: Path):
    async with staged(short_path) as stage, plane_at(short_path) as plane:
        stage.blobs = FileBlobs(stage.store / "blobs")
        worker = await started(stage, 1)
        await plane.until(Joined)
        job = await stage.job(SLOW)
        await plane.give(job)
        await seen_in(stage, "half.py")
        worker.terminate()
        end = await plane.until(Finished, job.lease)
        assert end.result.error_class == "interrupted"
        await plane.until(Left)
        await ended(worker)
        assert worker.returncode == 0
        await cleared(stage)


async def test_a_workspace_of_somebody_alive_is_left_alone(short_path: Path):
    async with staged(short_path) as stage, plane_at(short_path) as plane:
        stage.blobs = FileBlobs(stage.store / "blobs")
        worker = await started(stage, 1)
        await plane.until(Joined)
        job = await stage.job(SLOW)
        await plane.give(job)
        (half,) = await seen_in(stage, "half.py")
        assert (await stage.gateway().open()).sentences == ()
        assert half.exists()
        worker.terminate()
        await plane.until(Left)
        await ended(worker)
