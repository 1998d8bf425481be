"""Clocks, identities and acts: every adapter of these small ports passes their suites."""

from pathlib import Path

import pytest

from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.ids import PretendIds
from interlock.adapters.pretend.world import PretendWorld, Target
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.engine.acts import Acts
from interlock.engine.ports import Clock, IdSource
from interlock.testing.conformance.acts import ActsSuite
from interlock.testing.conformance.sources import ClockSuite, IdSourceSuite
from interlock.testing.crash.target import FileTarget


class TestSystemClock(ClockSuite):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()


class TestPretendClock(ClockSuite):
    @pytest.fixture
    def clock(self) -> Clock:
        return PretendClock()


class TestRandomIds(IdSourceSuite):
    @pytest.fixture
    def ids(self) -> IdSource:
        return RandomIds()


class TestPretendIds(IdSourceSuite):
    @pytest.fixture
    def ids(self) -> IdSource:
        return PretendIds()


class TestPretendWorld(ActsSuite):
    @pytest.fixture
    def acts(self) -> Acts:
        return PretendWorld(Target(), PretendClock())


class TestFileTarget(ActsSuite):
    @pytest.fixture
    def acts(self, tmp_path: Path) -> Acts:
        return FileTarget(tmp_path)
