"""What every kind of box must hold: always what it is for, and beyond that what it promises.

A subclass gives a fixture `sandbox` and, for the plane that dies, the name of its class in `KIND`.
"""

from interlock.testing.conformance.box_ending import EndingSuite
from interlock.testing.conformance.box_limits import LimitsSuite, NetworkSuite
from interlock.testing.conformance.box_running import MountsSuite, RunningSuite


class SandboxSuite(RunningSuite, MountsSuite, EndingSuite, LimitsSuite, NetworkSuite):
    """Everything a kind of box must hold."""
