"""A person's own log-in, lent to an agent's box for one attempt.

    async with lent(profile, lender, home): ...     # the box's home holds a copy of the credential

Whoever is signed in by subscription has no key to keep outside. So the box gets a copy, and says
so wherever it shows. Tokens are refreshed by the client itself, and a refreshed one makes the old
one worthless: an attempt whose token may run out holds the log-in alone, and what its client
refreshed is taken back. It comes out of a box, so nothing but newer tokens of the same account is.
"""

import asyncio
import base64
import binascii
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.settings import AgentProfile, Backend
from interlock.engine.ports import Clock
from interlock.workers.agents.ports import AgentRefused

LOOK_AGAIN_SECONDS: Final = 0.5
CREDENTIAL_BYTES_MAX: Final = 100_000
PRIVATE: Final = 0o600

Document = dict[str, object]


class Login(msgspec.Struct, frozen=True):
    """Where a client keeps its credential below a home, and whom it talks to with it."""

    file: str
    hosts: tuple[str, ...]
    tokens: str
    expiry: Callable[[Document], datetime | None]
    sign_in: str


class Lender(msgspec.Struct, frozen=True):
    """The person's home, and a folder of ours for the locks."""

    home: Path
    locks: Path
    clock: Clock


def login_of(backend: Backend) -> Login | None:
    return _LOGINS.get(backend)


@asynccontextmanager
async def lent(profile: AgentProfile, lender: Lender, home: Path) -> AsyncIterator[None]:
    """The copy is there as long as this lasts; raises AgentRefused where there is no log-in."""
    login = login_of(profile.backend)
    if login is None:
        raise AgentRefused(
            f"the agent profile {profile.name!r} cannot work with a log-in: the backend "
            f'{profile.backend!r} knows none; set auth = "key"'
        )
    source = lender.home / login.file
    lender.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(lender.locks / f"{profile.backend}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        await _take(lock, alone=False, clock=lender.clock)
        until = lender.clock.now() + timedelta(minutes=profile.timeout_minutes)
        if not _lasts(login, _read(source, login), until):
            await _take(lock, alone=True, clock=lender.clock)
        copy = home / login.file
        before = _read(source, login)
        await asyncio.to_thread(_clear_way, home, copy)
        await asyncio.to_thread(_write, copy, before)
        try:
            yield
        finally:
            if _is_way_clear(home, copy):
                await asyncio.to_thread(_take_back, login, copy, source)
    finally:
        os.close(lock)


async def _take(lock: int, *, alone: bool, clock: Clock) -> None:
    """Waits without a thread of its own: others may hold it for as long as their agents work."""
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            await clock.sleep(LOOK_AGAIN_SECONDS)
        else:
            return


def _read(source: Path, login: Login) -> Document:
    try:
        data = source.read_bytes()
    except OSError:
        raise AgentRefused(
            f'no log-in is stored at {source}: sign in with `{login.sign_in}`, or set auth = "key"'
        ) from None
    document = _document(data)
    if document is None:
        raise AgentRefused(f"the log-in at {source} cannot be read: sign in anew")
    return document


def _document(data: bytes) -> Document | None:
    if len(data) > CREDENTIAL_BYTES_MAX:
        return None
    with suppress(ValueError, RecursionError):
        found = json.loads(data)
        return found if isinstance(found, dict) else None
    return None


def _lasts(login: Login, document: Document, until: datetime) -> bool:
    expiry = login.expiry(document)
    return expiry is not None and expiry > until


def _is_way_clear(home: Path, copy: Path) -> bool:
    """No folder on the way is a link: the box made them, and they may lead anywhere."""
    return not any(path.is_symlink() for path in copy.parents if path.is_relative_to(home))


def _clear_way(home: Path, copy: Path) -> None:
    for path in copy.parents:
        if path != home and path.is_relative_to(home) and path.is_symlink():
            path.unlink()


def _write(path: Path, document: Document) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(document).encode())
    beside.replace(path)


def _take_back(login: Login, copy: Path, source: Path) -> None:
    """Newer tokens of the same account; anything else that the box left there is dropped."""
    refreshed = None
    with suppress(OSError):
        descriptor = os.open(copy, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            refreshed = _document(file.read(CREDENTIAL_BYTES_MAX + 1))
    with suppress(OSError):
        copy.unlink(missing_ok=True)
    with suppress(AgentRefused, OSError):
        current = _read(source, login)
        if refreshed is not None and _is_newer(login, refreshed, current):
            _write(source, _with_tokens(login, current, refreshed))


def _is_newer(login: Login, refreshed: Document, current: Document) -> bool:
    new, old = refreshed.get(login.tokens), current.get(login.tokens)
    if not isinstance(new, dict) or not isinstance(old, dict) or new.keys() != old.keys():
        return False
    changed = {key for key in new if new[key] != old[key]}
    if not changed or any(type(new[key]) is not type(old[key]) for key in changed):
        return False
    if any("token" not in key.lower() and "expire" not in key.lower() for key in changed):
        return False
    expires, expired = login.expiry(refreshed), login.expiry(current)
    return expires is not None and (expired is None or expires > expired)


def _with_tokens(login: Login, current: Document, refreshed: Document) -> Document:
    told = {key: refreshed[key] for key in ("last_refresh",) if key in refreshed and key in current}
    return {**current, login.tokens: refreshed[login.tokens], **told}


# --- what each client keeps -----------------------------------------------------------------------


def _claude_expiry(document: Document) -> datetime | None:
    tokens = document.get("claudeAiOauth")
    milliseconds = tokens.get("expiresAt") if isinstance(tokens, dict) else None
    return _instant(milliseconds / 1_000) if isinstance(milliseconds, int | float) else None


def _codex_expiry(document: Document) -> datetime | None:
    """The access token is signed and dated; only its date is read."""
    tokens = document.get("tokens")
    token = tokens.get("access_token") if isinstance(tokens, dict) else None
    parts = token.split(".") if isinstance(token, str) else []
    with suppress(ValueError, binascii.Error, IndexError):
        claims = _document(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        seconds = None if claims is None else claims.get("exp")
        return _instant(seconds) if isinstance(seconds, int | float) else None
    return None


def _instant(seconds: float) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC)
    return None


_LOGINS: Final[Mapping[Backend, Login]] = {
    "claude": Login(
        ".claude/.credentials.json",
        ("api.anthropic.com", "console.anthropic.com", "platform.claude.com"),
        "claudeAiOauth",
        _claude_expiry,
        "claude /login",
    ),
    "codex": Login(
        ".codex/auth.json",
        ("chatgpt.com", "auth.openai.com", "api.openai.com"),
        "tokens",
        _codex_expiry,
        "codex login",
    ),
}
