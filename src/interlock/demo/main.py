"""The demo from its start to its exit code."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec

from interlock.control.desk import FrontDesk
from interlock.control.following import Stop
from interlock.control.running import RunEnd
from interlock.control.starting import RunWish
from interlock.demo.project import PLAN, shipped, shop_files
from interlock.demo.props import Found, Props
from interlock.demo.report import Place, report_lines
from interlock.demo.screen import painted
from interlock.demo.stage import Stage, print_to, stage_for
from interlock.demo.story import departures
from interlock.domain.plan import Plan
from interlock.engine.supervisor import Supervisor
from interlock.planning.document import parse_plan

_NONE: Final = "none"
_STOPPED: Final = 130


class Wishes(msgspec.Struct, frozen=True):
    """`fast` leaves out what is there to be watched."""

    fast: bool
    json: bool


def play_demo(props: Props, wishes: Wishes) -> int:
    """0 when the story ended as told, 1 when it did not, 130 when the person left."""
    return asyncio.run(_play(props, wishes))


def shipped_plan() -> Plan:
    match parse_plan(shipped(PLAN).encode(), PLAN):
        case Plan() as plan:
            return plan
        case faults:
            raise RuntimeError(f"the shipped plan is broken: {faults[0]}")


async def _play(props: Props, wishes: Wishes) -> int:
    stage = stage_for(shipped_plan(), props, as_json=wishes.json)
    found = await props.find_box()
    minimum = found.box if found.box == _NONE else None
    folder = await props.make_repository(shop_files(props.python, minimum, fast=wishes.fast))
    told = sys.stderr if wishes.json else sys.stdout
    print_to(told, f"a repository of its own, yours to keep or delete: {folder}")
    if minimum is not None:
        print_to(told, without_box(found))
    end = await _run(props, stage, folder, found)
    if end.stopped:
        go_on = f"cd {folder} && {props.program} run"
        print_to(told, f"stopped by you; nothing is lost, this goes on: {go_on}")
        return _STOPPED
    if wishes.json:
        document = msgspec.json.format(msgspec.json.encode(end.report), indent=2).decode()
        sys.stdout.write(f"{document}\n")
    else:
        colour = props.colour and sys.stdout.isatty()
        width = shutil.get_terminal_size((100, 24)).columns
        for line in report_lines(end.report, Place(folder, props.program), width):
            sys.stdout.write(f"{painted(line, colour)}\n")
    return 1 if any(departures(end.report)) else 0


async def _run(props: Props, stage: Stage, folder: Path, found: Found) -> RunEnd:
    desk, plan = props.open_desk(folder), folder / PLAN
    wish = RunWish(actor=props.actor, content=shipped(PLAN).encode(), where=str(plan))
    stop = _stop_on_signals(stage)
    stage.open(found.box)
    try:
        return await _watched(desk, wish, stop, stage)
    finally:
        stage.drop()


async def _watched(desk: FrontDesk, wish: RunWish, stop: Stop, stage: Stage) -> RunEnd:
    """The board looks from its first news on: before that there is nothing to look at."""
    async with Supervisor() as beside:
        following = False

        def say(sentence: str) -> None:
            nonlocal following
            stage.say(sentence)
            if not following:
                following = True
                beside.start("board", stage.follow(desk))

        try:
            end = await desk.run(wish, stop, say)
        finally:
            beside.cancel_all()
    await stage.close(desk)
    return end


def _stop_on_signals(stage: Stage) -> Stop:
    stop, loop = Stop(), asyncio.get_running_loop()

    def asked() -> None:
        stop.ask()
        killing = stop.now.is_set()
        stage.say(
            "killing what still runs"
            if killing
            else "no new starts; workers put down what they hold (once more: kill them)"
        )

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    return stop


def without_box(found: Found) -> str:
    """Said before anything runs: it is the demo's own script and nothing of the person's."""
    return (
        f"{found.why}\nThe demo goes on WITHOUT A BOX: its agents only play the script that lies "
        "in its repository. Real agents need one; `interlock doctor` says what is missing."
    )
