"""The fleet profile for real: PostgreSQL, NATS, an S3 store, and a worker on another clone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.testing.servers import nats_server, postgres_server
from tests.conformance.test_s3_blobs import S3Server

SCRIPT = "import sys; from interlock.bootstrap import main; sys.exit(main())"
SETTINGS = """
[project]
target = "main"
remote = "origin"
[limits]
workers = 2
[agents.default]
backend = "command"
run = ["sh", "-c", "ls > {{task.id}}.txt; echo $INTERLOCK_TASK >> {{task.id}}.txt"]
[gates.trivial]
run = "true"
[store]
profile = "fleet"
postgres = "{postgres}"
nats = "{nats}"
blobs = "s3://blobs/fleet?endpoint={s3}&allow_http=true"
"""
PLAN = """
goal: Work on two hosts
tasks:
  - {id: first, title: First}
  - {id: second, title: Second, depends_on: [first]}
  - {id: third, title: Third, depends_on: [second]}
"""

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(180)]


def environment() -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}
    return {**os.environ, **keys}


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def interlock(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Path]:
    """Two clones of one remote, `control` and `elsewhere`, with the same identity and settings."""
    s3 = S3Server()
    try:
        with postgres_server() as postgres, nats_server() as nats:
            seed = tmp_path / "seed"
            seed.mkdir()
            git(seed, "init", "-q", "-b", "main", ".")
            settings = SETTINGS.format(postgres=postgres.url, nats=nats.url, s3=s3.address)
            (seed / "interlock.toml").write_text(settings)
            git(seed, "add", "-A")
            git(seed, "commit", "-q", "-m", "begin")
            git(tmp_path, "clone", "-q", "--bare", str(seed), "origin.git")
            for name in ("control", "elsewhere"):
                git(tmp_path, "clone", "-q", "origin.git", name)
                git(tmp_path / name, "config", "interlock.repoid", "repo-of-the-fleet")
            (tmp_path / "plan.yaml").write_text(PLAN)
            yield tmp_path
    finally:
        s3.stop()


def test_a_plan_is_carried_out_by_workers_on_two_hosts(fleet: Path):
    control, elsewhere = fleet / "control", fleet / "elsewhere"
    plan = str(fleet / "plan.yaml")
    first = interlock(control, "run", plan, "--json")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert [task["state"] for task in report["tasks"]] == ["done"] * 3
    assert git(control, "rev-parse", "main") == git(fleet / "origin.git", "rev-parse", "main")
    assert "second.txt" in git(control, "show", "main:third.txt"), "it began from what had landed"

    away = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "worker", "run", "--name", "away"],
        cwd=elsewhere,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        again = interlock(control, "run", plan, "--new", "--json", "--parallel", "1")
    finally:
        away.send_signal(signal.SIGTERM)
        _, said = away.communicate(timeout=60)
    assert again.returncode == 0, again.stderr + said
    assert away.returncode == 0, said
    shown = json.loads(interlock(control, "worker", "list", "--json").stdout)
    known = {worker["id"] for worker in shown["workers"]}
    assert "agent-away" in known
    verified = interlock(control, "audit", "verify")
    assert verified.returncode == 0, verified.stdout


def test_without_keys_nobody_is_asked_for_them(fleet: Path):
    bare = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT, "run", str(fleet / "plan.yaml")],
        cwd=fleet / "control",
        env=bare,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 2
    assert "there are no keys for the blobs: set AWS_ACCESS_KEY_ID" in said.stderr
