"""What became of people's wishes, in lines, and the exit code that tells it to scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from interlock.interfaces.cli.text import Screen, print_json, safe

if TYPE_CHECKING:
    from interlock.control.read_models import Reply
    from interlock.interfaces.cli.doors import Doors

_COLOURS: Final = {"accepted": "green", "refused": "red", "unanswered": "yellow"}


def print_replies(replies: Iterable[Reply], doors: Doors, *, as_json: bool) -> int:
    """One line each; 0 when all was accepted, 1 when something was refused or has to wait."""
    listed = tuple(replies)
    if as_json:
        print_json({"replies": listed})
    else:
        screen = Screen(doors)
        for reply in listed:
            print(reply_line(reply, screen))
    return 0 if all(reply.answer == "accepted" for reply in listed) else 1


def print_reply(reply: Reply, doors: Doors, *, as_json: bool) -> int:
    if not as_json:
        return print_replies([reply], doors, as_json=False)
    print_json(reply)
    return 0 if reply.answer == "accepted" else 1


def reply_line(reply: Reply, screen: Screen) -> str:
    of, sentence = safe(reply.of), safe(reply.sentence)
    if reply.answer == "accepted":
        return f"{screen.paint(of, 'bold')}: {sentence}"
    word = screen.paint(reply.answer, _COLOURS[reply.answer])
    return f"{screen.paint(of, 'bold')}: {word}, {sentence}"
