"""Check a plan and show what it would do: graph, groups, critical path, time. Nothing is started.

A goal in quotes is made into a plan first, by the agent called chief or else the default one. That
is an attempt of an agent and is recorded; of its plan nothing is started.

Examples:
  interlock plan PLAN.yaml
  interlock plan PLAN.yaml --json --parallel 4
  interlock plan openspec:add-login
  interlock plan speckit:specs/001-login --out plan.yaml
  interlock plan "issues:?label=auth"
  generate-plan | interlock plan -
  interlock plan "Add rate limiting to the API"
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final

from interlock.control.demands import WrongPlan
from interlock.control.plans import plan_schema
from interlock.control.starting import RunWish
from interlock.interfaces.cli.arguments import add_json, count
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.leaving import say, with_signals
from interlock.interfaces.cli.source import (
    NoSource,
    content_of,
    demand_new,
    goal_in,
    print_faults,
    write_new,
)
from interlock.interfaces.cli.text import print_json

_UNPLANNED: Final = 1
_REFUSED: Final = 2
_STOPPED: Final = 130


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a plan file, - for stdin, openspec:CHANGE, speckit:DIR, issues:QUERY, a goal",
    )
    add_json(parser)
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a plan file"
    )
    parser.add_argument("--new", action="store_true", help="ask anew for the plan of a goal")
    parser.add_argument("--out", metavar="FILE", help="write the plan into a new YAML file")
    parser.add_argument("--parallel", type=count, metavar="N", help="how many tasks at once")


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    if arguments.schema:
        print_json(plan_schema())
        return 0
    if arguments.source is None:
        print(
            "interlock plan: name a plan file, or - for stdin. See `interlock plan --help`",
            file=sys.stderr,
        )
        return _REFUSED
    try:
        goal = goal_in(arguments.source)
        if goal is not None:
            return _plan_goal(goal, arguments, doors)
        desk = doors.open_desk(None)
        content, where = content_of(arguments.source, desk)
    except (NoSource, WrongPlan) as none:
        if arguments.json:
            print_faults(none)
            return _REFUSED
        raise
    seen = asyncio.run(desk.look_at_plan(content, where, arguments.parallel))
    if arguments.json:
        print_json(seen.document)
    else:
        print(seen.text, end="", file=sys.stdout if seen.accepted else sys.stderr)
    if arguments.out and seen.accepted:
        write_new(arguments.out, desk.plan_file(content, where))
        say(f"the plan is written down: interlock run {arguments.out}")
    return 0 if seen.accepted else _REFUSED


def _plan_goal(goal: str, arguments: argparse.Namespace, doors: Doors) -> int:
    if arguments.out:
        demand_new(arguments.out)
    wish = RunWish(doors.person(), goal=goal, parallel=arguments.parallel, new=arguments.new)
    desk = doors.open_desk(None)
    seen = asyncio.run(with_signals(lambda stop: desk.plan_goal(wish, stop, say)))
    if seen.plan is not None and arguments.json:
        print_json(seen.plan.document)
    elif seen.plan is not None:
        print(seen.plan.text, end="")
    if arguments.out and seen.content:
        write_new(arguments.out, seen.content)
    say(seen.sentence)
    if seen.plan is None:
        return _STOPPED
    return 0 if seen.plan.accepted else _UNPLANNED
