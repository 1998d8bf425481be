"""What a scripted agent shall do, read from YAML or JSON; a wrong script is refused as a whole.

    tasks:
      schema:                                  # the plan's name of the task
        - steps:                               # the first attempt
            - write: {path: app/models.py, text: "..."}
            - progress: 60
        - steps: [{run: "make fmt"}]           # the second, and every one after it
    any:                                       # for tasks that are not named
      - steps: [{say: nothing to do}]

Pure: the text comes in, the script or its faults go out.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import yaml

from interlock.domain.ids import TaskName
from interlock.domain.task import Activity
from interlock.workers.agents.yaml_bounds import out_of_bounds

CHARACTERS_MAX: Final = 2_000_000
SECONDS_MAX: Final = 86_400.0
FLOOD_BYTES_MAX: Final = 10_000_000_000


class _Step(msgspec.Struct, frozen=True, tag_field="step"):
    """One thing to do."""


class Write(_Step, frozen=True, tag="write"):
    """The file has this text."""

    path: str
    text: str


class Append(_Step, frozen=True, tag="append"):
    """The text goes to the end of the file."""

    path: str
    text: str


class Replace(_Step, frozen=True, tag="replace"):
    """Every `old` in the file becomes `new`; the attempt fails where there is none."""

    path: str
    old: str
    new: str


class Delete(_Step, frozen=True, tag="delete"):
    """The file goes; the attempt fails where there is none."""

    path: str


class Run(_Step, frozen=True, tag="run"):
    """A shell command; the attempt fails unless it ends with `expect` (None: any exit code)."""

    command: str
    expect: int | None = 0


class Sleep(_Step, frozen=True, tag="sleep"):
    """Time passes."""

    seconds: float


class Progress(_Step, frozen=True, tag="progress"):
    """It says how far it is."""

    percent: int
    activity: Activity | None = None


class Say(_Step, frozen=True, tag="say"):
    """Text for people."""

    text: str


class Ask(_Step, frozen=True, tag="ask"):
    """A question to a person; after the answer the attempt goes on behind it."""

    question: str
    options: tuple[str, ...] = ()


class Commit(_Step, frozen=True, tag="commit"):
    """Commit everything with this message."""

    message: str


class Fail(_Step, frozen=True, tag="fail"):
    """Give up with this reason."""

    reason: str


class Hang(_Step, frozen=True, tag="hang"):
    """Never come back, with children that would not either."""


class Crash(_Step, frozen=True, tag="crash"):
    """Die by a signal in the middle of a word."""


class Flood(_Step, frozen=True, tag="flood"):
    """Say this many bytes."""

    bytes: int


Step = (
    Write
    | Append
    | Replace
    | Delete
    | Run
    | Sleep
    | Progress
    | Say
    | Ask
    | Commit
    | Fail
    | Hang
    | Crash
    | Flood
)
Steps = tuple[Step, ...]


class Script(msgspec.Struct, frozen=True):
    """For each task the steps of each of its attempts."""

    tasks: Mapping[str, tuple[Steps, ...]] = {}
    any: tuple[Steps, ...] = ()

    def steps_for(self, task: TaskName, attempt: int) -> Steps | None:
        """The last attempt described stands for all after it; None: no such task is known."""
        attempts = self.tasks.get(task, self.any)
        return attempts[min(attempt, len(attempts)) - 1] if attempts else None


class ScriptFaults(Exception):
    """The script is wrong; every fault is a sentence with its place."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_script(text: str, name: str) -> Script:
    """Raises ScriptFaults with all faults at once; `name` is the file's, for their places."""
    reader = _Reader(name)
    script = reader.script(text)
    if reader.faults:
        raise ScriptFaults(tuple(reader.faults))
    return script


class _Wrong(Exception):
    """One value is wrong; caught where reading can go on."""


class _Reader:
    """Collects faults while it reads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def script(self, text: str) -> Script:
        if len(text) > CHARACTERS_MAX:
            self._fault(1, f"it has {len(text)} characters, {CHARACTERS_MAX} is the most")
            return Script()
        try:
            if (wrong := out_of_bounds(text, aliases=True)) is not None:
                self._fault(*wrong)
                return Script()
            root = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error)
            self._fault(1 if mark is None else mark.line + 1, f"this is not YAML: {problem}")
            return Script()
        if root is None:
            self._fault(1, "it is empty; write `tasks:` with the steps of each task")
            return Script()
        fields = self._mapping(root, ("tasks", "any"))
        tasks = fields.get("tasks")
        named = self._tasks(tasks) if tasks is not None else {}
        everybody = fields.get("any")
        return Script(named, self._attempts(everybody) if everybody is not None else ())

    def _tasks(self, node: yaml.Node) -> dict[str, tuple[Steps, ...]]:
        return {name: self._attempts(value) for name, value in self._mapping(node, None).items()}

    def _attempts(self, node: yaml.Node) -> tuple[Steps, ...]:
        attempts = self._listing(node, "a list of attempts, each with `steps`")
        read = []
        for attempt in attempts:
            fields = self._mapping(attempt, ("steps",))
            if "steps" in fields:
                read.append(self._steps(fields["steps"]))
            elif isinstance(attempt, yaml.MappingNode):
                self._fault(_line(attempt), "this attempt has no `steps`")
        return tuple(read)

    def _steps(self, node: yaml.Node) -> Steps:
        steps: list[Step] = []
        for entry in self._listing(node, "a list of steps"):
            fields = self._mapping(entry, tuple(_MAKERS))
            if len(fields) != 1:
                if isinstance(entry, yaml.MappingNode) and len(entry.value) != 1:
                    self._fault(_line(entry), "a step is one verb with its value")
                continue
            ((verb, value),) = fields.items()
            try:
                steps.append(_MAKERS[verb](value))
            except _Wrong as wrong:
                self._fault(_line(value), f"`{verb}` wants {wrong}")
        return tuple(steps)

    def _mapping(self, node: yaml.Node, known: tuple[str, ...] | None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fault(_line(node), "here must be names with values")
            return {}
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if known is not None and name not in known:
                self._fault(_line(key), f"`{name}` is not known here; known: {', '.join(known)}")
            elif name in fields:
                self._fault(_line(key), f"`{name}` stands here twice")
            else:
                fields[name] = value
        return fields

    def _listing(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fault(_line(node), f"here must be {what}")
            return []
        return list(node.value)

    def _fault(self, line: int, what: str) -> None:
        self.faults.append(f"{self._name}:{line}: {what}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _text(node: yaml.Node, what: str = "a text") -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise _Wrong(what)


def _fields(node: yaml.Node, needed: tuple[str, ...], more: tuple[str, ...] = ()) -> dict[str, str]:
    what = f"{{{', '.join(needed)}}}"
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(what)
    fields = {_text(key): _text(value, what) for key, value in node.value}
    if not set(needed) <= fields.keys() <= {*needed, *more}:
        raise _Wrong(what)
    return fields


def _path(text: str) -> str:
    """A script stays in its workspace; the box would hold it there anyway."""
    parts = text.split("/")
    if not text or text.startswith("/") or ".." in parts or "\0" in text:
        raise _Wrong("a path inside the workspace")
    return text


def _number(text: str, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _Wrong(what) from None
    if not 0 <= number <= most:
        raise _Wrong(f"{what}, {most:g} at most")
    return number


def _write(node: yaml.Node) -> Step:
    fields = _fields(node, ("path", "text"))
    return Write(_path(fields["path"]), fields["text"])


def _append(node: yaml.Node) -> Step:
    fields = _fields(node, ("path", "text"))
    return Append(_path(fields["path"]), fields["text"])


def _replace(node: yaml.Node) -> Step:
    fields = _fields(node, ("path", "old", "new"))
    if not fields["old"]:
        raise _Wrong("a text to look for in `old`")
    return Replace(_path(fields["path"]), fields["old"], fields["new"])


def _run(node: yaml.Node) -> Step:
    if isinstance(node, yaml.ScalarNode):
        return Run(_text(node))
    fields = _fields(node, ("command",), ("expect",))
    expect = fields.get("expect", "0")
    return Run(
        fields["command"], None if expect == "any" else int(_number(expect, 255, "an exit code"))
    )


def _progress(node: yaml.Node) -> Step:
    if isinstance(node, yaml.ScalarNode):
        return Progress(int(_number(_text(node), 100, "a percentage")))
    fields = _fields(node, ("percent",), ("activity",))
    percent = int(_number(fields["percent"], 100, "a percentage"))
    activity = fields.get("activity")
    if activity is not None and activity not in list(Activity):
        raise _Wrong(f"an activity out of {', '.join(Activity)}")
    return Progress(percent, None if activity is None else Activity(activity))


def _ask(node: yaml.Node) -> Step:
    if isinstance(node, yaml.ScalarNode):
        return Ask(_text(node))
    what = "{question, options}"
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(what)
    fields = {_text(key): value for key, value in node.value}
    options = fields.pop("options", None)
    if fields.keys() != {"question"} or not isinstance(options, yaml.SequenceNode | None):
        raise _Wrong(what)
    texts = () if options is None else tuple(_text(option) for option in options.value)
    return Ask(_text(fields["question"]), texts)


_MAKERS: Final[Mapping[str, Callable[[yaml.Node], Step]]] = {
    "write": _write,
    "append": _append,
    "replace": _replace,
    "delete": lambda node: Delete(_path(_text(node))),
    "run": _run,
    "sleep": lambda node: Sleep(_number(_text(node), SECONDS_MAX, "seconds")),
    "progress": _progress,
    "say": lambda node: Say(_text(node)),
    "ask": _ask,
    "commit": lambda node: Commit(_text(node)),
    "fail": lambda node: Fail(_text(node)),
    "hang": lambda _: Hang(),
    "crash": lambda _: Crash(),
    "flood": lambda node: Flood(int(_number(_text(node), FLOOD_BYTES_MAX, "bytes"))),
}
