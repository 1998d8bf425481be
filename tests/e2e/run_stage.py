"""A repository in which `interlock run` is typed, and somebody who reads its log meanwhile.

Agents are small shell scripts: what a plan tells its agent is what the agent does. They wait for
files in the folder `signals`, which every box may read, so a story decides who is where and when.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from interlock.bootstrap.stores import opener_of_file
from interlock.control.errors import WrongUsage
from interlock.domain.facts.attempt import AttemptStarted
from interlock.domain.facts.base import Fact
from interlock.engine.ports import Recorded

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = "import sys; from interlock.bootstrap import main; sys.exit(main())"
PATIENCE_SECONDS: Final = 60.0
"""Only so that a broken test ends; nothing here measures time."""

Events = Sequence[Recorded]

SETTINGS: Final = """
[project]
{project}
[limits]
{limits}
[sandbox]
read = ["{signals}"]
[agents.default]
backend = "command"
run = ["sh", "-c", "eval \\"$INTERLOCK_PROMPT\\""]
[gates.tests]
run = "sh check.sh"
reads = "exit-code"
{more}
"""


@dataclass(frozen=True)
class Said:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        return json.loads(self.out)

    @property
    def states(self) -> dict[str, str]:
        return {task["id"]: task["state"] for task in self.document["tasks"]}

    def task(self, name: str) -> dict[str, object]:
        return next(task for task in self.document["tasks"] if task["id"] == name)


class Running:
    """A command that was started; what it says stands in files, so that nobody blocks on a pipe."""

    def __init__(self, process: "subprocess.Popen[bytes]", notes: Path) -> None:
        self.process, self._notes = process, notes

    @property
    def out(self) -> str:
        return self._notes.with_suffix(".out").read_text()

    @property
    def err(self) -> str:
        return self._notes.with_suffix(".err").read_text()

    def end(self, seconds: float = PATIENCE_SECONDS) -> Said:
        code = self.process.wait(seconds)
        return Said(code, self.out, self.err)

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal does it: everybody in the foreground hears it."""
        os.killpg(self.process.pid, signal.SIGINT)


@dataclass
class Place:
    """One repository of one person, and the program."""

    folder: Path
    root: Path
    started: list[Running] = field(default_factory=list)

    # --- the person ---------------------------------------------------------------------------

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "INTERLOCK"))}
        who = {
            f"GIT_{hand}_{what}": said
            for hand in ("AUTHOR", "COMMITTER")
            for what, said in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
        }
        return {
            **kept, **who, "HOME": str(self.folder / "home"), "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip

    def git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=at or self.root, env=self.env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str], message: str = "By hand") -> str:
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def configure(
        self, *, project: str = 'target = "main"', limits: str = "workers = 4", more: str = ""
    ) -> None:
        text = SETTINGS.format(project=project, limits=limits, signals=self.signals, more=more)
        self.commit({"interlock.toml": text}, "Settings")

    def plan(self, *tasks: Mapping[str, object], name: str = "plan", **more: object) -> Path:
        """Beside the repository, so that it is nobody's uncommitted work."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({"goal": "Try it", "tasks": list(tasks), **more}))
        return path

    # --- signals ------------------------------------------------------------------------------

    @property
    def signals(self) -> Path:
        return self.folder / "signals"

    def give(self, name: str) -> None:
        (self.signals / name).touch()

    def waits(self, name: str) -> str:
        """Shell: wait until the story gives this signal."""
        return f"until [ -e '{self.signals}/{name}' ]; do sleep 0.02; done"

    # --- the program --------------------------------------------------------------------------

    def begin(self, *words: str, at: Path | None = None, **env: str) -> Running:
        notes = self.folder / "said" / str(len(self.started))
        notes.parent.mkdir(exist_ok=True)
        with (
            notes.with_suffix(".out").open("wb") as out,
            notes.with_suffix(".err").open("wb") as err,
        ):
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, *words], cwd=at or self.root,
                env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip
        self.started.append(Running(process, notes))
        return self.started[-1]

    def interlock(self, *words: str, at: Path | None = None, **env: str) -> Said:
        return self.begin(*words, at=at, **env).end()

    def run(self, *words: str | Path) -> Said:
        return self.interlock("run", "--json", *map(str, words))

    # --- what is there ------------------------------------------------------------------------

    @property
    def store(self) -> Path:
        common = Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
        return common / "interlock"

    def events(self) -> list[Recorded]:
        return asyncio.run(self._read())

    async def _read(self) -> list[Recorded]:
        try:
            async with opener_of_file(self.store)() as store:
                return await _all(store.log.read)
        except WrongUsage:
            return []

    def until(self, what: str, holds: Callable[[Events], object]) -> list[Recorded]:
        """Read the log until it tells this; whoever plays along is not polled, the log is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(events := self.events()):
            told = "\n".join(f"{e.stream}: {e.fact}" for e in events[-8:])
            said = "\n".join(each.err for each in self.started)
            assert time.monotonic() < deadline, f"{what} never came.\n{told}\n{said}"
            time.sleep(0.02)
        return events

    def until_at_work(self, *names: str) -> list[Recorded]:
        return self.until(
            f"{names} start", lambda events: all(of(events, n, AttemptStarted) for n in names)
        )

    def landed(self) -> dict[str, list[str]]:
        """Commits on the target by the task in their trailer."""
        form = "%H%x09%(trailers:key=Interlock-Task,valueonly,separator=%x2C)"
        found: dict[str, list[str]] = {}
        for line in self.git("log", f"--format={form}", "main").splitlines():
            commit, _, name = line.partition("\t")
            if name:
                found.setdefault(name, []).append(commit)
        return found

    def shown(self, path: str, at: str = "main") -> str:
        return self.git("show", f"{at}:{path}")

    def rescued(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)", "refs/interlock/rescue").split()

    def standing(self) -> list[str]:
        """What is left of attempts on the host."""
        places = [*self.root.glob(".worktrees/*/*"), *self.store.glob("attempts/*")]
        places += [*self.store.glob("gates/*"), *self.store.glob("incoming/*")]
        return sorted(str(path.relative_to(self.root)) for path in places)

    def locks(self) -> list[str]:
        """Lock files of git that somebody forgot and that would stand in a person's way."""
        ours = (self.store, self.root / ".git" / "refs" / "interlock")
        found = (self.root / ".git").rglob("*.lock")
        return sorted(str(path) for path in found if not any(map(path.is_relative_to, ours)))

    def processes(self, *, unborn_too: bool = False) -> dict[int, str]:
        """Everything alive that belongs to this place: it stands in it, or is told about it."""
        marker, found = str(self.folder).encode(), {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                facts = words + (entry / "environ").read_bytes() + bytes((entry / "cwd").readlink())
                if marker in facts and words and (unborn_too or not unborn(entry)):
                    found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")
        return found

    def until_quiet(self) -> None:
        """No process of this place is left; who was killed may need an instant to be gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while left := self.processes():
            assert time.monotonic() < deadline, f"still alive: {left}"
            time.sleep(0.02)

    def never_entered(self, mark: str) -> set[str]:
        """What stays of attempts whose agent had not begun: it begins by leaving this mark.

        Workers keep a workspace that was half made when its worker was killed: nothing can be
        collected from it, and nothing is in it.
        """
        places = [*self.root.glob(".worktrees/*/*"), *self.store.glob("attempts/*")]
        found = {path for path in places if not [*path.glob(mark)]}
        return {str(path.relative_to(self.root)) for path in found}

    def demand_clean(self, but: AbstractSet[str] = frozenset()) -> None:
        """What must hold after any story: nobody and nothing is left, and the log is sound."""
        self.until_quiet()
        left = set(self.standing()) - but
        assert not left, left
        assert (left_locks := self.locks()) == [], left_locks
        assert self.interlock("audit", "verify").code == 0


async def _all(read: Callable[..., object]) -> list[Recorded]:
    found: list[Recorded] = []
    while page := await read(found[-1].position if found else 0, 1_000):
        found.extend(page)
    return found


def unborn(process: Path) -> bool:
    """A box that bubblewrap had cloned an instant before it was killed itself.

    It waits for ever for the word of its dead parent. Nothing has run in it and nothing will.
    """
    words = (process / "cmdline").read_bytes().split(b"\0")
    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
    return words[0].endswith(b"bwrap") and b"--block-fd" in words and parent == "1"


def of(events: Events, task: str, *kinds: type[Fact]) -> list[Fact]:
    """The facts of these kinds about the task of this name, in order."""
    return [
        e.fact
        for e in events
        if e.stream.startswith("task/") and e.stream.endswith(f"-{task}")
        and (not kinds or isinstance(e.fact, kinds))
    ]  # fmt: skip


def facts(events: Events, *kinds: type[Fact]) -> list[Fact]:
    return [event.fact for event in events if isinstance(event.fact, kinds)]


def task(name: str, does: str, **more: object) -> dict[str, object]:
    return {"id": name, "title": f"Do {name}", "prompt": does, **more}


def writes(name: str, text: str = "done") -> str:
    return f"echo {text} >> {name}.txt"


@contextmanager
def place(folder: Path, name: str = "shop", check: str = "exit 0\n") -> Iterator[Place]:
    """A fresh repository with settings; at the end everybody who still works is killed."""
    for part in ("home", "signals"):
        (folder / part).mkdir(parents=True)
    stage = Place(folder, folder / name)
    stage.root.mkdir()
    stage.git("init", "-q", "-b", "main")
    stage.write({"app/a.py": "x = 1\n", "check.sh": check})
    stage.configure()
    try:
        yield stage
    finally:
        for _ in range(100):
            left = stage.processes(unborn_too=True)
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.05)
        for each in stage.started:
            each.process.wait(PATIENCE_SECONDS)
