"""Git for rehearsals: without anybody's settings, hooks or identity, and bounded in time."""

import os
import subprocess
from pathlib import Path
from typing import Final

SECONDS_MAX: Final = 300.0


class GitFailed(RuntimeError):
    """Git said no; the sentence is its own."""


def environment() -> dict[str, str]:
    """As the caller has it, but git reads no settings of theirs and has an author."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Replay",
        "GIT_AUTHOR_EMAIL": "replay@localhost",
        "GIT_COMMITTER_NAME": "Replay",
        "GIT_COMMITTER_EMAIL": "replay@localhost",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


def git_bytes(at: Path, *words: str) -> bytes:
    """What it prints; raises GitFailed."""
    # Whoever reads a repository of somebody else here has named it: it is trusted to be read.
    options = ("-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0")
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", *options, *words],  # noqa: S607 - whichever git the person uses
        cwd=at,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise GitFailed(f"git {' '.join(words[:3])}: {said}")
    return done.stdout


def git(at: Path, *words: str) -> str:
    return git_bytes(at, *words).decode(errors="replace").strip()
