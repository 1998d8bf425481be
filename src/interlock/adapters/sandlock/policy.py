"""From an order to what sandlock is told; pure but for the host that the view looks at."""

from pathlib import Path
from typing import Final

from interlock.sandbox.hosts import Host
from interlock.sandbox.ports import BoxOrder
from interlock.sandbox.translate import Translation
from interlock.sandbox.view import view

DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


def policy(
    order: BoxOrder, host: Host, translation: Translation, scratch: str, ports: tuple[int, ...]
) -> dict[str, object]:
    """Keyword arguments of sandlock's `Sandbox`, and three words for the launcher.

    `scratch` goes with the box; `ports` are the only ones on this machine that it may reach.
    """
    temp = str(Path(scratch, "tmp"))
    shown = view(order, host)
    outside = translation.order(order)
    readable = [each.outside for each in shown if each.kind == "read-only"]
    writable = [each.outside for each in shown if each.kind == "writable"]
    denied = [translation.text(each.inside) for each in shown if each.kind.startswith("covered")]
    devices = [device for device in DEVICES if host.kind(Path(device)) != "none"]
    return {
        "scratch": scratch,
        "argv": list(outside.argv),
        "cwd": outside.cwd,
        "env": {"TMPDIR": temp, **outside.env},
        "file_bytes": order.limits.file_bytes,
        "fs_readable": [*readable, "/proc", *devices],
        "fs_writable": [*writable, temp, *devices],
        "fs_denied": denied,
        "max_memory": order.limits.memory_bytes,
        "max_processes": order.limits.processes,
        "net_allow": [f"tcp://127.0.0.1:{port}" for port in ports],
        "no_coredump": True,
    }
