"""From findings to the text of `interlock.toml`: short, commented, and read by our own parser."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from interlock.control.looking import AGENTS, Build, Findings, Gate
from interlock.domain.settings import Backend, BoxName


class Native(msgspec.Struct, frozen=True):
    """An agent that Interlock talks to; what it pays with never enters its box."""

    backend: Backend
    key: str
    run: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}


class Recipe(msgspec.Struct, frozen=True):
    """How an agent's program is driven as a plain command; `key` is the variable it logs in with.

    The prompt comes on standard input. The program starts with an empty home of its own.
    """

    run: tuple[str, ...]
    key: str
    host: str


_GEMINI: Final = (
    "mkdir -p ~/.gemini && printf %s "
    '\'{"security":{"auth":{"selectedType":"gemini-api-key"}},'
    '"privacy":{"usageStatisticsEnabled":false},"general":{"enableAutoUpdate":false}}\' '
    "> ~/.gemini/settings.json && GEMINI_CLI_TRUST_WORKSPACE=true exec gemini --approval-mode yolo"
)

RECIPES: Final[Mapping[str, Native | Recipe]] = {
    "claude": Native("claude", "ANTHROPIC_API_KEY"),
    "codex": Native("codex", "OPENAI_API_KEY"),
    "gemini": Recipe(("sh", "-c", _GEMINI), "GEMINI_API_KEY", "generativelanguage.googleapis.com"),
    "opencode": Recipe(("opencode", "run"), "ANTHROPIC_API_KEY", "api.anthropic.com"),
    "qwen": Native(
        "acp",
        "OPENAI_API_KEY",
        ("qwen", "--acp", "--auth-type", "openai"),
        {
            "OPENAI_BASE_URL": "{model.url}",
            "OPENAI_API_KEY": "{model.key}",
            "OPENAI_MODEL": "{model}",
        },
    ),
}


def settings_text(findings: Findings, box: BoxName | None) -> str:
    parts = (_HEAD, *_agents(findings), *_gates(findings), *_build(findings.build), _sandbox(box))
    return "\n".join(parts)


_HEAD: Final = """\
# Settings of Interlock. What is left out has a default; `interlock doctor` checks the rest.

[project]
# target = "main"        # the branch that stays green; left out: the one that is checked out

[limits]
# workers = 10           # attempts at once
# disk = "10GB"          # of all workspaces and homes
"""


def agent_names(findings: Findings) -> Mapping[str, str]:
    """The name of each profile and the program behind it; the first one is the default."""
    return {name if number else "default": name for number, name in enumerate(findings.agents)}


def _agents(findings: Findings) -> Iterator[str]:
    if not findings.agents:
        yield _NO_AGENT.format(", ".join(AGENTS))
    for name, program in agent_names(findings).items():
        recipe = RECIPES[program]
        yield (
            _native(name, program, recipe)
            if isinstance(recipe, Native)
            else _block(
                f"# {program}, driven as a plain command: its key is visible inside its box.",
                f"[agents.{name}]",
                'backend = "command"',
                f"run = {_list(recipe.run)}",
                f"env = {_list((recipe.key,))}",
                f"network = {_list((recipe.host,))}",
                'timeout = "45m"',
            )
        )


_LOGIN: Final = '# auth = "login"         # who is signed in by subscription: no cap on money holds'


def _native(name: str, program: str, native: Native) -> str:
    variables = ", ".join(f"{key} = {_text(value)}" for key, value in native.variables.items())
    return _block(
        f"# {program}. {native.key} stays outside its box; what it uses is counted on the way.",
        f"[agents.{name}]",
        f"backend = {_text(native.backend)}",
        *([f"run = {_list(native.run)}"] if native.run else []),
        *([f"variables = {{{variables}}}"] if variables else []),
        '# model = "..."          # left out: the one that the client chooses',
        *([_LOGIN] if native.backend in ("claude", "codex") else []),
        'timeout = "45m"',
    )


_NO_AGENT: Final = """\
# No coding agent was found on PATH ({}).
# Any program that changes files will do: the prompt is on its standard input and in
# INTERLOCK_PROMPT, its folder is the workspace, and exit code 0 says that it is done.
# [agents.default]
# backend = "command"
# run = ["python", "tools/agent.py", "{{task.id}}"]
"""


def _gates(findings: Findings) -> Iterator[str]:
    if not findings.gates:
        yield _NO_GATE
    for gate in findings.gates:
        yield _gate(gate)


def _gate(gate: Gate) -> str:
    lines = [f"# {gate.because[:1].upper()}{gate.because[1:]}."]
    if gate.doubt:
        lines.append(f"# {gate.doubt}.")
    run, reads = f"run = {_text(gate.run)}", f"reads = {_text(gate.reads)}"
    return _block(*lines, f"[gates.{gate.name}]", run, reads, 'timeout = "10m"')


_NO_GATE: Final = """\
# No way to test this project was found. Without a gate nothing is proved, so nothing runs:
# [gates.tests]
# run = "make test"
# reads = "exit-code"
"""


def _build(build: Build | None) -> Iterator[str]:
    if build is None:
        return
    why = (
        "# The gates start programs from here: work is done in fresh clones, which have none."
        if build.needed
        else "# Work is done in fresh clones. This would build what they need, once:"
    )
    lines = (
        "[prepare]",
        f"run = {_text(build.run)}",
        f"from = {_list(build.files)}",
        f"keeps = {_list((build.keeps,))}",
        "network = []             # the hosts of your package index; none is reached otherwise",
    )
    yield _block(why, *(lines if build.needed else (f"# {line}" for line in lines)))


def _sandbox(box: BoxName | None) -> str:
    if box is None:
        return _block("# No box starts on this machine: `interlock doctor` says why.", "[sandbox]")
    line = f"minimum = {_text(box)}"
    return _block("[sandbox]", f"{line:<24} # what starts here; a weaker kind is refused")


def _block(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
