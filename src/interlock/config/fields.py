"""Reads single values of one table; what is wrong becomes a fault and the default is taken."""

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from interlock.config.document import Faults, did_you_mean, shown
from interlock.domain.duration import WrongDuration, minutes_of

COUNT_MAX: Final = 10_000
AMOUNT_MAX: Final = 1e9
PERCENT_MAX: Final = 100
TEXT_MAX: Final = 20_000
LIST_MAX: Final = 1_000
DISK_BYTES_MIN: Final = 1_000_000

_UNITS: Final = {
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SIZE: Final = re.compile(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+)\s*", re.IGNORECASE)
_HOST: Final = re.compile(
    r"(?=.{1,253}(?::|$))[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    r"(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*|\[[0-9a-f:.]{2,45}\]",
    re.IGNORECASE,
)
_PORT_MAX: Final = 65_535
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

_Word = TypeVar("_Word", bound=str)


class Fields:
    """One table, known in faults by its name; reads what is in it."""

    def __init__(self, name: str, table: Mapping[str, object], faults: Faults) -> None:
        self.name, self._table, self._faults = name, table, faults

    def has(self, key: str) -> bool:
        return key in self._table

    def value(self, key: str) -> object:
        return self._table.get(key)

    def fault(self, key: str, what: str, mend: str) -> None:
        self._faults.add(f"{self.name}.{key}", what, mend)

    def demand(self, key: str, why: str, mend: str) -> bool:
        """Whether it is there; a fault of the table where it is not."""
        if key not in self._table:
            self._faults.add(self.name, f"[{shown(self.name)}] {why}", mend)
        return key in self._table

    def _wrong(self, key: str, mend: str) -> None:
        self.fault(key, f"{key} is {shown(self._table[key])}", mend)

    # --- one value ----------------------------------------------------------------------------

    def text(self, key: str, default: str = "") -> str:
        value = self._table.get(key, default)
        if isinstance(value, str) and len(value) <= TEXT_MAX and "\0" not in value:
            return value
        self._wrong(key, "Write a text in quotes")
        return default

    def choice(self, key: str, default: _Word, words: tuple[_Word, ...]) -> _Word:
        value = self._table.get(key, default)
        for word in words:
            if value == word:
                return word
        otherwise = f"Write one of: {', '.join(words)}"
        mend = did_you_mean(value, words, otherwise) if isinstance(value, str) else otherwise
        self._wrong(key, mend)
        return default

    def count(self, key: str, default: int, least: int = 1, most: int = COUNT_MAX) -> int:
        value = self._table.get(key, default)
        if value is default:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self._wrong(key, f"Write a whole number from {least} to {most:,}")
        return default

    def number(self, key: str, most: float, what: str) -> float | None:
        if key not in self._table:
            return None
        value = self._table[key]
        # The comparison turns away what is not a number, and what no float can hold.
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
            return float(value)
        self._wrong(key, f"Write {what}")
        return None

    def amount(self, key: str, default: float) -> float:
        found = self.number(key, AMOUNT_MAX, "an amount in US dollars, for example 5.0")
        return default if found is None else found

    def minutes(self, key: str, default: float) -> float:
        value = self._table.get(key)
        if value is None:
            return default
        mend = 'Write a duration: "90s", "45m", "4h" or "1h30m"'
        try:
            minutes = minutes_of(value) if isinstance(value, str | int | float) else 0.0
        except WrongDuration:
            minutes = 0.0
        if minutes > 0:
            return minutes
        self._wrong(key, mend)
        return default

    def size(self, key: str, default: int) -> int:
        value = self._table.get(key)
        if value is None:
            return default
        if (size := _bytes_of(value)) is not None and size >= DISK_BYTES_MIN:
            return size
        self._wrong(key, 'Write a size with its unit, from 1MB on: "500MB", "10GB", "1.5TB"')
        return default

    def address(self, key: str, schemes: tuple[str, ...]) -> str:
        value = self._table.get(key, "")
        if isinstance(value, str) and (not value or value.startswith(schemes)):
            return value
        # The value is not repeated: it may hold a password.
        mend = f"Write an address that begins with {' or '.join(schemes)}"
        self.fault(key, f"{key} is no address of that kind", mend)
        return ""

    # --- commands and lists -------------------------------------------------------------------

    def words(self, key: str) -> tuple[str, ...]:
        """A program with its arguments, without a shell; a text is cut as a shell would."""
        value = self._table.get(key, ())
        if isinstance(value, str):
            try:
                value = shlex.split(value)
            except ValueError:
                self._wrong(key, "Close its quotation marks, or write a list of texts")
                return ()
            if not value:
                self._wrong(key, "Write the program and its arguments")
            return tuple(value)
        words = self.texts(key)
        if key in self._table and (not words or not words[0].strip()):
            self.fault(key, f"{key} names no program", 'Write ["program", "argument", ...]')
        return words

    def shell(self, key: str) -> str:
        """A command for the shell; of a list every word is taken as it is."""
        value = self._table.get(key, "")
        if isinstance(value, list):
            return shlex.join(self.words(key))
        command = self.text(key)
        if isinstance(value, str) and key in self._table and not command.strip():
            self._wrong(key, "Write the command")
        return command

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._table.get(key, [])
        if isinstance(value, list) and len(value) <= LIST_MAX and all(map(_is_text, value)):
            return tuple(value)
        self._wrong(key, 'Write a list of texts: ["one", "two"]')
        return ()

    def each(self, key: str, wrong: Callable[[str], str]) -> tuple[str, ...]:
        """A list of which `wrong` says the mend for each entry that cannot be used."""
        texts = self.texts(key)
        for text in texts:
            if mend := wrong(text):
                self.fault(key, f"'{shown(text)}' in {key} cannot be used", mend)
        return tuple(dict.fromkeys(texts))

    def hosts(self, key: str) -> tuple[str, ...]:
        return self.each(key, wrong_host)

    def variables(self, key: str) -> tuple[str, ...]:
        return self.each(key, wrong_variable)

    def settings(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of variables with their values."""
        value = self._table.get(key, {})
        if not isinstance(value, dict) or not all(map(_is_text, value.values())):
            self._wrong(key, 'Write a table of texts: {NAME = "value"}')
            return ()
        for name in value:
            if mend := wrong_variable(name):
                self.fault(key, f"{shown(name)} in {key} is not the name of a variable", mend)
        return tuple(sorted(value.items()))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX and "\0" not in value


def _bytes_of(value: object) -> int | None:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    unit = None if found is None else _UNITS.get(found.group(2).lower())
    return None if found is None or unit is None else int(float(found.group(1)) * unit)


# --- what is wrong with one entry of a list: the mend, or nothing ---------------------------------


def wrong_host(text: str) -> str:
    if "://" in text or "/" in text:
        return "Write the host alone, without scheme and path: name or name:port"
    if "*" in text:
        return "List each host by its whole name; there are no wildcards"
    host, colon, port = text.rpartition(":") if _has_port(text) else (text, "", "")
    right_port = not colon or (port.isascii() and port.isdigit() and 0 < int(port[:9]) <= _PORT_MAX)
    return "" if _HOST.fullmatch(host) and right_port else "Write name or name:port"


def _has_port(text: str) -> bool:
    """In an address of version 6 the colons inside of the brackets are its own."""
    return ":" in text and not text.endswith("]")


def wrong_variable(text: str) -> str:
    if "=" in text:
        return "Write the name of a variable alone; its value comes from your environment"
    return "" if _VARIABLE.fullmatch(text) else "Write the name of a variable"


def wrong_path_to_read(text: str) -> str:
    if not text.isprintable() or not text.startswith(("/", "~/")):
        return "Write an absolute path, or one that begins with ~/"
    return "Name folders one by one; / is all of them" if not text.strip("/.") else ""


def wrong_path_inside(text: str) -> str:
    """Of the repository; it may not lead out, and not to the history."""
    parts = text.split("/")
    if not text.strip() or not text.isprintable() or text.startswith(("/", "~")) or ".." in parts:
        return "Write a path in the repository, relative to its root"
    if not [part for part in parts if part not in {"", "."}]:
        return "Name files and folders in the repository, not the whole of it"
    return "It belongs to git: leave it out" if ".git" in (p.lower() for p in parts) else ""
