"""What every kind of box must hold: always what it is for, and beyond that what it promises.

A subclass gives a fixture `sandbox` and, for the plane that dies, the name of its class in `KIND`.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio

from interlock.sandbox.ports import (
    HOME,
    OUTBOX,
    WORKSPACE,
    BoxLimits,
    BoxOrder,
    BoxRefused,
    Mount,
    Promises,
    Relay,
    RunningBox,
    Sandbox,
)
from interlock.sandbox.running import Finished, run_to_end

SOON_SECONDS = 15.0
"""A bound for what a busy machine does at once."""

PYTHON = sys.executable
NO_LONGER = BoxLimits(seconds=20.0)

GET = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except OSError as error:
    print("unreachable", error)
"""

CONNECT = """
import socket, sys
kind, place = sys.argv[1:]
made = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
made.settimeout(5)
try:
    made.connect(place if kind == "unix" else ("127.0.0.1", int(place)))
    print("reached")
except OSError as error:
    print("unreachable", error)
"""

ESCAPE = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", sys.argv[1]])
    os._exit(0)
sys.stdin.read()
"""
"""Leaves its session twice over, and waits for the end of its input."""


def script(text: str, *words: str, limits: BoxLimits = NO_LONGER) -> BoxOrder:
    """A Python program, wherever this interpreter lives."""
    return BoxOrder((PYTHON, "-I", "-c", textwrap.dedent(text), *words), limits=limits)


def shell(text: str, *mounts: Mount, limits: BoxLimits = NO_LONGER) -> BoxOrder:
    return BoxOrder(("sh", "-c", text), mounts, limits=limits)


def token() -> str:
    """A number of seconds that no other test sleeps, to find a process by."""
    return f"7{uuid.uuid4().int % 10**12}"


def living(mark: str) -> set[int]:
    """Processes of the whole machine with this word on their command line."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[:2] == [b"sleep", mark.encode()]:
                    found.add(int(entry.name))
    return found


async def until(holds: Callable[[], bool]) -> bool:
    """Whether it came to hold, soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SOON_SECONDS):
            while not holds():  # noqa: ASYNC110 - other processes ring no bell
                await asyncio.sleep(0.01)
    return holds()


def end_all(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def server(answer: str, where: Path | None = None) -> AsyncIterator[int]:
    """An HTTP server of one sentence, on a free port or on a Unix socket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + answer.encode())
            await writer.drain()
        writer.close()

    if where is not None:
        serving = await asyncio.start_unix_server(serve, where)
    else:
        serving = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield 0 if where is not None else serving.sockets[0].getsockname()[1]
    finally:
        serving.close()
        await serving.wait_closed()


class BoxFixture:
    """The box under test, and what it promises here."""

    KIND: ClassVar[str]
    """`module:class`, for a process that makes boxes and is killed."""

    @pytest_asyncio.fixture
    async def promises(self, sandbox: Sandbox) -> Promises:
        return await sandbox.probe()


class RunningSuite(BoxFixture):
    """Programs run, talk and end."""

    async def test_a_program_runs_and_its_exit_code_is_told(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, shell("echo out; echo err >&2; exit 3"))
        assert finished.ended.code == 3
        assert finished.ended.stopped_for == ""
        assert finished.stdout == b"out\n"
        assert finished.stderr == b"err\n"

    async def test_a_signal_that_ends_it_is_told(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, shell("kill -TERM $$"))
        assert finished.ended.code == 128 + signal.SIGTERM
        assert finished.ended.stopped_for == ""

    async def test_a_missing_program_ends_with_127(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, BoxOrder(("no-such-program",)))
        assert finished.ended.code == 127
        assert b"no-such-program" in finished.stderr

    async def test_input_and_output_flow_while_it_runs(self, sandbox: Sandbox) -> None:
        box = await sandbox.start(BoxOrder(("cat",), limits=NO_LONGER))
        pieces = box.output()
        for line in (b"one\n", b"two\n"):
            await box.feed(line)
            assert await anext(pieces) == line
        await box.close_stdin()
        assert [piece async for piece in pieces] == []
        assert (await box.wait()).code == 0

    async def test_much_input_comes_out_again(self, sandbox: Sandbox) -> None:
        much = os.urandom(1000) * 2000
        order = BoxOrder(("cat",), limits=NO_LONGER)
        finished = await run_to_end(sandbox, order, much, log_bytes_max=10 * len(much))
        assert finished.stdout == much

    async def test_input_that_nobody_reads_bothers_nobody(self, sandbox: Sandbox) -> None:
        finished = await run_to_end(sandbox, shell("exit 4"), b"x" * 2_000_000)
        assert finished.ended.code == 4

    async def test_the_environment_is_the_one_given(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INTERLOCK_TEST_SECRET", "of the plane")
        order = BoxOrder(("env",), env={"GIVEN": "yes = no"}, limits=NO_LONGER)
        said = (await run_to_end(sandbox, order)).stdout.decode().splitlines()
        assert "GIVEN=yes = no" in said
        names = {line.partition("=")[0] for line in said}
        # Where it is, and where its temp folder is, a box may tell of its own.
        assert names - {"GIVEN", "PWD", "TMPDIR"} == set()

    async def test_it_starts_in_its_folder(self, sandbox: Sandbox, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "file").write_text("here")
        mount = Mount(tmp_path, WORKSPACE)
        order = BoxOrder(("cat", "file"), (mount,), cwd=f"{WORKSPACE}/deep", limits=NO_LONGER)
        assert (await run_to_end(sandbox, order)).stdout == b"here"

    async def test_a_folder_that_is_not_there_is_refused(self, sandbox: Sandbox) -> None:
        with pytest.raises(BoxRefused, match=r"not there|chdir"):
            await run_to_end(sandbox, BoxOrder(("true",), cwd=f"{WORKSPACE}/nowhere"))

    async def test_twenty_at_once_do_not_mix(self, sandbox: Sandbox) -> None:
        numbers = range(20)
        async with asyncio.TaskGroup() as group:
            runs = [
                group.create_task(run_to_end(sandbox, shell(f"cat; echo {n}"), b"box "))
                for n in numbers
            ]
        assert [run.result().stdout for run in runs] == [f"box {n}\n".encode() for n in numbers]


class MountsSuite(BoxFixture):
    """What a box shows of the host."""

    async def test_a_writable_mount_is_written_by_us(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        (tmp_path / "in").write_text("from outside")
        mounts = (Mount(tmp_path, OUTBOX, writable=True),)
        done = await run_to_end(sandbox, shell(f"cat {OUTBOX}/in > {OUTBOX}/out", *mounts))
        assert done.ended.code == 0, done.stderr
        assert (tmp_path / "out").read_text() == "from outside"
        assert (tmp_path / "out").stat().st_uid == os.geteuid()
        (tmp_path / "out").unlink()

    async def test_a_read_only_mount_is_not(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        (tmp_path / "in").write_text("old")
        done = await run_to_end(
            sandbox, shell(f"cat {OUTBOX}/in; echo new > {OUTBOX}/in", Mount(tmp_path, OUTBOX))
        )
        assert done.stdout == b"old"
        if promises.hides_files:
            assert done.ended.code != 0
            assert (tmp_path / "in").read_text() == "old"

    async def test_a_mount_that_is_not_there_is_refused(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        if promises.hides_files:
            order = shell("true", Mount(tmp_path / "gone", OUTBOX))
            with pytest.raises(BoxRefused, match="not there"):
                await sandbox.start(order)

    async def test_home_and_neighbours_are_hidden(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        if not promises.hides_files:
            return
        (tmp_path / "neighbour").write_text("secret")
        (tmp_path / "mine").mkdir()
        places = (
            f"{tmp_path}/neighbour {Path.home()}/.ssh {Path.home()}/.gitconfig /run/docker.sock"
        )
        mount = Mount(tmp_path / "mine", WORKSPACE, writable=True)
        done = await run_to_end(sandbox, shell(f"cat {places}; ls {tmp_path}", mount))
        assert done.stdout == b""

    async def test_what_is_hidden_wins_over_what_may_be_read(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        if not promises.hides_files:
            return
        for name in ("shown", "hidden"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_text(name)
        order = BoxOrder(
            ("sh", "-c", f"cat {tmp_path}/shown/file; cat {tmp_path}/hidden/file"),
            read=(tmp_path,),
            hide=(tmp_path / "hidden",),
            limits=NO_LONGER,
        )
        assert (await run_to_end(sandbox, order)).stdout == b"shown"

    async def test_constant_paths_are_constant(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        mounts = (Mount(tmp_path, WORKSPACE, writable=True), Mount(tmp_path, HOME))
        done = await run_to_end(sandbox, shell(f"pwd; cd {HOME}; pwd", *mounts))
        expected = f"{WORKSPACE}\n{HOME}\n" if promises.constant_paths else f"{tmp_path}\n" * 2
        assert done.stdout.decode() == expected

    async def test_this_interpreter_runs_wherever_it_lives(self, sandbox: Sandbox) -> None:
        done = await run_to_end(sandbox, script("import msgspec, sys; print(sys.prefix)"))
        assert done.stdout.decode().strip() == sys.prefix, done.stderr


class EndingSuite(BoxFixture):
    """When a box ends, and however it ends, what it started ends too."""

    async def _escaped(self, sandbox: Sandbox) -> tuple[RunningBox, str]:
        mark = token()
        box = await sandbox.start(script(ESCAPE, mark))
        assert await until(lambda: bool(living(mark)))
        return box, mark

    async def test_kill_ends_what_left_its_session(
        self, sandbox: Sandbox, promises: Promises
    ) -> None:
        box, mark = await self._escaped(sandbox)
        await box.kill()
        left = living(mark)
        end_all(left)
        assert (await box.wait()).stopped_for == "killed"
        if promises.ends_all_children:
            assert left == set()

    async def test_a_normal_end_leaves_nothing(self, sandbox: Sandbox, promises: Promises) -> None:
        box, mark = await self._escaped(sandbox)
        await box.close_stdin()
        ended = await box.wait()
        left = living(mark)
        end_all(left)
        assert (ended.code, ended.stopped_for) == (0, "")
        if promises.ends_all_children:
            assert left == set()

    async def test_time_runs_out(self, sandbox: Sandbox) -> None:
        mark = token()
        box = await sandbox.start(BoxOrder(("sleep", mark), limits=BoxLimits(seconds=0.3)))
        async with asyncio.timeout(SOON_SECONDS):
            ended = await box.wait()
        assert ended.stopped_for == "time"
        assert ended.code != 0
        assert living(mark) == set()

    async def test_too_much_output_ends_it(self, sandbox: Sandbox) -> None:
        limits = BoxLimits(seconds=20.0, output_bytes=1000)
        done = await run_to_end(sandbox, BoxOrder(("yes",), limits=limits))
        assert done.ended.stopped_for == "output"
        assert len(done.stdout) == 1000

    async def test_killing_twice_is_killing_once(self, sandbox: Sandbox) -> None:
        box = await sandbox.start(BoxOrder(("sleep", token())))
        await box.kill()
        await box.kill()
        assert (await box.wait()).stopped_for == "killed"

    async def test_whoever_cancels_has_killed(self, sandbox: Sandbox) -> None:
        mark = token()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run_to_end(sandbox, BoxOrder(("sleep", mark))))
            assert await until(lambda: bool(living(mark)))
            running.cancel()
        assert running.cancelled()
        assert living(mark) == set()

    async def test_a_frozen_box_holds_still(
        self, sandbox: Sandbox, promises: Promises, tmp_path: Path
    ) -> None:
        mount = Mount(tmp_path, OUTBOX, writable=True)
        text = f"while :; do echo x >> {OUTBOX}/ticks; sleep 0.01; done"
        box = await sandbox.start(shell(text, mount))
        ticks = tmp_path / "ticks"
        try:
            assert await until(ticks.exists)
            try:
                await box.freeze()
            except BoxRefused:
                assert not promises.ends_all_children
                return
            size = ticks.stat().st_size
            await asyncio.sleep(0.3)
            assert ticks.stat().st_size == size
            await box.thaw()
            assert await until(lambda: ticks.stat().st_size > size)
            await box.freeze()
        finally:
            await box.kill()
        assert (await box.wait()).stopped_for == "killed"

    @pytest.mark.timeout(60)
    async def test_a_plane_that_is_killed_leaves_nothing(self, promises: Promises) -> None:
        if not promises.ends_all_children:
            return
        mark = token()
        module, name = self.KIND.split(":")
        plane = await asyncio.create_subprocess_exec(
            *(PYTHON, "-c", PLANE, module, name, mark),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert plane.stdout is not None
            assert await plane.stdout.readline() == b"started\n"
            assert await until(lambda: len(living(mark)) == 2)
        finally:
            plane.kill()
            await plane.wait()
        gone = await until(lambda: not living(mark))
        end_all(living(mark))
        assert gone


PLANE = """
import asyncio, importlib, sys
from interlock.sandbox.ports import BoxOrder

module, name, mark = sys.argv[1:]

async def main():
    sandbox = getattr(importlib.import_module(module), name)()
    escape = f"(setsid sh -c 'setsid sleep {mark} & exec sleep {mark}' &)"
    box = await sandbox.start(BoxOrder(("sh", "-c", f"{escape}; exec cat")))
    print("started", flush=True)
    await box.wait()

asyncio.run(main())
"""


class LimitsSuite(BoxFixture):
    """What one box may use."""

    async def test_memory(self, sandbox: Sandbox, promises: Promises) -> None:
        if not promises.limits_memory:
            return
        limits = BoxLimits(seconds=20.0, memory_bytes=100_000_000)
        done = await run_to_end(sandbox, script("x = b'x' * 400_000_000", limits=limits))
        assert done.ended.code != 0
        assert done.ended.stopped_for in {"memory", ""}

    async def test_processes(self, sandbox: Sandbox, promises: Promises) -> None:
        if not promises.limits_processes:
            return
        text = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo all of them"
        done = await run_to_end(sandbox, shell(text, limits=BoxLimits(seconds=20.0, processes=6)))
        assert b"all of them" not in done.stdout
        many = BoxLimits(seconds=20.0, processes=30)
        assert b"all of them" in (await run_to_end(sandbox, shell(text, limits=many))).stdout

    async def test_the_size_of_a_file(self, sandbox: Sandbox, tmp_path: Path) -> None:
        mount = Mount(tmp_path, OUTBOX, writable=True)
        text = f"sleep 0.2; exec head -c 3000000 /dev/zero > {OUTBOX}/large"
        limits = BoxLimits(seconds=20.0, file_bytes=1_000_000)
        done = await run_to_end(sandbox, shell(text, mount, limits=limits))
        assert done.ended.stopped_for == "disk"
        assert (tmp_path / "large").stat().st_size <= 1_000_000


class NetworkSuite(BoxFixture):
    """Nothing is reachable but what the order lists."""

    @pytest.mark.loopback
    async def test_a_port_of_the_host_is_out_of_reach(
        self, sandbox: Sandbox, promises: Promises
    ) -> None:
        if not promises.isolates_network:
            return
        async with server("hello") as port:
            done = await run_to_end(sandbox, script(CONNECT, "port", str(port)))
        assert done.stdout.startswith(b"unreachable"), done

    @pytest.mark.loopback
    async def test_a_listed_host_is_reached_and_another_denied(
        self, sandbox: Sandbox, promises: Promises
    ) -> None:
        if not promises.isolates_network:
            return
        async with server("hello") as port, server("forbidden") as other:
            allowed = await self._get(sandbox, port, port)
            denied = await self._get(sandbox, port, other)
        assert allowed.stdout == b"hello\n", allowed
        assert allowed.ended.denied == ()
        assert denied.stdout.startswith(b"403 "), denied
        assert denied.ended.denied == (f"127.0.0.1:{other}",)

    async def _get(self, sandbox: Sandbox, listed: int, asked: int) -> Finished:
        order = script(GET, f"http://127.0.0.1:{asked}/")
        network = (f"127.0.0.1:{listed}",)
        return await run_to_end(sandbox, BoxOrder(order.argv, network=network, limits=order.limits))

    @pytest.mark.loopback
    async def test_with_a_network_there_is_no_way_around_the_proxy(
        self, sandbox: Sandbox, promises: Promises
    ) -> None:
        if not promises.isolates_network:
            return
        async with server("hello") as port:
            order = script(CONNECT, "port", str(port))
            network = (f"127.0.0.1:{port}",)
            done = await run_to_end(
                sandbox, BoxOrder(order.argv, network=network, limits=order.limits)
            )
        assert done.stdout.startswith(b"unreachable"), done

    @pytest.mark.loopback
    async def test_a_relay_leads_to_its_socket(self, sandbox: Sandbox, short_path: Path) -> None:
        place = short_path / "model"
        async with server("from the socket", place):
            order = script(GET, "http://127.0.0.1:18080/")
            relays = (Relay(place, 18080),)
            done = await run_to_end(
                sandbox, BoxOrder(order.argv, relays=relays, limits=order.limits)
            )
        assert done.stdout == b"from the socket\n", done

    async def test_a_socket_of_the_host_is_out_of_reach(
        self, sandbox: Sandbox, promises: Promises, short_path: Path
    ) -> None:
        if not promises.hides_files:
            return
        place = short_path / "door"
        listening = socket.socket(socket.AF_UNIX)
        with listening:
            listening.bind(str(place))
            listening.listen()
            for read in ((), (short_path,)):
                order = script(CONNECT, "unix", str(place))
                done = await run_to_end(
                    sandbox, BoxOrder(order.argv, read=read, limits=order.limits)
                )
                assert done.stdout.startswith(b"unreachable"), done


class SandboxSuite(RunningSuite, MountsSuite, EndingSuite, LimitsSuite, NetworkSuite):
    """Everything a kind of box must hold."""
