"""What a request asks, whatever its protocol, and where its session stands in a script."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from interlock.testing.models.script import NAME

_MARKER: Final = re.compile(rf"\[\[script:({NAME})(?:\s+cwd=([^\]\n]{{1,4096}}))?\]\]")
_FOLDERS: Final = (
    re.compile(r"<cwd>(/[^<\n]*)</cwd>"),
    re.compile(r"(?im)^[\s-]*(?:primary |current )?working directory:[ \t]*(/[^\n]*?)[ \t]*$"),
    re.compile(r"(?i)working in the directory:[ \t]*(/[^\n]*?)[ \t]*$", re.MULTILINE),
)

Kind = Literal["prompt", "call", "result"]


class Wrong(Exception):
    """The request is none that this protocol knows; the message says why."""


class Word(msgspec.Struct, frozen=True):
    """One thing that was said in a session: a prompt, calls of tools, or what these returned."""

    kind: Kind
    text: str = ""


class Offered(msgspec.Struct, frozen=True):
    """A tool that the request offers; without `fields` nothing is known of its input."""

    name: str
    free_text: bool = False
    fields: Mapping[str, object] = {}
    required: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """One request for an answer."""

    model: str
    stream: bool
    words: tuple[Word, ...]
    tools: tuple[Offered, ...] = ()
    instructions: str = ""
    usage_wanted: bool = True


class Place(msgspec.Struct, frozen=True):
    """Which script, which of its steps, counted from 0, and in which folder the agent works."""

    script: str
    step: int
    folder: str | None = None


def place_of(asked: Asked, default: str | None = None) -> Place | None:
    """None where no prompt names a script and there is none for that."""
    script, folder, step, in_turn = default, None, 0, False
    for word in asked.words:
        if word.kind == "call":
            # Several calls in a row are one turn, whether or not they came as one message.
            step += not in_turn
            in_turn = True
            continue
        in_turn = False
        if word.kind == "prompt" and (found := _MARKER.findall(word.text)):
            (script, folder), step = found[-1], 0
    if script is None:
        return None
    return Place(script, step, folder or _folder_of(asked))


def returned_in(asked: Asked) -> str:
    """What the tools of the last turn returned."""
    texts: list[str] = []
    for word in asked.words:
        if word.kind == "result":
            texts.append(word.text)
        elif word.kind == "call":
            texts = []
    return "\n".join(texts)


def _folder_of(asked: Asked) -> str | None:
    """Clients tell their models where they work, each in its own words."""
    prompts = [word.text for word in asked.words if word.kind == "prompt"]
    for text in (asked.instructions, *prompts):
        for pattern in _FOLDERS:
            if (found := pattern.search(text)) is not None:
                return found.group(1)
    return None


# --- reading what came as JSON: nothing of it is trusted ------------------------------------------


def mapping(value: object, what: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise Wrong(f"{what} must be an object")


def listing(value: object, what: str) -> list[object]:
    if isinstance(value, list):
        return value
    raise Wrong(f"{what} must be a list")


def text_in(content: object, kinds: tuple[str, ...]) -> str:
    """The text of a message: it may be one, or a list of parts."""
    if isinstance(content, str):
        return content
    parts: Iterable[object] = content if isinstance(content, list) else ()
    texts = [part.get("text") for part in parts if isinstance(part, dict) and _is(part, kinds)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _is(part: Mapping[str, object], kinds: tuple[str, ...]) -> bool:
    return part.get("type") in kinds


def model_of(body: Mapping[str, object]) -> str:
    model = body.get("model")
    if isinstance(model, str) and model:
        return model
    raise Wrong("`model` must be the name of a model")


def offered(tool: Mapping[str, object], schema: object) -> Offered | None:
    """A tool with a JSON schema for its input; None when it has no name."""
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        return None
    known = schema if isinstance(schema, dict) else {}
    fields, required = known.get("properties"), known.get("required")
    return Offered(
        name,
        fields=fields if isinstance(fields, dict) else {},
        required=tuple(each for each in required if isinstance(each, str))
        if isinstance(required, list)
        else (),
    )
