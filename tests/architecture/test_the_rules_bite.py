"""Plants one forbidden import at a time in a copy of the package; its contract must break.

A contract with a mistyped name is kept for ever. So a contract counts only once it has been seen to
break, for the import that broke it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.architecture.house import HOUSE


@dataclass(frozen=True)
class Probe:
    """Files matching `importer` must not import what matches `imported`: `contract` says so.

    Both are patterns below src/interlock, resolved when the test runs. What is no path is a module
    from outside.
    """

    contract: str
    importer: str
    imported: str

    def __str__(self) -> str:
        return f"{self.contract}: {self.importer} imports {self.imported}"


PROBES = (
    Probe("layers", "domain/*.py", "engine/*.py"),
    Probe("layers", "engine/*.py", "planning/*.py"),
    Probe("layers", "planning/*.py", "flows/**/*.py"),
    Probe("layers", "flows/**/service.py", "adapters/*/*.py"),
    Probe("layers", "flows/**/service.py", "control/*.py"),
    Probe("layers", "adapters/*/*.py", "control/*.py"),
    Probe("layers", "control/*.py", "interfaces/*/*.py"),
    Probe("layers", "control/*.py", "config/*.py"),
    Probe("layers", "control/*.py", "testing/**/*.py"),
    Probe("layers", "interfaces/*/*.py", "demo/*.py"),
    Probe("layers", "demo/*.py", "config/*.py"),
    Probe("layers", "demo/*.py", "bootstrap/*.py"),
    Probe("layers", "bootstrap/*.py", "testing/**/*.py"),
    Probe("pure", "domain/*.py", "time"),
    Probe("pure", "domain/facts/*.py", "random"),
    Probe("pure", "flows/task/decide.py", "asyncio"),
    Probe("pure", "flows/task/state.py", "os"),
    Probe("pure", "flows/task/picture.py", "os"),
    Probe("pure", "flows/run/decide.py", "logging"),
    Probe("pure", "flows/task/decide.py", "engine/ports.py"),
    Probe("pure", "flows/task/decide.py", "flows/run/service.py"),
    Probe("layers", "gates/*.py", "merging/*.py"),
    Probe("layers", "workers/*.py", "gates/*.py"),
    Probe("layers", "sandbox/*.py", "repository/*.py"),
    Probe("layers", "repository/*.py", "workers/*.py"),
    Probe("pure", "flows/task/news.py", "time"),
    Probe("pure", "gates/decide.py", "asyncio"),
    Probe("pure", "merging/decide.py", "merging/service.py"),
    Probe("front-desk", "interfaces/*/*.py", "workers/*.py"),
    Probe("front-desk", "interfaces/*/*.py", "gates/*.py"),
    Probe("doorway", "engine/*.py", "adapters/*/*.py"),
    Probe("doorway", "planning/*.py", "adapters/*/*.py"),
    Probe("doorway", "flows/**/service.py", "adapters/*/*.py"),
    Probe("doorway", "control/*.py", "adapters/*/*.py"),
    Probe("doorway", "interfaces/*/*.py", "adapters/*/*.py"),
    Probe("doorway", "demo/*.py", "adapters/*/*.py"),
    Probe("front-desk", "interfaces/*/*.py", "engine/*.py"),
    Probe("front-desk", "interfaces/*/*.py", "flows/**/*.py"),
    Probe("front-desk", "interfaces/*/*.py", "planning/*.py"),
    Probe("ports-only", "adapters/*/*.py", "flows/**/service.py"),
    Probe("ports-only", "adapters/*/*.py", "flows/**/decide.py"),
    Probe("one-adapter", "adapters/memory/*.py", "adapters/sqlite/*.py"),
    Probe("one-adapter", "adapters/postgres/*.py", "adapters/memory/*.py"),
)


@dataclass(frozen=True)
class Verdict:
    """What lint-imports said: the whole text, and for each broken contract what broke it."""

    text: str
    broken: dict[str, str]


@dataclass(frozen=True)
class Copy:
    """A copy of the package that may be spoilt."""

    root: Path
    names: dict[str, str]
    """The sentence of each contract, by its id."""

    @property
    def package(self) -> Path:
        return self.root / "src" / "interlock"

    def first(self, pattern: str) -> Path:
        matches = sorted(self.package.glob(pattern))
        own_code = [path for path in matches if path.name != "__init__.py"]
        assert own_code, f"No file matches src/interlock/{pattern}: this probe would prove nothing."
        return own_code[0]

    def module(self, pattern: str) -> str:
        if "." not in pattern:
            return pattern
        return ".".join(self.first(pattern).relative_to(self.root / "src").with_suffix("").parts)

    @contextmanager
    def planted(self, path: Path, line: str) -> Iterator[None]:
        before = path.read_text() if path.exists() else None
        path.write_text(f"{before or ''}\n{line}\n")
        yield
        if before is None:
            path.unlink()
        else:
            path.write_text(before)

    def lint(self) -> Verdict:
        done = subprocess.run(
            [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "src"), "COLUMNS": "400"},
            capture_output=True,
            text=True,
            check=False,
        )
        _, _, explanations = done.stdout.partition("Broken contracts\n")
        assert bool(done.returncode) == bool(explanations), done.stdout + done.stderr
        return Verdict(done.stdout, self._by_contract(explanations))

    def _by_contract(self, explanations: str) -> dict[str, str]:
        """Cuts the text at each heading: a contract's sentence, underlined."""
        headings = {
            contract_id: explanations.find(f"{name}\n{'-' * len(name)}\n")
            for contract_id, name in self.names.items()
        }
        found = sorted((at, contract_id) for contract_id, at in headings.items() if at >= 0)
        cuts = [*found, (len(explanations), "")]
        return {
            contract_id: explanations[start:end]
            for (start, contract_id), (end, _) in pairwise(cuts)
        }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    root = tmp_path_factory.mktemp("copy")
    shutil.copy(HOUSE.root / "pyproject.toml", root)
    shutil.copytree(
        HOUSE.package, root / "src" / "interlock", ignore=shutil.ignore_patterns("__pycache__")
    )
    names = {contract["id"]: contract["name"] for contract in HOUSE.settings()["contracts"]}
    return Copy(root, names)


def test_the_clean_copy_keeps_every_contract_and_was_really_looked_at(copy: Copy):
    modules = len(list(copy.package.rglob("*.py")))
    verdict = copy.lint()
    assert not verdict.broken, verdict.text
    assert f"Contracts: {len(copy.names)} kept, 0 broken." in verdict.text
    assert modules > 40
    # The number counts libraries too, so it can only be too small by missing modules of ours.
    (analyzed,) = re.findall(r"Analyzed (\d+) files", verdict.text)
    assert int(analyzed) >= modules


@pytest.mark.parametrize("probe", PROBES, ids=str)
def test_a_forbidden_import_breaks_its_contract(copy: Copy, probe: Probe):
    importer, imported = copy.module(probe.importer), copy.module(probe.imported)
    with copy.planted(copy.first(probe.importer), f"import {imported}"):
        verdict = copy.lint()
    assert probe.contract in verdict.broken, verdict.text
    assert f"{importer} -> {imported} (l." in verdict.broken[probe.contract], verdict.text


def test_an_unplaced_room_breaks_the_layers(copy: Copy):
    with copy.planted(copy.package / "utils.py", '"""Odds and ends."""'):
        verdict = copy.lint()
    assert "- interlock.utils" in verdict.broken["layers"], verdict.text


@pytest.mark.parametrize("room", ["domain", "engine", "planning", "flows/task", "control"])
def test_a_cycle_inside_a_room_is_found(copy: Copy, room: str):
    files = sorted(copy.package.joinpath(room).glob("[a-z]*.py"))
    assert len(files) > 1, (
        f"src/interlock/{room} has no two modules: this probe would prove nothing."
    )
    one, other = (".".join(("interlock", *room.split("/"), path.stem)) for path in files[:2])
    with copy.planted(files[0], f"import {other}"), copy.planted(files[1], f"import {one}"):
        verdict = copy.lint()
    dotted_room = room.replace("/", ".")
    assert f"No cycles are allowed in interlock.{dotted_room}." in verdict.broken["acyclic"], (
        verdict.text
    )


def test_every_contract_has_been_seen_to_break(copy: Copy):
    assert {probe.contract for probe in PROBES} | {"acyclic"} == set(copy.names)
