"""What one box may use, and whom it may reach."""

import socket
from pathlib import Path

import pytest

from interlock.sandbox.ports import (
    OUTBOX,
    BoxLimits,
    BoxOrder,
    Mount,
    Promises,
    Relay,
    Sandbox,
)
from interlock.sandbox.running import Finished, run_to_end
from interlock.testing.conformance.boxes import CONNECT, GET, BoxFixture, script, server, shell


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
