"""The servers that tests run against: they come back as they were, and leave nothing behind."""

import os
import select
import signal
import subprocess
import sys

import pytest

from interlock.testing.servers import NatsServer, ServerFailed, nats_server, postgres_server

STARTER = """
import signal
from interlock.testing.servers import nats_server, postgres_server
with nats_server() as nats, postgres_server() as postgres:
    print(nats.pid, postgres.pid, flush=True)
    signal.pause()
"""


def test_a_server_keeps_its_address_and_its_store():
    with nats_server() as server:
        url, store = server.url, server.folder / "store" / "jetstream"
        assert store.exists()

        server.kill()
        server.start()

        assert server.url == url
        server.stop()
        server.forget()
        assert not store.exists()
        with pytest.raises(ServerFailed, match="not running"):
            _ = server.pid
    assert not server.folder.exists()


def test_a_server_that_does_not_come_up_says_what_it_wrote(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("interlock.testing.servers.START_SECONDS_MAX", 0.2)
    monkeypatch.setattr(NatsServer, "_argv", lambda _: [sys.executable, "-c", "1 / 0"])
    with pytest.raises(ServerFailed, match="ZeroDivisionError"), nats_server():
        pass


def test_databases_of_one_server_are_apart_and_survive_its_death():
    with postgres_server() as server:
        one, two = server.new_database(), server.new_database()
        assert one != two

        server.kill()
        server.start()

        assert server.new_database() not in {one, two}


def test_servers_die_with_a_killed_starter():
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        descriptors = [os.pidfd_open(int(pid)) for pid in starter.stdout.readline().split()]
        assert len(descriptors) == 2
        starter.send_signal(signal.SIGKILL)

    for descriptor in descriptors:
        with os.fdopen(descriptor):
            assert select.select([descriptor], [], [], 20)[0]
