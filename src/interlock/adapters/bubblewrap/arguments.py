"""The words that tell bubblewrap what to do; pure, so that every measure can be looked at."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from interlock.sandbox.ports import BoxOrder
from interlock.sandbox.view import Shown

UID: Final = 1000
"""Who everybody is inside, whoever we are outside; some agents refuse to work for root."""

COVER_BYTES: Final = 4096

Measure = Literal["namespaces", "network", "session", "read-only", "temp-size", "view", "kernel"]
"""What a box is made of. Tests leave one out, to see what it was good for."""


def arguments(
    order: BoxOrder,
    shown: Iterable[Shown],
    files: Mapping[str, int] = {},
    without: frozenset[Measure] = frozenset(),
) -> list[str]:
    """Everything but the program itself. `files`: the text of a descriptor, shown as a file."""
    return [
        *_apart(without),
        "--die-with-parent",
        "--uid",
        str(UID),
        "--gid",
        str(UID),
        "--hostname",
        "box",
        "--cap-drop",
        "ALL",
        *([] if "session" in without else ["--new-session"]),
        *_layout(order, shown, files, without),
        "--clearenv",
        *(word for pair in order.env.items() for word in ("--setenv", *pair)),
        *("--chdir", "/" if "view" in without else order.cwd),
    ]


def _apart(without: frozenset[Measure]) -> list[str]:
    if "namespaces" in without:
        return ["--unshare-user", "--unshare-uts"]
    return ["--unshare-all", *(["--share-net"] if "network" in without else [])]


def _layout(
    order: BoxOrder,
    shown: Iterable[Shown],
    files: Mapping[str, int],
    without: frozenset[Measure],
) -> list[str]:
    if "view" in without:
        # Nothing may be mounted over it: places to mount at would be made on the host itself.
        return ["--bind", "/", "/", "--dev", "/dev"]
    words = ["--proc", "/proc", "--dev", "/dev"]
    for each in shown:
        if "kernel" in without and each.inside.startswith("/proc/"):
            continue
        words += _one(each, order.limits.temp_bytes, without)
    for path, descriptor in files.items():
        words += ["--ro-bind-data", str(descriptor), path]
    if "read-only" not in without:
        # The root and /dev are temp file systems without a size: nothing may be left to fill.
        words += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return words


def _one(  # noqa: PLR0911 - one case per kind
    shown: Shown, temp_bytes: int, without: frozenset[Measure]
) -> list[str]:
    inside = shown.inside
    match shown.kind:
        case "read-only":
            bind = "--bind" if "read-only" in without else "--ro-bind"
            return [bind, shown.outside, inside]
        case "writable":
            return ["--bind", shown.outside, inside]
        case "copy":
            return ["--overlay-src", shown.outside, "--tmp-overlay", inside]
        case "link":
            return ["--symlink", shown.outside, inside]
        case "covered-file":
            return ["--ro-bind", "/dev/null", inside]
        case "covered-folder":
            return [*_temp(inside, COVER_BYTES, "0555"), "--remount-ro", inside]
        case "temporary":
            size = None if "temp-size" in without else temp_bytes
            return _temp(inside, size, "1777")


def _temp(inside: str, size: int | None, mode: str) -> list[str]:
    sized = [] if size is None else ["--size", str(max(size, COVER_BYTES))]
    return ["--perms", mode, *sized, "--tmpfs", inside]
