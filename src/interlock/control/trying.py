"""Tries what the settings name: a box is started, programs are looked for inside of it.

Each look is one or more lines of the doctor. Gates and agents see the machine through a box, so
that is where their programs are looked for: what a person's shell finds may not be there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Final

from interlock.control.instruments import Instruments
from interlock.control.read_models import Check, CheckState
from interlock.domain.settings import AgentProfile, PrepareSettings, Settings
from interlock.gates.order import programs_of
from interlock.repository.ports import RepositoryPlace
from interlock.sandbox.choose import Chosen, choose
from interlock.sandbox.ports import BoxLimits, BoxOrder, BoxRefused, Sandbox
from interlock.sandbox.running import run_to_end
from interlock.workers.agents.ports import AgentRefused

BOX_SECONDS_MAX: Final = 20.0
GRACE_SECONDS: Final = 10.0
PATH_WHEN_UNSET: Final = "/usr/local/bin:/usr/bin:/bin"

_FIRST: Final = "default"
_CLIENTS: Final = frozenset({"claude", "codex", "acp"})
_LOOK: Final = 'for p do command -v "$p" >/dev/null 2>&1 || printf "%s\\n" "$p"; done'


async def box(tools: Instruments, settings: Settings) -> tuple[Check, Chosen | None]:
    """The box that runs would use, really started."""
    try:
        chosen = await choose(tools.sandboxes(), settings.sandbox.minimum)
    except BoxRefused as refused:
        mend = "Nothing is run until a box starts, or until you say that none is needed"
        return Check("sandbox", "broken", str(refused), mend), None
    name, lacks = chosen.sandbox.name, chosen.promises.lacks
    tried = [f"not {kind}: {why}" for kind, why in chosen.tried.items()]
    if name == "none":
        found = "\n".join(["none: agents and gates run as you, and see what you see", *tried])
        mend = 'Take minimum = "none" out of [sandbox] where any box starts'
        return Check("sandbox", "warning", found, mend), chosen
    found = "\n".join([f"{name} starts", *lacks, *tried])
    if lacks:
        mend = "Know it before you run what you do not trust"
        return Check("sandbox", "warning", found, mend), chosen
    return Check("sandbox", "ok", found), chosen


async def what_is_configured(
    tools: Instruments, place: RepositoryPlace, settings: Settings, sandbox: Sandbox | None
) -> AsyncIterator[Check]:
    """A line for each gate and agent, for `prepare`, and for what is named and not there."""
    bench = _Bench(tools, place, settings, sandbox)
    if not settings.gates:
        found = "none is configured, so nothing would prove a change, and `run` starts nothing"
        yield Check("gates", "warning", found, _ADD.format("[gates.tests]"))
    for gate in settings.gates or ():
        yield await bench.command(f"gate {gate.name}", gate.run)
    if not settings.agents:
        found = "none is configured, so nobody would do the work, and `run` starts nothing"
        yield Check("agents", "warning", found, _ADD.format("[agents.default]"))
    for profile in settings.agents or ():
        yield await bench.agent(profile)
    if settings.prepare is not None:
        yield await bench.command("prepare", settings.prepare.run)
    for check in _absent(tools, settings):
        yield check


_ADD: Final = "Add {} to interlock.toml, or let `interlock init --force` look around again"


def _absent(tools: Instruments, settings: Settings) -> Iterator[Check]:
    """Variables and paths that boxes may see, and that are not there to be seen."""
    wanted = dict.fromkeys(settings.sandbox.env)
    for profile in settings.agents or ():
        wanted.update(dict.fromkeys(profile.env))
    unset = [name for name in wanted if name not in tools.environment]
    if unset:
        found = f"not set here, so no box sees it: {', '.join(unset)}"
        yield Check("variables", "warning", found, "Set it where you start Interlock")
    paths = [(text, _at_home(text, tools.environment)) for text in settings.sandbox.read]
    gone = [text for text, path in paths if not path.exists()]
    if gone:
        found = f"[sandbox] read names what is not there: {', '.join(gone)}"
        yield Check("paths to read", "warning", found, "Correct it in interlock.toml")


def _at_home(text: str, environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME", "")
    return Path(home + text[1:]) if home and text.startswith("~/") else Path(text)


class _Bench:
    """Looks for programs where they would run."""

    def __init__(
        self,
        tools: Instruments,
        place: RepositoryPlace,
        settings: Settings,
        sandbox: Sandbox | None,
    ) -> None:
        self._tools, self._place, self._settings = tools, place, settings
        self._sandbox = sandbox

    async def agent(self, profile: AgentProfile) -> Check:
        name = f"agent {profile.name}"
        if profile.backend == "human":
            return Check(name, "ok", "people claim its tasks")
        if profile.backend == "scripted":
            if not (self._place.root / profile.script).is_file():
                found = f"there is no script {profile.script} in {self._place.root}"
                return Check(name, "broken", found, "Correct script in interlock.toml")
            return Check(name, "ok", f"plays {profile.script}; its work is labelled as simulated")
        if profile.backend in _CLIENTS:
            return await self._client(name, profile)
        return await self._programs(name, _programs_of_agent(profile))

    async def _client(self, name: str, profile: AgentProfile) -> Check:
        """Its program, and who pays: a key that stays outside, or the person's own log-in."""
        environment = self._tools.environment
        try:
            found = await self._tools.client(profile, environment)
            if profile.auth == "login":
                place = self._tools.login(profile, environment)
                found += (
                    f"; signed in at {place}: each box gets a copy, its usage is as reported and "
                    "no cap on money holds"
                )
                return Check(name, "warning", found, "Know it before you run what you do not trust")
        except AgentRefused as refused:
            return Check(name, "broken", str(refused), "Then run `interlock doctor` again")
        upstream = self._settings.upstream(profile.models_at)
        if upstream is None:
            found += f"; no [models.{profile.models_at}] says where its models answer"
            return Check(name, "broken", found, f"Add [models.{profile.models_at}]")
        if not environment.get(upstream.key_env):
            found += f"; {upstream.key_env} is not set, and it pays with that key"
            # Others may do the work; without the one that is asked by default nothing goes.
            state: CheckState = "broken" if profile.name == _FIRST else "warning"
            return Check(name, state, found, f"Set {upstream.key_env} where you start Interlock")
        return Check(name, "ok", f"{found}; {upstream.key_env} stays outside its box")

    async def command(self, name: str, command: str) -> Check:
        """A shell command; what it makes up while it runs cannot be looked for."""
        first = command.split(maxsplit=1)[0]
        named = (*programs_of(command), *((first,) if _is_relative(first) else ()))
        return await self._programs(name, tuple(each for each in named if "$" not in each))

    async def _programs(self, name: str, programs: tuple[str, ...]) -> Check:
        inside = tuple(program for program in programs if _is_relative(program))
        for program in inside:
            if (check := self._in_workspace(name, program)) is not None:
                return check
        outside = tuple(program for program in programs if program not in inside)
        shown = ", ".join(programs)
        if not programs:
            return Check(name, "warning", "what it starts cannot be told without running it")
        if not outside:
            return Check(name, "ok", f"{shown}: comes with the workspace")
        if self._sandbox is None:
            return Check(name, "warning", f"{shown}: not looked for, because no box starts")
        return await self._in_box(name, outside, self._sandbox)

    async def _in_box(self, name: str, programs: tuple[str, ...], sandbox: Sandbox) -> Check:
        try:
            missing = await self._missing(sandbox, programs)
        except BoxRefused as refused:
            return Check(name, "broken", str(refused), "Mend the box first")
        if missing:
            found = f"{_listed(missing)} cannot be found inside the box ({sandbox.name})"
            return Check(name, "broken", found, self._mend(missing[0]))
        return Check(name, "ok", f"{', '.join(programs)}: found inside the box")

    def _in_workspace(self, name: str, program: str) -> Check | None:
        """Attempts and gates work in fresh clones: what git does not keep is not in them."""
        if _kept(program, self._settings.prepare):
            return None
        path = self._place.root / program
        if not path.exists():
            found = f"there is no {program} in the repository"
            return Check(name, "broken", found, "Correct it in interlock.toml, or add the file")
        first = program.removeprefix("./").split("/", 1)[0]
        if first == "node_modules" or (self._place.root / first / "pyvenv.cfg").exists():
            found = f"{program} is in your checkout only; work is done in fresh clones"
            mend = f'Let [prepare] build it, with keeps = ["{first}"]'
            return Check(name, "broken", found, mend)
        return None

    async def _missing(self, sandbox: Sandbox, programs: tuple[str, ...]) -> tuple[str, ...]:
        order = BoxOrder(
            ("sh", "-c", _LOOK, "sh", *programs),
            env={"PATH": self._tools.environment.get("PATH", PATH_WHEN_UNSET)},
            limits=BoxLimits(seconds=BOX_SECONDS_MAX),
            programs=("sh", *programs),
            read=tuple(
                _at_home(text, self._tools.environment) for text in self._settings.sandbox.read
            ),
            hide=(self._place.root, self._place.common_dir),
        )
        try:
            async with asyncio.timeout(BOX_SECONDS_MAX + GRACE_SECONDS):
                finished = await run_to_end(sandbox, order)
        except TimeoutError as late:
            raise BoxRefused("The box did not end in time.") from late
        if finished.ended.code != 0:
            said = finished.stderr.decode(errors="replace").strip().splitlines()
            why = said[0] if said else f"exit code {finished.ended.code}"
            raise BoxRefused(f"A shell did not run inside the box: {why}.")
        return tuple(finished.stdout.decode(errors="replace").split("\n")[:-1])

    def _mend(self, program: str) -> str:
        where = self._tools.find_program(program)
        if where is None:
            return f"Install {program}, or correct it in interlock.toml"
        if Path(where).is_relative_to(self._place.root):
            return "It lies in your checkout, which no box sees: let [prepare] build it"
        return f"It is at {where}: add what it needs to read under [sandbox]"


def _programs_of_agent(profile: AgentProfile) -> tuple[str, ...]:
    match profile.run:
        case (("sh" | "bash") as shell, "-c", script, *_):
            return (shell, *programs_of(script.replace("exec ", "")))
        case (program, *_):
            return (program,)
        case _:
            return (profile.backend,)


def _kept(program: str, prepare: PrepareSettings | None) -> bool:
    path = Path(program)
    keeps = () if prepare is None else prepare.keeps
    return any(path.is_relative_to(keep.rstrip("/").removeprefix("./")) for keep in keeps)


def _is_relative(program: str) -> bool:
    return "/" in program and not program.startswith("/") and "$" not in program


def _listed(words: tuple[str, ...] | list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
