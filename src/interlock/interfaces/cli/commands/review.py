"""What waits for a person, and your decisions. Nothing is decided silently, and others go on.

Examples:
  interlock review list
  interlock review show schema-1
  interlock review approve schema-1 api-2 --reason "looked at both"
  interlock review reject docs-1 --reason "not needed any more"
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from interlock.control.errors import NoHistory
from interlock.interfaces.cli.answers import print_replies
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, counted, local, print_json, safe
from interlock.interfaces.cli.verbs import Verbs, add_reason, run_verb

if TYPE_CHECKING:
    from interlock.control.read_models import ReviewItem, ReviewList


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = Verbs(parser, "review")
    listed = verbs.add("list", "show what waits for a person", "", "--all", "--json")
    listed.add_argument("--all", action="store_true", help="what was decided as well")
    add_json(listed)
    add_store(listed)
    shown = verbs.add("show", "show questions with what each answer means", "schema-1")
    _add_ids(shown)
    add_json(shown)
    add_store(shown)
    approve = verbs.add(
        "approve",
        "let them go on: start, land, try again; or answer a question",
        'schema-1 --reason "looks right"',
        'api-2 --reason "yes, drop the old column"',
    )
    reject = verbs.add("reject", "decide against them for good", 'docs-1 --reason "not needed"')
    for verdict in (approve, reject):
        _add_ids(verdict)
        add_reason(verdict, "kept in the history; the answer, where a question was asked")
        add_json(verdict)


def _add_ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="an item, or its task")


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    return run_verb(
        {"list": _list, "show": _show, "approve": _decide, "reject": _decide}, arguments, doors
    )


def _list(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(arguments.store).counter(doors.person())
    try:
        found = asyncio.run(counter.reviews(decided=arguments.all))
    except NoHistory:
        print('{"items": []}' if arguments.json else "Nothing has run here yet.")
        return 0
    if arguments.json:
        print_json(found)
    else:
        for line in _table(found, Screen(doors)):
            print(line)
    return 0


def _table(found: ReviewList, screen: Screen) -> Iterator[str]:
    if not found.items:
        yield "Nothing waits for a person."
        return
    names = shortest(found)
    heads = ("ITEM", "KIND", "STATE", "WAITS SINCE", "TAKES MIN", "BLOCKS", "QUESTION")
    rows = [
        (
            names[item.id],
            item.kind,
            state_of(item),
            local(item.opened_at),
            str(item.estimated_minutes),
            str(len(item.blocked_tasks) or ""),
            item.question,
        )
        for item in found.items
    ]
    yield from screen.table(heads, rows)
    yield "Read one with `interlock review show ITEM`, then approve or reject it."


def shortest(found: ReviewList) -> dict[str, str]:
    """What to call each item: its short name, unless another item of the list has the same."""
    shorts = [item.short for item in found.items]
    return {
        item.id: item.short if shorts.count(item.short) == 1 else item.id for item in found.items
    }


def state_of(item: ReviewItem) -> str:
    return "overdue" if item.overdue else item.decision or "pending"


def _show(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(arguments.store).counter(doors.person())
    found = asyncio.run(counter.review(arguments.ids))
    if arguments.json:
        print_json(found)
        return 0
    screen, names = Screen(doors), shortest(found)
    for number, item in enumerate(found.items):
        if number:
            print()
        for line in _page(item, names[item.id], screen):
            print(line)
    return 0


def _page(item: ReviewItem, name: str, screen: Screen) -> Iterator[str]:
    yield f"{screen.paint(safe(name), 'bold')}  {item.kind}  {screen.state(state_of(item))}"
    yield f"  task      {safe(item.task)}: {safe(item.title)} ({safe(item.run)})"
    yield f"  question  {safe(item.question)}"
    yield f"  since     {local(item.opened_at)}, about {counted(item.estimated_minutes, 'minute')}"
    if item.files:
        yield f"  changes   {safe(', '.join(item.files))}"
    if item.state == "decided":
        yield from _decided(item)
        return
    yield f"  until     {local(item.deadline)}{', which has passed' if item.overdue else ''}"
    if item.blocked_tasks:
        yield f"  blocks    {safe(', '.join(item.blocked_tasks))}"
    yield f"  undecided {safe(item.default)}"
    for option in item.options:
        yield f"  {screen.paint(option.name, 'bold')}"
        yield from (f"    + {text}" for text in option.pros)
        yield from (f"    - {text}" for text in option.cons)
    answer = ' --reason "your answer"' if item.kind == "decision" else ""
    yield f"Decide: interlock review approve {safe(name)}{answer}, or reject."


def _decided(item: ReviewItem) -> Iterator[str]:
    when = "" if item.decided_at is None else f" at {local(item.decided_at)}"
    why = f": {safe(item.decided_reason)}" if item.decided_reason else ""
    yield f"  {item.decision} by {safe(item.decided_by or 'somebody')}{when}{why}"


def _decide(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(None).counter(doors.person())
    answers = asyncio.run(counter.decide(arguments.ids, arguments.verb, arguments.reason))
    return print_replies(answers.replies, doors, as_json=arguments.json)
