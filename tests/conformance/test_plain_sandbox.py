"""The suite of boxes, on the kind that plain makes."""

import pytest

from interlock.adapters.plain.sandbox import PlainSandbox
from interlock.adapters.proxy.door import ProxyDoor
from interlock.testing.conformance.sandboxes import SandboxSuite


class TestPlainSandbox(SandboxSuite):
    KIND = "interlock.adapters.plain.sandbox:PlainSandbox"

    @pytest.fixture
    def sandbox(self) -> PlainSandbox:
        return PlainSandbox(ProxyDoor())
