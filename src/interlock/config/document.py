"""The file as TOML: its bytes, its tables, the line of each name, and the list of its faults."""

import difflib
import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from interlock.domain.settings import SettingsFault

FILE_NAME: Final = "interlock.toml"
BYTES_MAX: Final = 1_000_000
SHOWN_MAX: Final = 60

_HEADER: Final = re.compile(r"\s*\[\s*([^\[\]#]+?)\s*\]")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""")
_LONG_TEXT: Final = re.compile(r"\"{3}|'{3}")
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")
_END: Final = " (at end of document)"


class WrongSettings(Exception):
    """The file cannot be used; the message lists every fault with its mend."""

    def __init__(self, faults: tuple[SettingsFault, ...]) -> None:
        lines = [f"{fault.where}: {fault.what}. {fault.mend}" for fault in faults]
        super().__init__("\n".join(lines))
        self.faults = faults


class Faults:
    """Collects what is wrong; a name such as `limits.workers` becomes a place in the file."""

    def __init__(self, file: str, lines: Mapping[str, int]) -> None:
        self._file, self._lines = file, lines
        self._faults: list[SettingsFault] = []

    def add(self, name: str, what: str, mend: str) -> None:
        line = self._line_of(name)
        where = self._file if line is None else f"{self._file}:{line}"
        self._faults.append(SettingsFault(where, what, mend))

    def raise_if_any(self) -> None:
        if self._faults:
            raise WrongSettings(tuple(sorted(self._faults, key=_line_of_fault)))

    def _line_of(self, name: str) -> int | None:
        """Of the name, or of the nearest table around it."""
        while name:
            if (line := self._lines.get(name)) is not None:
                return line
            name = name.rpartition(".")[0]
        return None


def _line_of_fault(fault: SettingsFault) -> int:
    _, _, line = fault.where.rpartition(":")
    return int(line) if line.isdigit() else 0


def content_of(path: Path) -> bytes | None:
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


def tables_of(content: bytes, file: str) -> tuple[Mapping[str, object], Mapping[str, int]]:
    """The document, and where each of its names begins."""
    try:
        text = content.decode()
        return tomllib.loads(text), lines_of(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _wrong(file, line, "the file is not UTF-8 text", "Save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        line, what = _told_by_toml(str(error), content)
        raise _wrong(file, line, f"this is not TOML: {what}", "Correct that line") from error
    except RecursionError as error:
        raise _wrong(file, 1, "it is nested too deeply", "Write it flat") from error
    except ValueError as error:  # a whole number of more digits than Python reads
        raise _wrong(file, 1, f"this is not TOML: {error}", "Correct that value") from error


def _wrong(where: str, line: int | None, what: str, mend: str) -> WrongSettings:
    place = where if line is None else f"{where}:{line}"
    return WrongSettings((SettingsFault(place, what, mend),))


def _told_by_toml(message: str, content: bytes) -> tuple[int, str]:
    found = _AT_LINE.search(message)
    if found is None:
        return content.count(b"\n") + 1, message.removesuffix(_END)
    return int(found.group(1)), message[: found.start()]


def lines_of(text: str) -> dict[str, int]:
    """Where each table and key begins, `limits.workers` -> 2; the first one counts."""
    lines: dict[str, int] = {}
    table, in_long_text = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        begins_outside = not in_long_text
        # What a long text holds may look like a table: a shell's `[ -f x ]` does.
        in_long_text ^= len(_LONG_TEXT.findall(line)) % 2 == 1
        if not begins_outside:
            continue
        if (header := _HEADER.match(line)) is not None:
            table = _bare(header.group(1))
            _note(lines, table, number)
        elif (key := _KEY.match(line)) is not None:
            name = _bare(key.group(1))
            _note(lines, f"{table}.{name}" if table else name, number)
    return lines


def _note(lines: dict[str, int], name: str, number: int) -> None:
    """The name, and the tables around it where nothing named them before."""
    while name:
        lines.setdefault(name, number)
        name = name.rpartition(".")[0]


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def did_you_mean(word: str, known: Collection[str], otherwise: str) -> str:
    near = difflib.get_close_matches(word[:SHOWN_MAX].lower(), known, n=1)
    return f"Did you mean '{near[0]}'?" if near else otherwise


def shown(value: object) -> str:
    """A value of the file in our sentence: short, on one line, nothing that a terminal obeys."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # more digits than Python writes
        text = "a very large number"
    safe = "".join(letter if letter.isprintable() else "?" for letter in text[:SHOWN_MAX])
    return safe + ("…" if len(text) > len(safe) else "")
