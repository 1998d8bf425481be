"""A static check that looked at nothing, or at too little, must not count as passed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import HOUSE
from tools.check import CHECKS, Check, files_seen, passes

ANALYZED = r"Analyzed (\d+) files"


def saying(text: str, exit_code: int = 0) -> Check:
    script = f"import sys; print({text!r}); sys.exit({exit_code})"
    return Check("pretend", (Path(sys.executable).name, "-c", script), ANALYZED)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (saying("Analyzed 40 files"), True),
        (saying("Analyzed 39 files"), False),
        (saying("Analyzed 0 files"), False),
        (saying("No files found"), False),
        (saying("Analyzed 40 files", exit_code=1), False),
    ],
    ids=["all", "one too few", "none", "says nothing", "finds a fault"],
)
def test_a_check_passes_only_when_it_saw_every_module(check: Check, expected: bool):
    assert passes(check, modules=40) is expected


def test_files_are_counted_by_number_or_by_line():
    assert files_seen(ANALYZED, "Analyzed 12 files, 3 dependencies.") == 12
    assert files_seen("(?m)^Scanning: ", "Scanning: a.py\nnoise\nScanning: b.py\n") == 2


def test_without_modules_nothing_passes(tmp_path: Path):
    (tmp_path / "tools").mkdir()
    copy = tmp_path / "tools" / "check.py"
    copy.write_text((HOUSE.root / "tools" / "check.py").read_text())
    done = subprocess.run([sys.executable, copy], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing was checked" in done.stderr


def test_every_tool_of_the_check_extra_is_run():
    assert {check.command[0] for check in CHECKS} == {
        "ruff",
        "lint-imports",
        "vulture",
        "deptry",
        "mypy",
    }
