"""What a program needs to start: links on the way to it, its prefix, its interpreter.

    ~/proj/.venv/bin/pytest                 a script: "#!/home/ann/proj/.venv/bin/python"
      the prefix  ~/proj/.venv              has a pyvenv.cfg, so its own python is followed:
      .venv/bin/python -> python3 -> ~/.pyenv/versions/3.11.7/bin/python3.11
      the prefix  ~/.pyenv/versions/3.11.7

Pure: the host is looked at through `Files` only.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from interlock.sandbox.hosts import Files

PROGRAM_FOLDERS: Final = frozenset({"bin", "sbin", "libexec", "shims"})

SIGNS_OF_A_PREFIX: Final = ("pyvenv.cfg", "conda-meta", "lib/node_modules", "libexec", "versions")
"""Beside a folder of programs these say that the folder around both was installed as a whole."""

LINKS_MAX: Final = 40
PROGRAMS_MAX: Final = 64
INTERPRETERS_IN_A_ROW_MAX: Final = 4
RUSTUP: Final = ".rustup"


class Needs(msgspec.Struct, frozen=True):
    """Trees to show read-only, and links to make again (where to, as it is written)."""

    trees: frozenset[Path] = frozenset()
    links: Mapping[Path, str] = {}

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(self.trees | other.trees, {**self.links, **other.links})


def needs_to_read(path: Path, host: Files) -> Needs:
    """The path itself, wherever links lead it; nothing when it is not there."""
    links, real = _walk(path, host)
    return Needs(frozenset() if real is None else frozenset({real}), links)


def needs_of_path(folder: Path, host: Files) -> Needs:
    """A folder of PATH, and all of the toolchain that it belongs to."""
    links, real = _walk(folder, host)
    if real is None or host.kind(real) != "folder":
        return Needs()
    return Needs(frozenset({_prefix(real, host) or real}), links)


def needs_of_program(program: str, host: Files) -> Needs:
    """Nothing when there is no such program: that shows when it is started."""
    needs = Needs()
    waiting = [program]
    seen: set[str] = set()
    while waiting and len(seen) < PROGRAMS_MAX:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _find(name, host)
        if path is None:
            continue
        found, more = _one_program(path, host)
        needs |= found
        waiting += more
    return needs


def _one_program(path: Path, host: Files) -> tuple[Needs, list[str]]:
    """What it needs itself, and the programs that it needs."""
    links, real = _walk(path, host)
    if real is None:
        return Needs(links=links), []
    places = [*links, real]
    trees = {_prefix(place.parent, host) or (place if place == real else None) for place in places}
    prefixes = {tree for tree in trees if tree is not None}
    more = [str(tree / "bin/python") for tree in prefixes if _is_there(tree / "pyvenv.cfg", host)]
    rustup = host.home / RUSTUP
    if real.name == "rustup" and _is_there(rustup, host):
        prefixes.add(rustup)
    return Needs(frozenset(prefixes), links), [*more, *_interpreter(host.head(real))]


def _find(program: str, host: Files) -> Path | None:
    if "/" in program:
        return Path(program) if program.startswith("/") else None
    for folder in host.path:
        if host.kind(folder / program) in {"file", "link"}:
            return folder / program
    return None


def _interpreter(head: bytes) -> Iterator[str]:
    """The programs that a script's first line names."""
    if not head.startswith(b"#!"):
        return
    words = head[2:].split(b"\n", 1)[0].decode(errors="replace").split()
    if not words:
        return
    yield words[0]
    if PurePosixPath(words[0]).name == "env":
        yield from (word for word in words[1:] if not word.startswith("-") and "=" not in word)


def _prefix(folder: Path, host: Files) -> Path | None:
    """The toolchain around a folder of programs; None when it is no folder of that kind."""
    prefix = folder.parent
    if folder.name not in PROGRAM_FOLDERS or _is_wide(prefix, host):
        return None
    if folder.name == "shims" or any(_is_there(prefix / s, host) for s in SIGNS_OF_A_PREFIX):
        return prefix
    if prefix.is_relative_to(host.home):
        # In a home a folder whose path has a dot in front was put there by a tool (.nvm, .asdf,
        # .local/share/uv/...); others are people's projects and stay out of sight.
        ours = any(part.startswith(".") for part in prefix.relative_to(host.home).parts)
    else:
        ours = any(_is_there(prefix / name, host) for name in ("lib", "lib64"))
    return prefix if ours else None


def _is_wide(prefix: Path, host: Files) -> bool:
    """Shared by much more than one toolchain."""
    return host.home.is_relative_to(prefix) or prefix == host.home / ".local"


def _walk(path: Path, host: Files) -> tuple[dict[Path, str], Path | None]:
    """The links on the way, and where the way ends; None when it ends nowhere."""
    links: dict[Path, str] = {}
    followed = 0
    here, waiting = Path("/"), list(reversed(path.parts[1:]))
    while waiting:
        part = waiting.pop()
        if part in {".", ".."}:
            here = here.parent if part == ".." else here
            continue
        here /= part
        kind = host.kind(here)
        if kind == "none":
            return links, None
        if kind == "link":
            followed += 1
            if followed > LINKS_MAX:  # in a circle
                return links, None
            target = host.link(here)
            links[here] = target
            waiting += reversed(PurePosixPath(target).parts)
            here = here.parent
            if target.startswith("/"):
                waiting.pop()  # the root
                here = Path("/")
    return links, here


def _is_there(path: Path, host: Files) -> bool:
    return host.kind(path) != "none"
