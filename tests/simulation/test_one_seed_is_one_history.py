"""The same seed gives the same log, byte for byte, whatever the hash seed of the interpreter."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def heads(hash_seed: str) -> list[str]:
    command = [sys.executable, "-m", "interlock.testing.simulate"]
    command += ["--seeds", "25", "--first", "300", "--processes", "1", "--heads"]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return [line for line in done.stdout.splitlines() if re.fullmatch(r"\d+ [0-9a-f]{64}", line)]


@pytest.mark.timeout(180)
def test_two_hash_seeds_give_the_same_bytes():
    first, second = heads("1"), heads("4711")
    assert len(first) == 25
    assert first == second
