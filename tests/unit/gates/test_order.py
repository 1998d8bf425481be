"""Which programs a command names, and what evidence belongs to."""

import pytest

from interlock.gates.order import programs_of

COMMANDS = {
    "pytest -q": ("pytest",),
    "python -m pytest --junitxml={report}": ("python",),
    "CI=1 npm test": ("npm",),
    "ruff check . && mypy; make lint | tee out": ("ruff", "mypy", "make", "tee"),
    "./run.sh && .venv/bin/python -m x": (),
    "/opt/tool/bin/check --all": ("/opt/tool/bin/check",),
    "(cd sub && go test ./...)": ("cd", "go"),
    "echo 'a && b'": ("echo",),
    "unbalanced 'quote": (),
    "": (),
}


@pytest.mark.parametrize(("command", "programs"), COMMANDS.items())
def test_programs_of_a_command(command: str, programs: tuple[str, ...]) -> None:
    assert programs_of(command) == programs
