"""Drives an agent in a process of its own, so that a test can kill whoever drives it.

`python -m interlock.testing.conformance.driving` reads a pickled `Drive` and prints the session of
the conversation as soon as it is known; it ends with the agent.
"""

import asyncio
import pickle
import sys
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from interlock.sandbox.ports import Sandbox
from interlock.testing.conformance.agents import place_in
from interlock.workers.agents.ports import Agent, Assignment


class Drive(msgspec.Struct, frozen=True):
    """Which agent does what, and where."""

    agent: Agent
    assignment: Assignment
    folder: Path
    sandbox: Sandbox


@runtime_checkable
class Resumable(Protocol):
    """A turn that knows what its conversation is called."""

    @property
    def session(self) -> str:
        """Empty until it is known."""
        ...


async def drive(order: Drive) -> None:
    told = ""
    place = place_in(order, order.assignment.models)
    async with order.agent.start(order.assignment, place) as turn:
        assert isinstance(turn, Resumable)
        async for _ in turn.events():
            if turn.session != told:
                told = turn.session
                print(told, flush=True)


if __name__ == "__main__":
    asyncio.run(drive(pickle.load(sys.stdin.buffer)))  # noqa: S301 - from the test that started us
