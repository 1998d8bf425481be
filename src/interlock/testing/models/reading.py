"""Scripts out of YAML or JSON; a wrong file is refused as a whole, with every fault.

    scripts:
      fix:                                     # a prompt names it: [[script:fix]]
        - say: I look first.                   # words beside what the step does
          run: ls
        - edit: {path: app.py, old: a - b, new: a + b}
          tokens: {input: 1200, cached: 800, output: 60}
          faults: [{status: 429, retry_after: 1, times: 2}]
        - say: Done.                           # a step that calls no tool ends the turn
    default: fix                               # for prompts that name none

Pure: the text comes in, the scripts or their faults go out.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec
import yaml

from interlock.testing.models.script import (
    NAME,
    USUAL_TOKENS,
    Call,
    Drop,
    Edit,
    Fault,
    Malformed,
    Operation,
    Refuse,
    ScriptFaults,
    Scripts,
    Shell,
    Silent,
    Stall,
    Step,
    Tokens,
    Trouble,
    Write,
    wrong_step,
)
from interlock.workers.agents.yaml_bounds import out_of_bounds

CHARACTERS_MAX: Final = 2_000_000
SECONDS_MAX: Final = 86_400.0
TOKENS_MAX: Final = 10**9
TIMES_MAX: Final = 10**6

_Made = TypeVar("_Made")

_STATUSES: Final = (400, 599)
_BESIDE: Final = ("say", "tokens", "faults")
_TOKENS: Final = ("input", "cached", "cache_write", "output", "reasoning")
_TROUBLES: Final = ("status", "drop", "malformed", "stall", "silent")


def read_scripts(text: str, name: str) -> Scripts:
    """Raises ScriptFaults with all faults at once; `name` is the file's, for their places."""
    reader = _Reader(name)
    scripts = reader.scripts(text)
    if reader.faults:
        raise ScriptFaults(tuple(reader.faults))
    return scripts


class _Wrong(Exception):
    """One value is wrong: what it should be; caught where reading can go on."""

    def __init__(self, node: yaml.Node, wanted: str) -> None:
        super().__init__(wanted)
        self.line = _line(node)


class _Reader:
    """Collects faults while it reads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def scripts(self, text: str) -> Scripts:
        root = self._document(text)
        if root is None:
            return Scripts({})
        fields = self._fields(root, ("scripts", "default"))
        listed = fields.get("scripts")
        if listed is None:
            self._fault(1, "there are no scripts; write `scripts:` with the steps of each")
            return Scripts({})
        read = {name: self._script(name, node) for name, node in self._named(listed).items()}
        default = fields.get("default")
        if default is None:
            return Scripts(read)
        if not isinstance(default, yaml.ScalarNode) or default.value not in read:
            self._fault(_line(default), f"`default` must be one of {', '.join(sorted(read))}")
            return Scripts(read)
        return Scripts(read, str(default.value))

    def _document(self, text: str) -> yaml.Node | None:
        if len(text) > CHARACTERS_MAX:
            most = f"{CHARACTERS_MAX} is the most; split it"
            self._fault(1, f"it has {len(text)} characters, {most}")
            return None
        try:
            if (wrong := out_of_bounds(text)) is not None:
                self._fault(*wrong)
                return None
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error)
            self._fault(1 if mark is None else mark.line + 1, f"this is not YAML: {problem}")
            return None
        if root is None:
            self._fault(1, "it is empty; write `scripts:` with the steps of each")
        return root

    def _named(self, node: yaml.Node) -> Mapping[str, yaml.Node]:
        named = self._fields(node, None)
        for name, value in named.items():
            if re.fullmatch(NAME, name) is None:
                mend = "use letters, digits and _ . - so that a prompt can name it"
                self._fault(_line(value), f"a script cannot be called {name[:64]!r}; {mend}")
        return named

    def _script(self, name: str, node: yaml.Node) -> tuple[Step, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fault(_line(node), f"`{name}` must be a list of steps")
            return ()
        before = len(self.faults)
        steps = tuple(self._step(entry) for entry in node.value)
        if len(self.faults) == before:
            for number, entry in enumerate(node.value):
                if (wrong := wrong_step(steps, number)) is not None:
                    self._fault(_line(entry), f"this step {wrong}")
        return steps

    def _step(self, node: yaml.Node) -> Step:
        fields = self._fields(node, (*_OPERATIONS, "together", *_BESIDE))
        verbs = [name for name in fields if name not in _BESIDE]
        if len(verbs) > 1:
            mend = "make them steps, or list them under `together`"
            self._fault(_line(node), f"one step does {' and '.join(verbs)}; {mend}")
        say = fields.get("say")
        return Step(
            self._read("say", say, _text) or "" if say is not None else "",
            tuple(self._operations(fields)),
            self._tokens(fields.get("tokens")),
            tuple(self._faults_of(fields.get("faults"))),
        )

    def _operations(self, fields: Mapping[str, yaml.Node]) -> list[Operation]:
        together = fields.get("together")
        given = [fields] if together is None else []
        if isinstance(together, yaml.SequenceNode) and together.value:
            given = [self._fields(entry, tuple(_OPERATIONS)) for entry in together.value]
        elif together is not None:
            self._fault(_line(together), "`together` must be a list of what the step does at once")
        read = []
        for each in given:
            for name, maker in _OPERATIONS.items():
                if name in each and (made := self._read(name, each[name], maker)) is not None:
                    read.append(made)
        return read

    def _tokens(self, node: yaml.Node | None) -> Tokens:
        if node is None:
            return USUAL_TOKENS
        counts = {
            name: self._read(name, value, lambda node: _number(node, TOKENS_MAX)) or 0
            for name, value in self._fields(node, _TOKENS).items()
        }
        return Tokens(**{name: int(count) for name, count in counts.items()})

    def _faults_of(self, node: yaml.Node | None) -> list[Fault]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._fault(_line(node), "`faults` must be a list; the first one is met first")
            return []
        known = (*_TROUBLES, "retry_after", "delay", "slow", "times")
        return [self._one_fault(entry, self._fields(entry, known)) for entry in node.value]

    def _one_fault(self, node: yaml.Node, fields: Mapping[str, yaml.Node]) -> Fault:
        troubles = [name for name in _TROUBLES if name in fields]
        if len(troubles) > 1:
            self._fault(_line(node), f"one fault is {' and '.join(troubles)}; list them apart")
        if "retry_after" in fields and "status" not in fields:
            self._fault(_line(node), "`retry_after` belongs to a `status`; give one, such as 429")
        seconds = {
            name: self._read(name, fields[name], lambda node: _number(node, SECONDS_MAX)) or 0.0
            for name in ("delay", "slow", "retry_after")
            if name in fields
        }
        times = fields.get("times")
        return Fault(
            self._trouble(troubles, fields, seconds.pop("retry_after", None)),
            times=1 if times is None else self._read("times", times, _times),
            **seconds,
        )

    def _trouble(
        self, names: list[str], fields: Mapping[str, yaml.Node], retry_after: float | None
    ) -> Trouble | None:
        if not names:
            return None
        name, node = names[0], fields[names[0]]
        if name == "silent":
            return Silent()
        if name == "status":
            status = self._read(name, node, _status)
            return None if status is None else Refuse(status, retry_after)
        after = int(self._read(name, node, lambda node: _number(node, TIMES_MAX)) or 0)
        if name == "drop":
            return Drop(after)
        return Malformed(after) if name == "malformed" else Stall(after)

    def _fields(self, node: yaml.Node, known: tuple[str, ...] | None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            names = "names with values" if known is None else f"some of {', '.join(known)}"
            self._fault(_line(node), f"here must be {names}")
            return {}
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if known is not None and name not in known:
                where = f"known: {', '.join(known)}"
                self._fault(_line(key), f"`{name[:64]}` is not known here; {where}")
            elif name in fields:
                self._fault(_line(key), f"`{name[:64]}` stands here twice; take one away")
            else:
                fields[name] = value
        return fields

    def _read(
        self, name: str, node: yaml.Node, maker: Callable[[yaml.Node], _Made]
    ) -> _Made | None:
        try:
            return maker(node)
        except _Wrong as wrong:
            self._fault(wrong.line, f"`{name}` must be {wrong}")
            return None

    def _fault(self, line: int, what: str) -> None:
        self.faults.append(f"{self._name}:{line}: {what}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise _Wrong(node, "a text")


def _number(node: yaml.Node, most: float) -> float:
    wanted = f"a number from 0 to {most:g}"
    try:
        number = float(_text(node))
    except ValueError:
        raise _Wrong(node, wanted) from None
    if not 0 <= number <= most:
        raise _Wrong(node, wanted)
    return number


def _status(node: yaml.Node) -> int:
    least, most = _STATUSES
    status = _number(node, most)
    if status < least or status != int(status):
        raise _Wrong(node, f"a status from {least} to {most}")
    return int(status)


def _times(node: yaml.Node) -> int | None:
    """`always` is None."""
    if isinstance(node, yaml.ScalarNode) and node.value == "always":
        return None
    number = _number(node, TIMES_MAX)
    if number < 1 or number != int(number):
        raise _Wrong(node, "a whole number from 1, or `always`")
    return int(number)


def _texts(node: yaml.Node, names: tuple[str, ...]) -> tuple[str, ...]:
    wanted = f"{{{', '.join(names)}}}"
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(node, wanted)
    fields = {_text(key): _text(value) for key, value in node.value}
    if fields.keys() != set(names):
        raise _Wrong(node, wanted)
    return tuple(fields[name] for name in names)


def _write(node: yaml.Node) -> Operation:
    path, text = _texts(node, ("path", "text"))
    return Write(path, text)


def _edit(node: yaml.Node) -> Operation:
    path, old, new = _texts(node, ("path", "old", "new"))
    if not old:
        raise _Wrong(node, "{path, old, new} with a text to look for in `old`")
    return Edit(path, old, new)


def _call(node: yaml.Node) -> Operation:
    wanted = "{tool, input}: a tool's name and its input, an object or a text"
    try:
        given = yaml.CSafeLoader("").construct_document(node)
    except yaml.YAMLError:
        raise _Wrong(node, wanted) from None
    if not isinstance(given, dict) or given.keys() != {"tool", "input"}:
        raise _Wrong(node, wanted)
    tool, put = given["tool"], given["input"]
    if not isinstance(tool, str) or not isinstance(put, dict | str):
        raise _Wrong(node, wanted)
    try:
        msgspec.json.encode(put)
    except (TypeError, ValueError):
        raise _Wrong(node, "{tool, input} with an input that JSON can hold") from None
    return Call(tool, put)


_OPERATIONS: Final[Mapping[str, Callable[[yaml.Node], Operation]]] = {
    "write": _write,
    "edit": _edit,
    "run": lambda node: Shell(_text(node)),
    "call": _call,
}
