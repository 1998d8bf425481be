"""What the environment says: wishes for the terminal, variables for boxes, where programs lie."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Environment(msgspec.Struct, frozen=True):
    """Read once, and handed on.

    `variables` is everything, secrets included: of it a box sees what a list allows and no more.
    `path_roots` are the folders of PATH in their order; a relative one would mean another folder
    in every process, so it is left out.
    """

    colour: bool
    trace: bool
    variables: Mapping[str, str] = {}
    path_roots: tuple[Path, ...] = ()
    home: Path = Path("/")


def read_environment() -> Environment:
    """NO_COLOR as its convention has it: set and not empty."""
    variables = dict(os.environ)  # noqa: TID251 - the one place that reads it
    plain = bool(variables.get("NO_COLOR")) or variables.get("TERM") == "dumb"
    return Environment(
        colour=not plain,
        trace=bool(variables.get("INTERLOCK_TRACE")),
        variables=variables,
        path_roots=_roots(variables.get("PATH", os.defpath)),
        home=_home(variables),
    )


def _roots(path: str) -> tuple[Path, ...]:
    folders = (Path(part) for part in path.split(os.pathsep) if part.startswith("/"))
    return tuple(dict.fromkeys(folders))


def _home(variables: Mapping[str, str]) -> Path:
    """HOME, or what the system knows where HOME says nothing useful."""
    said = variables.get("HOME", "")
    if said.startswith("/"):
        return Path(said)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/")
