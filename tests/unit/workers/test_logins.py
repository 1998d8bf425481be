"""A log-in that is lent: what the box gets, who waits for whom, and what is taken back."""

import asyncio
import base64
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from interlock.adapters.system.clock import SystemClock
from interlock.domain.settings import AgentProfile, Backend
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.logins import Lender, lent

CLAUDE = AgentProfile("default", "claude", auth="login", timeout_minutes=45)
CODEX = AgentProfile("default", "codex", auth="login")
FAR = int(datetime(2099, 1, 1, tzinfo=UTC).timestamp())
PAST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
NOW = SystemClock().now()
NEXT = int((NOW + timedelta(days=30)).timestamp())
ENDLESS = int((NOW + timedelta(days=500)).timestamp())


def claude(access: str = "a", expires: int = FAR, **more: object) -> dict[str, object]:
    tokens = {"accessToken": access, "refreshToken": "r", "expiresAt": expires * 1000}
    return {"claudeAiOauth": {**tokens, "subscriptionType": "max", **more}}


def codex(
    expires: int, renewed: datetime = NOW, account: str = "1", **claims: object
) -> dict[str, object]:
    said = json.dumps({"exp": expires, "sub": "her", **claims}).encode()
    middle = base64.urlsafe_b64encode(said).decode().rstrip("=")
    tokens = {"access_token": f"h.{middle}.s", "refresh_token": "r", "account_id": account}
    return {"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": renewed.isoformat()}


class Bench:
    def __init__(self, folder: Path, backend: Backend, document: object) -> None:
        names = {"claude": ".claude/.credentials.json", "codex": ".codex/auth.json"}
        self.lender = Lender(folder / "person", folder / "locks", SystemClock())
        self.source = folder / "person" / names[backend]
        self.source.parent.mkdir(parents=True)
        self.source.write_text(json.dumps(document))
        self.home = folder / "box"
        self.copy = self.home / names[backend]

    @property
    def kept(self) -> object:
        return json.loads(self.source.read_text())


async def test_the_box_gets_a_private_copy_as_long_as_it_lasts(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude())
    async with lent(CLAUDE, bench.lender, bench.home):
        assert json.loads(bench.copy.read_text()) == claude()
        assert bench.copy.stat().st_mode & 0o077 == 0
    assert not bench.copy.exists()
    assert bench.kept == claude()


@pytest.mark.parametrize(
    ("profile", "old", "new"),
    [
        (CLAUDE, claude(expires=PAST), claude("b", NEXT)),
        (CODEX, codex(PAST), codex(NEXT)),
        (CODEX, codex(FAR, NOW - timedelta(days=9)), codex(NEXT)),
    ],
)
async def test_newer_tokens_of_the_same_account_are_taken_back(
    tmp_path: Path, profile: AgentProfile, old: object, new: object
):
    bench = Bench(tmp_path, profile.backend, old)
    async with lent(profile, bench.lender, bench.home):
        bench.copy.write_text(json.dumps(new))
    assert bench.kept == new
    assert bench.source.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "left",
    [
        "not json",
        "[]",
        json.dumps(claude("b", PAST)),
        json.dumps(claude("b", ENDLESS)),
        json.dumps(claude("b", 10**400)),
        json.dumps(claude("b", NEXT, subscriptionType="free")),
        json.dumps(claude("b", NEXT, more="of it")),
        json.dumps({"claudeAiOauth": {"accessToken": "evil"}}),
        json.dumps(claude({"a": 1}, NEXT)),  # type: ignore[arg-type] - what a box may write
        "[" * 200_000,
    ],
)
async def test_nothing_else_that_a_box_leaves_there_is(tmp_path: Path, left: str):
    old = claude(expires=PAST)
    bench = Bench(tmp_path, "claude", old)
    async with lent(CLAUDE, bench.lender, bench.home):
        bench.copy.write_text(left)
    assert bench.kept == old
    assert not bench.copy.exists()


@pytest.mark.parametrize(
    "left",
    [
        codex(NEXT, account="2"),
        codex(NEXT, sub="somebody"),
        codex(NEXT, **{"https://api.openai.com/auth": {"chatgpt_account_id": "2"}}),
        codex(10**400),
    ],
)
async def test_tokens_that_name_another_account_are_not_taken_back(tmp_path: Path, left: object):
    bench = Bench(tmp_path, "codex", codex(PAST))
    async with lent(CODEX, bench.lender, bench.home):
        bench.copy.write_text(json.dumps(left))
    assert bench.kept == codex(PAST)


async def test_a_log_in_that_lasts_is_never_changed(tmp_path: Path):
    """No client of ours had a reason to."""
    soon = int((NOW + timedelta(hours=8)).timestamp())
    bench = Bench(tmp_path, "claude", claude(expires=soon))
    async with lent(CLAUDE, bench.lender, bench.home):
        bench.copy.write_text(json.dumps(claude("b", NEXT)))
    assert bench.kept == claude(expires=soon)


async def test_who_signed_in_anew_meanwhile_keeps_that(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude(expires=PAST))
    async with lent(CLAUDE, bench.lender, bench.home):
        bench.copy.write_text(json.dumps(claude("b", NEXT)))
        bench.source.write_text(json.dumps(claude("c", PAST + 5)))
    assert bench.kept == claude("c", PAST + 5)


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "x").write_text("x")


@pytest.mark.parametrize("make", [os.mkfifo, a_folder], ids=["pipe", "folder"])
@pytest.mark.parametrize("where", [".claude", ".claude/.credentials.json", ".claude/.cred.new"])
async def test_whatever_lies_in_its_way_goes(
    tmp_path: Path, make: Callable[[Path], None], where: str
):
    bench = Bench(tmp_path, "claude", claude())
    path = bench.home / where.replace(".cred.new", ".credentials.json.new")
    path.parent.mkdir(parents=True)
    make(path)
    async with asyncio.timeout(10), lent(CLAUDE, bench.lender, bench.home):
        assert json.loads(bench.copy.read_text()) == claude()
    assert bench.kept == claude()


async def test_a_log_in_that_is_no_file_is_a_sentence(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude())
    bench.source.unlink()
    os.mkfifo(bench.source)
    with pytest.raises(AgentRefused, match="no log-in is stored"):
        async with asyncio.timeout(10), lent(CLAUDE, bench.lender, bench.home):
            pass


async def test_a_link_that_a_box_leaves_is_not_followed(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude(expires=PAST))
    planted = tmp_path / "planted"
    planted.write_text(json.dumps(claude("b", NEXT)))
    async with lent(CLAUDE, bench.lender, bench.home):
        bench.copy.unlink()
        bench.copy.symlink_to(planted)
    assert bench.kept == claude(expires=PAST)
    assert planted.exists()


async def test_a_folder_that_a_box_made_a_link_of_leads_nowhere(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bench.home.mkdir()
    (bench.home / ".claude").symlink_to(elsewhere)
    async with lent(CLAUDE, bench.lender, bench.home):
        assert bench.copy.exists()
        assert list(elsewhere.iterdir()) == []
        bench.copy.unlink()
        (bench.home / ".claude").rmdir()
        (bench.home / ".claude").symlink_to(bench.source.parent)
    assert bench.kept == claude()


async def test_a_token_that_lasts_is_shared_and_one_that_may_run_out_is_not(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude())
    async with lent(CLAUDE, bench.lender, tmp_path / "a"):
        async with asyncio.timeout(10), lent(CLAUDE, bench.lender, tmp_path / "b"):
            pass
        bench.source.write_text(json.dumps(claude(expires=PAST)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.2), lent(CLAUDE, bench.lender, tmp_path / "c"):
                raise AssertionError("it is not alone")
    async with asyncio.timeout(10), lent(CLAUDE, bench.lender, tmp_path / "c"):
        pass


async def test_who_is_not_signed_in_is_told_how(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude())
    bench.source.unlink()
    with pytest.raises(AgentRefused, match="claude /login"):
        async with lent(CLAUDE, bench.lender, bench.home):
            pass
    with pytest.raises(AgentRefused, match='auth = "key"'):
        async with lent(AgentProfile("x", "acp", auth="login"), bench.lender, bench.home):
            pass
