"""The demo from its start to its exit code."""

from __future__ import annotations

import asyncio
import sys
from importlib.resources import files
from itertools import groupby
from typing import Final

import msgspec

from interlock.demo.props import Props
from interlock.demo.report import Report, report_of
from interlock.demo.show import Lines, Show, Silent, tell
from interlock.demo.story import Played, Story
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.engine.ports import EventLog, NewEvent, Recorded, StreamWrite
from interlock.planning.document import parse_plan
from interlock.planning.forecast import forecast

WORKFLOW: Final = "workflow.yaml"


def play_demo(props: Props, *, fast: bool, as_json: bool) -> int:
    """0 when the story ended as told, else 1."""
    plan = shipped_plan()
    show = Silent() if as_json else _show_for(plan, props, fast=fast)

    async def rehearsal() -> Played:
        return await Story(props.new_world(), plan, show.frame_minutes, show.frame).play()

    show.open()
    try:
        played = props.rehearse(rehearsal)
    finally:
        show.close()
    report = asyncio.run(_keep(props, played))
    if as_json:
        document = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
        sys.stdout.write(f"{document}\n")
    else:
        tell(report)
    return 0 if report.as_told else 1


def shipped_plan() -> Plan:
    """The eleven-stage workflow that comes with the package."""
    content = (files("interlock.demo") / WORKFLOW).read_bytes()
    match parse_plan(content, WORKFLOW):
        case Plan() as plan:
            return plan
        case faults:
            raise RuntimeError(f"the shipped workflow is broken: {faults[0]}")


def _show_for(plan: Plan, props: Props, *, fast: bool) -> Show:
    if fast or not sys.stdout.isatty():
        return Lines(plan)
    from interlock.demo.live import LiveShow, can_draw

    if not can_draw():
        return Lines(plan)
    limits = RunLimits()
    minutes = forecast(plan, limits.workers, limits.parallel_stages).minutes.parallel
    return LiveShow(plan, minutes, props.pause)


async def _keep(props: Props, played: Played) -> Report:
    """Copy the history into a real store and verify it there; equal events give equal hashes."""
    async with props.open_kept() as kept:
        await kept.blobs.put(played.plan_bytes)
        await _copy(played.events, kept.log)
        audit = await kept.log.verify(played.head)
        at_the_kill = await kept.log.verify(played.kill.head)
        return report_of(played, audit, continues=at_the_kill.ok, store=str(kept.path))


async def _copy(events: tuple[Recorded, ...], log: EventLog) -> None:
    for at, together in groupby(events, key=lambda event: event.at):
        writes = [
            StreamWrite(event.stream, None, (NewEvent(event.fact, event.actor),))
            for event in together
        ]
        await log.append(writes, at)
