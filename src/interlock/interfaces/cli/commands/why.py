"""Tell where a line comes from: goal, task, agent, evidence, who approved it, how it landed.

The line is the one on the target branch, whatever stands in your files now. Without a line it is
the newest change of the file.

Examples:
  interlock why app/models.py:12
  interlock why app/models.py
  interlock why app/models.py:12 --json
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path

from interlock.control.run_document import GateSeen, TrySeen
from interlock.control.why import Provenance
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, cut, local, print_json, safe

_SHA_CHARACTERS = 10
_REASON_CHARACTERS = 120
_OUTCOMES = {"error": "could not run", "target_red": "red on the target itself"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="FILE[:LINE]", help="a file, or one line of it")
    add_json(parser)
    add_store(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    desk = doors.open_desk(arguments.store)
    found = asyncio.run(desk.why(Path.cwd(), arguments.place))
    if arguments.json:
        print_json(found)
        return 0
    screen = Screen(doors)
    for name, text in why_lines(found):
        print(f"{screen.paint(f'{name:<10}', 'dim')}{text}".rstrip())
    return 0


def why_lines(found: Provenance) -> Iterator[tuple[str, str]]:
    """A word and what it says, from the line back to the wish behind it."""
    place = found.file if found.line is None else f"{found.file}:{found.line}"
    yield "line", f"{safe(place)} on {safe(found.branch)}"
    if found.text is not None:
        yield "", f"{safe(found.text)}"
    yield "commit", f"{found.commit[:_SHA_CHARACTERS]} {safe(found.subject)}"
    if found.origin != "landed":
        yield from _not_ours(found)
        return
    yield "goal", f"{safe(found.goal or '')}"
    asked = "" if found.asked_by is None else f", asked for by {safe(found.asked_by)}"
    yield "run", f"{safe(found.run or '')}{asked}"
    yield "task", f"{safe(found.task or '')}: {safe(found.title or '')}"
    mark = " (simulated)" if found.simulated else ""
    yield "agent", f"{safe(found.agent or '')}, worker {safe(found.worker or 'unknown')}{mark}"
    for each in found.attempts:
        yield "attempt", _attempt(each)
    for gate in found.gates:
        yield "gate", _gate(gate)
    yield "approved", _approved(found)
    yield "landed", _landed(found)
    if "Interlock-Audit" in found.trailers:
        yield "audit", _audit(found)


def _not_ours(found: Provenance) -> Iterator[tuple[str, str]]:
    when = local(found.committed_at)
    yield "author", f"{safe(found.author)}, {when}"
    if found.origin == "elsewhere":
        yield "origin", "this line was not landed by Interlock"
        return
    yield "origin", "its message names Interlock, but this history has no such landing:"
    for name, value in found.trailers.items():
        yield "", f"{safe(name)}: {safe(value)}"


def _attempt(each: TrySeen) -> str:
    reason = f": {cut(safe(each.reason), _REASON_CHARACTERS)}" if each.reason else ""
    return f"{each.number} {each.outcome or 'still runs'}{reason}"


def _gate(gate: GateSeen) -> str:
    detail = f": {safe(gate.detail)}" if gate.detail else ""
    return f"{safe(gate.name)} {_OUTCOMES.get(gate.outcome, gate.outcome)}{detail}"


def _approved(found: Provenance) -> str:
    if found.approved_by is not None:
        return f"by {safe(found.approved_by)}"
    passed = found.gates and all(gate.outcome == "passed" for gate in found.gates)
    return "nobody had to; its gates passed" if passed else "by nobody"


def _landed(found: Provenance) -> str:
    at = "" if found.landed_at is None else f" {local(found.landed_at)}"
    return f"{(found.landing or '')[:_SHA_CHARACTERS]}{at}"


def _audit(found: Provenance) -> str:
    head = safe(found.trailers["Interlock-Audit"])
    part = "is part of this log" if found.audit_holds else "is NOT PART of this log"
    return f"{head} {part}"
