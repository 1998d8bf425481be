"""A person's own log-in, lent to an agent's box for one attempt.

    async with lent(profile, lender, home): ...     # the box's home holds a copy of the credential

Whoever is signed in by subscription has no key to keep outside. So the box gets a copy, and says
so wherever it shows. Tokens are refreshed by the client itself, and a refreshed one makes the old
one worthless: an attempt whose token may run out holds the log-in alone, and only then is what its
client refreshed taken back.

It comes out of a box, and no token shows whose it is to anybody but the one who gave it. So this is
checked, and no more: the same fields, tokens and dates alone changed, newer by a believable time,
and whatever account is named, in the document or in what its tokens say, still that one.
"""

import asyncio
import base64
import fcntl
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.settings import AgentProfile, Backend
from interlock.engine.ports import Clock
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.folders import remove_tree

LOOK_AGAIN_SECONDS: Final = 0.5
CREDENTIAL_BYTES_MAX: Final = 100_000
PRIVATE: Final = 0o600

NEWER_AT_MOST: Final = timedelta(days=400)
"""No token lasts longer; one that said so would never be asked for again."""

RENEWED_AFTER: Final = timedelta(days=8)
"""Codex asks for new tokens so long after it last did."""

Document = dict[str, object]


class Login(msgspec.Struct, frozen=True):
    """Where a client keeps its credential below a home, and whom it talks to with it."""

    file: str
    hosts: tuple[str, ...]
    tokens: str
    expiry: Callable[[Document], datetime | None]
    account: Callable[[Document], object]
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
        alone = not _lasts(login, before, until)
        if not alone:
            # It may have been refreshed while we waited: then others may have it as well.
            await _take(lock, alone=False, clock=lender.clock)
        await asyncio.to_thread(_lay_down, home, copy, before)
        try:
            yield
        finally:
            left = await asyncio.to_thread(_taken, home, copy)
            if alone and left is not None and _is_newer(login, left, before, lender.clock.now()):
                await asyncio.to_thread(_keep, login, source, before, left)
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
        data = _content(source)
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


def _content(path: Path, flags: int = 0) -> bytes:
    """Of a file and nothing else, and little more than one of these can have; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(f"{path} is no file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(CREDENTIAL_BYTES_MAX + 1)
    finally:
        os.close(descriptor)


def _lay_down(home: Path, copy: Path, document: Document) -> None:
    """Whatever an attempt before left in its way goes."""
    try:
        for path in _way(home, copy):
            if path.is_symlink() or not path.is_dir():
                remove_tree(path)
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
        remove_tree(copy)
        remove_tree(_beside(copy))
        _write(copy, document)
    except OSError as error:
        raise AgentRefused(
            f"the log-in cannot be laid into the home of this task: {error}; look at what an "
            f"attempt before left in {home}, and remove it"
        ) from error


def _taken(home: Path, copy: Path) -> Document | None:
    """What lies there now, which then is there no more.

    No folder on the way may be a link: the box made them, and they may lead anywhere.
    """
    with suppress(OSError):
        if any(path.is_symlink() for path in _way(home, copy)):
            return None
        try:
            return _document(_content(copy, os.O_NOFOLLOW))
        finally:
            remove_tree(copy)
            remove_tree(_beside(copy))
    return None


def _way(home: Path, copy: Path) -> tuple[Path, ...]:
    """The folders below the home that lead there, the outermost first."""
    folders = [path for path in copy.parents if path != home and path.is_relative_to(home)]
    return tuple(reversed(folders))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _write(path: Path, document: Document) -> None:
    beside = _beside(path)
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(document).encode())
    beside.replace(path)


def _keep(login: Login, source: Path, before: Document, refreshed: Document) -> None:
    """Whoever signed in anew meanwhile knows better."""
    with suppress(AgentRefused, OSError):
        if _read(source, login) == before:
            _write(source, _with_tokens(login, before, refreshed))


def _is_newer(login: Login, refreshed: Document, current: Document, now: datetime) -> bool:
    new, old = refreshed.get(login.tokens), current.get(login.tokens)
    if not isinstance(new, dict) or not isinstance(old, dict) or new.keys() != old.keys():
        return False
    changed = {key for key in new if new[key] != old[key]}
    if not changed or any(type(new[key]) is not type(old[key]) for key in changed):
        return False
    if any("token" not in key.lower() and "expire" not in key.lower() for key in changed):
        return False
    if login.account(refreshed) != login.account(current):
        return False
    expires, expired = login.expiry(refreshed), login.expiry(current)
    if expires is None or not now < expires <= now + NEWER_AT_MOST:
        return False
    return expired is None or expires > expired


def _with_tokens(login: Login, current: Document, refreshed: Document) -> Document:
    told = {key: refreshed[key] for key in ("last_refresh",) if key in refreshed and key in current}
    return {**current, login.tokens: refreshed[login.tokens], **told}


# --- what each client keeps -----------------------------------------------------------------------


def _claude_expiry(document: Document) -> datetime | None:
    tokens = document.get("claudeAiOauth")
    return _instant(tokens.get("expiresAt") if isinstance(tokens, dict) else None, 1_000)


def _claude_account(_: Document) -> object:
    """Its tokens say nothing, and no other field may change."""
    return None


def _codex_expiry(document: Document) -> datetime | None:
    """Its tokens are signed and dated; it renews them after some days, however long they last."""
    expires = _instant(_claims(document, "access_token").get("exp"))
    renewed = document.get("last_refresh")
    if expires is None or not isinstance(renewed, str):
        return expires
    with suppress(ValueError, OverflowError):
        told = datetime.fromisoformat(renewed)
        return min(expires, (told if told.tzinfo else told.replace(tzinfo=UTC)) + RENEWED_AFTER)
    return expires


def _codex_account(document: Document) -> object:
    """Whom its tokens name; nobody here can tell whether they are really signed."""
    return [
        (name, claims.get("iss"), claims.get("sub"), claims.get("email"), _member(claims))
        for name in ("access_token", "id_token")
        for claims in (_claims(document, name),)
    ]


def _member(claims: Document) -> object:
    more = claims.get("https://api.openai.com/auth")
    return more.get("chatgpt_account_id") if isinstance(more, dict) else None


def _claims(document: Document, name: str) -> Document:
    tokens = document.get("tokens")
    token = tokens.get(name) if isinstance(tokens, dict) else None
    parts = token.split(".") if isinstance(token, str) else []
    with suppress(ValueError, IndexError):
        return _document(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))) or {}
    return {}


def _instant(said: object, parts_of_a_second: int = 1) -> datetime | None:
    """None: that is no instant."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(said / parts_of_a_second, UTC)
    return None


_LOGINS: Final[Mapping[Backend, Login]] = {
    "claude": Login(
        ".claude/.credentials.json",
        ("api.anthropic.com", "console.anthropic.com", "platform.claude.com"),
        "claudeAiOauth",
        _claude_expiry,
        _claude_account,
        "claude /login",
    ),
    "codex": Login(
        ".codex/auth.json",
        ("chatgpt.com", "auth.openai.com", "api.openai.com"),
        "tokens",
        _codex_expiry,
        _codex_account,
        "codex login",
    ),
}
