"""Listening sockets inside a box, held by us: no relay runs in it, and nothing of ours is shown.

A socket belongs to the network namespace in which it was made, whoever holds it. A short-lived
helper goes into the box's namespaces, makes the sockets, and sends them back.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.sandbox.network import proxy_env
from interlock.sandbox.ports import BoxOrder, BoxRefused, Door, OpenDoor

PROXY_PORT: Final = 3128
HELPER: Final = Path(__file__).with_name("listener.py")
SECONDS_MAX: Final = 20.0

NO_DOOR: Final = "The order asks for a network, but this plane was given no way out."


def with_proxy(order: BoxOrder) -> BoxOrder:
    """The order with the variables by which programs find the way out."""
    told = proxy_env(order.env, PROXY_PORT, relays=bool(order.relays))
    return msgspec.structs.replace(order, env=told)


async def open_doors(door: Door | None, order: BoxOrder, init: int) -> list[OpenDoor]:
    """All that the order asks for, in the network of the box whose first process this is."""
    ports = [relay.port for relay in order.relays]
    if order.network:
        ports.append(PROXY_PORT)
    if not ports or door is None:
        return []
    listening = await listen_inside(init, ports)
    doors = [await door.relay(relay.outside, listening[relay.port]) for relay in order.relays]
    if order.network:
        doors.append(await door.open(order.network, listening[PROXY_PORT]))
    return doors


async def listen_inside(init: int, ports: Sequence[int]) -> dict[int, socket.socket]:
    """By port, each on 127.0.0.1 in the network of that process."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            helper = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(HELPER), str(init), str(theirs.fileno())),
                *map(str, ports),
                pass_fds=(theirs.fileno(),),
                env={},
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        try:
            async with asyncio.timeout(SECONDS_MAX):
                _, said = await helper.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                helper.kill()
            await helper.wait()
            raise
        if helper.returncode != 0:
            why = said.decode(errors="replace").strip().splitlines()[-1:]
            raise BoxRefused(f"The box has no way out: {' '.join(why) or 'its helper died'}.")
        _, descriptors, _, _ = socket.recv_fds(ours, 1, len(ports))
    found = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for each in found:
        each.setblocking(False)
    return dict(zip(ports, found, strict=True))
