"""The shipped demo as a person meets it: real git, real boxes, real gates; its agents simulated."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_cli import SCRIPT, Said, environment, git, started

SECONDS_MAX = 100.0
REFUSED, WAITING = "payments", "fraud"
HOSTILE = """\
[user]
name = Somebody Else
email = else@example.invalid
[commit]
gpgsign = true
[gpg]
program = /bin/false
[init]
defaultBranch = trunk
[core]
hooksPath = /nowhere
"""


def demo(folder: Path, *words: str) -> Said:
    """In a home whose git settings would spoil every commit, if the demo minded them."""
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(HOSTILE)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "demo", "--fast", *words],
        cwd=home,
        env=environment(HOME=str(home), TMPDIR=str(folder)),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert (home / ".gitconfig").read_text() == HOSTILE
    return Said(done.returncode, done.stdout, done.stderr)


def repository_in(folder: Path) -> Path:
    (found,) = folder.glob("interlock-demo-*")
    return found


def commands_in(said: str) -> list[str]:
    """What stands indented below `Look around:`."""
    _, _, rest = said.partition("Look around:\n")
    return [line.strip() for line in rest.splitlines() if line.startswith("  ")]


def pasted(*commands: str) -> Said:
    """Into one shell, as a person pastes them; the last one's answer."""
    done = subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd="/",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def flat(said: str) -> str:
    return " ".join(said.split())


@pytest.mark.timeout(240)
def test_in_a_pipe_the_story_is_told_and_every_command_it_names_works(short_path: Path):
    said = demo(short_path)
    assert said.code == 0, said.out + said.err
    assert "\x1b" not in said.out
    assert "agents simulated, all else real" in said.out
    assert "cart: started by agent-local-" in said.out
    assert "(simulated)" in said.out
    told = flat(said.out)
    assert "landed 13 of 15 tasks on main, each proved by style and tests" in told
    assert "came back search Both this change and the target changed shop/menu.py" in told
    assert "coupons tests: 1 test fails that does not fail on the target" in told
    assert "waits payments for a person" in told
    assert "fraud for payments" in told

    folder = repository_in(short_path)
    assert str(folder) in said.out
    go, report, why, reviews, retry, run = commands_in(said.out)
    answers = {command: pasted(go, command) for command in (report, why, reviews)}
    assert all(answer.code == 0 for answer in answers.values()), answers
    assert "Simulated agents" in answers[report].out
    assert "Shopping cart" in answers[why].out
    assert "payments-1" in answers[reviews].out
    finished = pasted(go, retry, run)
    assert finished.code == 0, finished.out + finished.err
    assert "15 of 15 tasks landed" in finished.out
    assert (folder / "shop" / "fraud.py").exists()


@pytest.mark.timeout(240)
def test_the_document_is_that_of_the_run_and_main_was_green_at_every_commit(short_path: Path):
    said = demo(short_path, "--json")
    assert said.code == 0, said.err
    report = said.document
    folder = repository_in(short_path)
    assert str(folder) in said.err
    assert (report["state"], report["simulated"]) == ("waiting", True)
    tasks = {task["id"]: task for task in report["tasks"]}
    assert len(tasks) == 15
    landed = {name for name, task in tasks.items() if task["state"] == "done"}
    assert landed == tasks.keys() - {REFUSED, WAITING}
    back = {name: task["attempts"] for name, task in tasks.items() if task["attempts"] > 1}
    assert back == {"search": 2, "coupons": 2, REFUSED: 3}
    assert tasks[REFUSED]["state"] == "failed"
    assert tasks[WAITING]["waits_for"].startswith(REFUSED)
    assert [item["task"] for item in report["review"]] == [REFUSED]
    assert all(attempt["simulated"] for task in tasks.values() for attempt in task["tries"])
    for name in landed:
        gates = {gate["name"]: gate["outcome"] for gate in tasks[name]["gates"]}
        assert gates == {"tests": "passed", "style": "passed"}, name

    commits = git(folder, "rev-list", "--reverse", "main").splitlines()
    assert commits[0] == report["target"]["base"]
    assert commits[-1] == report["target"]["head"]
    assert {tasks[name]["commit"] for name in landed} == set(commits[1:])
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "-1", "--format=%an", commits[0]) == "Interlock demo"
    for number, commit in enumerate(commits):
        tree = short_path / f"at-{number}"
        git(folder, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        done = subprocess.run(
            [sys.executable, "tools/run_tests.py", str(short_path / "report.xml")],
            cwd=tree,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commit}\n{done.stderr}"
        ran = re.search(r"Ran (\d+) tests?", done.stderr)
        assert ran is not None
        assert int(ran.group(1)) >= 5


@pytest.mark.timeout(120)
def test_whoever_leaves_is_told_how_to_go_on(short_path: Path):
    with started(short_path, "demo", TMPDIR=str(short_path)) as process:
        for line in process.stdout or ():
            if "started by" in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopped by you; nothing is lost" in out
    folder = repository_in(short_path)
    assert f"cd {folder} && " in out
    status = pasted(
        f"cd {folder}",
        f"{sys.executable} -c '{SCRIPT}' status --json",
    )
    document = json.loads(status.out)
    assert document["plane"]["running"] is False
    assert {task["state"] for task in document["tasks"]} <= {"ready", "backlog"}
