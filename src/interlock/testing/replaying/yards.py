"""A place to replay in: a history's objects, its patches, and repositories at its beginning."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.testing.replaying.gits import git
from interlock.testing.replaying.history import Step, patch_of
from interlock.testing.replaying.plans import Order, plan_document
from interlock.testing.replaying.proving import REPORT

AGENT: Final = """\
# The agent of a replay: it applies the patch of its task, and says so when that does not fit yet.
# $1 the folder of patches, $2 the task, $3 how many seconds it takes
[ "$3" = 0 ] || sleep "$3"
git update-index -q --refresh
if ! git apply --3way --whitespace=nowarn "$1/$2.patch"; then
    git reset -q --hard
    exit 1
fi
if git diff --quiet HEAD; then
    echo "the patch of $2 has nothing to change here" >&2
    exit 1
fi
"""

OURS: Final = ("/interlock.toml", "/plan.json")


class Wish(msgspec.Struct, frozen=True):
    """How a history is replayed. `test` names `{report}` where it writes a JUnit report."""

    test: str
    agents_take: float = 0.0
    workers: int = 4
    gates: int | None = None
    read: tuple[str, ...] = ()
    seconds_max: float = 1800.0


class Yard:
    """One history in a folder of its own; what it was cloned from is never touched."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.mirror = folder / "history.git"
        self.patches = folder / "patches"
        folder.mkdir(parents=True, exist_ok=True)
        # A path that begins with a dash is a path.
        words = ("--mirror", "--no-hardlinks", "--", str(source.absolute()), str(self.mirror))
        git(folder, "clone", "-q", *words)
        self.patches.mkdir()
        (self.patches / "agent.sh").write_text(AGENT)

    @property
    def objects(self) -> Path:
        return self.mirror / "objects"

    def lay_out(self, steps: Sequence[Step]) -> None:
        """Write the patches, and the list of them for the loop."""
        for step in steps:
            (self.patches / f"{step.name}.patch").write_bytes(patch_of(self.mirror, step))
        names = "".join(f"{step.name}\n" for step in steps)
        (self.patches / "order").write_text(names)

    def repository(self, name: str, base: str) -> Path:
        """A repository whose only branch stands at `base`: nothing in it knows what comes."""
        root = self.folder / name
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        alternates = root / ".git" / "objects" / "info" / "alternates"
        alternates.write_text(f"{self.objects}\n")
        git(root, "update-ref", "refs/heads/main", base)
        git(root, "reset", "-q", "--hard")
        if (root / "interlock.toml").exists():
            raise ValueError(
                "this history has an interlock.toml of its own, which would rule the replay: "
                "choose a range before it was added"
            )
        with (root / ".git" / "info" / "exclude").open("a") as exclude:
            exclude.write("".join(f"{line}\n" for line in OURS))
        return root

    def furnish(self, root: Path, steps: Sequence[Step], order: Order, wish: Wish) -> Path:
        """The settings and the plan, as a person would write them; the plan's path."""
        (root / "interlock.toml").write_text(settings_text(self.patches, wish))
        plan = root / "plan.json"
        plan.write_bytes(plan_document(steps, order))
        return plan


def settings_text(patches: Path, wish: Wish) -> str:
    agent = ["sh", str(patches / "agent.sh"), str(patches), "{task.id}", f"{wish.agents_take:g}"]
    reads = "junit" if REPORT in wish.test else "exit-code"
    gates = [] if wish.gates is None else [f"gates = {wish.gates}"]
    return "\n".join(
        [
            '[project]\ntarget = "main"',
            f"[limits]\nworkers = {wish.workers}\nmax_attempts = 1000",
            *gates,
            f'[agents.default]\nbackend = "command"\ntimeout = "10m"\nrun = {_quoted(agent)}',
            f'[gates.tests]\nreads = "{reads}"\ntimeout = "15m"\nrun = {_quoted(wish.test)}',
            f"[sandbox]\nread = {_quoted([str(patches), *wish.read])}",
            "",
        ]
    )


def _quoted(value: object) -> str:
    """Strings and lists of them look the same in TOML and in JSON."""
    return json.dumps(value, ensure_ascii=False)
