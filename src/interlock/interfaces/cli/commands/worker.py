"""Who works here: agents' processes and people, what they can do and what they did.

Examples:
  interlock worker list
  interlock worker register --type human --name ada --skills python,sql
  interlock worker spawn 4
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Final

from interlock.control.errors import NoHistory
from interlock.interfaces.cli.answers import print_reply
from interlock.interfaces.cli.arguments import add_json, add_store, count
from interlock.interfaces.cli.doors import Doors, WorkerWish
from interlock.interfaces.cli.text import Screen, local, print_json
from interlock.interfaces.cli.verbs import Verbs, run_verb, words

if TYPE_CHECKING:
    from interlock.control.read_models import WorkerCard

_WRONG: Final = 2


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = Verbs(parser, "worker")
    listed = verbs.add("list", "show every worker, what it does and did", "", "--json")
    add_json(listed)
    add_store(listed)
    register = verbs.add(
        "register",
        "become a worker, or say anew what you can do",
        "--type human --name ada --skills python,sql",
    )
    register.add_argument("--type", choices=("human", "agent"), default="human")
    register.add_argument("--name", required=True, help="small letters, digits, hyphens: ada")
    register.add_argument("--skills", type=words, default=(), metavar="A,B", help="what you can do")
    add_json(register)
    spawn = verbs.add("spawn", "start workers on this machine that stay", "4")
    spawn.add_argument("number", type=count, metavar="N", help="how many")
    stop = verbs.add("stop", "let a worker of this machine leave politely", "agent-local-1")
    stop.add_argument("worker", metavar="WORKER", help="its id, as `worker list` shows it")
    _configure_run(verbs)


def _configure_run(verbs: Verbs) -> None:
    worker = verbs.add(
        "run", "be a worker until stopped; for other machines of a fleet", "", "--at-once 2"
    )
    worker.add_argument("--name", default=None, help="default: one is found")
    worker.add_argument("--agent", default="*", metavar="PROFILE", help="default: any profile")
    worker.add_argument("--skills", type=words, default=("*",), metavar="A,B", help="default: any")
    worker.add_argument("--at-once", type=count, default=1, metavar="N", help="attempts at once")


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    return run_verb(
        {"list": _list, "register": _register, "spawn": _spawn, "stop": _stop, "run": _run},
        arguments,
        doors,
    )


def _list(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(arguments.store).counter(doors.person())
    try:
        listed = asyncio.run(counter.workers())
    except NoHistory:
        print('{"workers": []}' if arguments.json else "No worker has ever joined.")
        return 0
    if arguments.json:
        print_json(listed)
        return 0
    if not listed.workers:
        print("No worker has ever joined.")
        return 0
    heads = ("WORKER", "TYPE", "STATE", "WORKS ON", "WELL", "FAILED", "LEFT", "HEARD OF", "CAN")
    for line in Screen(doors).table(heads, [_cells(worker) for worker in listed.workers]):
        print(line)
    return 0


def _cells(worker: WorkerCard) -> tuple[str, ...]:
    """People say what they can do, agents which profile they drive."""
    can = ", ".join(worker.capabilities)
    return (
        worker.id,
        worker.type,
        worker.state,
        ", ".join(worker.holds),
        str(worker.times("success")),
        str(worker.times("failed")),
        str(worker.times("abandoned")),
        "" if worker.last_heartbeat is None else local(worker.last_heartbeat),
        can if worker.type == "human" else _drives(worker.agent, can),
    )


def _drives(agent: str | None, skills: str) -> str:
    if agent in (None, "", "*"):
        return "any agent"
    return f"agent {agent}: {skills or 'no skills'}"


def _register(arguments: argparse.Namespace, doors: Doors) -> int:
    if arguments.type == "agent":
        print(
            "interlock worker register: agents register themselves when their worker starts: "
            "`interlock worker spawn`, or `interlock worker run` on another machine",
            file=sys.stderr,
        )
        return _WRONG
    counter = doors.open_desk(None).counter(doors.person())
    reply = asyncio.run(counter.register(arguments.name, arguments.skills))
    return print_reply(reply, doors, as_json=arguments.json)


def _spawn(arguments: argparse.Namespace, doors: Doors) -> int:
    return doors.spawn_workers(arguments.number)


def _stop(arguments: argparse.Namespace, doors: Doors) -> int:
    return doors.stop_worker(arguments.worker)


def _run(arguments: argparse.Namespace, doors: Doors) -> int:
    wish = WorkerWish(arguments.name, arguments.agent, arguments.skills, arguments.at_once)
    return doors.run_worker(wish)
