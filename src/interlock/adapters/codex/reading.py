"""Which shell commands only read: the ones that are surely harmless, and no other.

A list of programs, each with the options that make it write or start something else. A command that
is not understood, or that a shell would put something else into, is not harmless.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

COMMAND_MAX: Final = 4_000
"""Who only looks around needs no more."""

_NONE: Final = re.compile(r"(?!)")

_PROGRAMS: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(("basename", "cat", "cd", "cksum", "cmp", "cut", "dirname", "du"), _NONE),
    **dict.fromkeys(("echo", "egrep", "false", "fgrep", "grep", "head", "jq", "ls"), _NONE),
    **dict.fromkeys(("nl", "printf", "pwd", "readlink", "realpath", "sha256sum"), _NONE),
    **dict.fromkeys(("stat", "tail", "test", "tr", "true", "wc", "which"), _NONE),
    "find": re.compile(r"-(delete|exec|ok|fprint|fls)"),
    "rg": re.compile(r"--(pre|hostname-bin)"),
    "sort": re.compile(r"-[^-]*o|--o|--comp"),
}
"""With how the words begin that none of them may be given."""

_GIT: Final = frozenset(
    {
        "blame",
        "cat-file",
        "describe",
        "diff",
        "log",
        "ls-files",
        "ls-tree",
        "merge-base",
        "rev-list",
        "rev-parse",
        "shortlog",
        "show",
        "status",
    }
)
_NOT_FOR_GIT: Final = re.compile(r"--(ou|ext-diff|textconv|filters)")

_LINES: Final = re.compile(r"\d+(,(\d+|\$))?p")
"""The one script of `sed -n` that is let through: show these lines."""

_JOINTS: Final = frozenset({"|", "||", "&&", ";"})
_ODD: Final = re.compile(r"[`$\n\r\0]|(?:^|\s)[*?\[]")
"""What a shell would put something else in for, even an option, or what begins another line."""

_SILENCED: Final = re.compile(r"\s2>(?:/dev/null|&1)(?=\s|$)")
_REDIRECTED: Final = re.compile(r"[<>(){}&]|^[;|]+$")


def only_reads(command: str) -> bool:
    """Every part of it, whatever it is joined by."""
    if len(command) > COMMAND_MAX or _ODD.search(command):
        return False
    lexer = shlex.shlex(_SILENCED.sub(" ", command), posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split, lexer.commenters = True, ""
    parts: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _JOINTS:
                parts.append([])
            else:
                parts[-1].append(word)
    except ValueError:
        return False
    return all(map(_part_reads, parts))


def _part_reads(words: Sequence[str]) -> bool:
    """What stood in quotes is not told apart: a word that looks like a redirection is one."""
    if not words or any(map(_REDIRECTED.search, words)):
        return False
    program, given = words[0], words[1:]
    if program == "git":
        return _git_reads(given)
    if program == "sed":
        return given[:1] == ["-n"] and _shows_lines(given[1:])
    return program in _PROGRAMS and not any(map(_PROGRAMS[program].match, given))


def _git_reads(given: Sequence[str]) -> bool:
    rest = [word for word in given if word != "--no-pager"]
    return bool(rest) and rest[0] in _GIT and not any(map(_NOT_FOR_GIT.match, rest))


def _shows_lines(given: Sequence[str]) -> bool:
    """Its other words are files, so none may look like an option."""
    options = any(word.startswith("-") for word in given)
    return bool(given) and not options and bool(_LINES.fullmatch(given[0]))
