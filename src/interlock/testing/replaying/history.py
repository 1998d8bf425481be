"""A range of a history, read along its first parents as the steps from one end to the other."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from interlock.testing.replaying.gits import GitFailed, git, git_bytes


class Step(msgspec.Struct, frozen=True):
    """One task: a commit, or several that only stand together. `tests_may_go`: it removes tests."""

    name: str
    title: str
    before: str
    after: str
    commits: tuple[str, ...]
    paths: frozenset[str]
    tests_may_go: bool = False


class NoHistory(ValueError):
    """There is nothing in this range that could be replayed."""


def read_steps(repository: Path, wanted: str) -> tuple[Step, ...]:
    """The steps of `A..B`; a merge is one step, and a commit that changes nothing is none."""
    try:
        listed = git(repository, "rev-list", "--first-parent", "--reverse", "--parents", wanted)
    except GitFailed as failed:
        raise NoHistory(f"{wanted} cannot be read: {failed}. Name two commits as A..B") from failed
    steps: list[Step] = []
    for line in listed.splitlines():
        commit, *parents = line.split()
        if parents and (step := _step(repository, len(steps) + 1, parents[0], commit)):
            steps.append(step)
    if not steps:
        raise NoHistory(f"no commit in {wanted} changes a file: name a longer range as A..B")
    return tuple(steps)


def last_range(repository: Path, count: int) -> str:
    """The newest `count` commits along the first parents, or as many as there are."""
    listed = git(repository, "rev-list", "--first-parent", f"--max-count={count + 1}", "HEAD")
    commits = listed.split()
    if len(commits) < 2:
        raise NoHistory("the history has fewer than two commits, so there is nothing to replay")
    return f"{commits[-1]}..{commits[0]}"


def merged(repository: Path, steps: Sequence[Step], *, tests_may_go: bool) -> Step:
    """Several steps as one, because the first of them is red without the last."""
    first, last = steps[0], steps[-1]
    if len(steps) == 1:
        return msgspec.structs.replace(first, tests_may_go=tests_may_go)
    return Step(
        first.name,
        f"{last.title} (and {len(steps) - 1} before it)",
        first.before,
        last.after,
        tuple(commit for step in steps for commit in step.commits),
        paths_between(repository, first.before, last.after),
        tests_may_go,
    )


def paths_between(repository: Path, old: str, new: str) -> frozenset[str]:
    said = git_bytes(repository, "diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
    return frozenset(path.decode(errors="surrogateescape") for path in said.split(b"\0") if path)


def patch_of(repository: Path, step: Step) -> bytes:
    form = ("-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")
    return git_bytes(repository, "diff-tree", "-r", *form, step.before, step.after)


def tree_of(repository: Path, commit: str) -> str:
    return git(repository, "rev-parse", "--verify", f"{commit}^{{tree}}")


def _step(repository: Path, number: int, parent: str, commit: str) -> Step | None:
    paths = paths_between(repository, parent, commit)
    if not paths:
        return None
    title = git(repository, "log", "-1", "--format=%s", commit)[:200] or commit
    return Step(f"c{number:03}-{commit[:7]}", title, parent, commit, (commit,), paths)
