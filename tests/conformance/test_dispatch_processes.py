"""Dispatch over the socket: the contract, real processes that are killed, and who is let in."""

import asyncio
import itertools
import os
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from interlock.adapters.processes.crew import Crew, start_apart
from interlock.adapters.processes.dispatch import SocketDispatch
from interlock.adapters.processes.frames import Hello, framed
from interlock.adapters.processes.link import SocketLink
from interlock.adapters.processes.place import prepare_folder, socket_folder_of
from interlock.domain.ids import WorkerId
from interlock.engine.dispatch import PROTOCOL, Alive, Interrupt, Joined, Left
from interlock.engine.errors import PartLost
from interlock.engine.wire import MessageTooLarge, OtherProtocol, read_frame
from interlock.testing.conformance.dispatch import (
    ADA,
    BOB,
    PATIENCE_SECONDS,
    DispatchSuite,
    finished,
    job,
    lease,
    settled,
    soon,
    started,
    until,
)


class CountedIds:
    """Ids one after the other; each plane of a test needs its own kind."""

    def __init__(self, kind: str = "p") -> None:
        self._kind, self._numbers = kind, itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}-{self._kind}{next(self._numbers)}"


async def eventually(happened: Callable[[], bool]) -> None:
    """For what sends no event, such as the end of a process that is nobody's child."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not happened():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


class SocketHouse:
    """One folder with one plane at a time, and the links to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plane: SocketDispatch
        self._planes = itertools.count(1)
        self._links: dict[WorkerId, SocketLink] = {}

    async def open(self) -> None:
        self.plane = await SocketDispatch.listen(self.folder, CountedIds(f"p{next(self._planes)}-"))

    async def link(self, worker: WorkerId) -> SocketLink:
        """Returns when the plane knows the worker."""
        if worker in self._links:
            await self._links[worker].close()
        link = self._links[worker] = await SocketLink.connect(self.folder, worker)
        await eventually(lambda: link._writer is not None)
        return link

    async def lose(self, worker: WorkerId) -> None:
        """A hang-up without a word is all a plane sees of a death; returns when it has."""
        await self._links.pop(worker).close()
        await eventually(lambda: worker not in self.plane._peers)

    async def restart_plane(self) -> None:
        await self.plane.close()
        await self.open()

    async def break_transport(self) -> None:
        self.plane._main.cancel()

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()
        await self.plane.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[SocketHouse]:
    house = SocketHouse(tmp_path / "s")
    await house.open()
    yield house
    await house.close()


class TestSocketDispatch(DispatchSuite):
    """The contract, on the fixture above."""

    reports_death = True


# --- A plane that comes back -----------------------------------------------------------


async def test_a_worker_tells_the_next_plane_what_it_works_on(house: SocketHouse) -> None:
    ada = await house.link(ADA)
    await soon(ada.report(Joined(id="j1", worker_id=ADA, type="agent", name="Ada", capacity=2)))
    await house.plane.send(ADA, job(1, ADA))
    await soon(ada.next_order())
    assert (await settled(house.plane)).id == "j1"

    await house.restart_plane()

    joined = await settled(house.plane)
    assert isinstance(joined, Joined)
    assert joined.id != "j1"
    assert (joined.name, joined.capacity, joined.holds) == ("Ada", 2, (lease(1),))


async def test_a_worker_gives_up_when_no_plane_comes_back(tmp_path: Path) -> None:
    plane = await SocketDispatch.listen(tmp_path, CountedIds())
    ada = await SocketLink.connect(tmp_path, ADA, patience_seconds=0.2)
    await soon(ada.report(Alive(id="a1", worker_id=ADA)))
    await plane.close()

    with pytest.raises(PartLost, match="no plane answered"):
        await soon(ada.next_order())
    with pytest.raises(PartLost, match="no plane answered"):
        await soon(ada.report(Alive(id="a2", worker_id=ADA)))
    await ada.close()


async def test_an_order_done_with_while_the_plane_was_away_is_not_told_again(
    house: SocketHouse,
) -> None:
    ada = await house.link(ADA)
    await house.plane.send(ADA, job(1, ADA))
    order = await soon(ada.next_order())
    await house.plane.close()
    await soon(ada.done_with(order))
    await house.open()
    await eventually(lambda: ADA in house.plane._peers)

    await house.plane.send(ADA, job(1, ADA))  # the log did not know either
    await house.plane.send(ADA, job(2, ADA))

    assert await soon(ada.next_order()) == job(2, ADA)


async def test_a_report_beyond_the_limit_is_its_makers_error(house: SocketHouse) -> None:
    ada = await house.link(ADA)
    huge = Left(id="a1", worker_id=ADA, reason="x" * 1_000_000)

    with pytest.raises(MessageTooLarge, match="put its content into a blob"):
        await ada.report(huge)

    await soon(ada.report(finished("a2")))
    assert (await settled(house.plane)).id == "a2"


async def test_a_worker_speaks_for_itself_only(house: SocketHouse) -> None:
    ada = await house.link(ADA)
    await soon(ada.report(finished("b1", BOB)))
    await soon(ada.report(finished("a1")))

    assert (await settled(house.plane)).id == "a1"


async def test_an_interrupt_takes_the_place_of_what_it_makes_pointless(house: SocketHouse) -> None:
    await house.link(ADA)
    await house.lose(ADA)
    await house.plane.send(ADA, job(1, ADA))
    await house.plane.send(ADA, Interrupt(lease(1)))

    ada = await house.link(ADA)

    assert await soon(ada.next_order()) == Interrupt(lease(1))


# --- Real processes ---------------------------------------------------------------------

WORKER = """
import asyncio, sys
from pathlib import Path
from interlock.adapters.processes.link import SocketLink
from interlock.engine.dispatch import Joined

async def main():
    link = await SocketLink.connect(Path(sys.argv[1]), sys.argv[2])
    await link.report(Joined(id="joined", worker_id=sys.argv[2], type="agent", name="x"))
    while True:
        await link.done_with(await link.next_order())

asyncio.run(main())
"""

SLEEPER = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1], str(os.getpid())).touch()
time.sleep(600)
"""

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
agent = os.fork()
if agent:
    with open(sys.argv[1] + ".new", "w") as note:
        note.write(f"{os.getpid()} {agent}")
    os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""

FINISHES = """
import os, signal, sys, time
agent = os.fork()
if agent == 0:
    while not os.path.exists(sys.argv[1] + ".asked"):
        time.sleep(0.01)
    os._exit(0)
def asked(number, frame):
    open(sys.argv[1] + ".asked", "w").close()
    sys.exit(7 + os.waitpid(agent, 0)[1])
signal.signal(signal.SIGTERM, asked)
with open(sys.argv[1] + ".new", "w") as note:
    note.write(f"{os.getpid()} {agent}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""

PLANE = """
import asyncio, os, sys
from pathlib import Path
from interlock.adapters.processes.crew import Crew
from interlock.adapters.processes.dispatch import SocketDispatch

class Ids:
    def new(self, prefix):
        return prefix + "-of-the-first-plane"

async def main():
    plane = await SocketDispatch.listen(Path(sys.argv[1]), Ids())
    crew = Crew(os.environ)
    members = [await crew.start(sys.argv[2:]) for _ in range(2)]
    print(*(member.pid for member in members), flush=True)
    for report in range(int(os.environ.get("REPORTS", 0))):
        await plane.receive()
    print("received", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


STARTS_APART = """
import asyncio, os, sys
from pathlib import Path
from interlock.adapters.processes.crew import start_apart

async def main():
    argv = ["sh", "-c", "echo here; exec sleep 60"]
    print(start_apart(argv, os.environ, Path(sys.argv[1])))

asyncio.run(main())
"""


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    crew = Crew(os.environ, grace_seconds=0.2)
    yield crew
    await crew.end()


def is_gone(pid: int) -> bool:
    """Ended; a zombie counts, for it is only waiting for the one that has to collect it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(descriptor):
        return bool(select.select([descriptor], [], [], 0)[0])


async def gone(*pids: int) -> None:
    await eventually(lambda: all(map(is_gone, pids)))


async def noted_pids(note: Path) -> list[int]:
    await eventually(note.exists)
    return [int(pid) for pid in await asyncio.to_thread(lambda: note.read_text().split())]


def worker_argv(folder: Path, worker: str) -> list[str]:
    return [sys.executable, "-c", WORKER, str(folder), worker]


async def test_the_death_of_a_process_is_reported(house: SocketHouse, crew: Crew) -> None:
    member = await crew.start(worker_argv(house.folder, "ada"))
    assert isinstance(await settled(house.plane), Joined)

    os.kill(member.pid, signal.SIGKILL)

    left = await settled(house.plane)
    assert isinstance(left, Left)
    assert left.worker_id == ADA
    assert await soon(member.ended()) == -signal.SIGKILL


async def test_a_crew_ends_what_does_not_want_to_end(tmp_path: Path, crew: Crew) -> None:
    note = tmp_path / "pids"
    member = await crew.start([sys.executable, "-c", STUBBORN, str(note)])
    worker, agent = await noted_pids(note)
    assert worker == member.pid

    await crew.end()

    await gone(worker, agent)
    assert crew.members == ()


async def test_who_is_asked_to_leave_may_finish_with_what_it_started(tmp_path: Path) -> None:
    """A git that a worker has just started is in its group, and is not what was asked to leave."""
    note = tmp_path / "pids"
    crew = Crew(os.environ, grace_seconds=PATIENCE_SECONDS)
    member = await crew.start([sys.executable, "-c", FINISHES, str(note)])
    await noted_pids(note)

    await crew.end()

    assert await member.ended() == 7


async def test_what_a_dead_worker_started_ends_with_it(tmp_path: Path, crew: Crew) -> None:
    note = tmp_path / "pids"
    member = await crew.start([sys.executable, "-c", STUBBORN, str(note)])
    worker, agent = await noted_pids(note)

    os.kill(worker, signal.SIGKILL)

    assert await soon(member.ended()) == -signal.SIGKILL
    await gone(agent)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PartLost, match="worker process"):
        start_apart(["/no/such/program"], {}, tmp_path / "log")


async def test_what_is_started_apart_outlives_its_starter(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "log"
    starter = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTS_APART, str(log)), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await soon(starter.communicate())
    assert starter.returncode == 0
    pid = int(said)
    try:
        await eventually(lambda: log.read_bytes() == b"here\n")
        assert not is_gone(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
    await gone(pid)


async def test_workers_die_with_a_killed_plane(tmp_path: Path) -> None:
    """These members see no socket close, and they run before the plane is killed."""
    argv = [sys.executable, "-c", SLEEPER, str(tmp_path)]
    plane = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PLANE, str(tmp_path / "s"), *argv), stdout=asyncio.subprocess.PIPE
    )
    assert plane.stdout is not None
    members = [int(pid) for pid in (await soon(plane.stdout.readline())).split()]
    await eventually(lambda: all((tmp_path / str(pid)).exists() for pid in members))

    plane.kill()

    await gone(*members)
    await plane.wait()


async def test_a_worker_survives_the_kill_of_its_plane(tmp_path: Path) -> None:
    """The report was in the first plane's hands, unsettled; the second one gets it again."""
    folder = tmp_path / "s"
    first = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PLANE, str(folder), sys.executable, "-c", ""),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "REPORTS": "1"},
    )
    assert first.stdout is not None
    await soon(first.stdout.readline())
    ada = await SocketLink.connect(folder, ADA)
    await soon(ada.report(started("a1")))
    assert await soon(first.stdout.readline()) == b"received\n"
    first.kill()
    await first.wait()

    second = await SocketDispatch.listen(folder, CountedIds())

    assert await until(second, "a1") == [started("a1")]
    await ada.close()
    await second.close()


# --- Who is let in ----------------------------------------------------------------------


async def test_a_peer_of_another_protocol_is_told_so(
    house: SocketHouse, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_unix_connection(house.plane.path)
    writer.write(framed(Hello(ADA, protocol=PROTOCOL + 1)))

    answer = await soon(read_frame(reader))

    assert answer is not None
    assert b'"frame":"refused"' in answer
    assert b"install the same release" in answer
    assert await soon(read_frame(reader)) is None
    assert "refused a connection" in caplog.text
    writer.close()


async def test_a_worker_understands_that_it_is_of_another_protocol(tmp_path: Path) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        answer = b'{"frame":"refused","reason":"in words of the future","protocol":7}'
        writer.write(len(answer).to_bytes(4, "big") + answer)
        writer.close()

    async with await asyncio.start_unix_server(refuse, prepare_folder(tmp_path)):
        ada = await SocketLink.connect(tmp_path, ADA)
        with pytest.raises(OtherProtocol, match="speaks protocol 7"):
            await soon(ada.next_order())
        await ada.close()


async def test_another_user_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plane = await SocketDispatch.listen(tmp_path, CountedIds(), uid=os.getuid() + 1)
    ada = await SocketLink.connect(tmp_path, ADA)

    with pytest.raises(PartLost, match="who runs the plane"):
        await soon(ada.next_order())

    assert "refused a connection" in caplog.text
    await ada.close()
    await plane.close()


async def test_noise_ends_its_own_connection_only(
    house: SocketHouse, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await house.link(ADA)
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}", b"\x00"):
        reader, writer = await asyncio.open_unix_connection(house.plane.path)
        writer.write(noise)
        writer.write_eof()
        await soon(reader.read())
        writer.close()

    await soon(ada.report(finished("a1")))

    assert (await settled(house.plane)).id == "a1"
    assert "connection on" in caplog.text


async def test_the_folder_is_closed_to_others(house: SocketHouse) -> None:
    assert house.folder.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


async def test_a_folder_open_to_others_is_refused(open_folder: Path) -> None:
    with pytest.raises(PartLost, match="open to other users"):
        await SocketDispatch.listen(open_folder, CountedIds())


async def test_a_path_the_kernel_would_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PartLost, match="too long"):
        await SocketDispatch.listen(tmp_path / ("x" * 120), CountedIds())


async def test_the_usual_folder_is_short_enough_and_always_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("repository" * 20)
    assert len(os.fsencode(socket_folder_of(deep))) < 90
    assert socket_folder_of(deep) == socket_folder_of(deep)
    assert socket_folder_of(deep) != socket_folder_of(tmp_path)


async def test_a_second_plane_is_refused(house: SocketHouse) -> None:
    with pytest.raises(PartLost, match="another plane listens"):
        await SocketDispatch.listen(house.folder, CountedIds())
    await house.link(ADA)


async def test_the_socket_a_killed_plane_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(prepare_folder(tmp_path)))
        left_behind.listen()

    plane = await SocketDispatch.listen(tmp_path, CountedIds())

    ada = await SocketLink.connect(tmp_path, ADA)
    await soon(ada.report(Alive(id="a1", worker_id=ADA)))
    await ada.close()
    await plane.close()
    assert not plane.path.exists()
