"""The only reader of the environment and of `interlock.toml`; it checks the file as a whole.

    [limits]
    workres = 4    ->  interlock.toml:2: [limits] has no setting 'workres'. Did you mean 'workers'?

Every fault of the file is listed at once. A missing file means the defaults.
"""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from interlock.domain.settings import Limits, Settings, SettingsFault, StoreSettings

FILE_NAME: Final = "interlock.toml"
BYTES_MAX: Final = 1_000_000

_TABLES: Final[Mapping[str, frozenset[str] | None]] = {
    "project": frozenset({"target", "remote", "boundary", "land"}),
    "limits": frozenset(
        {
            "workers", "gates", "parallel_stages", "disk", "max_attempts", "tokens_per_task",
            "cost_usd_per_task", "cost_usd_per_run", "cost_usd_per_day", "wall_time",
        }
    ),
    "routing": frozenset({"auto_threshold", "review_next_n_after_failure"}),
    "agents": None,
    "gates": None,
    "sandbox": frozenset({"minimum", "network", "read", "env"}),
    "models": None,
    "prices": None,
    "prepare": frozenset({"run", "from", "keeps", "network"}),
    "store": frozenset({"profile", "on_loss", "postgres", "nats", "blobs"}),
}  # fmt: skip
"""Every table and its settings; None: one table per name that the person chooses."""

_ACTED_ON: Final = frozenset({"limits", "store", "agents", "gates"})
_LIMITS_ACTED_ON: Final = frozenset(Limits.__struct_fields__)
_LIMIT_MAX: Final = 10_000

_HEADER: Final = re.compile(r"\s*\[\s*([^\[\]#]+?)\s*\]")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""")
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")
_END: Final = " (at end of document)"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_Word = TypeVar("_Word", bound=str)


class WrongSettings(Exception):
    """The file cannot be used; the message lists every fault with its mend."""

    def __init__(self, faults: tuple[SettingsFault, ...]) -> None:
        lines = [f"{fault.where}: {fault.what}. {fault.mend}" for fault in faults]
        super().__init__("\n".join(lines))
        self.faults = faults


class Environment(msgspec.Struct, frozen=True):
    """What the environment says about the person's terminal and wishes."""

    colour: bool
    trace: bool


def read_environment() -> Environment:
    """NO_COLOR as its convention has it: set and not empty."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Environment(colour=not plain, trace=bool(os.environ.get("INTERLOCK_TRACE")))


def read_settings(folder: Path) -> Settings:
    """The settings of the repository at `folder`; raises WrongSettings with every fault."""
    path = folder / FILE_NAME
    content = _content_of(path)
    return Settings() if content is None else parse_settings(content, str(path))


def parse_settings(content: bytes, path: str) -> Settings:
    where = Path(path).name
    try:
        document = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _wrong(where, line, "the file is not UTF-8 text", "Save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        line, what = _told_by_toml(str(error), content)
        raise _wrong(where, line, f"this is not TOML: {what}", "Correct that line") from error
    except RecursionError as error:
        raise _wrong(where, 1, "it is nested too deeply", "Write it flat") from error
    return _Reader(document, _lines_of(content.decode()), path).settings()


def _content_of(path: Path) -> bytes | None:
    """The file's bytes, asked of the file system before it is opened: it may be anything."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _wrong(path.name, None, "it is not a file", "Put a TOML file there, or nothing")
        if found.st_size > BYTES_MAX:
            size = f"it has {found.st_size:,} bytes, {BYTES_MAX:,} are the limit"
            raise _wrong(path.name, None, size, "Remove what does not belong there")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        what = f"it cannot be read: {error.strerror}"
        raise _wrong(path.name, None, what, f"Make {path} readable") from error


def _wrong(where: str, line: int | None, what: str, mend: str) -> WrongSettings:
    place = where if line is None else f"{where}:{line}"
    return WrongSettings((SettingsFault(place, what, mend),))


def _told_by_toml(message: str, content: bytes) -> tuple[int, str]:
    found = _AT_LINE.search(message)
    if found is None:
        return content.count(b"\n") + 1, message.removesuffix(_END)
    return int(found.group(1)), message[: found.start()]


def _lines_of(text: str) -> dict[str, int]:
    """Where each table and key begins, `limits.workers` -> 2; the first one counts."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _HEADER.match(line)) is not None:
            table = _bare(header.group(1))
            lines.setdefault(table, number)
            lines.setdefault(table.partition(".")[0], number)
        elif (key := _KEY.match(line)) is not None:
            name = _bare(key.group(1))
            full = f"{table}.{name}" if table else name
            lines.setdefault(full, number)
            lines.setdefault(full.partition(".")[0], number)
    return lines


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


class _Reader:
    """Turns the document into settings and collects what is wrong on the way."""

    def __init__(self, document: Mapping[str, object], lines: Mapping[str, int], path: str) -> None:
        self._document, self._lines, self._path = document, lines, path
        self._file = Path(path).name
        self._faults: list[SettingsFault] = []

    def settings(self) -> Settings:
        self._check_names()
        settings = Settings(
            limits=self._limits(),
            store=self._store(),
            agents=self._names("agents"),
            gates=self._names("gates"),
            path=self._path,
            unused=tuple(self._unused()),
        )
        if self._faults:
            raise WrongSettings(tuple(sorted(self._faults, key=self._line_of_fault)))
        return settings

    def _line_of_fault(self, fault: SettingsFault) -> int:
        _, _, line = fault.where.rpartition(":")
        return int(line) if line.isdigit() else 0

    def _add(self, name: str, what: str, mend: str) -> None:
        line = self._lines.get(name) or self._lines.get(name.partition(".")[0])
        where = self._file if line is None else f"{self._file}:{line}"
        self._faults.append(SettingsFault(where, what, mend))

    def _check_names(self) -> None:
        for table, value in self._document.items():
            known = _TABLES.get(table, frozenset())
            if table not in _TABLES:
                mend = _did_you_mean(table, _TABLES, "Remove it, or look up its name in the guide")
                self._add(table, f"there is no table [{_shown(table)}]", mend)
            elif not isinstance(value, dict):
                self._add(table, f"{table} is not a table", f"Write it as [{table}]")
            elif known is not None:
                for key in value.keys() - known:
                    mend = _did_you_mean(key, known, f"Known are: {', '.join(sorted(known))}")
                    self._add(f"{table}.{key}", f"[{table}] has no setting '{_shown(key)}'", mend)

    def _table(self, name: str) -> Mapping[str, object]:
        value = self._document.get(name)
        return value if isinstance(value, dict) else {}

    def _limits(self) -> Limits:
        defaults = Limits()
        return Limits(
            workers=self._count("workers", defaults.workers),
            gates=self._count("gates", 0) or None,
            parallel_stages=self._count("parallel_stages", defaults.parallel_stages),
            max_attempts=self._count("max_attempts", defaults.max_attempts),
        )

    def _count(self, key: str, default: int) -> int:
        value = self._table("limits").get(key, default)
        if value is default:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LIMIT_MAX:
            return value
        mend = f"Write a whole number from 1 to {_LIMIT_MAX:,}"
        self._add(f"limits.{key}", f"{key} is {_shown(value)}", mend)
        return default

    def _store(self) -> StoreSettings:
        store = StoreSettings(
            profile=self._choice("profile", "solo", ("solo", "fleet")),
            on_loss=self._choice("on_loss", "exit", ("exit", "wait")),
            postgres=self._address("postgres", ("postgresql://", "postgres://")),
            nats=self._address("nats", ("nats://", "tls://")),
            blobs=self._address("blobs", ("s3://",)),
        )
        if store.profile == "fleet":
            for part in ("postgres", "nats", "blobs"):
                if not self._table("store").get(part):
                    mend = f'Add {part} to [store], or use profile = "solo"'
                    self._add("store.profile", f"the fleet profile needs {part}", mend)
        return store

    def _choice(self, key: str, default: _Word, words: tuple[_Word, ...]) -> _Word:
        value = self._table("store").get(key, default)
        for word in words:
            if value == word:
                return word
        mend = f"Write one of: {', '.join(words)}"
        self._add(f"store.{key}", f"{key} is {_shown(value)}", mend)
        return default

    def _address(self, key: str, schemes: tuple[str, ...]) -> str:
        value = self._table("store").get(key, "")
        if isinstance(value, str) and (not value or value.startswith(schemes)):
            return value
        # The value is not repeated: it may hold a password.
        mend = f"Write an address that begins with {' or '.join(schemes)}"
        self._add(f"store.{key}", f"{key} is no address of that kind", mend)
        return ""

    def _names(self, table: str) -> tuple[str, ...] | None:
        if table not in self._document:
            return None
        for name, value in self._table(table).items():
            if not isinstance(value, dict):
                mend = f"Give each of them a table of its own: [{table}.{_shown(name)}]"
                self._add(f"{table}.{name}", f"{table}.{_shown(name)} is not a table", mend)
            elif _NAME.fullmatch(name) is None:
                mend = "Use letters, digits and . _ - only"
                self._add(f"{table}.{name}", f"'{_shown(name)}' cannot be a name here", mend)
        return tuple(sorted(self._table(table)))

    def _unused(self) -> Iterator[str]:
        """Known, well-formed and without any effect yet: silence about it would be a promise."""
        for table in self._document:
            if table not in _ACTED_ON:
                yield f"[{table}]"
        for key in sorted(self._table("limits").keys() - _LIMITS_ACTED_ON):
            yield f"limits.{key}"


def _did_you_mean(word: str, known: Collection[str], otherwise: str) -> str:
    near = difflib.get_close_matches(word[:60].lower(), known, n=1)
    return f"Did you mean '{near[0]}'?" if near else otherwise


def _shown(value: object) -> str:
    """A value of the file in our sentence: short, on one line, nothing that a terminal obeys."""
    text = value if isinstance(value, str) else repr(value)
    safe = "".join(letter if letter.isprintable() else "?" for letter in text[:60])
    return safe + ("…" if len(text) > len(safe) else "")
