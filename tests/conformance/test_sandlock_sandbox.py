"""The suite of boxes, on the kind that sandlock makes."""

import pytest

from interlock.adapters.proxy.door import ProxyDoor
from interlock.adapters.sandlock.sandbox import SandlockSandbox
from interlock.testing.conformance.sandboxes import SandboxSuite


class TestSandlockSandbox(SandboxSuite):
    KIND = "interlock.adapters.sandlock.sandbox:SandlockSandbox"

    @pytest.fixture
    def sandbox(self) -> SandlockSandbox:
        return SandlockSandbox(ProxyDoor())
