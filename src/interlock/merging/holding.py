"""What a person must look at before it lands: changes to what rules the runs themselves.

Settings and programs that gates, agents and `prepare` start were read when the run began, so a
candidate cannot bend its own run with them; once landed they would rule the next one.
"""

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Final

from interlock.domain.settings import Settings
from interlock.merging.boundary import covers
from interlock.merging.message import plain

NAMED_MAX: Final = 10
SETTINGS_FILE: Final = "interlock.toml"
POLICIES: Final = (".interlock/policies/**",)

_INTERPRETER: Final = re.compile(
    r"(python|pypy|ruby|perl|php|lua|node|deno|bun|tsx|ts-node|sh|bash|dash|zsh|ksh|Rscript)[\d.]*"
)
_FILES_OF_TOOLS: Final[dict[str, tuple[str, ...]]] = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "gmake": ("Makefile", "makefile", "GNUmakefile"),
    "just": ("justfile", "Justfile", ".justfile"),
    "tox": ("tox.ini",),
    "nox": ("noxfile.py",),
}
_WITH_A_VALUE: Final = frozenset({"-X", "-W", "-o", "-O", "-r", "--require", "--import"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_WRAPPERS: Final = frozenset(
    {"env", "exec", "nice", "nohup", "poetry", "stdbuf", "time", "timeout", "uv", "xvfb-run"}
)
_SEPARATORS: Final = frozenset(";&|()\n")


def why_held(paths: Iterable[str], settings: Settings) -> str:
    """A sentence for the person who must look, or nothing."""
    rules = ruling_files(settings)
    named = [f"{plain(path)} ({why})" for path in paths if (why := _rule_of(path, rules))]
    if not named:
        return ""
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return f"It changes what rules the runs themselves: {', '.join(named[:NAMED_MAX])}{more}."


def _rule_of(path: str, rules: dict[str, str]) -> str:
    folded = path.casefold()
    if covers(POLICIES, folded):
        return "a policy"
    return rules.get(folded, "")


def ruling_files(settings: Settings) -> dict[str, str]:
    """Path, without regard to case -> what it is. Where case does not count, Make is MAKE."""
    rules = {SETTINGS_FILE: "the settings"}
    for gate in settings.gates or ():
        _name(rules, programs_of(gate.run), f"gate {gate.name} runs it")
    for agent in settings.agents or ():
        _name(rules, [agent.script] if agent.script else [], f"the script of agent {agent.name}")
        _name(rules, _programs(list(agent.run)), f"agent {agent.name} runs it")
    if settings.prepare is not None:
        _name(rules, programs_of(settings.prepare.run), "prepare runs it")
    return rules


def _name(rules: dict[str, str], files: Iterable[str], why: str) -> None:
    for file in filter(None, files):
        rules.setdefault(posixpath.normpath(file.lstrip("/")).casefold(), why)


def programs_of(command: str) -> list[str]:
    """The files of the repository that a shell command starts, as far as its words tell."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError:
        words = command.split()
    found: list[str] = []
    start = 0
    for at, word in enumerate([*words, ";"]):
        if word and _SEPARATORS.issuperset(word):
            found += _programs(words[start:at])
            start = at + 1
    return found


def _programs(words: list[str]) -> Iterator[str]:
    """The program of one simple command, and the file that tells it what to do."""
    rest = _past_wrappers(words)
    if not rest:
        return
    name = posixpath.basename(rest[0])
    yield rest[0]
    yield from _FILES_OF_TOOLS.get(name, ())
    if _INTERPRETER.fullmatch(name):
        yield from _script_of(rest[1:])


def _past_wrappers(words: list[str]) -> list[str]:
    """`env CI=1 timeout 60 uv run x` starts x: wrappers and what belongs to them are skipped."""
    wrapped = False
    for at, word in enumerate(words):
        if posixpath.basename(word) in _WRAPPERS:
            wrapped = True
        elif not _ASSIGNMENT.match(word) and not (wrapped and _of_a_wrapper(word)):
            return words[at:]
    return []


def _of_a_wrapper(word: str) -> bool:
    return word == "run" or not (word[:1].isalpha() or word[:1] in "./")


def _script_of(arguments: list[str]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        if argument == "-m":
            module = next(rest, "").replace(".", "/")
            yield from (f"{module}.py", f"{module}/__main__.py")
            return
        if argument in {"-c", "-e"}:
            return
        if argument in _WITH_A_VALUE:
            yield next(rest, "")
        elif not argument.startswith("-"):
            yield argument
            return
