"""From the document to settings, table by table."""

import hashlib
import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

from interlock.config.document import (
    FILE_NAME,
    Faults,
    content_of,
    did_you_mean,
    shown,
    tables_of,
)
from interlock.config.fields import (
    AMOUNT_MAX,
    PERCENT_MAX,
    Fields,
    wrong_path_inside,
    wrong_path_to_read,
    wrong_variable,
)
from interlock.config.known import TABLES, Table
from interlock.domain.settings import (
    BOXES,
    AgentProfile,
    Backend,
    BoxName,
    GateReader,
    GateSettings,
    Limits,
    ModelUpstream,
    PrepareSettings,
    Price,
    ProjectSettings,
    SandboxSettings,
    Settings,
    StoreSettings,
)

TOKENS_MAX: Final = 10**12

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BRANCH: Final = re.compile(
    r"(?![-./])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[^\s~^:?*\[\\]+(?<![./])"
)
_REMOTE: Final = re.compile(r"(?!-)\S{1,1000}")

Level = Literal["note", "warning", "error"]

_BACKENDS: Final[tuple[Backend, ...]] = get_args(Backend)
_READERS: Final[tuple[GateReader, ...]] = get_args(GateReader)
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)
_AT_ONCE: Final = (0, "0", "0s", "0m")
_PROGRAM_OF: Final = frozenset({"command", "acp"})
_PROGRAM_INSTALLED: Final = frozenset({"claude", "codex"})

_Made = TypeVar("_Made")


def read_settings(folder: Path) -> Settings:
    """The settings of the repository at `folder`; raises WrongSettings with every fault."""
    path = folder / FILE_NAME
    content = content_of(path)
    return Settings() if content is None else parse_settings(content, str(path))


def parse_settings(content: bytes, path: str) -> Settings:
    file = Path(path).name
    document, lines = tables_of(content, file)
    reader = _Reader(document, Faults(file, lines))
    return reader.settings(path, hashlib.sha256(content).hexdigest())


class _Reader:
    """Turns the document into settings and collects what is wrong on the way."""

    def __init__(self, document: Mapping[str, object], faults: Faults) -> None:
        self._document, self._faults = document, faults

    def settings(self, path: str, digest: str) -> Settings:
        for name in self._document:
            self._check_table(name)
        settings = Settings(
            project=_project(self._fields("project")),
            limits=_limits(self._fields("limits")),
            store=_store(self._fields("store")),
            agents=self._each_named("agents", _agent),
            gates=self._each_named("gates", _gate),
            sandbox=_sandbox(self._fields("sandbox")),
            prepare=_prepare(self._fields("prepare")) if "prepare" in self._document else None,
            models=self._each_named("models", _model) or (),
            prices=self._each_named("prices", _price) or (),
            path=path,
            digest=digest,
            unused=tuple(self._unused()),
        )
        self._check_keys(settings)
        _check_routing(self._fields("routing"))
        self._faults.raise_if_any()
        return settings

    def _check_keys(self, settings: Settings) -> None:
        """What pays stays outside: a box that sees the variable could spend past every cap."""
        keys = {upstream.key_env: upstream.name for upstream in settings.models}
        places = [("sandbox.env", settings.sandbox.env)]
        places += [(f"agents.{each.name}.env", each.env) for each in settings.agents or ()]
        for where, names in places:
            for name in sorted(keys.keys() & set(names)):
                what = f"{name} is the key of [models.{keys[name]}], and a box would see it"
                self._faults.add(where, what, "Take it out: agents pay through the model gateway")

    def _check_table(self, name: str) -> None:
        table, value = TABLES.get(name), self._document[name]
        if table is None:
            mend = did_you_mean(name, TABLES, "Remove it, or look up its name in the reference")
            self._faults.add(name, f"there is no table [{shown(name)}]", mend)
        elif not isinstance(value, dict):
            self._faults.add(name, f"{name} is not a table", f"Write it as [{name}]")
        elif not table.named:
            self._check_names(name, value, table)

    def _check_names(self, name: str, value: Mapping[str, object], table: Table) -> None:
        for key in value.keys() - table.names:
            mend = did_you_mean(key, table.names, f"Known are: {', '.join(sorted(table.names))}")
            what = f"[{shown(name)}] has no setting '{shown(key)}'"
            self._faults.add(f"{name}.{key}", what, mend)

    def _table(self, name: str) -> Mapping[str, object]:
        value = self._document.get(name)
        return value if isinstance(value, dict) else {}

    def _fields(self, name: str) -> Fields:
        return Fields(name, self._table(name), self._faults)

    def _each_named(
        self, table: str, made_of: Callable[[str, Fields], _Made]
    ) -> tuple[_Made, ...] | None:
        """By name; None where the file has no such table at all."""
        if table not in self._document:
            return None
        made: list[_Made] = []
        for name, value in sorted(self._table(table).items()):
            full = f"{table}.{name}"
            if not isinstance(value, dict):
                mend = f"Give each of them a table of its own: [{table}.{shown(name)}]"
                self._faults.add(full, f"{table}.{shown(name)} is not a table", mend)
                continue
            if not _can_be_a_name(table, name):
                mend = "Use letters, digits and . _ - only"
                self._faults.add(full, f"'{shown(name)}' cannot be a name here", mend)
            self._check_names(full, value, TABLES[table])
            made.append(made_of(name, Fields(full, value, self._faults)))
        return tuple(made)

    def _unused(self) -> Iterator[str]:
        """Known, well-formed and without any effect yet: silence about it would be a promise."""
        for name in self._document:
            table = TABLES.get(name)
            if table is None:
                continue
            if not table.acted_on:
                yield f"[{name}]"
                continue
            idle = {setting.name for setting in table.settings if not setting.acted_on}
            if not table.named:
                yield from (f"{name}.{key}" for key in sorted(self._table(name).keys() & idle))
                continue
            for each, value in sorted(self._table(name).items()):
                keys = value.keys() & idle if isinstance(value, dict) else ()
                yield from (f"{name}.{each}.{key}" for key in sorted(keys))


def _can_be_a_name(table: str, name: str) -> bool:
    if table == "prices":  # a model's name is its maker's choice
        return bool(name.strip()) and name.isprintable()
    return _NAME.fullmatch(name) is not None


# --- one table each -------------------------------------------------------------------------------


def _project(fields: Fields) -> ProjectSettings:
    target, remote = fields.text("target"), fields.text("remote")
    if target and _BRANCH.fullmatch(target.removeprefix("refs/heads/")) is None:
        mend = 'Write the name of a branch, for example "main"'
        fields.fault("target", f"target is {shown(target)}", mend)
    if remote and _REMOTE.fullmatch(remote) is None:
        # Not repeated: an address may hold a password.
        fields.fault("remote", "remote is no name of a remote", 'Write for example "origin"')
    return ProjectSettings(
        target=target.removeprefix("refs/heads/"),
        remote=remote,
        boundary=fields.choice("boundary", "record", ("record", "refuse")),
        land=fields.choice("land", "squash", ("squash", "merge")),
    )


def _limits(fields: Fields) -> Limits:
    usual = Limits()
    return Limits(
        workers=fields.count("workers", usual.workers),
        gates=fields.count("gates", 1) if fields.has("gates") else None,
        parallel_stages=fields.count("parallel_stages", usual.parallel_stages),
        max_attempts=fields.count("max_attempts", usual.max_attempts),
        disk_bytes=fields.size("disk", usual.disk_bytes),
        wall_minutes=fields.minutes("wall_time", usual.wall_minutes),
        tokens_per_task=fields.count("tokens_per_task", usual.tokens_per_task, most=TOKENS_MAX),
        cost_usd_per_task=fields.amount("cost_usd_per_task", usual.cost_usd_per_task),
        cost_usd_per_run=fields.amount("cost_usd_per_run", usual.cost_usd_per_run),
        cost_usd_per_day=fields.amount("cost_usd_per_day", usual.cost_usd_per_day),
    )


def _store(fields: Fields) -> StoreSettings:
    store = StoreSettings(
        profile=fields.choice("profile", "solo", ("solo", "fleet")),
        on_loss=fields.choice("on_loss", "exit", ("exit", "wait")),
        postgres=fields.address("postgres", ("postgresql://", "postgres://")),
        nats=fields.address("nats", ("nats://", "tls://")),
        blobs=fields.address("blobs", ("s3://",)),
    )
    for part in ("postgres", "nats", "blobs") if store.profile == "fleet" else ():
        if not fields.value(part):
            mend = f'Add {part} to [store], or use profile = "solo"'
            fields.fault("profile", f"the fleet profile needs {part}", mend)
    return store


def _sandbox(fields: Fields) -> SandboxSettings:
    minimum: BoxName | None = None
    if fields.has("minimum"):
        minimum = fields.choice("minimum", "bubblewrap", BOXES)
    return SandboxSettings(
        minimum=minimum,
        network=fields.hosts("network"),
        read=fields.each("read", wrong_path_to_read),
        env=fields.variables("env"),
    )


def _prepare(fields: Fields) -> PrepareSettings:
    fields.demand("run", "has no run", 'Add the command that builds it: run = "make deps"')
    for key, example in (("from", "requirements.txt"), ("keeps", ".venv")):
        fields.demand(key, f"has no {key}", f'Add {key} = ["{example}"]')
        if fields.value(key) == []:
            fields.fault(key, f"{key} is empty", f'Write for example ["{example}"]')
    return PrepareSettings(
        run=fields.shell("run"),
        files=fields.each("from", wrong_path_inside),
        keeps=fields.each("keeps", wrong_path_inside),
        network=fields.hosts("network"),
    )


def _agent(name: str, fields: Fields) -> AgentProfile:
    usual = AgentProfile(name, "command")
    backend: Backend = usual.backend
    if fields.demand("backend", "has no backend", f"Add one of: {', '.join(_BACKENDS)}"):
        backend = fields.choice("backend", usual.backend, _BACKENDS)
        if fields.value("backend") == backend:
            _check_needs(backend, fields)
    script = fields.text("script")
    if script and (mend := wrong_path_inside(script)):
        fields.fault("script", f"script is {shown(script)}", mend)
    return AgentProfile(
        name=name,
        backend=backend,
        run=fields.words("run"),
        script=script,
        model=fields.text("model"),
        auth=fields.choice("auth", "key", ("key", "login")),
        timeout_minutes=fields.minutes("timeout", usual.timeout_minutes),
        skills=fields.each("skills", _wrong_skill),
        env=fields.variables("env"),
        network=fields.hosts("network"),
        provider=fields.text("provider"),
        variables=fields.settings("variables"),
        allow=fields.each("allow", _wrong_skill) if fields.has("allow") else None,
        deny=fields.each("deny", _wrong_skill),
        question_minutes=0.0
        if fields.value("question_wait") in _AT_ONCE
        else fields.minutes("question_wait", usual.question_minutes),
    )


def _check_needs(backend: Backend, fields: Fields) -> None:
    """What this backend cannot do without, and what no other backend would look at."""
    for key, wanted, mend in (
        ("run", backend in _PROGRAM_OF, 'Add the program: run = ["python", "tools/work.py"]'),
        ("script", backend == "scripted", 'Add the script: script = "scripts/story.yaml"'),
    ):
        if wanted:
            fields.demand(key, f"has the backend {backend} and no {key}", mend)
        elif fields.has(key) and not (key == "run" and backend in _PROGRAM_INSTALLED):
            whose = "command, acp, claude or codex" if key == "run" else "scripted"
            fields.fault(key, f"the backend {backend} has no use for {key}", f"It is for {whose}")


def _wrong_skill(text: str) -> str:
    return "" if text.strip() and text.isprintable() else "Write a word"


def _gate(name: str, fields: Fields) -> GateSettings:
    usual = GateSettings(name, "", "exit-code")
    fields.demand("run", "has no run", 'Add the command: run = "make test"')
    run, reads = fields.shell("run"), fields.choice("reads", usual.reads, _READERS)
    reports = "{report}" in run
    if reads != "exit-code" and fields.has("run") and not reports:
        mend = "Put {report} where the command takes the path of its report"
        fields.fault("run", f"{reads} is read from a report, and run does not say {{report}}", mend)
    if reports and not fields.has("reads"):
        mend = f"Add reads = one of: {', '.join(_READERS)}"
        fields.fault("run", "it writes a report, and reads does not say of which kind", mend)
    _check_threshold(fields, "fail_on", reads == "sarif", 'reads sarif: add fail_on = "warning"')
    _check_threshold(
        fields, "min", reads == "coverage-xml", "reads coverage-xml: add min = 90, in percent"
    )
    return GateSettings(
        name=name,
        run=run,
        reads=reads,
        timeout_minutes=fields.minutes("timeout", usual.timeout_minutes),
        fail_on=fields.choice("fail_on", "note", _LEVELS) if fields.has("fail_on") else None,
        minimum=fields.number("min", PERCENT_MAX, "a share in percent, from 0 to 100"),
    )


def _check_threshold(fields: Fields, key: str, wanted: bool, example: str) -> None:
    reader, _, mend = example.partition(": ")
    if wanted:
        fields.demand(key, f"{reader} and has no {key}", mend[:1].upper() + mend[1:])
    elif fields.has(key):
        fields.fault(key, f"{key} has no effect here", f"It is for a gate that {reader}")


# --- models and money -----------------------------------------------------------------------------


def _model(name: str, fields: Fields) -> ModelUpstream:
    if fields.demand("base_url", "has no base_url", "Add where it answers"):
        fields.address("base_url", ("https://", "http://"))
    there = fields.demand("key_env", "has no key_env", "Add the variable that holds the key")
    if there and wrong_variable(fields.text("key_env")):
        # The value is not repeated: it may be the key itself.
        mend = 'Write the name alone: key_env = "ANTHROPIC_API_KEY"'
        fields.fault("key_env", "key_env is not the name of a variable", mend)
    address = fields.address("base_url", ("https://", "http://"))
    if address.startswith("http://") and not _on_this_machine(address):
        mend = "Write https://, or reach it through an address of this machine"
        fields.fault("base_url", "base_url would send the key in clear over the network", mend)
    return ModelUpstream(name, address.rstrip("/"), fields.text("key_env"))


def _on_this_machine(address: str) -> bool:
    try:
        host = urllib.parse.urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _price(name: str, fields: Fields) -> Price:
    what = "US dollars per million tokens, for example 3.0"
    for key in ("input", "output"):
        fields.demand(key, f"has no {key}", f"Add {key} = 3.0")
    return Price(
        model=name,
        input=fields.number("input", AMOUNT_MAX, what) or 0.0,
        output=fields.number("output", AMOUNT_MAX, what) or 0.0,
        cached=fields.number("cached", AMOUNT_MAX, what),
        cache_write=fields.number("cache_write", AMOUNT_MAX, what),
    )


# --- known, and not acted on yet ------------------------------------------------------------------


def _check_routing(fields: Fields) -> None:
    fields.number("auto_threshold", PERCENT_MAX, "a share in percent, from 0 to 100")
    fields.count("review_next_n_after_failure", 3, least=0)
