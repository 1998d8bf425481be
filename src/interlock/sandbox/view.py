"""What a box shows: from an order and facts about the host to a list, outermost first.

Pure: the host is looked at through `Host` only. The rules, weakest first:

1. the system's programs, read-only, at their own paths;
2. the programs that the order names, whatever they need to start, the folders of PATH, and `read`;
3. what is hidden wins over all of that: keys, sockets, the order's `hide`;
4. what a mount names is shown, whatever hides it; what is hidden inside of it stays hidden.

Everything else, the home of the user first, is not there at all.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import msgspec

from interlock.sandbox.hosts import Files, Host
from interlock.sandbox.ports import HOME, WORKSPACE, BoxOrder, Mount
from interlock.sandbox.toolchains import Needs, needs_of_path, needs_of_program, needs_to_read

SYSTEM: Final = tuple(
    map(
        Path, ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/nix/store")
    )
)
"""Read-only in every box, as far as the host has them."""

SYSTEM_STATE: Final = tuple(
    map(
        Path,
        (
            "/var/cache/fontconfig",
            "/var/lib/ca-certificates",
            "/var/lib/dpkg",
            "/var/lib/texmf",
            "/sys/devices/system/cpu",  # run times count processors here
        ),
    )
)
"""Read-only as well: what programs look up outside of `SYSTEM`."""

KEYS: Final = (
    ".aws",
    ".azure",
    ".bash_history",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".claude",
    ".claude.json",
    ".codex",
    ".config",
    ".docker",
    ".gem/credentials",
    ".gemini",
    ".git-credentials",
    ".gnupg",
    ".gradle/gradle.properties",
    ".kube",
    ".local/share/keyrings",
    ".local/state",
    ".m2/settings.xml",
    ".mozilla",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pypirc",
    ".qwen",
    ".ssh",
    ".terraform.d",
    ".terraformrc",
    ".vault-token",
    ".zsh_history",
)
"""Keys and settings of people and agents, in every home."""

ALWAYS_HIDDEN: Final = tuple(map(Path, ("/run", "/var/run", "/proc", "/dev")))
"""The sockets of the host's services, and what a box has of its own."""

TEMPORARY: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - places inside, sized and private


KERNEL_SETTINGS: Final = tuple(
    Path("/proc", name) for name in ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "mtrr")
)
"""Read-only, said once more: in the box of a plane that is root they belong to who is in there, and
bubblewrap itself covers only what is writable as a folder, not what has writable files in it."""

KERNEL_SECRETS: Final = tuple(
    Path("/proc", name) for name in ("kcore", "keys", "key-users", "kmsg", "kallsyms", "timer_list")
)


class Shown(msgspec.Struct, frozen=True):
    """One thing inside: a tree, a link, a cover over something hidden, or a sized temp folder.

    What is written into a `copy` is gone with the box; its outside is never touched.
    """

    kind: Literal[
        "read-only", "writable", "copy", "link", "covered-folder", "covered-file", "temporary"
    ]
    inside: str
    outside: str = ""


class Ground(msgspec.Struct, frozen=True):
    """What follows from the files of the host and the programs of an order alone."""

    keys: tuple[Path, ...]
    needs: Needs


def view(order: BoxOrder, host: Host, *, copies: bool = False) -> tuple[Shown, ...]:
    """Everything a box shows beside its own /proc and /dev, in the order in which to lay it out.

    Without `copies`, what asks for copy-on-write is shown read-only.
    """
    return lay_out(order, host, ground_of(order, host), copies=copies)


def ground_of(order: BoxOrder, host: Files) -> Ground:
    return Ground(tuple(_keys(host)), _needs(order, host))


def lay_out(
    order: BoxOrder, host: Host, ground: Ground, *, copies: bool = False
) -> tuple[Shown, ...]:
    """A view on its ground."""
    hidden = tuple(sorted(_hidden(order, host, ground.keys), key=str))
    needs = _allowed(ground.needs, hidden)
    covered = _covered(hidden, ((path, path) for path in needs.trees), host)
    laid_out = sorted((*_trees(needs), *_own_places(order)), key=_depth)
    return (*laid_out, *covered, *_kernel(host), *_mounts(order, hidden, host, copies))


def _keys(host: Files) -> Iterator[Path]:
    for home in {host.home, host.real(host.home)}:
        for key in (home / key for key in KEYS):
            yield key
            if host.kind(key) == "link":
                yield host.real(key)


def _hidden(order: BoxOrder, host: Host, keys: tuple[Path, ...]) -> Iterator[Path]:
    yield from ALWAYS_HIDDEN
    yield from keys
    yield from host.sockets
    yield from host.private
    for path in order.hide:
        yield host.real(path)
        yield path


def _needs(order: BoxOrder, host: Files) -> Needs:
    needs = Needs()
    for path in (*SYSTEM, *SYSTEM_STATE):
        needs |= needs_to_read(path, host)
    for path in host.path:
        needs |= needs_of_path(path, host)
    shown_otherwise = tuple(PurePosixPath(mount.inside) for mount in order.mounts)
    for program in (order.argv[0], *order.programs):
        if not any(PurePosixPath(program).is_relative_to(inside) for inside in shown_otherwise):
            needs |= needs_of_program(program, host)
    for path in order.read:
        needs |= needs_to_read(path, host)
    return needs


def _allowed(needs: Needs, hidden: tuple[Path, ...]) -> Needs:
    """Without what lies in something hidden, and without what another tree shows already."""
    # A box has temp folders of its own, but what lies in the host's may be shown in them.
    out_of_sight = _Places(hidden)
    trees = [
        path for path in needs.trees if not out_of_sight.hold(path) and str(path) not in TEMPORARY
    ]
    all_trees = _Places(trees)
    outermost = frozenset(path for path in trees if not all_trees.hold_above(path))
    links = {
        link: target
        for link, target in needs.links.items()
        if not out_of_sight.hold(link) and not all_trees.hold(link)
    }
    return Needs(outermost, links)


def _trees(needs: Needs) -> tuple[Shown, ...]:
    trees = tuple(Shown("read-only", str(path), str(path)) for path in sorted(needs.trees))
    links = (Shown("link", str(link), target) for link, target in sorted(needs.links.items()))
    return (*trees, *links)


def _covered(
    hidden: Iterable[Path], trees: Iterable[tuple[Path, Path]], host: Host
) -> tuple[Shown, ...]:
    """Covers for what is hidden within trees, each a pair of (outside, inside)."""
    covers: list[Shown] = []
    done = _Places(())
    named = [(str(path), path) for path in hidden]
    for outside, inside in trees:
        start = f"{outside}/".replace("//", "/")
        for name, path in named:
            if not name.startswith(start) or path == outside:
                continue
            kind = host.kind(path)
            # A hidden link is not covered: where it leads is hidden under its own name.
            if kind in {"none", "link"} or done.hold(path):
                continue
            done.add(path)
            how: Literal["covered-folder", "covered-file"] = (
                "covered-folder" if kind == "folder" else "covered-file"
            )
            covers.append(Shown(how, str(inside / name.removeprefix(start))))
    return tuple(covers)


def _kernel(host: Host) -> Iterator[Shown]:
    for path in KERNEL_SETTINGS:
        if host.kind(path) != "none":
            yield Shown("read-only", str(path), str(path))
    for path in KERNEL_SECRETS:
        if host.kind(path) != "none":
            yield Shown("covered-file", str(path))


def _own_places(order: BoxOrder) -> tuple[Shown, ...]:
    """Private temp folders; also for a home and a workspace that nobody gave."""
    mounted = {mount.inside for mount in order.mounts}
    wanted = (*TEMPORARY, HOME, *([WORKSPACE] if order.cwd == WORKSPACE else []))
    return tuple(Shown("temporary", place) for place in wanted if place not in mounted)


def _mounts(
    order: BoxOrder, hidden: tuple[Path, ...], host: Host, copies: bool
) -> tuple[Shown, ...]:
    mounts = sorted(order.mounts, key=_depth)
    shown: list[Shown] = []
    for mount in mounts:
        kind: Literal["read-only", "writable", "copy"] = "read-only"
        if mount.writable:
            kind = "writable"
        elif copies and mount.copy_on_write:
            kind = "copy"
        shown.append(Shown(kind, mount.inside, str(mount.outside)))
        tree = (host.real(mount.outside), Path(mount.inside))
        named = {host.real(other.outside) for other in mounts}
        shown += _covered([path for path in hidden if path not in named], [tree], host)
    return tuple(shown)


def _depth(place: Shown | Mount) -> int:
    """What lies deeper is laid out later, or it would be laid over."""
    return len(PurePosixPath(place.inside).parts)


class _Places:
    """Some paths, asked whether another one lies in one of them.

    On strings: every box asks a thousand times, and `Path.is_relative_to` costs 10 ms for that.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._names = set(map(str, paths))

    def add(self, path: Path) -> None:
        self._names.add(str(path))

    def hold(self, path: Path) -> bool:
        return str(path) in self._names or self.hold_above(path)

    def hold_above(self, path: Path) -> bool:
        name = str(path)
        while name != "/":
            name = name.rpartition("/")[0] or "/"
            if name in self._names:
                return True
        return False
