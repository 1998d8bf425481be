"""What a repository is made of, how it is tested, and who could work in it; pure.

    sight = Sight(files, texts, programs, box)      what `init` saw
    wanted(sight)                                   what is worth trying inside a box
    look(replace(sight, works=...))                 what it all means

Nothing here is certain: `init` says what it chose and why, and the person has the last word.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

import msgspec

from interlock.domain.settings import GateReader

VENV_PYTHON: Final = ".venv/bin/python"

LANGUAGES: Final[Mapping[str, str]] = {
    ".py": "Python", ".js": "JavaScript", ".jsx": "JavaScript", ".mjs": "JavaScript",
    ".cjs": "JavaScript", ".ts": "TypeScript", ".tsx": "TypeScript", ".go": "Go", ".rs": "Rust",
    ".java": "Java", ".kt": "Kotlin", ".rb": "Ruby", ".php": "PHP", ".cs": "C#", ".swift": "Swift",
    ".c": "C", ".cc": "C++", ".cpp": "C++", ".ex": "Elixir", ".scala": "Scala",
}  # fmt: skip
LANGUAGES_SHOWN_MAX: Final = 5

AGENTS: Final = ("claude", "codex", "gemini", "opencode", "qwen")
PYTHONS: Final = ("python", "python3")
RUNNERS: Final = ("npm", "pnpm", "yarn", "go", "gotestsum", "cargo", "make")

TEXTS: Final = (
    "pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "package.json", "Makefile",
    "makefile", "GNUmakefile", "vitest.config.ts", "vitest.config.js", "vitest.config.mts",
)  # fmt: skip
"""Files at the root that say how a project is tested, beside requirements and the tests."""

_TEST_FILE: Final = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
_PYTEST: Final = re.compile(r"^(?:import pytest\b|from pytest |(?:async )?def test_)", re.MULTILINE)
_REQUIREMENTS: Final = re.compile(r"requirements[\w.-]*\.txt|[\w-]+-requirements\.txt")
_MAKE_TEST: Final = re.compile(r"^(?:\.PHONY\s*:.*\n)?test\s*:(?!=)", re.MULTILINE)
_NO_TEST: Final = "no test specified"

Argv = tuple[str, ...]


class Sight(msgspec.Struct, frozen=True):
    """What there is to see. `works` are the commands that ended well inside a box."""

    files: tuple[str, ...]
    texts: Mapping[str, str] = {}
    programs: frozenset[str] = frozenset()
    works: frozenset[Argv] = frozenset()


class Gate(msgspec.Struct, frozen=True):
    """A way to test it. `doubt`: why it may not run as it stands, if something speaks for that."""

    name: str
    run: str
    reads: GateReader
    because: str
    doubt: str = ""


class Build(msgspec.Struct, frozen=True):
    """How the environment is built; `needed`: a gate starts programs that lie in it."""

    run: str
    files: tuple[str, ...]
    keeps: str
    needed: bool = False


class Findings(msgspec.Struct, frozen=True):
    """What it all means."""

    languages: tuple[str, ...]
    gates: tuple[Gate, ...]
    agents: tuple[str, ...]
    build: Build | None


def is_worth_reading(file: str) -> bool:
    return file in TEXTS or is_requirements(file) or _TEST_FILE.search(file) is not None


def is_requirements(file: str) -> bool:
    return _REQUIREMENTS.fullmatch(file) is not None


def wanted(sight: Sight) -> tuple[Argv, ...]:
    """Commands whose success inside a box decides what is proposed."""
    if not _uses_pytest(sight) or _project_python(sight):
        return ()
    return tuple(_version_of_pytest(name) for name in PYTHONS if name in sight.programs)


def look(sight: Sight) -> Findings:
    return Findings(
        languages=tuple(_languages(sight)),
        gates=tuple(_gates(sight)),
        agents=tuple(name for name in AGENTS if name in sight.programs),
        build=_python_build(sight) or _node_build(sight),
    )


def _languages(sight: Sight) -> list[str]:
    """The most used first."""
    counts: dict[str, int] = {}
    for file in sight.files:
        language = LANGUAGES.get(PurePosixPath(file).suffix.lower())
        if language is not None:
            counts[language] = counts.get(language, 0) + 1
    ordered = sorted(counts, key=lambda language: (-counts[language], language))
    return ordered[:LANGUAGES_SHOWN_MAX]


def _gates(sight: Sight) -> Iterator[Gate]:
    """The first one is called tests, others after what they run; make only if nothing else is."""
    found = [
        gate
        for gate in (_python_gate(sight), _node_gate(sight), _go_gate(sight), _rust_gate(sight))
        if gate is not None
    ]
    for number, gate in enumerate(found or _make_gates(sight)):
        yield gate if number else msgspec.structs.replace(gate, name="tests")


# --- Python ---------------------------------------------------------------------------------------


def _python_gate(sight: Sight) -> Gate | None:
    if _uses_pytest(sight):
        python, doubt = _python_with_pytest(sight)
        run = f"{python} -m pytest -q --junitxml={{report}}"
        return Gate("tests-python", run, "junit", "pytest is used", doubt)
    tests = [file for file in sight.files if _TEST_FILE.search(file)]
    if not any("unittest" in sight.texts.get(file, "") for file in tests):
        return None
    places = {PurePosixPath(file).parts[0] for file in tests if "/" in file}
    apart = len(places) == 1 and f"{min(places)}/__init__.py" not in sight.files
    where = f" -s {min(places)}" if apart and all("/" in file for file in tests) else ""
    python = _project_python(sight) or _first(PYTHONS, sight) or "python3"
    run = f"{python} -m unittest discover{where}"
    return Gate("tests-python", run, "exit-code", "tests with unittest are here")


def _uses_pytest(sight: Sight) -> bool:
    if "pytest.ini" in sight.files or any(_is_conftest(file) for file in sight.files):
        return True
    named = ("pyproject.toml", "setup.cfg", "tox.ini", *filter(is_requirements, sight.files))
    if any("pytest" in sight.texts.get(file, "") for file in named):
        return True
    tests = (sight.texts.get(file, "") for file in sight.files if _TEST_FILE.search(file))
    return any(
        re.search(r"^(?:import pytest\b|from pytest |def test_)", t, re.MULTILINE) for t in tests
    )


def _is_conftest(file: str) -> bool:
    return PurePosixPath(file).name == "conftest.py"


def _python_with_pytest(sight: Sight) -> tuple[str, str]:
    """The python to start pytest with, and what speaks against it."""
    if python := _project_python(sight):
        return python, ""
    for name in PYTHONS:
        if _version_of_pytest(name) in sight.works:
            return name, ""
    python = _first(PYTHONS, sight) or "python3"
    return python, f"`{python} -m pytest` did not start inside a box: install pytest beside it"


def _project_python(sight: Sight) -> str:
    """Work is done in fresh clones, so a `.venv` counts only where it can be built again."""
    there = VENV_PYTHON in sight.files and bool(_sources(sight))
    return VENV_PYTHON if there else ""


def _version_of_pytest(python: str) -> Argv:
    return (python, "-m", "pytest", "--version")


def _sources(sight: Sight) -> tuple[str, ...]:
    """The files that say what an environment is made of."""
    requirements = tuple(sorted(file for file in sight.files if is_requirements(file)))
    return requirements or (("pyproject.toml",) if "pyproject.toml" in sight.files else ())


def _python_build(sight: Sight) -> Build | None:
    sources = _sources(sight)
    if not sources:
        return None
    packages = " ".join(f"-r {file}" for file in sources if is_requirements(file)) or "-e ."
    text = "".join(sight.texts.get(file, "") for file in sources)
    pytest = " pytest" if _uses_pytest(sight) and "pytest" not in text else ""
    python = "python3" if "python3" in sight.programs else "python"
    run = f"{python} -m venv .venv && .venv/bin/pip install {packages}{pytest}"
    return Build(run, sources, ".venv", needed=bool(_project_python(sight)))


# --- other languages ------------------------------------------------------------------------------


def _node_gate(sight: Sight) -> Gate | None:
    package = _package(sight)
    scripts, needs = package.get("scripts"), package.get("devDependencies")
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or _NO_TEST in script:
        return None
    tool, because = _node_tool(sight), "package.json has a test script"
    dashes = " --" if tool == "npm test" else ""  # the others hand everything on
    needs = needs if isinstance(needs, dict) else {}
    if "jest-junit" in needs and "jest" in script:
        flags = f"{dashes} --ci --reporters=default --reporters=jest-junit"
        run = f"JEST_JUNIT_OUTPUT_FILE={{report}} {tool}{flags}"
        return Gate("tests-node", run, "junit", "package.json names jest-junit")
    if "mocha-junit-reporter" in needs and "mocha" in script:
        run = f"MOCHA_FILE={{report}} {tool}{dashes} --reporter mocha-junit-reporter"
        return Gate("tests-node", run, "junit", "package.json names mocha-junit-reporter")
    if "vitest" in script and any(
        "junit" in text for file, text in sight.texts.items() if file.startswith("vitest.config")
    ):
        run = f"{tool}{dashes} --run --reporter=junit --outputFile={{report}}"
        return Gate("tests-node", run, "junit", "vitest is set up for junit reports")
    return Gate("tests-node", tool, "exit-code", because)


def _node_tool(sight: Sight) -> str:
    locks = {"pnpm-lock.yaml": "pnpm test", "yarn.lock": "yarn test"}
    return next((tool for lock, tool in locks.items() if lock in sight.files), "npm test")


def _package(sight: Sight) -> Mapping[str, object]:
    try:
        package = json.loads(sight.texts.get("package.json", "{}"))
    except (ValueError, RecursionError):
        return {}
    return package if isinstance(package, dict) else {}


def _node_build(sight: Sight) -> Build | None:
    locks = {
        "package-lock.json": "npm ci",
        "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
        "yarn.lock": "yarn install --frozen-lockfile",
    }
    for lock, command in locks.items():
        if lock in sight.files and "package.json" in sight.files:
            return Build(command, ("package.json", lock), "node_modules")
    return None


def _go_gate(sight: Sight) -> Gate | None:
    if "go.mod" not in sight.files:
        return None
    if "gotestsum" in sight.programs:
        run = "gotestsum --junitfile {report} ./..."
        return Gate("tests-go", run, "junit", "go.mod is here, and gotestsum on PATH")
    return Gate("tests-go", "go test ./...", "exit-code", "go.mod is here")


def _rust_gate(sight: Sight) -> Gate | None:
    if "Cargo.toml" not in sight.files:
        return None
    return Gate("tests-rust", "cargo test", "exit-code", "Cargo.toml is here")


def _make_gates(sight: Sight) -> list[Gate]:
    for file in ("GNUmakefile", "makefile", "Makefile"):
        if _MAKE_TEST.search(sight.texts.get(file, "")):
            return [Gate("tests", "make test", "exit-code", f"{file} has a target called test")]
    return []


def _first(names: tuple[str, ...], sight: Sight) -> str:
    return next((name for name in names if name in sight.programs), "")
