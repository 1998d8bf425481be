"""Plays the steps of one attempt inside its box: `python -I -S player.py <steps.json>`.

It runs on a bare interpreter in a box, so it imports nothing of ours. Each line it says is one
event as JSON; each line it hears is the answer to its question. The commands are the script's, and
the box holds them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LAST_WORDS = 2_000
PIECE = 64_000

IDENTITY = (
    "-c",
    "user.name=Scripted agent",
    "-c",
    "user.email=scripted@agent.invalid",
    "-c",
    "commit.gpgsign=false",
)


class GivesUp(Exception):
    """The attempt ends here, as its script wants it or because a step cannot be done."""


def tell(kind: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"type": kind, **fields}) + "\n")
    sys.stdout.flush()


def main() -> int:
    play = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if play.get("answer"):
        tell("said", text=f"It was answered: {play['answer']}")
    steps = play["steps"]
    for number in range(play["begin"], len(steps)):
        try:
            PLAYERS[steps[number]["step"]](steps[number], number)
        except (GivesUp, OSError, UnicodeError) as error:
            tell("ended", failed=f"step {number + 1}: {error}")
            return 0
    tell("ended", summary=f"played {len(steps) - play['begin']} steps")
    return 0


def write(step: dict[str, Any], _: int) -> None:
    path = Path(step["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step["text"], encoding="utf-8", newline="")
    tell("touched", path=step["path"])


def append(step: dict[str, Any], _: int) -> None:
    path = Path(step["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(step["text"])
    tell("touched", path=step["path"])


def replace(step: dict[str, Any], _: int) -> None:
    path = Path(step["path"])
    text = path.read_bytes().decode("utf-8")
    if step["old"] not in text:
        raise GivesUp(f"{path} does not hold {step['old']!r}")
    path.write_bytes(text.replace(step["old"], step["new"]).encode("utf-8"))
    tell("touched", path=step["path"])


def delete(step: dict[str, Any], _: int) -> None:
    Path(step["path"]).unlink()
    tell("touched", path=step["path"])


def run(step: dict[str, Any], _: int) -> None:
    """What it says goes into our own words, never into the lines of events."""
    tell("called", tool="shell", detail=step["command"])
    done = subprocess.run(  # noqa: S603 - the script's own command
        ["/bin/sh", "-c", step["command"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    if said.strip():
        tell("said", text=said[-PIECE:])
    if step["expect"] is not None and done.returncode != step["expect"]:
        raise GivesUp(
            f"`{step['command']}` ended with exit code {done.returncode}: {said[-LAST_WORDS:]}"
        )


def sleep(step: dict[str, Any], _: int) -> None:
    time.sleep(step["seconds"])


def progress(step: dict[str, Any], _: int) -> None:
    tell("moved", percent=step["percent"], activity=step["activity"])


def say(step: dict[str, Any], _: int) -> None:
    tell("said", text=step["text"])


def ask(step: dict[str, Any], number: int) -> None:
    tell("wanted", id=str(number), question=step["question"], options=step["options"])
    answer = sys.stdin.readline()
    if not answer:
        raise GivesUp("nobody answered its question")
    tell("said", text=f"It was answered: {answer.strip()}")


def commit(step: dict[str, Any], number: int) -> None:
    run({"command": "git add -A", "expect": 0}, number)
    words = ["git", *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", step["message"]]
    done = subprocess.run(  # noqa: S603 - no shell
        words, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise GivesUp(f"git commit: {done.stderr.decode(errors='replace')[-LAST_WORDS:]}")


def fail(step: dict[str, Any], _: int) -> None:
    raise GivesUp(step["reason"])


def hang(_step: dict[str, Any], _: int) -> None:
    """With a child in a session of its own, as agents' shells have them."""
    subprocess.Popen(["/bin/sleep", "86400"], start_new_session=True)
    while True:
        time.sleep(3600)


def crash(_step: dict[str, Any], _: int) -> None:
    sys.stdout.write('{"type":"said","text":"half a wo')
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def flood(step: dict[str, Any], _: int) -> None:
    left = step["bytes"]
    while left > 0:
        tell("said", text="x" * min(left, PIECE))
        left -= PIECE


PLAYERS: dict[str, Callable[[dict[str, Any], int], None]] = {
    "write": write,
    "append": append,
    "replace": replace,
    "delete": delete,
    "run": run,
    "sleep": sleep,
    "progress": progress,
    "say": say,
    "ask": ask,
    "commit": commit,
    "fail": fail,
    "hang": hang,
    "crash": crash,
    "flood": flood,
}

if __name__ == "__main__":
    sys.exit(main())
