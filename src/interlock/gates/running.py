"""One gate, once, on one tree: a box is made, watched, read out and cleared away."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from interlock.domain.ids import BlobId
from interlock.domain.settings import GateSettings, Settings
from interlock.engine.ports import Blobs, Clock
from interlock.engine.supervisor import Supervisor
from interlock.gates.evidence import Evidence, Reading
from interlock.gates.order import REPORT_NAMES, GateOptions, Setting, box_order
from interlock.gates.outbox import Folders, read_report
from interlock.gates.readers import coverage, junit, sarif
from interlock.gates.readers.words import first_words
from interlock.sandbox.ports import WORKSPACE, BoxEnded, BoxOrder, Sandbox
from interlock.sandbox.running import run_to_end

GRACE_SECONDS: Final = 30.0
"""A box that has not ended so long after its time is ended by us."""

NOT_RUN: Final = -1
"""The code of a program that never ran."""

Mask = Callable[[bytes], bytes]
"""Takes known secret values out of what is kept."""

_READERS: Final = {"sarif": sarif.read, "coverage-xml": coverage.read}


class BoxUse(msgspec.Struct, frozen=True):
    """What a run is made with."""

    sandbox: Sandbox
    blobs: Blobs
    clock: Clock
    mask: Mask
    options: GateOptions


async def run_gate(gate: GateSettings, settings: Settings, place: Setting, use: BoxUse) -> Evidence:
    """Raises BoxRefused where no box can be made; everything else is evidence."""
    started = use.clock.monotonic()
    ended, output = await _run_box(
        use.sandbox, box_order(gate, settings, place, use.options), use.options.output_bytes_max
    )
    seconds = use.clock.monotonic() - started
    kept = _shortened(use.mask(output), use.options.log_bytes_max)
    log = list[BlobId]()

    async def keep() -> None:
        log.append(await use.blobs.put(kept))

    async with Supervisor() as crew:
        crew.start("log", keep())
        reading = await asyncio.to_thread(_reading, gate, place.folders, use, output)
    return Evidence(
        code=ended.code,
        stopped_for=ended.stopped_for,
        unreadable=reading.unreadable,
        tests=reading.tests,
        findings=reading.findings,
        covered=reading.covered,
        reasons=reading.reasons,
        said=_last_words(kept),
        seconds=round(seconds, 3),
        log=log[0],
    )


async def _run_box(sandbox: Sandbox, order: BoxOrder, bytes_max: int) -> tuple[BoxEnded, bytes]:
    """To its end, whatever that is: a box that does not hold its time is ended by us.

    All of the output is kept until secrets are out of it: a cut could leave half of one.
    """
    try:
        async with asyncio.timeout((order.limits.seconds or 0) + GRACE_SECONDS):
            finished = await run_to_end(sandbox, order, log_bytes_max=2 * bytes_max)
    except TimeoutError:
        return BoxEnded(NOT_RUN, "time"), b""
    return finished.ended, finished.stdout + finished.stderr


def _reading(gate: GateSettings, folders: Folders, use: BoxUse, output: bytes) -> Reading:
    """What the report says. It is data of tested code: nothing in it can be more than evidence."""
    if gate.reads == "exit-code":
        return Reading()
    if "{report}" not in gate.run:
        return Reading(
            unreadable="the report is missing: the gate's command does not name {report}"
        )
    data = read_report(folders.outbox / REPORT_NAMES[gate.reads], use.options.report_bytes_max)
    if isinstance(data, str):
        return Reading(unreadable=data)
    roots = (WORKSPACE, str(folders.workspace))
    if gate.reads == "junit":
        reading = junit.read(data, roots, output)
    else:
        reading = _READERS[gate.reads](data, roots)
    return _masked(reading, use.mask)


def _masked(reading: Reading, mask: Mask) -> Reading:
    """Reasons and messages are quoted in details, so no secret may stand in them."""

    def clean(text: str) -> str:
        return mask(text.encode("utf-8", "replace")).decode("utf-8", "replace")

    findings = reading.findings
    return msgspec.structs.replace(
        reading,
        unreadable=clean(reading.unreadable),
        reasons={test: clean(reason) for test, reason in reading.reasons.items()},
        findings=findings
        and tuple(
            msgspec.structs.replace(finding, message=clean(finding.message)) for finding in findings
        ),
    )


def _shortened(log: bytes, bytes_max: int) -> bytes:
    """The beginning and, mostly, the end: that is where programs tell what went wrong."""
    if len(log) <= bytes_max:
        return log
    head = bytes_max // 4
    tail = bytes_max - head
    gap = f"\n[... {len(log) - head - tail:,} bytes left out ...]\n".encode()
    return log[:head] + gap + log[-tail:]


def _last_words(log: bytes) -> str:
    lines = log[-4000:].decode("utf-8", "replace").splitlines()
    return first_words(next((line for line in reversed(lines) if line.strip()), ""))
