"""A pretend target: judging takes time, landing moves a head, and everything is counted."""

import random

import msgspec

from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.ids import CommitId, TaskId, Token
from interlock.engine.acts import Candidate, Judged, Landed, Landing, NotLanded, Prepared
from interlock.engine.ports import Clock


class LandedCommit(msgspec.Struct, frozen=True):
    """One commit on the pretend target; a key of None is somebody else's push."""

    commit: CommitId
    key: str | None
    task_id: TaskId | None
    token: Token


class Temper(msgspec.Struct, frozen=True):
    """How kind the world is: probabilities, and how long its acts take at most."""

    judge_fails: float = 0.0
    judge_errs: float = 0.0
    conflicts: float = 0.0
    others_push: float = 0.0
    act_seconds_max: float = 0.0


class Target:
    """What outlives every process: the commits on the target, in order."""

    def __init__(self) -> None:
        self.commits: list[LandedCommit] = []

    @property
    def head(self) -> CommitId:
        return self.commits[-1].commit if self.commits else CommitId("base")


class PretendWorld:
    """Acts on a pretend target, with seeded bad luck."""

    def __init__(
        self,
        target: Target,
        clock: Clock,
        temper: Temper | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self._target, self._clock = target, clock
        self._temper = temper or Temper()
        self._dice = dice or random.Random(0)

    def calm(self) -> None:
        """From now on everything succeeds at once."""
        self._temper = Temper()

    async def judge(self, candidate: Candidate) -> Judged:
        await self._take_time()
        draw = self._dice.random()
        if draw < self._temper.judge_errs:
            return Judged(Judgement.ERROR, "the gate's program is missing (pretend)")
        if draw < self._temper.judge_errs + self._temper.judge_fails:
            return Judged(Judgement.FAILED, f"attempt {candidate.attempt} broke a test (pretend)")
        return Judged(Judgement.PASSED)

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded:
        await self._take_time()
        if self._dice.random() < self._temper.conflicts:
            return NotLanded(LandingRefusal.CONFLICT, "both sides changed the same line (pretend)")
        base = self._target.head
        if candidate.change is None:
            return Prepared(base, None)
        await self._take_time()
        return Prepared(
            base, CommitId(f"{candidate.task_id}.{candidate.attempt}.{len(self._target.commits)}")
        )

    async def land(self, landing: Landing) -> Landed | NotLanded:
        await self._take_time()
        if landing.prepared is None:
            return Landed(None)
        if self._dice.random() < self._temper.others_push:
            self._push(
                LandedCommit(CommitId(f"push.{len(self._target.commits)}"), None, None, Token(0))
            )
        if self._target.head != landing.base:
            return NotLanded(LandingRefusal.TARGET_MOVED, "somebody else was faster (pretend)")
        self._push(LandedCommit(landing.prepared, landing.key, landing.task_id, landing.token))
        return Landed(landing.prepared)

    async def find_landing(self, landing: Landing) -> Landed | None:
        await self._take_time()
        if any(commit.key == landing.key for commit in self._target.commits):
            return Landed(landing.prepared)
        return None

    def _push(self, commit: LandedCommit) -> None:
        self._target.commits.append(commit)

    async def _take_time(self) -> None:
        if self._temper.act_seconds_max:
            await self._clock.sleep(self._dice.uniform(0.0, self._temper.act_seconds_max))
