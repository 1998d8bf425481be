"""The installed program in real repositories: what a person types and sees."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.adapters.git.repositories import GitRepositories
from interlock.bootstrap import open_desk
from interlock.domain.actor import Actor
from interlock.domain.command import Pause, Stop
from interlock.domain.ids import RepoId
from interlock.repository.ports import RepositoryPlace

ROOT = Path(__file__).resolve().parents[2]
PERSON = Actor("person", "ana", "cli")
SCRIPT = "import sys; from interlock.bootstrap import main; sys.exit(main())"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")


@dataclass(frozen=True)
class Said:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        return json.loads(self.out)


def environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1", **extra}


@contextmanager
def started(folder: Path, *words: str, **extra: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=folder,
        env=environment(**extra),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interlock(folder: Path, *words: str, stdin: str = "", **extra: str) -> Said:
    with started(folder, *words, **extra) as process:
        out, err = process.communicate(stdin, timeout=25)
        return Said(process.returncode, out, err)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [*GIT, *words], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "begin")
    return folder


async def give_two_commands(folder: Path) -> None:
    async with open_desk(folder=folder).commands() as commands:
        await commands.give(PERSON, Pause(reason="lunch \x1b[31m"))
        await commands.give(PERSON, Stop(reason="smoke"))


# --- a repository in which nothing ran ------------------------------------------------------------


def test_where_nothing_ran_everything_says_so_and_nothing_is_made(repository: Path):
    assert "Nothing has run here yet" in interlock(repository, "status").out
    assert interlock(repository, "status", "--json").document["events"] == 0
    assert interlock(repository, "log", "--json").document == {"events": []}
    assert interlock(repository, "log").code == 0
    audit = interlock(repository, "audit", "verify")
    assert (audit.code, audit.out) == (2, "")  # nothing was verified, so it did not pass
    assert interlock(repository, "doctor").code == 0
    assert not (repository / ".git" / "interlock").exists()
    assert "interlock" not in (repository / ".git" / "config").read_text()


def test_outside_of_a_repository_the_next_step_is_named(tmp_path: Path):
    said = interlock(tmp_path, "status", GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert said.code == 2
    assert "git init" in said.err
    assert interlock(tmp_path, "doctor").code == 2


# --- a history ------------------------------------------------------------------------------------


async def test_a_history_is_shown_counted_and_proved(repository: Path):
    await give_two_commands(repository)
    events = interlock(repository, "log", "--json").document["events"]
    assert [(e["position"], e["type"], e["actor"]) for e in events] == [
        (1, "CommandGiven", "person:ana"),
        (2, "CommandGiven", "person:ana"),
    ]
    assert events[0]["data"]["command"]["do"] == "pause"
    text = interlock(repository, "log", "--limit", "1").out
    assert text.count("\n") == 1
    assert "smoke" in text
    assert "\x1b" not in interlock(repository, "log").out

    status = interlock(repository, "status", "--json").document
    assert status["plane"]["unanswered_commands"] == 2
    assert status["plane"]["running"] is False

    audit = interlock(repository, "audit", "verify", "--json").document
    assert (audit["events"], audit["ok"], audit["first_broken"]) == (2, True, None)
    assert interlock(repository, "audit", "verify", "--head", audit["head"]).code == 0
    assert interlock(repository, "audit", "verify", "--head", f"1:{'0' * 64}").code == 1


async def test_a_changed_byte_is_found(repository: Path):
    await give_two_commands(repository)
    store = repository / ".git" / "interlock" / "store.db"
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE events SET actor = replace(actor, 'ana', 'bob')")
    connection.close()
    said = interlock(repository, "audit", "verify", "--json")
    assert said.code == 1
    assert said.document["ok"] is False
    assert said.document["first_broken"].startswith("position 1")


async def test_linked_worktrees_share_one_store_and_one_identity(repository: Path):
    linked = repository.parent / "linked"
    git(repository, "worktree", "add", "--quiet", str(linked))
    await give_two_commands(linked)
    await give_two_commands(repository)
    assert interlock(linked, "status", "--json").document["events"] == 4
    events = interlock(repository, "log", "--json").document["events"]
    assert len({event["stream"] for event in events}) == 1
    identity = git(linked, "config", "--get-all", "interlock.repoid")
    assert events[0]["stream"] == f"command/{identity}"
    store = repository / ".git" / "interlock"
    assert store.stat().st_mode & 0o777 == 0o700
    clone = repository.parent / "clone"
    git(repository, "clone", "--quiet", ".", str(clone))
    assert interlock(clone, "status", "--json").document["events"] == 0


async def test_a_store_can_be_named_by_its_path(repository: Path, tmp_path: Path):
    await give_two_commands(repository)
    folder = repository / ".git" / "interlock"
    for path in (folder, folder / "store.db"):
        assert interlock(tmp_path, "audit", "verify", "--store", str(path)).code == 0
        assert interlock(tmp_path, "status", "--json", "--store", str(path)).document["events"] == 2
    for path in (tmp_path / "none", ROOT / "pyproject.toml", tmp_path):
        said = interlock(tmp_path, "log", "--store", str(path))
        assert (said.code, said.out) == (2, "")
        assert "Traceback" not in said.err


async def test_a_follower_sees_what_another_process_writes(repository: Path):
    await give_two_commands(repository)
    with started(repository, "log", "--follow", "--json", "--limit", "1") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["position"] == 2
        await give_two_commands(repository)
        seen = [json.loads(process.stdout.readline())["position"] for _ in range(2)]
        assert seen == [3, 4]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "interlock: stopped by you\n"


async def test_a_reader_that_leaves_is_no_error(repository: Path):
    for _ in range(3):
        await give_two_commands(repository)
    with started(repository, "log", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


async def test_a_damaged_store_is_out_of_order_not_a_traceback(repository: Path):
    await give_two_commands(repository)
    store = repository / ".git" / "interlock" / "store.db"
    content = bytearray(store.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    store.write_bytes(content)
    for words in (("status",), ("log",), ("doctor",)):
        said = interlock(repository, *words)
        assert said.code == 3, words
        assert "Traceback" not in said.err


async def test_of_many_that_name_a_repository_at_once_all_agree(repository: Path):
    repositories = GitRepositories()
    place = await repositories.find(repository)
    assert isinstance(place, RepositoryPlace)
    async with asyncio.TaskGroup() as group:
        proposals = [RepoId(f"repo-{number}") for number in range(8)]
        naming = [group.create_task(repositories.identify(place, each)) for each in proposals]
    assert len({each.result() for each in naming}) == 1


def test_a_fleet_whose_parts_are_silent_is_out_of_order(repository: Path):
    (repository / "interlock.toml").write_text(
        '[store]\nprofile = "fleet"\npostgres = "postgresql://127.0.0.1:1/x"\n'
        'nats = "nats://127.0.0.1:1"\n'
        'blobs = "s3://b?endpoint=http://127.0.0.1:1&allow_http=true"\n'
    )
    git(repository, "config", "interlock.repoid", "repo-1")
    # With keys at hand nobody asks a cloud's metadata service for some.
    keys = {"AWS_ACCESS_KEY_ID": "pretend", "AWS_SECRET_ACCESS_KEY": "pretend"}
    said = interlock(repository, "doctor", "--json", **keys)
    assert said.code == 3
    broken = {c["name"] for c in said.document["checks"] if c["state"] == "broken"}
    assert broken == {"broker (NATS)", "blobs (S3)", "store"}
    status = interlock(repository, "status")
    assert (status.code, status.out) == (3, "")
    assert "PostgreSQL" in status.err
    assert "Traceback" not in status.err


# --- plans and settings ---------------------------------------------------------------------------


def test_the_example_plan_is_shown_with_its_times(repository: Path):
    plan = str(ROOT / "examples" / "workflow.yaml")
    document = interlock(repository, "plan", plan, "--json").document
    minutes = document["minutes"]
    assert (minutes["sequential"], minutes["parallel"], minutes["lower_bound"]) == (540, 375, 375)
    assert 375 < minutes["p50"] < minutes["p80"]
    assert document["cost_usd"] == {"p50": None, "p80": None}
    assert document["faults"] == []
    assert len(document["groups"]) == 8
    alone = interlock(repository, "plan", plan, "--json", "--parallel", "1").document
    assert alone["minutes"]["parallel"] == 540
    text = interlock(repository, "plan", plan)
    assert (text.code, text.err) == (0, "")
    assert "critical path" in text.out
    piped = interlock(repository, "plan", "-", "--json", stdin=Path(plan).read_text())
    assert piped.document == document


def test_a_wrong_plan_is_refused_whole_with_every_fault(repository: Path):
    plan = repository / "plan.yaml"
    plan.write_text("goal: x\ntasks:\n  - {id: a, title: A, depends_on: [b]}\n  - {id: a}\n")
    said = interlock(repository, "plan", "plan.yaml")
    assert (said.code, said.out) == (2, "")
    assert "plan.yaml:3: " in said.err
    assert "plan.yaml:4: " in said.err
    document = interlock(repository, "plan", "plan.yaml", "--json").document
    assert {fault["where"] for fault in document["faults"]} >= {"plan.yaml:3", "plan.yaml:4"}


def test_agents_and_gates_of_the_settings_are_known_to_the_plan(repository: Path):
    (repository / "interlock.toml").write_text(
        '[agents.default]\nbackend = "human"\n[gates.tests]\nrun = "true"\n'
    )
    plan = "goal: x\ntasks: [{id: a, title: A, gates: [%s]}]\n"
    assert interlock(repository, "plan", "-", stdin=plan % "tests").code == 0
    said = interlock(repository, "plan", "-", stdin=plan % "tsets")
    assert said.code == 2
    assert "tsets" in said.err


def test_wrong_settings_are_exit_2_with_their_lines(repository: Path):
    (repository / "interlock.toml").write_text("[limits]\nworkres = 2\n")
    for words in (("status",), ("plan", "-"), ("doctor",)):
        said = interlock(repository, *words, stdin="goal: x")
        assert said.code == 2, words
        assert "interlock.toml:2: [limits] has no setting 'workres'" in said.err + said.out


def test_the_schema_is_a_schema(repository: Path):
    assert "$schema" in interlock(repository, "plan", "--schema").document


@pytest.mark.parametrize("name", ["missing.yaml", ".", "/dev/zero"])
def test_what_is_no_plan_file_gets_a_sentence(name: str, repository: Path):
    said = interlock(repository, "plan", name)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    document = interlock(repository, "plan", name, "--json").document
    assert len(document["faults"]) == 1


def test_a_terminal_that_knows_few_letters_gets_what_it_can_show(repository: Path):
    plan = str(ROOT / "examples" / "workflow.yaml")
    said = interlock(repository, "plan", plan, PYTHONIOENCODING="ascii")
    assert (said.code, said.err) == (0, "")


def test_help_imports_neither_engine_nor_drivers(tmp_path: Path):
    """What keeps it quick; a stop-watch would only measure the machine."""
    script = (
        "import sys; from interlock.bootstrap import main; main(['--help']);"
        "heavy = {'msgspec', 'apsw', 'yaml', 'rich', 'asyncio', 'interlock.domain'};"
        "sys.stderr.write(repr(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]"
