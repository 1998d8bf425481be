"""Tasks: see them, add one, take one yourself and hand it in, hold, hurry, retry or cancel them.

A task is named as in its plan where one unfinished run has it, else by its identity.

Examples:
  interlock task list
  interlock task show schema
  interlock task claim schema --worker human-ada
  interlock task submit schema
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Final

from interlock.control.errors import NoHistory
from interlock.control.tasks import NewTask, TaskQuestion, move
from interlock.domain.task import Priority, TaskStatus
from interlock.interfaces.cli.answers import print_replies, print_reply, reply_line
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.tasks_text import list_lines, task_lines
from interlock.interfaces.cli.text import Screen, print_json, safe
from interlock.interfaces.cli.verbs import Verb, Verbs, add_reason, run_verb, words

if TYPE_CHECKING:
    from interlock.control.read_models import Claimed

PRIORITIES: Final = tuple(priority.value for priority in Priority)
_ADDED: Final = ("title", "id", "prompt", "kind", "priority", "estimate", "agent")


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = Verbs(parser, "task")
    listed = verbs.add("list", "show tasks, what they ask for and what they wait for", "", "--all")
    listed.add_argument("--all", action="store_true", help="ended ones as well")
    listed.add_argument(
        "--state",
        action="append",
        default=[],
        choices=tuple(state.value for state in TaskStatus),
        metavar="STATE",
        help="only these; may be given several times",
    )
    listed.add_argument("--worker", metavar="WORKER", help="only what this worker holds")
    add_json(listed)
    add_store(listed)
    shown = verbs.add("show", "show one task with its attempts, gates and log", "schema --json")
    shown.add_argument("task", metavar="TASK")
    add_json(shown)
    add_store(shown)
    _configure_add(verbs)
    _configure_work(verbs)
    _configure_moves(verbs)


def _configure_add(verbs: Verbs) -> None:
    add = verbs.add(
        "add",
        "add a task as a run of its own",
        '"Fix the login page" --files "app/login/**" --priority high',
    )
    add.add_argument("title", metavar="TITLE", help="what is to be done, in a line")
    add.add_argument("--id", default="", metavar="NAME", help="default: made from the title")
    add.add_argument("--prompt", default="", metavar="TEXT", help="what the worker is told")
    add.add_argument("--kind", default="", metavar="KIND", help="feature, fix, docs, ...")
    add.add_argument("--priority", default="", choices=PRIORITIES, metavar="P", help="high, ...")
    add.add_argument("--estimate", default="", metavar="TIME", help="15m, 1h30m")
    add.add_argument("--agent", default="", metavar="PROFILE", help="of interlock.toml")
    for option, what in (("--files", "globs it expects to touch"), ("--skills", "it asks for")):
        add.add_argument(option, type=words, default=(), metavar="A,B", help=what)
    add.add_argument("--gates", type=words, default=(), metavar="A,B", help="that must pass")
    add_json(add)


def _configure_work(verbs: Verbs) -> None:
    claim = verbs.add("claim", "take a task yourself", "schema --worker human-ada")
    claim.add_argument("task", metavar="TASK")
    claim.add_argument("--worker", required=True, metavar="WORKER", help="you: human-ada")
    claim.add_argument(
        "--anyway", action="store_true", help="although others change the same files now"
    )
    submit = verbs.add("submit", "hand in what you did", 'schema --message "users and sessions"')
    submit.add_argument("task", metavar="TASK")
    submit.add_argument("--message", default="", metavar="TEXT", help="what you did, in a line")
    submit.add_argument("--unchanged", action="store_true", help="it needed no change")
    handoff = verbs.add("handoff", "give your task to another person", "schema --to human-bo")
    handoff.add_argument("task", metavar="TASK")
    handoff.add_argument("--to", required=True, metavar="WORKER", help="who goes on")
    add_reason(handoff)
    for parser in (claim, submit, handoff):
        add_json(parser)


def _configure_moves(verbs: Verbs) -> None:
    moves = (
        ("release", "give a task back that you hold", 'schema --reason "no time"'),
        ("retry", "give a failed task a fresh set of attempts", "schema api"),
        ("cancel", "end tasks, unless their landing has begun", 'docs --reason "not needed"'),
        ("hold", "let tasks wait for a person before they start", "schema"),
        ("prioritise", "change how urgent tasks are", "schema api --priority critical"),
    )
    for name, summary, example in moves:
        parser = verbs.add(name, summary, example)
        parser.add_argument("tasks", nargs="+", metavar="TASK")
        if name == "prioritise":
            parser.add_argument("--priority", required=True, choices=PRIORITIES, metavar="P")
        add_reason(parser)
        add_json(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    return run_verb(_VERBS, arguments, doors)


def _list(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(arguments.store).counter(doors.person())
    question = TaskQuestion(tuple(arguments.state), arguments.worker, arguments.all)
    try:
        found = asyncio.run(counter.tasks(question))
    except NoHistory:
        print('{"tasks": [], "hidden": 0}' if arguments.json else "Nothing has run here yet.")
        return 0
    if arguments.json:
        print_json(found)
        return 0
    for line in list_lines(found, Screen(doors)):
        print(line)
    return 0


def _show(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(arguments.store).counter(doors.person())
    shown = asyncio.run(counter.task(arguments.task))
    if arguments.json:
        print_json(shown.document())
        return 0
    for line in task_lines(shown, Screen(doors)):
        print(line)
    return 0


def _add(arguments: argparse.Namespace, doors: Doors) -> int:
    said = {name: getattr(arguments, name) for name in _ADDED}
    wish = NewTask(**said, files=arguments.files, skills=arguments.skills, gates=arguments.gates)
    counter = doors.open_desk(None).counter(doors.person())
    reply = asyncio.run(counter.add_task(wish))
    return print_reply(reply, doors, as_json=arguments.json)


def _claim(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(None).counter(doors.person())
    claimed = asyncio.run(counter.claim(arguments.task, arguments.worker, anyway=arguments.anyway))
    return _print_claimed(claimed, arguments, doors)


def _handoff(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(None).counter(doors.person())
    claimed = asyncio.run(counter.handoff(arguments.task, arguments.to, arguments.reason))
    return _print_claimed(claimed, arguments, doors)


def _print_claimed(claimed: Claimed, arguments: argparse.Namespace, doors: Doors) -> int:
    code = 0 if claimed.reply.answer == "accepted" else 1
    if arguments.json:
        print_json(claimed)
        return code
    print(reply_line(claimed.reply, Screen(doors)))
    if claimed.path:
        print(f"  Branch:   {safe(claimed.branch)}")
        print(f"  Worktree: {safe(claimed.path)}")
        for line in claimed.feedback.splitlines():
            print(f"  Sent back before: {safe(line)}")
        print(f"Work there, then: interlock task submit {safe(claimed.task)}")
    return code


def _submit(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(None).counter(doors.person())
    reply = asyncio.run(
        counter.submit(arguments.task, arguments.message, unchanged=arguments.unchanged)
    )
    return print_reply(reply, doors, as_json=arguments.json)


def _move(arguments: argparse.Namespace, doors: Doors) -> int:
    priority = Priority(arguments.priority) if arguments.verb == "prioritise" else None
    wish = move(arguments.verb, arguments.reason, priority)
    counter = doors.open_desk(None).counter(doors.person())
    answers = asyncio.run(counter.move_tasks(arguments.tasks, wish))
    return print_replies(answers.replies, doors, as_json=arguments.json)


_VERBS: Final[dict[str, Verb]] = {
    "list": _list,
    "show": _show,
    "add": _add,
    "claim": _claim,
    "submit": _submit,
    "handoff": _handoff,
    "release": _move,
    "retry": _move,
    "cancel": _move,
    "hold": _move,
    "prioritise": _move,
}
