"""The engine: how fast it records, decides and recovers, and how well it schedules."""

from collections.abc import Mapping
from typing import Final

from benchmarks.document import Part
from benchmarks.engine import (
    appending,
    latency,
    makespan,
    memory,
    recovery,
    ten_thousand,
    workflow,
)

PARTS: Final[Mapping[str, Part]] = {
    "appending": appending.measure,
    "latency": latency.measure,
    "recovery": recovery.measure,
    "memory": memory.measure,
    "workflow": workflow.measure,
    "makespan": makespan.measure,
    "ten-thousand": ten_thousand.measure,
}
