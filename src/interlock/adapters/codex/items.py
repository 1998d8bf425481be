"""What Codex does, item by item: its words, its commands and its patches, as events."""

import posixpath
import shlex
from collections.abc import Sequence
from typing import Final

from interlock.sandbox.ports import WORKSPACE
from interlock.workers.agents.json_lines import (
    Document,
    count_in,
    documents_in,
    text_in,
    value_in,
)
from interlock.workers.agents.pending import DETAIL_MAX
from interlock.workers.agents.ports import AgentEvent, Called, Moved, Said, Touched

SHELL: Final = "Bash"
EDIT: Final = "Edit"
"""The names that rules know for every agent."""

PATCHES_MAX: Final = 64
"""As many patches are remembered until somebody asks about them; of more the oldest go."""

PATHS_MAX: Final = 500
"""Of one patch; nobody can judge more, so a longer one is not remembered, and not granted."""

_SHELL_WORDS: Final = 3
_FLAGS: Final = frozenset({"-c", "-lc"})

_UNDONE: Final = frozenset({"declined", "failed"})


class Items:
    """Follows the items of one conversation."""

    def __init__(self) -> None:
        self._folder = WORKSPACE
        self._patches: dict[str, tuple[str, ...]] = {}
        self.last_words = ""

    def begin_in(self, folder: str) -> None:
        """Where it says that it works; some kinds of box show the workspace at another place."""
        self._folder = folder.rstrip("/") or WORKSPACE

    def started(self, item: Document) -> tuple[AgentEvent, ...]:
        match text_in(item, "type"):
            case "commandExecution":
                return (Called(SHELL, bare(text_in(item, "command"))),)
            case "fileChange":
                paths = changed_in(item, self._folder)
                self._remember(text_in(item, "id"), paths)
                return (Called(EDIT, "\n".join(paths)),)
            case "mcpToolCall" | "dynamicToolCall":
                return (Called(_tool(item)),)
            case _:
                return ()

    def completed(self, item: Document) -> tuple[AgentEvent, ...]:
        match text_in(item, "type"):
            case "agentMessage" if text := text_in(item, "text"):
                self.last_words = text
                return (Said(text),)
            case "commandExecution":
                return _undone(SHELL, item, bare(text_in(item, "command")))
            case "fileChange":
                self._patches.pop(text_in(item, "id"), None)
                paths = changed_in(item, self._folder)
                if text_in(item, "status") == "completed":
                    return tuple(map(Touched, paths[:PATHS_MAX]))
                return _undone(EDIT, item, ", ".join(paths[:PATHS_MAX]))
            case "mcpToolCall" | "dynamicToolCall":
                return _undone(_tool(item), item, text_in(item, "error", "message"))
            case _:
                return ()

    def patch(self, name: str) -> tuple[str, ...]:
        """The files of a patch that is asked about; none, where they are not known."""
        return self._patches.get(name, ())

    def _remember(self, name: str, paths: Sequence[str]) -> None:
        if len(paths) > PATHS_MAX:
            return
        self._patches[name] = tuple(paths)
        if len(self._patches) > PATCHES_MAX:
            del self._patches[next(iter(self._patches))]


def changed_in(item: Document, folder: str) -> list[str]:
    """Every file of a patch, and where it is moved to."""
    paths: dict[str, None] = {}
    for change in documents_in(item, "changes"):
        for path in (text_in(change, "path"), text_in(change, "kind", "move_path")):
            if path:
                paths[_within(folder, path)] = None
    return list(paths)


def _within(folder: str, path: str) -> str:
    """Relative to the folder where it lies in it, without detours in any case."""
    return posixpath.normpath(path).removeprefix(f"{folder}/")


def bare(command: str) -> str:
    """Without the shell that it is wrapped in, so that a rule reads `git *` as one expects."""
    if len(command) > DETAIL_MAX:
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    wrapped = len(words) == _SHELL_WORDS and words[1] in _FLAGS and words[0].endswith("sh")
    return words[2] if wrapped else command


def progress_in(params: Document) -> tuple[AgentEvent, ...]:
    """How far it is in the plan that it made for itself."""
    steps = documents_in(params, "plan")
    if not steps:
        return ()
    done = sum(text_in(step, "status") == "completed" for step in steps)
    return (Moved(min(99, 100 * done // len(steps))),)


def _undone(tool: str, item: Document, what: str) -> tuple[AgentEvent, ...]:
    how = text_in(item, "status")
    if how not in _UNDONE:
        return ()
    code = f" with exit code {count_in(item, 'exitCode')}" if value_in(item, "exitCode") else ""
    return (Called(tool, f"{how}{code}: {what}"),)


def _tool(item: Document) -> str:
    names = (text_in(item, "server"), text_in(item, "tool"))
    return ".".join(name for name in names if name) or "a tool without a name"
