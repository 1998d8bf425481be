"""Runs small test files under our own conftest: what could not run must not look passed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

from tests.architecture.house import HOUSE

RUNS = """
import pytest

def test_passes():
    pass

@pytest.mark.skip(reason="no docker")
def test_marked():
    pass

def test_says_so_half_way():
    pytest.skip("no docker")

@pytest.mark.xfail(reason="known")
def test_fails_as_expected():
    assert False
"""

WHOLE_FILE = """
import pytest

pytest.importorskip("no_such_library")
"""

SOCKETS = """
import socket
import pytest

def test_unmarked_stays_closed():
    with pytest.raises(RuntimeError), pytest.warns(UserWarning):
        socket.socket()

@pytest.mark.loopback
def test_marked_reaches_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()

@pytest.mark.loopback
def test_marked_reaches_no_other():
    with pytest.raises(RuntimeError), pytest.warns(UserWarning):
        socket.create_connection(("192.0.2.1", 9), timeout=1)

def test_socket_pairs_need_no_marker():
    for end in socket.socketpair():
        end.close()
"""


def run_pytest(folder: Path, text: str) -> str:
    shutil.copy(HOUSE.root / "pyproject.toml", folder)
    tests = folder / "tests"
    tests.mkdir(exist_ok=True)
    shutil.copy(HOUSE.root / "tests" / "conftest.py", tests)
    (tests / "test_story.py").write_text(text)
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:randomly"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_a_skip_fails_and_says_why(tmp_path: Path):
    output = run_pytest(tmp_path, RUNS)
    assert "1 failed, 1 passed, 1 xfailed, 1 error" in output
    assert "test_story.py::test_marked did not run (Skipped: no docker)" in output


def test_a_whole_file_that_skips_fails(tmp_path: Path):
    assert "1 error" in run_pytest(tmp_path, WHOLE_FILE)


def test_loopback_opens_this_machine_and_no_other(tmp_path: Path):
    assert "4 passed" in run_pytest(tmp_path, SOCKETS)


def test_what_cannot_be_proved_here_is_printed_with_a_count(tmp_path: Path):
    (tmp_path / "tests").mkdir()
    claim = '[[claim]]\nwhat = "macOS"\nreason = "needs a Mac"\nrun = "make test on a Mac"\n'
    (tmp_path / "tests" / "not-provable-here.toml").write_text(claim)
    output = run_pytest(tmp_path, "def test_passes(): pass")
    assert "NOT RUN: 1" in output
    assert "NOT RUN macOS: needs a Mac; run: make test on a Mac" in output


@pytest.mark.parametrize("name", ["dev", "nightly"])
def test_the_hypothesis_profiles_exist(name: str):
    assert hypothesis.settings.get_profile(name).deadline is None
