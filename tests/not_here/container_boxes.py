"""The suite of boxes, on the kind that container makes."""

import pytest

from interlock.adapters.container.sandbox import ContainerSandbox
from interlock.adapters.proxy.door import ProxyDoor
from interlock.testing.conformance.sandboxes import SandboxSuite


class TestContainerSandbox(SandboxSuite):
    KIND = "interlock.adapters.container.sandbox:ContainerSandbox"

    @pytest.fixture
    def sandbox(self) -> ContainerSandbox:
        return ContainerSandbox(ProxyDoor())
