"""The words that tell a container engine what to do; pure, so that each can be looked at."""

from collections.abc import Iterable
from typing import Final

import msgspec

from interlock.sandbox.ports import BoxOrder, BoxRefused
from interlock.sandbox.view import Shown

IMAGE: Final = "interlock-box:empty"
"""An image without a file: everything inside is shown from the host."""

LABEL: Final = "interlock.plane"
COVER_BYTES: Final = 4096

LATCH: Final = 'read -r _ && exec "$@"'
"""Holds the program until its doors are open; `read` takes one line of its input and no more."""


class Naming(msgspec.Struct, frozen=True):
    """How a container is found again: its name, the process of its plane, and who runs it."""

    container: str
    plane: int
    uid: int
    gid: int


def run_arguments(
    order: BoxOrder, shown: Iterable[Shown], naming: Naming, env_file: str, podman: bool = False
) -> list[str]:
    """Everything after the name of the engine."""
    limits = order.limits
    words = [
        "run",
        "--interactive",
        "--init",
        *("--name", naming.container),
        *("--label", f"{LABEL}={naming.plane}"),
        *("--hostname", "box"),
        *("--network", "none"),
        *("--ipc", "private"),
        "--read-only",
        *("--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges"),
        *("--user", f"{naming.uid}:{naming.gid}"),
        *(["--userns", "keep-id"] if podman and naming.uid else []),
        *("--workdir", order.cwd),
        *("--env-file", env_file),
        *("--pull", "never"),
        *("--ulimit", "core=0"),
    ]
    if limits.memory_bytes is not None:
        words += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    if limits.processes is not None:
        words += ["--pids-limit", str(limits.processes + 2)]  # and its init, and its latch
    if limits.file_bytes is not None:
        words += ["--ulimit", f"fsize={limits.file_bytes}"]
    for each in shown:
        if not each.inside.startswith("/proc/"):  # engines close it, and refuse mounts there
            words += _one(each, limits.temp_bytes)
    return [*words, IMAGE, "/bin/sh", "-c", LATCH, "sh", *order.argv]


def env_lines(order: BoxOrder) -> str:
    """For a file: a command line can be read by everybody. Such a file knows no line breaks."""
    for name, value in order.env.items():
        if "\n" in value:
            raise BoxRefused(
                f"The variable {name} has several lines; a container cannot have that."
            )
    return "".join(f"{name}={value}\n" for name, value in order.env.items())


def _one(shown: Shown, temp_bytes: int) -> list[str]:
    inside = shown.inside
    match shown.kind:
        case "read-only":
            return _bind(shown.outside, inside, read_only=True)
        case "copy":
            raise AssertionError("containers are never shown copies: their view is made without")
        case "writable":
            return _bind(shown.outside, inside, read_only=False)
        case "link":
            # There is no image to put a link into: what it leads to is shown in its place.
            return _bind(inside, inside, read_only=True)
        case "covered-file":
            return _bind("/dev/null", inside, read_only=True)
        case "covered-folder":
            return ["--tmpfs", f"{inside}:ro,size={COVER_BYTES},mode=0555"]
        case "temporary":
            return ["--tmpfs", f"{inside}:rw,exec,nosuid,nodev,size={temp_bytes},mode=1777"]


def _bind(outside: str, inside: str, *, read_only: bool) -> list[str]:
    if any(mark in outside + inside for mark in ',"\n'):
        raise BoxRefused(
            f"A container cannot be shown {outside!r}: its name has a comma or a quote."
        )
    mode = ",readonly" if read_only else ""
    return ["--mount", f"type=bind,src={outside},dst={inside}{mode}"]
