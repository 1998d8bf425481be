"""Facts about commands: what somebody asked of the plane, and what it answered."""

from interlock.domain.command import Command
from interlock.domain.facts.base import Fact
from interlock.domain.ids import CommandId, RunId
from interlock.domain.lifecycle import Refusal


class CommandGiven(Fact, frozen=True):
    """Somebody asked for something; the event's actor is who."""

    command_id: CommandId
    command: Command


class CommandAccepted(Fact, frozen=True):
    """The plane did it, in the same append as the facts it caused."""

    command_id: CommandId
    run_id: RunId | None = None


class CommandRefused(Fact, frozen=True):
    """The plane did not do it, and says why."""

    command_id: CommandId
    refusal: Refusal
