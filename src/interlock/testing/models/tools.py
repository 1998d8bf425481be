"""Operations as calls of the tools that a client offers; each client names them in its own way."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from interlock.testing.models.conversation import Offered
from interlock.testing.models.script import Call, Edit, Operation, Shell, Write

_WRITERS: Final = ("Write", "write_file", "write", "create_file")
_EDITORS: Final = ("Edit", "replace", "edit", "edit_file", "str_replace")
_EITHER: Final = ("str_replace_based_edit_tool", "str_replace_editor")
_SHELLS: Final = (
    "Bash",
    "exec_command",
    "shell_command",
    "shell",
    "local_shell",
    "run_shell_command",
    "bash",
    "execute_command",
    "run_command",
    "terminal",
)
_PATHS: Final = ("file_path", "filePath", "absolute_path", "path", "filename")
_TEXTS: Final = ("content", "file_text", "text", "contents")
_OLDS: Final = ("old_string", "oldString", "old_str", "old_text", "old")
_NEWS: Final = ("new_string", "newString", "new_str", "new_text", "new")
_COMMANDS: Final = ("command", "cmd", "script")
_WAIT: Final = "yield_time_ms"
_WAIT_MS: Final = 30_000
_FILLED: Final[Mapping[str, object]] = {
    "boolean": False,
    "integer": 1,
    "number": 1,
    "array": [],
    "object": {},
}

# Every shell has awk; the file keeps its mode and its owner. The dot keeps the empty lines at its
# end, which a shell would take away. Not by a file beside it: Codex lets no `rm -f` through.
_EDIT: Final = (
    "edited=$(OLD={old} NEW={new} awk '"
    'BEGIN{{o=ENVIRON["OLD"]; n=ENVIRON["NEW"]}} '
    '{{s=s $0 "\\n"}} '
    'END{{i=index(s,o); if(!i){{print "no such text in the file" > "/dev/stderr"; exit 3}}; '
    'printf "%s%s%s.", substr(s,1,i-1), n, substr(s,i+length(o))}}'
    '\' {path}) && printf %s "${{edited%.}}" > {path}'
)


class Called(msgspec.Struct, frozen=True):
    """A call as the client will get it: an object by the tool's schema, or free text."""

    tool: str
    input: Mapping[str, object] | str


class NoSuchTool(Exception):
    """The client offers nothing that could do this operation."""


def as_call(operation: Operation, tools: Sequence[Offered], folder: str | None) -> Called:
    """Prefers the tool made for it; what has none becomes a patch or a shell command."""
    offers = {tool.name: tool for tool in tools}
    match operation:
        case Call(tool, given):
            return Called(tool, given)
        case Shell(command):
            return _shell(command, offers)
        case Write(path, text):
            return _write(_inside(path, folder), text, offers)
        case Edit(path, old, new):
            return _edit(_inside(path, folder), old, new, offers)


def _inside(path: str, folder: str | None) -> str:
    """Some clients take absolute paths only."""
    if folder is None or path.startswith("/"):
        return path
    return f"{folder.rstrip('/')}/{path}"


def _write(path: str, text: str, offers: Mapping[str, Offered]) -> Called:
    if (tool := _first(_WRITERS, offers)) is not None:
        return _filled(tool, ((_PATHS, path), (_TEXTS, text)))
    if (tool := _first(_EITHER, offers)) is not None:
        return Called(tool.name, {"command": "create", "path": path, "file_text": text})
    parent = path.rpartition("/")[0]
    made = f"mkdir -p {shlex.quote(parent)} && " if parent else ""
    return _shell(f"{made}printf %s {shlex.quote(text)} > {shlex.quote(path)}", offers)


def _edit(path: str, old: str, new: str, offers: Mapping[str, Offered]) -> Called:
    if (tool := _first(_EDITORS, offers)) is not None:
        return _filled(tool, ((_PATHS, path), (_OLDS, old), (_NEWS, new)))
    if (tool := _first(_EITHER, offers)) is not None:
        places = {"path": path, "old_str": old, "new_str": new}
        return Called(tool.name, {"command": "str_replace", **places})
    patcher = offers.get("apply_patch")
    if patcher is not None and (patch := _patch(path, old, new)) is not None:
        if patcher.free_text:
            return Called(patcher.name, patch)
        return _filled(patcher, ((("input", "patch"), patch),))
    quoted = {"path": shlex.quote(path), "old": shlex.quote(old), "new": shlex.quote(new)}
    return _shell(_EDIT.format(**quoted), offers)


def _patch(path: str, old: str, new: str) -> str | None:
    """None for a part of a line: a patch replaces whole ones."""
    if not (old.endswith("\n") and (new.endswith("\n") or not new)):
        return None
    lines = [f"-{line}" for line in old.splitlines()] + [f"+{line}" for line in new.splitlines()]
    body = "\n".join(["*** Begin Patch", f"*** Update File: {path}", "@@", *lines])
    return f"{body}\n*** End Patch\n"


def _shell(command: str, offers: Mapping[str, Offered]) -> Called:
    tool = _first(_SHELLS, offers)
    if tool is None:
        raise NoSuchTool(
            f"none of the tools offered runs a shell command: {', '.join(sorted(offers))}; "
            "name one with `call`"
        )
    name = next((name for name in _COMMANDS if name in tool.fields), _COMMANDS[0])
    schema = tool.fields.get(name)
    if isinstance(schema, dict) and schema.get("type") == "array":
        return _filled(tool, ((_COMMANDS, ["bash", "-c", command]),))
    # What takes longer than such a tool waits would be left running, and its words unheard.
    waits = (((_WAIT,), _WAIT_MS),) if _WAIT in tool.fields else ()
    return _filled(tool, ((_COMMANDS, command), *waits))


def _first(names: Sequence[str], offers: Mapping[str, Offered]) -> Offered | None:
    return next((offers[name] for name in names if name in offers), None)


def _filled(tool: Offered, values: Sequence[tuple[Sequence[str], object]]) -> Called:
    """Each value under the first of its names that the tool knows, and what else it requires."""
    given: dict[str, object] = {}
    for names, value in values:
        known = (name for name in names if name in tool.fields)
        given[next(known, names[0])] = value
    for name in tool.required:
        if name not in given:
            given[name] = _something(tool.fields.get(name))
    return Called(tool.name, given)


def _something(schema: object) -> object:
    known = schema if isinstance(schema, dict) else {}
    choices = known.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    return _FILLED.get(str(known.get("type")), "as the script says")
