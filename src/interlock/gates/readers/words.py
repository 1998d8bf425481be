"""Text out of reports, fit to be shown and kept: one line, printable, bounded."""

import hashlib
import re
from typing import Final
from urllib.parse import unquote, urlsplit

NAME_CHARACTERS_MAX: Final = 500
REASON_CHARACTERS_MAX: Final = 200

_SPACES: Final = re.compile(r"\s+")


def plain(text: str) -> str:
    """One line without control characters: a report must not steer somebody's terminal."""
    line = _SPACES.sub(" ", text).strip()
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


def first_words(text: str, room: int = REASON_CHARACTERS_MAX) -> str:
    """The first line that says something, shortened."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return shortened(plain(line), room)


def shortened(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"


def identity(text: str) -> str:
    """A name to compare by: two long names that differ stay different."""
    name = plain(text)
    if len(name) <= NAME_CHARACTERS_MAX:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{name[: NAME_CHARACTERS_MAX - 20]}…{digest}"


def inside(path: str, roots: tuple[str, ...]) -> str:
    """A path or file address as seen from the workspace's root; others stay as they are."""
    plain_path = path.replace("\\", "/")
    if plain_path.startswith("file:"):
        plain_path = _of_address(plain_path)
    for root in roots:
        if plain_path == root or plain_path.startswith(root + "/"):
            plain_path = plain_path[len(root) :].lstrip("/")
            break
    parts: list[str] = []
    for part in plain_path.split("/"):
        if part == ".." and parts and parts[-1] not in {"", ".."}:
            parts.pop()
        elif part != "." and (part or not parts):
            parts.append(part)
    return "/".join(parts).rstrip("/") or ("/" if plain_path.startswith("/") else "")


def _of_address(address: str) -> str:
    try:
        return unquote(urlsplit(address).path)
    except ValueError:
        return address
