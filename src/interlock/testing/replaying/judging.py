"""What must be true after a replay, looked at from outside: in git alone, with tests run anew."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from interlock.testing.replaying.gits import git
from interlock.testing.replaying.history import Step, tree_of
from interlock.testing.replaying.playing import Played
from interlock.testing.replaying.proving import Prover, worse


class Findings(msgspec.Struct, frozen=True):
    """Sentences; none means that it holds. `same_tree` of None: not everything landed."""

    red: tuple[str, ...]
    missing: tuple[str, ...]
    twice: tuple[str, ...]
    same_tree: bool | None

    @property
    def wrong(self) -> tuple[str, ...]:
        return (*self.red, *self.missing, *self.twice)


def look(root: Path, base: str, steps: Sequence[Step], played: Played, prover: Prover) -> Findings:
    commits = git(root, "rev-list", "--first-parent", "--reverse", f"{base}..main").split()
    prover.borrow(root / ".git" / "objects")
    same = None
    if len(played.landed) == len(steps):
        same = tree_of(root, "main") == tree_of(root, steps[-1].after)
    return Findings(
        tuple(_red(base, commits, prover)),
        tuple(_missing(commits, played, same=same)),
        tuple(_twice(root, commits)),
        same,
    )


def _red(base: str, commits: Sequence[str], prover: Prover) -> list[str]:
    """Against the commit before: a target that is green at each of them never got worse."""
    found = []
    before = prover.seen(base)
    for commit in commits:
        now = prover.seen(commit)
        if worse(now, before):
            names = ", ".join(sorted(now.failed - before.failed)[:5]) or f"exit code {now.code}"
            found.append(f"the target was red at {commit[:12]}: {names}")
        before = now
    return found


def _missing(commits: Sequence[str], played: Played, *, same: bool | None) -> list[str]:
    there = set(commits)
    found = [
        f"{task.id} is called done and its commit {task.commit} is not on the target"
        for task in played.report.tasks
        if task.state == "done" and task.commit not in there
    ]
    if same is False:
        found.append("every step landed and the tree is not the one that the history ends with")
    return found


def _twice(root: Path, commits: Sequence[str]) -> list[str]:
    """Each commit on the target is one task's, and no task has two."""
    form = "--format=%(trailers:key=Interlock-Task,valueonly,separator=%x20)"
    tasks = [git(root, "log", "-1", form, commit) for commit in commits]
    counts = Counter(tasks)
    found = [f"{task} landed {count} times" for task, count in counts.items() if task and count > 1]
    if counts[""]:
        found.append(f"{counts['']} commits on the target name no task")
    return found
