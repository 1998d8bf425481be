"""`interlock init` and `interlock doctor` on real repositories, with a box that really starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.config import read_settings

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "import sys; from interlock.bootstrap import main; sys.exit(main())"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t")

pytestmark = pytest.mark.timeout(120)


def environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "CODEX_"))}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), **extra}


def interlock(folder: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=folder,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [*GIT, *words], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_shop.py").write_text("def test_it():\n    assert True\n")
    git(folder, "init", "--quiet", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "begin")
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with a coding agent in it, as far as its name goes."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "codex").write_text("#!/bin/sh\necho codex 1.2.3\n")
    (folder / "codex").chmod(0o755)
    return folder


def test_from_a_fresh_clone_to_settings_that_the_doctor_finds_in_order(shop: Path, tools: Path):
    path = f"{Path(sys.executable).parent}:{tools}:{os.environ['PATH']}"
    said = interlock(shop, "init", PATH=path, OPENAI_API_KEY="x")
    assert said.returncode == 0, said.stderr
    assert "pytest is used" in said.stdout
    assert "codex is on PATH" in said.stdout
    settings = read_settings(shop)
    assert settings.gates is not None
    assert settings.gates[0].reads == "junit"
    assert settings.sandbox.minimum in {"bubblewrap", "container", "sandlock"}

    looked = interlock(shop, "doctor", "--json", PATH=path, OPENAI_API_KEY="x")
    states = {check["name"]: check["state"] for check in json.loads(looked.stdout)["checks"]}
    assert looked.returncode == 0, looked.stdout
    assert states["gate tests"] == states["agent default"] == "ok"
    # Nothing of all that is in the way of the person's own work.
    assert git(shop, "status", "--porcelain") == "?? interlock.toml\n"
    (shop / ".worktrees" / "w").mkdir(parents=True)
    (shop / ".worktrees" / "w" / "file").touch()
    assert git(shop, "status", "--porcelain") == "?? interlock.toml\n"
    assert not (shop / ".git" / "interlock").exists()


def test_a_program_that_only_the_checkout_has_is_found_out(shop: Path):
    hidden = shop / "hidden"
    hidden.mkdir()
    (hidden / "checker").write_text("#!/bin/sh\n")
    (hidden / "checker").chmod(0o755)
    (shop / "interlock.toml").write_text('[gates.tests]\nrun = "checker --all"\n')
    said = interlock(shop, "doctor", "--json", PATH=f"{hidden}:{os.environ['PATH']}")
    checks = {check["name"]: check for check in json.loads(said.stdout)["checks"]}
    assert checks["gate tests"]["state"] == "broken"
    assert "lies in your checkout" in checks["gate tests"]["next_step"]
    assert said.returncode == 2


def test_a_second_init_is_refused_and_force_keeps_the_first(shop: Path):
    (shop / "interlock.toml").write_text("# mine\n")
    refused = interlock(shop, "init")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--force" in refused.stderr
    forced = interlock(shop, "init", "--force", "--json")
    document = json.loads(forced.stdout)
    assert forced.returncode == 0
    assert Path(document["backup"]).read_text() == "# mine\n"
    assert document["next_steps"]


def test_from_a_folder_below_and_from_a_linked_worktree_the_root_is_found(shop: Path):
    assert interlock(shop / "tests", "init").returncode == 0
    assert (shop / "interlock.toml").is_file()
    git(shop, "worktree", "add", "--quiet", "../other")
    other = shop.parent / "other"
    assert interlock(other, "init").returncode == 0
    assert (other / "interlock.toml").is_file()


def test_without_a_repository_the_next_step_is_named(tmp_path: Path):
    said = interlock(tmp_path, "init", GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert said.returncode == 2
    assert "git init" in said.stderr
    assert list(tmp_path.iterdir()) == []
