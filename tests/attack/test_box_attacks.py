"""What a hostile program tries in a box of bubblewrap. Each attack is also made without the measure
that stops it, and must succeed there: so it is an attack, and the measure is what stops it.
"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import pytest

from interlock.adapters.bubblewrap.arguments import Measure
from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.sandbox.hosts import ThisHost
from interlock.sandbox.ports import OUTBOX, WORKSPACE, BoxLimits, BoxOrder, BoxRefused, Mount
from interlock.sandbox.running import Finished, run_to_end
from interlock.testing.conformance.boxes import (
    CONNECT,
    ESCAPE,
    end_all,
    living,
    script,
    server,
    token,
    until,
)

MEGABYTE = 1_000_000


class House:
    """A machine with things worth stealing, and boxes on it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.main = folder / "main"
        self.neighbour = folder / "neighbour"
        self.mine = folder / "mine"
        hooks = self.main / ".git" / "hooks"
        for place in (self.home / ".ssh", hooks, self.neighbour, self.mine):
            place.mkdir(parents=True)
        self.key = self.home / ".ssh" / "id_ed25519"
        self.key.write_text("PRIVATE KEY")
        (self.neighbour / "work").write_text("PRIVATE WORK")
        self.hook = hooks / "post-checkout"

    async def attack(
        self,
        text: str,
        *without: Measure,
        limits: BoxLimits = BoxLimits(seconds=20.0),  # noqa: B008 - frozen
        read: tuple[Path, ...] = (),
        argv: tuple[str, ...] = (),
    ) -> Finished:
        host = ThisHost(self.home, os.defpath)
        sandbox = BubblewrapSandbox(host=host, without=frozenset(without))
        text = f"cd {self.mine if 'view' in without else WORKSPACE}; {text}"
        order = BoxOrder(
            argv or ("sh", "-c", text),
            (Mount(self.mine, WORKSPACE, writable=True),),
            limits=limits,
            read=read,
            hide=(self.main, self.neighbour),
        )
        return await run_to_end(sandbox, order)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_keys_and_neighbours_are_read(house: House):
    text = f"cat {house.key} {house.neighbour}/work"
    parents = (house.home.parent, house.home)
    for read in ((), parents):
        assert b"PRIVATE" not in (await house.attack(text, read=read)).stdout
    assert (await house.attack(text, "view")).stdout == b"PRIVATE KEYPRIVATE WORK"


async def test_files_outside_are_written(house: House):
    places = (house.hook, house.home / ".bashrc", house.neighbour / "planted")
    text = "; ".join(f"echo planted > {place}" for place in places)
    for read in ((), (house.home.parent,)):
        await house.attack(text, read=read)
        assert not any(place.exists() for place in places)
    await house.attack(text, "view")
    assert all(place.read_text() == "planted\n" for place in places)


async def test_a_link_leads_out_of_the_workspace(house: House):
    text = f"ln -sf {house.hook} link; echo planted > link; ln -sf {house.key} key; cat key"
    done = await house.attack(text)
    assert done.stdout == b""
    assert not house.hook.exists()
    done = await house.attack(text, "view")
    assert done.stdout == b"PRIVATE KEY"
    assert house.hook.exists()


async def test_what_is_mounted_read_only_is_mounted_again(house: House):
    """A namespace of its own gives a program powers, but not over what it was shown."""
    again = "mount -o remount,bind,rw /usr/share; umount -l /tmp; echo powers"
    done = await house.attack(f"unshare -Urm sh -c '{again}'; touch /usr/share/planted && echo rw")
    assert b"rw" not in done.stdout
    assert not Path("/usr/share/planted").exists()
    assert done.ended.code != 127


async def test_the_processes_of_the_plane_are_looked_at(house: House):
    mark = token()
    plane = await asyncio.create_subprocess_exec("sleep", mark, env={"TOKEN": "OF THE PLANE"})
    try:
        text = "cat /proc/[0-9]*/environ | grep -c OF.THE.PLANE; cat /proc/[0-9]*/cmdline"
        for without in ((), ("namespaces", "view")):  # the user namespace alone protects this
            assert (await house.attack(text, *without)).stdout.startswith(b"0\n")
        assert mark not in (await house.attack(text)).stdout.decode()
        assert mark in (await house.attack(text, "namespaces", "view")).stdout.decode()
    finally:
        plane.kill()
        await plane.wait()


async def test_settings_of_the_kernel_are_changed(house: House):
    """Where the plane is root, a box runs as the owner of these files, without root's powers."""
    places = "/proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches"
    text = f"for place in {places}; do [ -w $place ] && echo $place; done; cat /etc/shadow"
    assert (await house.attack(text)).stdout == b""
    if os.geteuid() == 0:
        assert b"core_pattern" in (await house.attack(text, "kernel")).stdout
        assert b"root:" in (await house.attack(text, "view")).stdout


FORKS = """
import os, time
children = 0
try:
    while children < 400:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        children += 1
except OSError:
    pass
print(children)
"""


async def test_a_fork_bomb(house: House):
    few = BoxLimits(seconds=20.0, processes=50)
    assert int((await house.attack("", argv=script(FORKS).argv, limits=few)).stdout) < 50
    any_number = BoxLimits(seconds=20.0, processes=None)
    done = await house.attack("", argv=script(FORKS).argv, limits=any_number)
    assert int(done.stdout) == 400


@pytest.mark.parametrize(
    ("place", "without"),
    [
        ("/tmp", "temp-size"),
        ("/var/tmp", "temp-size"),
        ("/dev/shm", "temp-size"),
        ("/dev", "read-only"),
        ("/", "read-only"),
        ("/run", "read-only"),
    ],
)
async def test_the_disk_is_filled(house: House, place: str, without: Measure):
    file = f"{place}/filler"
    text = f"mkdir -p {place}; head -c {8 * MEGABYTE} /dev/zero > {file}; wc -c < {file}"
    limits = BoxLimits(seconds=20.0, temp_bytes=MEGABYTE)
    filled = (await house.attack(text, limits=limits)).stdout.decode() or "0"
    assert int(filled) <= 1.1 * MEGABYTE
    filled = (await house.attack(text, without, limits=limits)).stdout.decode()
    assert int(filled) == 8 * MEGABYTE


@pytest.mark.loopback
async def test_a_port_of_the_host_is_reached(house: House):
    async with server("hello") as port:
        argv = script(CONNECT, "port", str(port)).argv
        assert (await house.attack("", argv=argv)).stdout.startswith(b"unreachable")
        assert (await house.attack("", "network", argv=argv)).stdout == b"reached\n"


async def test_a_socket_of_the_host_is_reached(house: House, short_path: Path):
    place = short_path / "door"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        argv = script(CONNECT, "unix", str(place)).argv
        for read in ((), (short_path,)):
            done = await house.attack("", argv=argv, read=read)
            assert done.stdout.startswith(b"unreachable")
        assert (await house.attack("", "view", argv=argv)).stdout == b"reached\n"


async def test_a_socket_without_a_path_is_reached(house: House):
    name = f"interlock-{token()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen()
        argv = script(CONNECT.replace("place if", "'\\0' + place if"), "unix", name).argv
        assert (await house.attack("", argv=argv)).stdout.startswith(b"unreachable")
        assert (await house.attack("", "network", argv=argv)).stdout == b"reached\n"


async def test_a_process_survives_the_kill(house: House):
    for without, survives in (((), False), (("namespaces", "view"), True)):
        mark = token()
        sandbox = BubblewrapSandbox(without=frozenset(without))
        box = await sandbox.start(script(ESCAPE, mark))
        assert await until(lambda mark=mark: bool(living(mark)))
        await box.kill()
        left = living(mark)
        end_all(left)
        assert bool(left) == survives


async def test_a_terminal_is_written_to(house: House):
    """Whoever is in the session of a terminal can type into it; a box is in one of its own."""
    text = "import os; print(os.getsid(0) != 0)\ntry: os.open('/dev/tty', os.O_RDWR)\n"
    text += "except OSError: print('no terminal')"
    argv = script(text).argv
    assert (await house.attack("", argv=argv)).stdout == b"True\nno terminal\n"
    assert (await house.attack("", "session", argv=argv)).stdout.startswith(b"False")


async def test_a_device_is_opened(house: House):
    disks = [f"/dev/{entry.name}" for entry in Path("/sys/class/block").iterdir()]
    text = f"for disk in /dev/mem /dev/kmsg {' '.join(disks)}; do [ -e $disk ] && echo $disk; done"
    assert (await house.attack(text)).stdout == b""


async def test_the_plane_is_signalled(house: House):
    plane = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        text = f"kill -9 {plane.pid}"
        await house.attack(text)
        assert plane.returncode is None
        await house.attack(text, "namespaces", "view")
        async with asyncio.timeout(10):
            assert await plane.wait() == -9
    finally:
        with contextlib.suppress(ProcessLookupError):
            plane.kill()


@pytest.mark.parametrize(
    "order",
    [
        BoxOrder(("true",), env={"NAME": "value\0--bind\0/\0/mnt"}),
        BoxOrder(("true",), (Mount(Path("/usr"), f"{OUTBOX}\0--bind\0/\0/mnt"),)),
        BoxOrder(("true",), cwd="/\0--bind\0/\0/mnt"),
        BoxOrder(("true", "\0")),
    ],
)
async def test_words_for_bubblewrap_are_smuggled_in(order: BoxOrder):
    with pytest.raises(BoxRefused, match="NUL"):
        await run_to_end(BubblewrapSandbox(), order)
