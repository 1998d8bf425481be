"""The whole suite of an event log."""

from interlock.testing.conformance.appending import CrowdSuite, ExpectingSuite, ReadingBackSuite
from interlock.testing.conformance.doorbells import DoorbellSuite
from interlock.testing.conformance.tampering import TamperSuite


class EventLogSuite(ReadingBackSuite, ExpectingSuite, CrowdSuite, DoorbellSuite, TamperSuite):
    """Subclass it and provide the fixture `house`, a `LogHouse`."""
