"""Commands: each is recorded under the identity of who gave it, and answered by the plane.

Whoever gives one may wait for the answer or leave: the command stands in the log and is carried out
by whichever plane acts next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from interlock.control.errors import NotAllowed
from interlock.domain.actor import Actor
from interlock.domain.command import Command, StartRun
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.goal import Goal
from interlock.domain.ids import CommandId, RepoId, RunId
from interlock.domain.lifecycle import Refusal
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.engine.ports import Blobs, Clock, EventLog, IdSource, NewEvent, StreamWrite
from interlock.flows.run.pictures import command_stream

PAGE: Final = 500


class Given(msgspec.Struct, frozen=True):
    """The command is in the log; its answer comes after `position`."""

    command_id: CommandId
    position: int


class Accepted(msgspec.Struct, frozen=True):
    """The plane did it."""

    command_id: CommandId
    run_id: RunId | None = None


class Refused(msgspec.Struct, frozen=True):
    """The plane did not do it, and why."""

    command_id: CommandId
    refusal: Refusal


class Unanswered(msgspec.Struct, frozen=True):
    """Nobody answered in time; the command stays in the log until a plane takes it up."""

    command_id: CommandId


Answer = Accepted | Refused | Unanswered


class Commands:
    """Gives commands to the plane of one repository, whichever process runs it."""

    def __init__(
        self,
        repo_id: RepoId,
        log: EventLog,
        open_blobs: Callable[[], Blobs],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._repo_id, self._log, self._open_blobs = repo_id, log, open_blobs
        self._clock, self._ids = clock, ids

    async def give(
        self, actor: Actor, command: Command, command_id: CommandId | None = None
    ) -> Given:
        """Record it; durable when this returns."""
        _demand_permission(actor, command)
        new_id = command_id or CommandId(self._ids.new("command-"))
        event = NewEvent(CommandGiven(new_id, command), actor)
        write = StreamWrite(command_stream(self._repo_id), None, (event,))
        recorded = await self._log.append([write], self._clock.now())
        return Given(new_id, recorded[-1].position)

    async def ask(
        self,
        actor: Actor,
        command: Command,
        timeout_seconds: float,
        given_to: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        """Record it and wait for the answer, but no longer than this.

        `given_to` is called once the command is recorded: it may see to it that somebody answers.
        """
        bell = self._log.listen()  # Before the command, so that no answer can be missed.
        try:
            given = await self.give(actor, command)
            if given_to is not None:
                await given_to()
            deadline = self._clock.monotonic() + timeout_seconds
            seen = given.position
            while True:
                answer, seen = await self._answer(given, seen)
                if answer is not None:
                    return answer
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    return Unanswered(given.command_id)
                await bell.rung(left)
        finally:
            bell.close()

    async def _answer(self, given: Given, seen: int) -> tuple[Answer | None, int]:
        """Look through what was recorded after `seen`."""
        while events := await self._log.read(seen, PAGE):
            for event in events:
                match event.fact:
                    case CommandAccepted(given.command_id, run_id):
                        return Accepted(given.command_id, run_id), event.position
                    case CommandRefused(given.command_id, refusal):
                        return Refused(given.command_id, refusal), event.position
                    case _:
                        seen = event.position
        return None, seen

    async def start_run(self, plan: Plan, limits: RunLimits) -> StartRun:
        """The command that carries this plan out; the plan is stored, nothing is asked for yet."""
        blob = await self._open_blobs().put(msgspec.json.encode(plan))
        flags = tuple(sorted(flag for flag, on in plan.flags.items() if on))
        return StartRun(RunId(self._ids.new("run-")), Goal(plan.goal, flags), blob, limits)


def _demand_permission(actor: Actor, command: Command) -> None:
    """An agent works and reports; what happens to tasks, its own included, others decide."""
    if actor.kind == "agent":
        asked = type(command).__name__
        raise NotAllowed(
            f"{actor} is an agent, and agents give no commands ({asked}): "
            "a person or the plane decides"
        )
