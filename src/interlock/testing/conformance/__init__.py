"""One suite per port: an adapter is done when its suite is green.

A test file subclasses a suite and provides the fixture `house`, which opens the adapter under test:

    class TestMemoryEventLog(EventLogSuite):
        @pytest.fixture
        def house(self) -> MemoryLogHouse:
            return MemoryLogHouse()
"""

import pkgutil

import pytest

# Pytest does not collect these modules; without this a failing assertion would show no values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__))
)
