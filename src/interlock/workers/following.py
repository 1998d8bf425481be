"""Follows an agent from its first word to its last, and ends it when it must.

Two coroutines: one listens to the agent; one waits for whatever comes first of a word from the
plane, the end of its time, and the next look at the disk. Neither polls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final

import msgspec

from interlock.engine.ports import Clock
from interlock.engine.supervisor import Supervisor
from interlock.sandbox.ports import BoxRefused
from interlock.sandbox.said import FirstAndLast
from interlock.workers.agents.ports import (
    AgentEvent,
    Called,
    Ended,
    Moved,
    Said,
    Touched,
    Turn,
    Used,
    Wanted,
)
from interlock.workers.reins import Reins
from interlock.workers.telling import Teller

POLITE_SECONDS: Final = 10.0
"""An agent that was asked to stop has this long; then its box is ended."""

SILENT_SECONDS: Final = 30.0
"""An agent whose box has ended has this long to say so."""

PROGRESS_REPORTS_MAX: Final = 120
PROGRESS_SECONDS_MIN: Final = 0.25
PROGRESS_LEAP: Final = 10
"""No more news of progress than that: the log holds facts, not chatter."""

DISK_SECONDS: Final = 5.0
DISK_SHARE: Final = 20.0
"""The disk is looked at this often, and never for more than a twentieth of the time."""

TRANSCRIPT_PART_BYTES: Final = 256_000


class Stop(StrEnum):
    """Why the agent was ended before it ended by itself."""

    ASKED = "asked"
    INTERRUPTED = "interrupted"
    TIME = "time"
    DISK = "disk"


class Course(msgspec.Struct, frozen=True):
    """How it went: its own end, or what ended it and why in a sentence."""

    end: Ended
    stop: Stop | None = None
    why: str = ""
    used: Used = Used()


class Watch(msgspec.Struct, frozen=True):
    """How long an agent may work, and who says that the disk is full because of it."""

    seconds: float
    over_quota: Callable[[], Awaitable[str]]


class Follower:
    """One agent at work, seen from outside."""

    def __init__(
        self, turn: Turn, teller: Teller, reins: Reins, watch: Watch, clock: Clock
    ) -> None:
        self._turn, self._teller, self._reins = turn, teller, reins
        self._watch, self._clock = watch, clock
        self._said = FirstAndLast(TRANSCRIPT_PART_BYTES)
        self._stop: Stop | None = None
        self._why = ""
        self._question = ""
        self._used = Used()
        self._progress = _Progress(clock)

    def transcript(self) -> bytes:
        """What it said and did: of much the first and the last part."""
        complaints = self._turn.box.complaints()
        more = b"\n--- standard error ---\n" + complaints if complaints.strip() else b""
        return self._said.text() + more

    async def follow(self) -> Course:
        """Returns when nothing of the agent is left to be heard."""
        try:
            async with asyncio.timeout(None) as patience, Supervisor() as supervisor:
                supervisor.start("steer", self._steer(patience))
                end = await self._listen()
                supervisor.cancel_all()
        except TimeoutError:
            end = Ended(broken="it did not come to its end although its box was ended")
        return Course(end, self._stop, self._why, self._used)

    # --- listening -------------------------------------------------------------------------------

    async def _listen(self) -> Ended:
        async for event in self._turn.events():
            if isinstance(event, Ended):
                return event
            self._note(event)
            match event:
                case Moved(percent=percent, activity=activity):
                    if self._progress.is_news(percent, activity):
                        await self._teller.progressed(percent, activity)
                case Wanted():
                    self._question = self._question or _question(event)
                    self._reins.wake()
                case Used():
                    self._used = _added(self._used, event)
                case _:
                    continue
        return Ended(broken="it fell silent without saying how it ended")

    def _note(self, event: AgentEvent) -> None:
        self._said.add(_line(event).encode(errors="replace") + b"\n")

    # --- steering --------------------------------------------------------------------------------

    async def _steer(self, patience: asyncio.Timeout) -> None:
        left, looked, pause = self._watch.seconds, self._clock.monotonic(), DISK_SECONDS
        while True:
            before = self._clock.monotonic()
            still = self._reins.holds_still
            disk_in = looked + pause - before
            await self._reins.told(disk_in if still else min(left, disk_in))
            now = self._clock.monotonic()
            left -= 0 if still else now - before
            if await self._shall_stop(left):
                break
            await self._hold_or_go_on()
            if now - looked >= pause:
                why = await self._watch.over_quota()
                looked = self._clock.monotonic()
                pause = max(DISK_SECONDS, DISK_SHARE * (looked - now))
                if why:
                    self._stop, self._why = Stop.DISK, why
                    break
        await self._end(patience)

    async def _shall_stop(self, seconds_left: float) -> bool:
        if self._question:
            self._stop, self._why = Stop.ASKED, self._question
        elif self._reins.end:
            self._stop, self._why = Stop.INTERRUPTED, self._reins.end
        elif seconds_left <= 0:
            minutes = self._watch.seconds / 60
            self._stop, self._why = Stop.TIME, f"it was not done within {minutes:g} minutes"
        return self._stop is not None

    async def _hold_or_go_on(self) -> None:
        reins, box = self._reins, self._turn.box
        if reins.shall_hold == reins.holds_still:
            return
        if not reins.shall_hold:
            await box.thaw()
            reins.holds_still = False
            return
        try:
            await box.freeze()
        except BoxRefused as refusal:
            # The plane ends what does not hold still in time; nothing is claimed that is not so.
            self._said.add(f"[cannot hold still: {refusal}]\n".encode())
            reins.shall_hold = False
            return
        reins.holds_still = True
        await self._teller.frozen()

    async def _end(self, patience: asyncio.Timeout) -> None:
        """Politely, then for good; the one who listens hears the end, or gives up at last."""
        box = self._turn.box
        if self._stop is not Stop.DISK:
            if self._reins.holds_still:
                await box.thaw()
            with suppress(TimeoutError, BoxRefused):
                async with asyncio.timeout(POLITE_SECONDS):
                    await self._turn.interrupt()
                    await box.wait()
        await box.kill()
        patience.reschedule(asyncio.get_running_loop().time() + SILENT_SECONDS)


class _Progress:
    """Lets through what is news, and not too much of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[int, object] | None = None
        self._at = float("-inf")
        self._reports = 0

    def is_news(self, percent: int, activity: object) -> bool:
        """A tenth of the way is told at once: others may be waiting for just that."""
        now = self._clock.monotonic()
        known = self._last == (percent, activity)
        leap = self._last is None or percent - self._last[0] >= PROGRESS_LEAP
        too_soon = now - self._at < PROGRESS_SECONDS_MIN and not leap
        if known or too_soon or self._reports >= PROGRESS_REPORTS_MAX:
            return False
        self._last, self._at = (percent, activity), now
        self._reports += 1
        return True


def _question(wanted: Wanted) -> str:
    about = f" (about {wanted.tool})" if wanted.tool else ""
    options = f" Options: {'; '.join(wanted.options)}." if wanted.options else ""
    return f"{wanted.question}{about}{options}"


def _added(used: Used, more: Used) -> Used:
    costs = [cost for cost in (used.cost_usd, more.cost_usd) if cost is not None]
    return Used(
        used.input_tokens + more.input_tokens,
        used.output_tokens + more.output_tokens,
        used.cached_tokens + more.cached_tokens,
        sum(costs) if costs else None,
    )


def _line(event: AgentEvent) -> str:  # noqa: PLR0911 - one case per event
    match event:
        case Said(text=text):
            return text
        case Called(tool=tool, detail=detail):
            return f"[{tool}] {detail}"
        case Touched(path=path):
            return f"[changed] {path}"
        case Moved(percent=percent, activity=activity):
            return f"[{percent} %] {activity or ''}".rstrip()
        case Wanted():
            return f"[asks] {_question(event)}"
        case Used():
            return f"[used] {event.input_tokens} in, {event.output_tokens} out"
        case Ended():
            return f"[ended] {event.failed or event.broken or event.summary}"
