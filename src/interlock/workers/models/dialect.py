"""A protocol that models are spoken to in: how it asks, and how it tells what was used."""

from collections.abc import Callable, Mapping

import msgspec

from interlock.workers.models.asking import Ask, Unreadable
from interlock.workers.models.counts import Counts, Told


class Dialect(msgspec.Struct, frozen=True):
    """The pure functions of one protocol; `key_header` is where its provider wants the key.

    `limit_field` is where a limit may be written for a request that has none.
    """

    name: str
    key_header: str
    read_request: Callable[[bytes], Ask | Unreadable]
    read_event: Callable[[bytes], Told]
    read_answer: Callable[[bytes], Told]
    counts: Callable[[Mapping[str, int]], Counts]
    input_figure: str
    limit_field: str = ""
