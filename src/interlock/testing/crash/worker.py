"""A worker process: `python -m interlock.testing.crash.worker <folder> <worker> <start>`.

It works until it is ended. A lost transport does not end it: what it worked on is gone, and it
joins again as a new life of itself, as one that was started again would.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence
from typing import Final

from interlock.adapters.pretend.worker import Performance, PretendWorker, Profile
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.domain.ids import WorkerId
from interlock.engine.dispatch import Job
from interlock.engine.errors import PartLost
from interlock.testing.crash.house import House, open_link, read_house

LIVES_MAX: Final = 1_000
"""Of one process; the session of a life must grow over all processes of a worker."""

PAUSE_SECONDS: Final = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m interlock.testing.crash.worker")
    parser.add_argument("folder")
    parser.add_argument("worker")
    parser.add_argument("start", type=int, help="the how many-th process of this worker")
    options = parser.parse_args(arguments)
    asyncio.run(_work(read_house(options.folder), WorkerId(options.worker), options.start))
    return 0


async def _work(house: House, worker: WorkerId, start: int) -> None:
    dice = random.Random(f"{worker}/{start}")
    for life in range(LIVES_MAX):
        try:
            await _one_life(house, worker, start * LIVES_MAX + life, dice)
        except* PartLost as losses:
            print(losses.exceptions[0], file=sys.stderr, flush=True)
        await asyncio.sleep(PAUSE_SECONDS)


async def _one_life(house: House, worker: WorkerId, session: int, dice: random.Random) -> None:
    def play(job: Job) -> Performance:
        seconds = dice.uniform(house.task_seconds_min, house.task_seconds_max)
        return Performance(seconds, steps=2, summary=f"by session {session} of {job.worker_id}")

    link = await open_link(house, worker)
    try:
        profile = Profile(
            worker,
            capacity=house.capacity,
            session=session,
            heartbeat_seconds=house.heartbeat_seconds,
        )
        await PretendWorker(profile, link, SystemClock(), RandomIds(), play).run()
    finally:
        await link.close()


if __name__ == "__main__":
    sys.exit(main())
