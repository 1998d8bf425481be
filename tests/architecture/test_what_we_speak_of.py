"""The repository speaks of the project alone: no package registry, no path of one machine."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.house import HOUSE

REGISTRY_HOST = re.compile(
    r"(?:pypi|pythonhosted|npmjs|yarnpkg|artifactory|devpi)\.(?:org|com|io|net)", re.IGNORECASE
)
MACHINE_PATH = re.compile(r"(?<![\w.~$})/-])/(?:work|root|tmp/v|opt/(?:wheels|pypi))(?![\w.-])")

PINS = re.compile(
    r"(?:^|/)(?:[^/]*(?:constraints|requirements)[^/]*\.txt|[^/]*\.lock|pyproject\.toml)$"
)
ADDRESS = re.compile(r"://|\bfile:|--(?:extra-)?index|--find-links|^\S+ @ ", re.MULTILINE)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every file of the repository by its path, those included that are not yet added."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=HOUSE.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    found = {str(path): HOUSE.root / path for path in paths}
    return {name: path.read_text(errors="ignore") for name, path in found.items() if path.is_file()}


def lines_with(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_the_whole_repository_was_read(texts: dict[str, str]):
    assert {"pyproject.toml", "constraints.txt", "Makefile", ".ci/run"} <= texts.keys()
    assert len(texts) > 60


def test_no_file_names_a_package_registry(texts: dict[str, str]):
    assert not lines_with(REGISTRY_HOST, texts)


def test_no_file_names_a_path_of_one_machine(texts: dict[str, str]):
    assert not lines_with(MACHINE_PATH, texts)


def test_pins_carry_no_address(texts: dict[str, str]):
    pins = {name: text for name, text in texts.items() if PINS.search(name)}
    assert {"pyproject.toml", "constraints.txt"} <= pins.keys()
    assert not lines_with(ADDRESS, pins)


def test_every_constraint_is_one_exact_version(texts: dict[str, str]):
    lines = [line for line in texts["constraints.txt"].splitlines() if not line.startswith("#")]
    assert len(lines) > 40
    assert not [line for line in lines if not re.match(r"^[a-z0-9-]+==[\w.]+(?: ; [^@]+)?$", line)]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY_HOST, "index-url = https://files.pythonhosted" + ".org/simple"),
        (MACHINE_PATH, 'HERE = "/' + 'root/project"'),
        (MACHINE_PATH, "cd /" + "work"),
        (ADDRESS, "rich @ git+ssh"),
        (ADDRESS, "rich==1 # https://example.org"),
    ],
)
def test_the_patterns_can_fail(pattern: re.Pattern[str], line: str):
    assert lines_with(pattern, {"file": line})


def test_the_patterns_leave_ordinary_paths_alone():
    ordinary = "GET /workers; /roots; ./work/x; ${HOME}/work; src/root/x; /opt/tools; a//work"
    assert not lines_with(MACHINE_PATH, {"file": ordinary})
