"""The message of a landed commit, and its trailers, which nobody but Interlock can write.

    Database schema for users and sessions

    What the agent was told, in its plain words.

    Interlock-Task: schema
    Interlock-Run: 7f3a
    Interlock-Agent: default
    Interlock-Audit: 1234:9c0f...

Titles and prompts come from people, models and trackers. In the body every line that a reader of
trailers might stop at is quoted; values are one line each; what moves a cursor is taken out.
"""

import re
import unicodedata
from typing import Final

import msgspec

SUBJECT_CHARACTERS_MAX: Final = 120
BODY_CHARACTERS_MAX: Final = 4_000
VALUE_CHARACTERS_MAX: Final = 200

TASK: Final = "Interlock-Task"
RUN: Final = "Interlock-Run"
AGENT: Final = "Interlock-Agent"
AUDIT: Final = "Interlock-Audit"

_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?", re.DOTALL
)
_MISLEADING: Final = re.compile(
    r"\s*(?:interlock[\w\s-]*[:=]|[\w-]+-by\s*:|\S?\s*-{3})", re.IGNORECASE
)
"""What might pass for one of our trailers or for a signature, and where tools cut a message off."""

_TRAILER: Final = re.compile(r"(Interlock-[A-Za-z]+): (.*)")


class Label(msgspec.Struct, frozen=True):
    """What a landed commit says about itself; `audit` is the head of the log before the intent."""

    title: str
    body: str
    task: str
    run: str
    agent: str
    audit: str


def commit_message(label: Label) -> str:
    subject = _one_line(label.title, SUBJECT_CHARACTERS_MAX) or _one_line(
        label.task, SUBJECT_CHARACTERS_MAX
    )
    body = "" if _one_line(label.body, BODY_CHARACTERS_MAX) == subject else _body(label.body)
    trailers = "\n".join(
        f"{key}: {_one_line(value, VALUE_CHARACTERS_MAX) or '-'}"
        for key, value in (
            (TASK, label.task), (RUN, label.run), (AGENT, label.agent), (AUDIT, label.audit),
        )
    )  # fmt: skip
    return "\n\n".join(part for part in (_harmless(subject), body, trailers) if part) + "\n"


def trailers_of(message: str) -> dict[str, str]:
    """Our trailers in a message: they stand in its last paragraph, and nowhere else."""
    last = message.rstrip("\n").rpartition("\n\n")[2]
    found = (_TRAILER.fullmatch(line) for line in last.split("\n"))
    return {match[1]: match[2] for match in found if match}


def subject_of(message: str) -> str:
    return message.partition("\n")[0]


def plain(text: str) -> str:
    """Without escapes and without what is invisible or turns the direction of writing."""
    return "".join(map(_visible, _ESCAPES.sub("", text)))


def _visible(sign: str) -> str:
    match unicodedata.category(sign):
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case "Cc":
            return sign if sign in "\n\t\r\v\f\x1c\x1d\x1e\x85" else ""
        case "Cf":
            return ""
        case _:
            return sign


def _one_line(text: str, characters_max: int) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= characters_max else line[: characters_max - 1].rstrip() + "…"


def _body(text: str) -> str:
    words = plain(text)[: BODY_CHARACTERS_MAX * 2]
    lines = [_harmless(line.expandtabs(4).rstrip()) for line in words.splitlines()]
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return body if len(body) <= BODY_CHARACTERS_MAX else body[: BODY_CHARACTERS_MAX - 1] + "…"


def _harmless(line: str) -> str:
    return f"> {line}" if _MISLEADING.match(line) else line
