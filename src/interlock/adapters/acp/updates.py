"""What an agent tells of its turn, as events.

The pieces of its speech are put together, its tool calls are followed to their end. Agents name a
tool call first and say later what it is about, so one is told as soon as that is
known, and at the latest when it is over.
"""

import posixpath
from typing import Final

import msgspec
from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    FileEditToolCallContent,
    SessionNotification,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)

from interlock.workers.agents.ports import AgentEvent, Called, Moved, Said, Touched

SPEECH_PIECE: Final = 4_000
"""Speech is told in pieces of about this many characters, at the end of a line where there is one.
"""

SUMMARY_MAX: Final = 2_000
CALLS_MAX: Final = 200
"""As many tool calls are remembered; agents do few at once."""

PATHS_MAX: Final = 500
"""Of one more than that are known, so that it shows."""

CHANGING: Final = frozenset({"edit", "delete", "move"})
"""Kinds of tools whose locations are changed files."""

_TOOLS: Final = {
    "delete": "Delete",
    "edit": "Edit",
    "execute": "Bash",
    "fetch": "Fetch",
    "move": "Move",
    "read": "Read",
    "search": "Search",
    "switch_mode": "SwitchMode",
    "think": "Think",
}
"""The protocol's kinds of tools, as other agents call theirs: a rule holds for all of them."""

_COMMAND: Final = ("command", "cmd")
_PATHS: Final = ("file_path", "filePath", "path", "absolute_path", "notebook_path")


class Call(msgspec.Struct, frozen=True):
    """A tool call as far as it is known: the protocol's kind of tool, and what it is used on."""

    kind: str = "other"
    title: str = ""
    command: str = ""
    paths: tuple[str, ...] = ()
    told: bool = False

    @property
    def tool(self) -> str:
        return _TOOLS.get(self.kind, "Other")

    @property
    def detail(self) -> str:
        """The command, or the paths, or what it calls itself."""
        return self.command or "\n".join(self.paths) or self.title


class Updates:
    """Reads one session's updates, in their order."""

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd
        self._speech = ""
        self._said = ""
        self._calls: dict[str, Call] = {}

    def read(self, heard: SessionNotification) -> tuple[AgentEvent, ...]:
        match heard.update:
            case AgentMessageChunk(content=TextContentBlock(text=text)):
                return self._speak(text)
            case ToolCallStart() | ToolCallProgress() as update:
                return (*self.rest(), *self._use(update))
            case AgentPlanUpdate(entries=entries) if entries:
                done = sum(entry.status == "completed" for entry in entries)
                return (Moved(min(99, 100 * done // len(entries))),)
            case _:
                return ()

    def rest(self) -> tuple[Said, ...]:
        """What it has said and nobody has heard yet."""
        speech, self._speech = self._speech, ""
        return (Said(speech.strip("\n")),) if speech.strip() else ()

    @property
    def last_words(self) -> str:
        """What it has said since its last tool call."""
        return self._said.strip()

    def learn(self, update: ToolCallUpdate) -> Call:
        """What is known of a call, with what a question about it adds."""
        call = self._call(update)
        self._keep(update.tool_call_id, call)
        return call

    # --- speech ----------------------------------------------------------------------------------

    def _speak(self, text: str) -> tuple[AgentEvent, ...]:
        self._said = (self._said + text)[-SUMMARY_MAX:]
        self._speech += text
        if len(self._speech) < SPEECH_PIECE:
            return ()
        ready, end, rest = self._speech.rpartition("\n")
        self._speech = rest if end else ""
        return (Said(ready if end else rest),)

    # --- tools -----------------------------------------------------------------------------------

    def _call(self, update: ToolCallUpdate) -> Call:
        """What is known of a call, with what this adds."""
        known = self._calls.get(update.tool_call_id, Call())
        return Call(
            update.kind or known.kind,
            update.title or known.title,
            _command(update.raw_input) or known.command,
            self._paths(update) or known.paths,
            known.told,
        )

    def _use(self, update: ToolCallStart | ToolCallProgress) -> tuple[AgentEvent, ...]:
        self._said = ""
        call = self._call(_as_update(update))
        over = update.status in {"completed", "failed"}
        events: list[AgentEvent] = []
        if not call.told and (over or call.command or call.paths):
            events.append(Called(call.tool, call.detail))
            call = msgspec.structs.replace(call, told=True)
        if update.status == "failed":
            events.append(Called(call.tool, f"failed: {call.detail}"))
        elif over and call.kind in CHANGING:
            events += map(Touched, call.paths)
        self._keep(update.tool_call_id, None if over else call)
        return tuple(events)

    def _keep(self, name: str, call: Call | None) -> None:
        self._calls.pop(name, None)
        if call is not None:
            self._calls[name] = call
        if len(self._calls) > CALLS_MAX:
            del self._calls[next(iter(self._calls))]

    def _paths(self, update: ToolCallUpdate) -> tuple[str, ...]:
        content = update.content or ()
        found = [each.path for each in content if isinstance(each, FileEditToolCallContent)]
        found += [location.path for location in update.locations or ()]
        given = update.raw_input if isinstance(update.raw_input, dict) else {}
        found += [given[name] for name in _PATHS if isinstance(given.get(name), str)]
        return tuple(dict.fromkeys(map(self.within, found[: PATHS_MAX + 1])))

    def within(self, path: str) -> str:
        """Relative to the workspace where it lies in it, without detours in any case."""
        plain = posixpath.normpath(path)
        inside = plain.removeprefix(f"{self._cwd}/")
        return inside if inside != plain else plain


def _as_update(update: ToolCallStart | ToolCallProgress) -> ToolCallUpdate:
    return ToolCallUpdate(
        tool_call_id=update.tool_call_id,
        kind=update.kind,
        title=update.title,
        content=update.content,
        locations=update.locations,
        raw_input=update.raw_input,
    )


def _command(given: object) -> str:
    """A command line, however the agent writes it down."""
    if not isinstance(given, dict):
        return ""
    for name in _COMMAND:
        match given.get(name):
            case str(text):
                return text
            case [str(shell), "-c" | "-lc", str(text)] if shell.endswith("sh"):
                return text
            case list(words):
                return " ".join(map(str, words))
            case _:
                continue
    return ""
