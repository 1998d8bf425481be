"""Follows an agent from its first word to its last, and ends it when it must.

Two coroutines: one listens to the agent; one waits for whatever comes first of a word from the
plane, the end of its time, a cap that is reached, and the next look at the disk. Neither polls.

A question that no rule answers is told to the plane at once, one at a time. The agent stays at its
work while a person thinks, for a few minutes; then it is parked and its worker is free.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final

import msgspec

from interlock.domain.usage import Usage
from interlock.engine.ports import Clock
from interlock.engine.supervisor import Supervisor
from interlock.sandbox.ports import BoxRefused
from interlock.sandbox.said import FirstAndLast
from interlock.workers.agents.ports import (
    AgentEvent,
    AgentRefused,
    Called,
    Ended,
    Moved,
    Said,
    Touched,
    Turn,
    Used,
    Wanted,
)
from interlock.workers.answering import LastWords
from interlock.workers.models.ports import OverCap
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

USAGE_SECONDS: Final = 15.0
"""What was used is told this often while it grows: the log need not know every request."""

USAGE_REPORTS_MAX: Final = 20

TRANSCRIPT_PART_BYTES: Final = 256_000


class Stop(StrEnum):
    """Why the agent was ended before it ended by itself."""

    ASKED = "asked"
    INTERRUPTED = "interrupted"
    TIME = "time"
    DISK = "disk"
    BUDGET = "budget"


class Course(msgspec.Struct, frozen=True):
    """How it went: its own end, or what ended it and why in a sentence."""

    end: Ended
    stop: Stop | None = None
    why: str = ""
    used: Used | None = None
    asked: Wanted | None = None
    cap: str = ""


async def _never() -> OverCap:
    """No cap is ever reached."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


class Watch(msgspec.Struct, frozen=True):
    """How long an agent may work, who says that the disk is full because of it, or its budget.

    `rule` answers its questions where settings can. What they cannot answer keeps it at its work
    for `question_seconds` at most.
    """

    seconds: float
    over_quota: Callable[[], Awaitable[str]]
    rule: Callable[[Wanted], str] = lambda _: ""
    question_seconds: float = 0.0
    breached: Callable[[], Awaitable[OverCap]] = _never
    usage: Callable[[], Usage | None] = lambda: None
    trouble: Callable[[], str] = lambda: ""


class Follower:
    """One agent at work, seen from outside."""

    def __init__(
        self, turn: Turn, teller: Teller, reins: Reins, watch: Watch, clock: Clock
    ) -> None:
        self._turn, self._teller, self._reins = turn, teller, reins
        self._watch, self._clock = watch, clock
        self._said = FirstAndLast(TRANSCRIPT_PART_BYTES)
        self._words = LastWords()
        self._stop: Stop | None = None
        self._why = ""
        self._questions: deque[Wanted] = deque()
        self._asked_at: float | None = None
        self._used: Used | None = None
        self._over_cap: OverCap | None = None
        self._metering = _Metering(teller, watch, clock)
        self._progress = _Progress(clock)

    def transcript(self) -> bytes:
        """What it said and did: of much the first and the last part."""
        complaints = self._turn.box.complaints()
        more = b"\n--- standard error ---\n" + complaints if complaints.strip() else b""
        return self._said.text() + more

    def words(self) -> bytes:
        """What it said to people: of much the last part."""
        return self._words.text()

    async def follow(self) -> Course:
        """Returns when nothing of the agent is left to be heard."""
        try:
            async with asyncio.timeout(None) as patience, Supervisor() as supervisor:
                supervisor.start("steer", self._steer(patience))
                supervisor.start("budget", self._heed_budget())
                end = await self._listen()
                if self._over_cap is not None and self._stop is None:
                    # Its client gave up before we did.
                    self._stop, self._why = Stop.BUDGET, self._over_cap.why
                supervisor.cancel_all()
        except TimeoutError:
            end = Ended(broken="it did not come to its end although its box was ended")
        asked = self._questions[0] if self._stop is Stop.ASKED else None
        cap = "" if self._over_cap is None else self._over_cap.cap
        return Course(end, self._stop, self._why, self._used, asked, cap)

    async def _heed_budget(self) -> None:
        self._over_cap = await self._watch.breached()
        self._reins.wake()

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
                    await self._wanted(event)
                case Used():
                    self._used = event if self._used is None else _added(self._used, event)
                case _:
                    continue
        return Ended(broken="it fell silent without saying how it ended")

    async def _wanted(self, wanted: Wanted) -> None:
        answer = self._watch.rule(wanted)
        if answer:
            await self._answer(wanted, answer)
        else:
            self._questions.append(wanted)
            self._reins.wake()

    async def _answer(self, wanted: Wanted, answer: str) -> None:
        self._said.add(f"[answered] {answer}\n".encode(errors="replace"))
        try:
            await self._turn.answer(wanted.id, answer)
        except (AgentRefused, BoxRefused) as refusal:
            self._said.add(f"[not heard] {refusal}\n".encode(errors="replace"))

    def _note(self, event: AgentEvent) -> None:
        self._words.add(event)
        self._said.add(_line(event).encode(errors="replace") + b"\n")

    # --- steering --------------------------------------------------------------------------------

    async def _steer(self, patience: asyncio.Timeout) -> None:
        left, looked, pause = self._watch.seconds, self._clock.monotonic(), DISK_SECONDS
        while True:
            before = self._clock.monotonic()
            still = self._reins.holds_still or self._asked_at is not None
            disk_in = looked + pause - before
            await self._reins.told(min(disk_in, self._patience_left() if still else left))
            now = self._clock.monotonic()
            left -= 0 if still else now - before
            await self._see_to_questions()
            if await self._shall_stop(left):
                break
            await self._hold_or_go_on()
            await self._metering.look()
            if now - looked >= pause:
                why = await self._watch.over_quota()
                looked = self._clock.monotonic()
                pause = max(DISK_SECONDS, DISK_SHARE * (looked - now))
                if why:
                    self._stop, self._why = Stop.DISK, why
                    break
        await self._end(patience)

    async def _shall_stop(self, seconds_left: float) -> bool:
        if self._over_cap is not None:
            self._stop, self._why = Stop.BUDGET, self._over_cap.why
        elif self._reins.end:
            self._stop, self._why = Stop.INTERRUPTED, self._reins.end
        elif self._questions and self._patience_left() <= 0:
            self._stop, self._why = Stop.ASKED, question_text(self._questions[0])
        elif seconds_left <= 0:
            minutes = self._watch.seconds / 60
            self._stop, self._why = Stop.TIME, f"it was not done within {minutes:g} minutes"
        return self._stop is not None

    def _patience_left(self) -> float:
        """With the question that a person was asked."""
        if self._asked_at is None:
            return float("inf") if not self._questions else 0.0
        return self._asked_at + self._watch.question_seconds - self._clock.monotonic()

    async def _see_to_questions(self) -> None:
        """Hand on the answer that came, and ask what comes next."""
        while self._questions and self._asked_at is not None:
            first = self._questions[0]
            answer = self._reins.answered(first.id)
            if answer is None:
                return
            self._questions.popleft()
            self._asked_at, self._reins.asking = None, ""
            await self._answer(first, answer)
        if self._questions and self._watch.question_seconds > 0 and not self._reins.end:
            first = self._questions[0]
            self._asked_at, self._reins.asking = self._clock.monotonic(), first.id
            await self._teller.questioned(first, question_text(first))

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


class _Metering:
    """Tells what was used while it grows, and not too often."""

    def __init__(self, teller: Teller, watch: Watch, clock: Clock) -> None:
        self._teller, self._watch, self._clock = teller, watch, clock
        self._told: Usage | None = None
        self._trouble = ""
        self._next = clock.monotonic() + USAGE_SECONDS
        self._reports = 0

    async def look(self) -> None:
        now = self._clock.monotonic()
        trouble = self._watch.trouble()
        early = now < self._next and trouble == self._trouble
        if early or self._reports >= USAGE_REPORTS_MAX:
            return
        self._next = now + USAGE_SECONDS
        usage = self._watch.usage()
        news = usage != self._told or trouble != self._trouble
        if usage is not None and news and (usage.requests or trouble):
            self._told, self._trouble = usage, trouble
            self._reports += 1
            await self._teller.metered(usage, trouble)


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


def question_text(wanted: Wanted) -> str:
    """For people: the question, what it is about, and what can be answered."""
    about = f" (about {wanted.tool})" if wanted.tool and wanted.tool not in wanted.question else ""
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
            return f"[asks] {question_text(event)}"
        case Used():
            return f"[used] {event.input_tokens} in, {event.output_tokens} out"
        case Ended():
            return f"[ended] {event.failed or event.broken or event.summary}"
