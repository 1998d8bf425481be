"""A pretend target in a folder: landing is one atomic compare-and-swap that outlives any kill.

    target/00000001.json    {"commit": "r-t3.1.0", "key": "r-t3#1", "task_id": "r-t3", "token": 1}
    target/00000002.json    lies on the one before

Commit n + 1 gets its name by a hard link, which fails where that name is taken: of two planes that
land on the same head at the same instant one wins, and a killed one leaves all of it or nothing.
"""

import asyncio
import os
import random
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.pretend.world import LandedCommit
from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.ids import CommitId
from interlock.engine.acts import Candidate, Judged, Landed, Landing, NotLanded, Prepared

BASE: Final = CommitId("base")
ACT_SECONDS_MAX: Final = 0.03
LANDED_SECONDS: Final = 0.03
"""Long enough for a kill to fall between a landing and its record."""


class FileTarget:
    """Acts on a folder; any number of processes may land there at once."""

    def __init__(self, folder: Path, dice: random.Random | None = None) -> None:
        self._folder, self._dice = folder, dice or random.Random(0)
        folder.mkdir(exist_ok=True)

    def commits(self) -> list[LandedCommit]:
        """Everything that has landed, in its order."""
        files = sorted(self._folder.glob("*.json"))
        return [msgspec.json.decode(file.read_bytes(), type=LandedCommit) for file in files]

    def count(self) -> int:
        return len(list(self._folder.glob("*.json")))

    async def judge(self, candidate: Candidate) -> Judged:
        await self._take_time()
        return Judged(Judgement.PASSED, f"attempt {candidate.attempt} looks well (pretend)")

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded:
        await self._take_time()
        commits = self.commits()
        head = commits[-1].commit if commits else BASE
        if candidate.change is None:
            return Prepared(head, None)
        name = f"{candidate.task_id}.{candidate.attempt}.{len(commits)}"
        return Prepared(head, CommitId(name))

    async def land(self, landing: Landing) -> Landed | NotLanded:
        if landing.prepared is None:
            return Landed(None)
        commits = self.commits()
        head = commits[-1].commit if commits else BASE
        await self._take_time()
        if head != landing.base or not self._swap(len(commits) + 1, landing, landing.prepared):
            return NotLanded(LandingRefusal.TARGET_MOVED, "somebody else was faster (pretend)")
        await asyncio.sleep(LANDED_SECONDS)
        return Landed(landing.prepared)

    async def find_landing(self, landing: Landing) -> Landed | None:
        if any(commit.key == landing.key for commit in self.commits()):
            return Landed(landing.prepared)
        return None

    def _swap(self, number: int, landing: Landing, prepared: CommitId) -> bool:
        commit = LandedCommit(prepared, landing.key, landing.task_id, landing.token)
        beside = self._folder / f"{number}.{os.getpid()}.tmp"
        beside.write_bytes(msgspec.json.encode(commit))
        try:
            (self._folder / f"{number:08}.json").hardlink_to(beside)
        except FileExistsError:
            return False
        finally:
            beside.unlink()
        return True

    async def _take_time(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.0, ACT_SECONDS_MAX))
