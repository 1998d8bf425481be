"""`init`: look around, try what is found inside a box, write `interlock.toml`, say what was chosen.

It never overwrites: an existing file is refused, or kept under another name when told so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.control import proposal
from interlock.control.errors import WrongUsage
from interlock.control.instruments import Instruments
from interlock.control.looking import (
    AGENTS,
    PYTHONS,
    RUNNERS,
    VENV_PYTHON,
    Argv,
    Build,
    Findings,
    Gate,
    Sight,
    is_worth_reading,
    look,
    wanted,
)
from interlock.domain.settings import BoxName
from interlock.repository.ports import NotARepository, RepositoryPlace
from interlock.sandbox.choose import Chosen, choose
from interlock.sandbox.ports import BoxLimits, BoxOrder, BoxRefused, Sandbox
from interlock.sandbox.running import run_to_end

FILE_NAME: Final = "interlock.toml"
FILES_MAX: Final = 20_000
DEPTH_MAX: Final = 4
TEXTS_MAX: Final = 60
TEXT_BYTES_MAX: Final = 64_000
BACKUPS_MAX: Final = 100
TRY_SECONDS_MAX: Final = 20.0

_SKIPPED: Final = frozenset({"node_modules", "target", "dist", "build", "vendor", "__pycache__"})


class AgentFound(msgspec.Struct, frozen=True):
    """A coding agent's program, and the profile that was written for it."""

    profile: str
    program: str
    key: str
    key_is_set: bool


class BoxFound(msgspec.Struct, frozen=True):
    """The kind of box that really starts here, or why there is none."""

    name: BoxName | None
    remarks: tuple[str, ...]


class SetUp(msgspec.Struct, frozen=True):
    """What `init` found, what it chose and wrote, and what is left to do."""

    path: str
    backup: str | None
    languages: tuple[str, ...]
    gates: tuple[Gate, ...]
    agents: tuple[AgentFound, ...]
    sandbox: BoxFound
    prepare: Build | None
    next_steps: tuple[str, ...]


async def set_up(tools: Instruments, *, force: bool) -> SetUp:
    """Raises WrongUsage where there is no repository, or a file that shall not be touched."""
    place = await _place(tools)
    path = place.root / FILE_NAME
    _demand_room(path, force)
    chosen, box = await _box(tools)
    sight = await asyncio.to_thread(_sight, place.root, tools)
    if chosen is not None:
        works = await _tried(tools, place, chosen.sandbox, wanted(sight))
        sight = msgspec.structs.replace(sight, works=works)
    findings = look(sight)
    text = proposal.settings_text(findings, box.name).encode()
    tools.parse_settings(text, str(path))  # what we write ourselves must not be refused later
    backup = await asyncio.to_thread(_write, path, text, force)
    await tools.hide_folders(place)
    agents = tuple(_agents(findings, tools))
    return SetUp(
        path=str(path),
        backup=None if backup is None else str(backup),
        languages=findings.languages,
        gates=findings.gates,
        agents=agents,
        sandbox=box,
        prepare=findings.build,
        next_steps=tuple(_next_steps(findings, agents, box)),
    )


async def _place(tools: Instruments) -> RepositoryPlace:
    found = await tools.repositories.find(tools.folder)
    if isinstance(found, NotARepository):
        raise WrongUsage(f"{found.why}. {found.mend}")
    if found.bare:
        raise WrongUsage(f"{found.root} is bare, so it has no files: use a clone of it that has")
    return found


def _demand_room(path: Path, force: bool) -> None:
    """A link that leads nowhere is there as well."""
    if os.path.lexists(path) and not (force and path.is_file()):
        raise WrongUsage(_refusal(path))


def _refusal(path: Path) -> str:
    if path.is_file():
        return f"{path} is there already: `interlock init --force` writes a new one and keeps it"
    return f"{path} is there and is not a file: move it away"


# --- looking --------------------------------------------------------------------------------------


def _sight(root: Path, tools: Instruments) -> Sight:
    files = _files(root)
    worth = sorted(filter(is_worth_reading, files), key=lambda file: (file.count("/"), file))
    named = (*AGENTS, *PYTHONS, *RUNNERS)
    return Sight(
        files=files,
        texts={file: _text_of(root / file) for file in worth[:TEXTS_MAX]},
        programs=frozenset(name for name in named if tools.find_program(name) is not None),
    )


def _files(root: Path) -> tuple[str, ...]:
    """Names only, near the root, and no more than it takes; links are not followed."""
    found: list[str] = [VENV_PYTHON] if (root / VENV_PYTHON).exists() else []
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        at_the_end = len(here.parts) >= DEPTH_MAX
        folders[:] = sorted(
            name for name in folders if not at_the_end and name[0] != "." and name not in _SKIPPED
        )
        found += [(here / name).as_posix() for name in sorted(names)]
        if len(found) >= FILES_MAX:
            break
    return tuple(found[:FILES_MAX])


def _text_of(path: Path) -> str:
    """Of a regular file; nothing of what is none, or cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(TEXT_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""


async def _box(tools: Instruments) -> tuple[Chosen | None, BoxFound]:
    try:
        chosen = await choose(tools.sandboxes())
    except BoxRefused as refused:
        return None, BoxFound(None, (str(refused),))
    return chosen, BoxFound(chosen.sandbox.name, chosen.promises.lacks)


async def _tried(
    tools: Instruments, place: RepositoryPlace, sandbox: Sandbox, commands: Sequence[Argv]
) -> frozenset[Argv]:
    """Those that end well inside a box such as gates get: the checkout is not visible there."""
    works: set[Argv] = set()
    for argv in commands:
        order = BoxOrder(
            argv,
            env={"PATH": tools.environment.get("PATH", os.defpath), "HOME": "/home/agent"},
            limits=BoxLimits(seconds=TRY_SECONDS_MAX),
            programs=(argv[0],),
            hide=(place.root, place.common_dir),
        )
        try:
            async with asyncio.timeout(2 * TRY_SECONDS_MAX):
                finished = await run_to_end(sandbox, order)
        except (BoxRefused, TimeoutError):
            continue
        if finished.ended.code == 0:
            works.add(argv)
    return frozenset(works)


def _agents(findings: Findings, tools: Instruments) -> Iterator[AgentFound]:
    for profile, program in proposal.agent_names(findings).items():
        key = proposal.RECIPES[program].key
        yield AgentFound(profile, program, key, key in tools.environment)


# --- writing --------------------------------------------------------------------------------------


def _write(path: Path, content: bytes, force: bool) -> Path | None:
    """A new file, or one in the place of another that is kept; where it was kept."""
    if not force or not path.exists():
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError as error:  # somebody was faster
            raise WrongUsage(_refusal(path)) from error
        return None
    backup = _kept(path)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return backup


def _kept(path: Path) -> Path:
    for number in range(1, BACKUPS_MAX + 1):
        backup = path.with_name(f"{path.name}.bak" + ("" if number == 1 else f".{number}"))
        try:
            with backup.open("xb") as file:
                file.write(path.read_bytes())
        except FileExistsError:
            continue
        return backup
    raise WrongUsage(f"there are {BACKUPS_MAX} backups beside {path} already: remove some")


def _next_steps(findings: Findings, agents: Sequence[AgentFound], box: BoxFound) -> Iterator[str]:
    if not findings.gates:
        yield "Add a [gates.tests] with the command that tests this project"
    for gate in findings.gates:
        if gate.doubt:
            yield f"Gate {gate.name}: {gate.doubt}"
        elif gate.reads == "exit-code":
            yield (
                f"Gate {gate.name} knows only an exit code: a command that writes a junit report "
                "tells which test failed, and that something ran at all"
            )
    if findings.build is not None and findings.build.needed:
        yield "Write the hosts of your package index into network under [prepare]"
    if not agents:
        yield "Install a coding agent, or name any program of yours in [agents.default]"
    for agent in agents:
        if not agent.key_is_set:
            yield f"Set {agent.key} before you start a run: {agent.program} logs in with it"
    if box.name is None:
        yield 'Make a box start, or set minimum = "none" under [sandbox] and trust everything'
    yield f"Read {FILE_NAME}, change what does not fit, and commit it"
    yield "Check it with `interlock doctor`"
