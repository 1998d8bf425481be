"""A log-in that is lent: what the box gets, who waits for whom, and what is taken back."""

import asyncio
import base64
import json
from datetime import UTC, datetime
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


def claude(access: str = "a", expires: int = FAR, **more: object) -> dict[str, object]:
    tokens = {"accessToken": access, "refreshToken": "r", "expiresAt": expires * 1000}
    return {"claudeAiOauth": {**tokens, "subscriptionType": "max", **more}}


def codex(expires: int) -> dict[str, object]:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    tokens = {"access_token": f"h.{claims}.s", "refresh_token": "r", "account_id": "1"}
    return {"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": "2026-01-01"}


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
        (CLAUDE, claude(expires=PAST), claude("b")),
        (CODEX, codex(PAST), codex(FAR)),
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
        json.dumps(claude("b", FAR + 5, subscriptionType="free")),
        json.dumps(claude("b", FAR + 5, more="of it")),
        json.dumps({"claudeAiOauth": {"accessToken": "evil"}}),
        json.dumps(claude({"a": 1}, FAR + 5)),  # type: ignore[arg-type] - what a box may write
        "[" * 200_000,
    ],
)
async def test_nothing_else_that_a_box_leaves_there_is(tmp_path: Path, left: str):
    bench = Bench(tmp_path, "claude", claude())
    async with lent(CLAUDE, bench.lender, bench.home):
        bench.copy.write_text(left)
    assert bench.kept == claude()


async def test_a_link_that_a_box_leaves_is_not_followed(tmp_path: Path):
    bench = Bench(tmp_path, "claude", claude())
    planted = tmp_path / "planted"
    planted.write_text(json.dumps(claude("b", FAR + 5)))
    async with lent(CLAUDE, bench.lender, bench.home):
        bench.copy.unlink()
        bench.copy.symlink_to(planted)
    assert bench.kept == claude()
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
