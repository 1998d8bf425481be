"""What the demo is handed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from interlock.demo.props import Found, Props
    from interlock.interfaces.cli.doors import Demo

FOLDER: Final = "interlock-demo-"
_PROGRAM: Final = "interlock"
_NO_SCREENS: Final = ("", "dumb", "unknown")
_CALL: Final = "import sys; from interlock.bootstrap import main; sys.exit(main())"

_OWN_SETTINGS: Final = {
    "user.name": "Interlock demo",
    "user.email": "demo@interlock.invalid",
    "commit.gpgsign": "false",
    "core.autocrlf": "false",
}
"""Set in the demo's repository alone; the person's own git settings are not touched."""


def show_demo(wishes: Demo) -> int:
    from interlock.demo.main import Wishes, play_demo

    return play_demo(_props(), Wishes(fast=wishes.fast, json=wishes.json))


def _props() -> Props:
    from interlock.adapters.system.clock import SystemClock
    from interlock.bootstrap.desk import open_desk
    from interlock.bootstrap.who import person
    from interlock.config import read_environment
    from interlock.demo.props import Props

    environment = read_environment()
    return Props(
        actor=person(),
        clock=SystemClock(),
        colour=environment.colour,
        draws=environment.variables.get("TERM", "dumb") not in _NO_SCREENS,
        find_box=_find_box,
        make_repository=make_repository,
        open_desk=lambda folder: open_desk(None, folder),
        program=program_of(sys.argv[0], sys.executable),
        python=_python(),
    )


async def _find_box() -> Found:
    """The strongest that starts; none at all is an answer for the demo, and for nobody else."""
    from interlock.bootstrap.site import choose_box
    from interlock.control.errors import WrongUsage
    from interlock.demo.props import Found

    try:
        chosen = await choose_box(None)
    except WrongUsage as refused:
        return Found("none", str(refused))
    return Found(chosen.sandbox.name)


async def make_repository(contents: Mapping[str, str]) -> Path:
    """In a new folder that stays, with these files as its first commit."""
    import asyncio

    folder = await asyncio.to_thread(_written, contents)
    await _git(folder, "init", "--quiet", "--template=", "--initial-branch=main", str(folder))
    for name, value in _OWN_SETTINGS.items():
        await _git(folder, "config", "--local", name, value)
    await _git(folder, "add", "--force", "--all")
    await _git(folder, "commit", "--quiet", "--no-verify", "--message", "A small shop")
    return folder


def _written(contents: Mapping[str, str]) -> Path:
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp(prefix=FOLDER)).resolve()
    for name, text in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


async def _git(folder: Path, *words: str) -> None:
    from interlock.adapters.git.program import git
    from interlock.engine.errors import PartLost

    said = await git(*words, at=folder)
    if said.code:
        raise PartLost(
            "git", f"`git {words[0]}` in {folder}: {said.complaint}", "Try it there by hand"
        )


def program_of(called: str, interpreter: str) -> str:
    """How the person can call this program from any folder."""
    import shlex
    import shutil
    from pathlib import Path

    found = shutil.which(_PROGRAM)
    beside = Path(interpreter).with_name(_PROGRAM)
    own = Path(called) if Path(called).name == _PROGRAM else beside
    if own.is_file():
        same = found is not None and Path(found).resolve() == own.resolve()
        return _PROGRAM if same else shlex.quote(str(own.absolute()))
    return f"{shlex.quote(interpreter)} -c {shlex.quote(_CALL)}"


def _python() -> str:
    """How a gate names the interpreter: as people write it where that is one that will do."""
    import shlex
    import shutil
    from pathlib import Path

    found = shutil.which("python3")
    own = Path(sys.executable).resolve()
    if found is not None and Path(found).resolve() == own:
        return "python3"
    return shlex.quote(str(own))
