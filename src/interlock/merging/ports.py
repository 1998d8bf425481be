"""What the way to the target needs from the world, beside trees, the target, blobs and a clock."""

from collections.abc import Awaitable, Callable

from interlock.engine.chain import Head

LogHead = Callable[[], Awaitable[Head]]
"""The end of the log of now; it goes into a trailer of each landing."""
