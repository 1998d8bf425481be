"""What a thousand tasks weigh in the picture.

A fresh process rebuilds a picture of finished tasks from its snapshot; what it then holds more than
before is the weight. Measured as resident memory, because the persistent maps are not Python's.
"""

import asyncio
import ctypes
import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median

from benchmarks.document import Result, Scale, rounded
from benchmarks.histories import Template, tell
from benchmarks.stage import REPO
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import EPOCH
from interlock.engine.ports import Snapshot
from interlock.flows.run.recovery import picture_of, read_picture, snapshot_of

RUNS = 20
"""As many ended runs as a picture keeps."""


def measure(scale: Scale) -> list[Result]:
    template = Template(scale.of(500, 5))
    snapshot = asyncio.run(_snapshot(template))
    weights = []
    for _ in range(scale.times):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
            weights.append(fresh.submit(weigh, snapshot).result())
    tasks = weights[0][0]
    per_thousand = median(grown / tasks * 1_000 / 2**20 for _, grown in weights)
    return [
        Result(
            "memory_per_1000_tasks", rounded(per_thousand), "MiB",
            note=f"{tasks} finished tasks; their snapshot has "
            f"{len(snapshot.data) / tasks * 1_000 / 2**20:.2f} MiB per 1,000",
        )
    ]  # fmt: skip


def weigh(snapshot: Snapshot) -> tuple[int, int]:
    """How many tasks there are, and how many bytes the process has grown by."""
    before = _resident()
    picture = picture_of(snapshot)
    return len(picture.tasks), _resident() - before


async def _snapshot(template: Template) -> Snapshot:
    log = MemoryEventLog(MemoryStore())
    await log.append(template.prologue(), EPOCH)
    await tell(log, template, 1, RUNS * len(template.run))
    return snapshot_of(await read_picture(log, None, REPO))


def _resident() -> int:
    gc.collect()
    with suppress(OSError, AttributeError):  # only the usual C library of Linux has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
