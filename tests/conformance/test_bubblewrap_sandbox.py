"""The suite of boxes, on the kind that bubblewrap makes, with control groups and without."""

import os

import pytest

from interlock.adapters.bubblewrap.cgroups import Places
from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.proxy.door import ProxyDoor
from interlock.testing.conformance.sandboxes import EndingSuite, RunningSuite, SandboxSuite


class TestBubblewrapSandbox(SandboxSuite):
    KIND = "interlock.adapters.bubblewrap.sandbox:BubblewrapSandbox"

    @pytest.fixture
    def sandbox(self) -> BubblewrapSandbox:
        return BubblewrapSandbox(ProxyDoor())


class TestWithoutControlGroups(RunningSuite, EndingSuite):
    KIND = "interlock.adapters.bubblewrap.sandbox:BubblewrapSandbox"

    @pytest.fixture
    def sandbox(self) -> BubblewrapSandbox:
        return BubblewrapSandbox(ProxyDoor(), places=Places("", ""))

    async def test_what_is_lacking_is_said(self, sandbox: BubblewrapSandbox) -> None:
        promises = await sandbox.probe()
        assert not promises.limits_memory
        assert promises.limits_processes == (os.geteuid() != 0)
        assert "Memory is not limited" in promises.lacks[0]
        assert len(promises.lacks) == (1 if promises.limits_processes else 2)
