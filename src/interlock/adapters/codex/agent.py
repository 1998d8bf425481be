"""Starts Codex in the box of an attempt and keeps the conversation with it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock.adapters.codex.command import environment_of, launched
from interlock.adapters.codex.conversation import CodexConversation
from interlock.adapters.codex.program import CODEX
from interlock.workers.agents.ports import Assignment, Place
from interlock.workers.agents.talking import TalkingTurn


class CodexAgent:
    """Finds it on `path`, the PATH of its host, unless the profile names it."""

    simulated = False

    def __init__(self, path: str = os.defpath) -> None:
        self._path = path

    @asynccontextmanager
    async def start(self, assignment: Assignment, place: Place) -> AsyncIterator[TalkingTurn]:
        command = CODEX.locate(assignment.profile.run, self._path)
        box = await place.start(
            launched(assignment, command), environment_of(assignment), programs=command[:1]
        )
        try:
            yield TalkingTurn("codex", box, CodexConversation(assignment))
        finally:
            await box.kill()
