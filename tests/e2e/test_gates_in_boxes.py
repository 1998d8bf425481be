"""Real projects, real commits, real test runs in real boxes: gates that cannot be made to lie."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.files.blobs import FileBlobs
from interlock.adapters.files.verdicts import FileVerdicts
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.adapters.plain.sandbox import PlainSandbox
from interlock.adapters.system.clock import SystemClock
from interlock.domain.facts.change import Judgement
from interlock.domain.ids import CommitId
from interlock.domain.settings import GateSettings, SandboxSettings, Settings
from interlock.domain.verdict import GateOutcome
from interlock.engine.acts import Judged
from interlock.gates.change import ChangeFacts
from interlock.gates.order import GateOptions
from interlock.gates.service import GateParts, GateQuestion, Gates
from interlock.repository.ports import RepositoryPlace
from interlock.sandbox.ports import Mount, Sandbox
from tests.lent import LentCrew

pytestmark = pytest.mark.timeout(120)

PYTHON: Final = sys.executable
PYTEST: Final = f"{PYTHON} -m pytest -q -p no:cacheprovider -p no:randomly --junitxml={{report}}"
TESTS: Final = GateSettings("tests", PYTEST, "junit", timeout_minutes=1.0)

CART: Final = {
    "cart.py": "def total(prices):\n    return sum(prices)\n",
    "test_cart.py": (
        "from cart import total\n"
        "def test_total():\n    assert total([1, 2]) == 3\n"
        "def test_empty():\n    assert total([]) == 0\n"
    ),
}
BROKEN_CART: Final = {"cart.py": "def total(prices):\n    return sum(prices) + 1\n"}
GONE: Final = None


class NothingPrepared:
    """A project that needs nothing but what the machine has."""

    async def mounts(
        self, _settings: Settings, _commit: CommitId, _target: CommitId
    ) -> tuple[Mount, ...]:
        return ()

    async def key(self, _settings: Settings, _commit: CommitId) -> str:
        return "none"


class Project:
    """A repository with a target, and gates that judge changes of it."""

    def __init__(self, folder: Path, place: RepositoryPlace, sandbox: Sandbox) -> None:
        self.folder, self._store = folder, folder.parent / "store"
        self.scratch = folder.parent / "scratch"
        self.blobs = FileBlobs(self._store / "blobs")
        self.crew = LentCrew()
        self.parts = GateParts(
            sandbox=sandbox,
            workspaces=GitWorkspaces(place, self._store / "git"),
            trees=GitTrees(place, self._store / "git"),
            environments=NothingPrepared(),
            book=FileVerdicts(self._store / "verdicts"),
            blobs=self.blobs,
            clock=SystemClock(),
            slots=asyncio.Semaphore(2),
            crew=self.crew,
        )
        options = GateOptions(
            self.scratch,
            {"PATH": os.environ["PATH"]},
            hide=(self._store, self.folder),
            programs=(PYTHON,),
            constant_paths=sandbox.name != "none",
            memory_bytes=400_000_000,
        )
        self.gates = Gates(self.parts, options)
        self.target = CommitId("")

    @classmethod
    async def begin(
        cls, folder: Path, files: Mapping[str, str | None], sandbox: Sandbox | None = None
    ) -> "Project":
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        place = await GitRepositories().find(folder)
        assert isinstance(place, RepositoryPlace)
        project = cls(folder, place, sandbox or BubblewrapSandbox())
        project.target = project.commit(files)
        return project

    def commit(self, files: Mapping[str, str | None]) -> CommitId:
        """On top of the target; None: the file goes."""
        if self.target:
            git(self.folder, "checkout", "-q", "--detach", self.target)
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "change")
        return CommitId(git(self.folder, "rev-parse", "HEAD"))

    async def judge(
        self, files: Mapping[str, str | None], *gates: GateSettings, **change: object
    ) -> Judged:
        facts = ChangeFacts(**change)  # type: ignore[arg-type]
        settings = Settings(sandbox=SandboxSettings())
        question = GateQuestion(self.commit(files), self.target, gates or (TESTS,), settings, facts)
        async with self.crew.lent():
            judged = await self.gates.judge(question)
        assert list(self.scratch.iterdir()) == []
        return judged


def git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")}  # fmt: skip
    clean = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(folder)}
    done = subprocess.run(
        ["git", *words], cwd=folder, env=clean | who, check=True, capture_output=True, timeout=30
    )
    return done.stdout.decode().strip()


@pytest.fixture
async def project(tmp_path: Path) -> Project:
    return await Project.begin(tmp_path / "project", CART)


async def test_a_good_change_passes(project: Project) -> None:
    judged = await project.judge({"notes.md": "more\n"})
    assert judged.judgement is Judgement.PASSED, judged
    assert judged.detail == "tests: 2 tests passed"
    again = await project.judge({"notes.md": "more\n"})
    assert again.verdicts[0].reused


async def test_a_new_failure_is_named_with_its_reason(project: Project) -> None:
    judged = await project.judge(BROKEN_CART)
    assert judged.judgement is Judgement.FAILED
    assert (
        "2 tests fail that do not fail on the target: test_cart::test_empty (assert 1 == 0"
        in judged.detail
    )
    assert judged.log
    assert b"test_total" in await project.blobs.get(judged.log)


FORGED = '<testsuite name="pytest"><testcase classname="a" name="b"/></testsuite>'
FORGERY = (
    "import os, sys\n"
    "path = [word for word in sys.argv if 'junitxml' in word][0].partition('=')[2]\n"
    f"open(path, 'w').write({FORGED!r})\n"
    "os._exit(0)\n"
)
EATER = "blocks = []\nwhile True:\n    blocks.append(bytearray(50_000_000))\n"

LIES: Final[dict[str, tuple[Mapping[str, str | None], GateSettings, str]]] = {
    "the failing test is deleted": (
        BROKEN_CART | {"test_cart.py": "def test_nothing():\n    pass\n"},
        TESTS,
        "2 tests that ran on the target are gone",
    ),
    "the failing tests are skipped": (
        BROKEN_CART
        | {"test_cart.py": "import pytest\n" + CART["test_cart.py"].replace(
            "def test", "@pytest.mark.skip\ndef test")},
        TESTS,
        "nothing was executed: 2 tests, all skipped; on the target 2 tests ran",
    ),
    "the failing tests are expected to fail": (
        BROKEN_CART | {"conftest.py": "import pytest\ndef pytest_collection_modifyitems(items):\n"
                       "    items[0].add_marker(pytest.mark.xfail)\n"
                       "    items[1].add_marker(pytest.mark.xfail)\n"},
        TESTS,
        "all skipped",
    ),
    "all tests go": ({"test_cart.py": GONE}, TESTS, "nothing was executed"),
    "the suite writes its report itself": (
        BROKEN_CART | {"conftest.py": FORGERY}, TESTS, "are gone: test_cart::test_empty"
    ),
    "the exit code is forced to zero": (
        BROKEN_CART | {"conftest.py": "def pytest_sessionfinish(session):\n"
                       "    session.exitstatus = 0\n"},
        TESTS,
        "2 tests fail",
    ),
    "the suite dies before it reports": (
        {"conftest.py": "import os\nos._exit(0)\n"}, TESTS, "the report is missing"
    ),
    "the suite is killed": (
        {"conftest.py": "import os\nos.kill(os.getpid(), 11)\n"}, TESTS, "SIGSEGV"
    ),
    "the suite cannot be collected": (
        {"test_more.py": "import no_such_module\n"}, TESTS, "1 test fails that does not fail"
    ),
    "the suite hangs": (
        {"conftest.py": "import time\ntime.sleep(600)\n"},
        GateSettings("tests", PYTEST, "junit", timeout_minutes=0.1),
        "did not end within 6 seconds",
    ),
    "the report is cut": (
        {"Makefile": "cut"},
        GateSettings(
            "tests",
            f'{PYTEST}; code=$?; test -f Makefile && head -c 90 {{report}} > /tmp/x && '
            "cp /tmp/x {report}; exit $code",
            "junit",
        ),
        "not well-formed",
    ),
    "the candidate brings gates of its own": (
        BROKEN_CART | {"interlock.toml": '[gates.tests]\nrun = "true"\nreads = "exit-code"\n'},
        TESTS,
        "2 tests fail that do not fail on the target",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "gate", "says"), LIES.values(), ids=LIES.keys())
async def test_no_lie_passes(
    project: Project, files: Mapping[str, str | None], gate: GateSettings, says: str
) -> None:
    judged = await project.judge(files, gate)
    assert judged.judgement is Judgement.FAILED, judged
    assert judged.verdicts[0].outcome is not GateOutcome.PASSED
    assert says in judged.detail


async def test_a_suite_that_eats_all_memory_is_ended(project: Project) -> None:
    """Where no control group can be made nothing limits memory, which the box says of itself."""
    promises = await project.parts.sandbox.probe()
    short = GateSettings("tests", PYTEST, "junit", timeout_minutes=0.5)
    files = {"conftest.py": EATER} if promises.limits_memory else {"conftest.py": "os.kill(1)"}
    judged = await project.judge(files, short)
    assert judged.judgement is Judgement.FAILED
    assert judged.verdicts[0].outcome is GateOutcome.ERROR
    assert ("too much memory" in judged.detail) is promises.limits_memory, judged.detail


async def test_a_tool_that_nobody_has_is_nobodys_fault(project: Project) -> None:
    gate = GateSettings("tests", "no-such-tool --junitxml={report}", "junit")
    judged = await project.judge({"notes.md": "more\n"}, gate)
    assert judged.judgement is Judgement.ERROR
    assert "exit code 127: a program of its command is missing in the box" in judged.detail
    assert "no-such-tool" in judged.detail


async def test_tests_may_go_where_the_task_says_so(project: Project) -> None:
    fewer = {"test_cart.py": CART["test_cart.py"].partition("def test_empty")[0]}
    assert (await project.judge(fewer)).judgement is Judgement.FAILED
    assert (await project.judge(fewer, tests_may_go=True)).judgement is Judgement.PASSED


async def test_old_failures_do_not_fail_a_change_and_new_ones_do(tmp_path: Path) -> None:
    red = CART | {"test_old.py": "def test_old():\n    assert 'old' == 'new'\n"}
    project = await Project.begin(tmp_path / "project", red)
    fine = await project.judge({"notes.md": "more\n"})
    assert fine.judgement is Judgement.PASSED, fine
    assert "1 test fails that fails on the target, too: test_old::test_old" in fine.detail
    worse = await project.judge(BROKEN_CART)
    assert worse.judgement is Judgement.FAILED
    assert "2 tests fail that do not fail on the target: test_cart" in worse.detail
    mended = await project.judge({"test_old.py": "def test_old():\n    pass\n"})
    assert (mended.judgement, mended.detail) == (Judgement.PASSED, "tests: 3 tests passed")


async def test_without_a_box_the_same_holds_also_in_a_folder_with_a_space(tmp_path: Path) -> None:
    project = await Project.begin(tmp_path / "my work" / "project", CART, PlainSandbox())
    fine = await project.judge({"notes.md": "more\n"})
    assert fine.judgement is Judgement.PASSED, fine
    worse = await project.judge(BROKEN_CART)
    assert worse.judgement is Judgement.FAILED
    assert "2 tests fail that do not fail on the target" in worse.detail


async def test_a_check_that_is_red_on_the_target_too(tmp_path: Path) -> None:
    check = GateSettings("check", "test ! -e TODO", "exit-code")
    project = await Project.begin(tmp_path / "project", {"TODO": "x"})
    assert (await project.judge({"a": "b"}, check)).judgement is Judgement.TARGET_RED
    assert (await project.judge({"TODO": GONE}, check)).judgement is Judgement.PASSED


async def test_a_gate_sees_no_network_no_secret_and_no_repository(project: Project) -> None:
    """Whatever it can do, it does in its own workspace."""
    (project.folder / ".git" / "secret").write_text("s3cret")
    spy = (
        f"cat {project.folder}/.git/secret && echo SAW-REPOSITORY; env | grep -q TOKEN && echo "
        f"SAW-TOKEN; {PYTHON} -c \"import socket; socket.create_connection(('1.1.1.1', 53), 2)\" "
        "&& echo SAW-NETWORK; touch /usr/x && echo WROTE; echo done"
    )
    judged = await project.judge({"a": "b"}, GateSettings("spy", spy, "exit-code"))
    (verdict,) = judged.verdicts
    assert verdict.log
    log = (await project.blobs.get(verdict.log)).decode()
    assert "done" in log
    for leak in ("s3cret", "SAW-", "WROTE"):
        assert leak not in log
    assert judged.judgement is Judgement.PASSED


async def test_what_a_gate_leaves_behind_is_gone_even_if_it_resists(project: Project) -> None:
    mess = "mkdir -p a/b $HOME/c && touch a/b/x && chmod 000 a/b a $HOME/c"
    judged = await project.judge({"z": "z"}, GateSettings("mess", mess, "exit-code"))
    assert judged.judgement is Judgement.PASSED


async def test_cancelling_ends_the_box(project: Project) -> None:
    hang = GateSettings("hang", "touch began; sleep 600", "exit-code")
    candidate = project.commit({"a": "b"})
    question = GateQuestion(candidate, project.target, (hang,), Settings())
    async with asyncio.timeout(20), project.crew.lent(), asyncio.TaskGroup() as group:
        asked = group.create_task(project.gates.judge(question))
        while not list(project.scratch.glob("gate-*/workspace/began")):  # noqa: ASYNC110 - no bell
            await asyncio.sleep(0.01)
        asked.cancel()
    assert asked.cancelled()
    assert list(project.scratch.iterdir()) == []
    assert await project.parts.trees.pins("gates/") == {}
