"""Starts Claude Code in the box of an attempt and keeps the conversation with it."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock.adapters.claude.command import LAUNCH, arguments_of, environment_of, is_session
from interlock.adapters.claude.conversation import ClaudeConversation
from interlock.adapters.claude.program import CLAUDE
from interlock.workers.agents.ports import Assignment, Place
from interlock.workers.agents.talking import TalkingTurn


class ClaudeAgent:
    """Finds it on `path`, the PATH of its host, unless the profile names it."""

    simulated = False

    def __init__(self, path: str = os.defpath) -> None:
        self._path = path

    @asynccontextmanager
    async def start(self, assignment: Assignment, place: Place) -> AsyncIterator[TalkingTurn]:
        command = CLAUDE.locate(assignment.profile.run, self._path)
        session = assignment.session if is_session(assignment.session) else str(uuid.uuid4())
        box = await place.start(
            ("sh", "-c", LAUNCH, "sh", session, *command, *arguments_of(assignment)),
            environment_of(assignment),
            programs=command[:1],
        )
        try:
            yield TalkingTurn("claude", box, ClaudeConversation(assignment, session))
        finally:
            await box.kill()
