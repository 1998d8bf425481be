"""Real history run as a plan: everything lands once, and the target never gets worse."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from interlock.testing.replaying.gits import environment
from interlock.testing.replaying.judging import look
from interlock.testing.replaying.plans import Order
from interlock.testing.replaying.playing import play
from interlock.testing.replaying.proving import Prover
from interlock.testing.replaying.rehearsal import Rehearsal
from interlock.testing.replaying.yards import Wish

BUNDLE = Path(__file__).with_name("history.bundle")
FOUR_COMMITS = "1e51e44^..2abe2f6"
COMPILES = f"{sys.executable} -m compileall -q -f src/interlock/engine"
PYTEST = f"{sys.executable} -m pytest -q -p no:cacheprovider --junitxml={{report}} tests"

pytestmark = pytest.mark.timeout(120)

Files = Mapping[str, str | None]

FIRST: Files = {
    "shop/__init__.py": "",
    "shop/prices.py": "def net(gross):\n    return gross / 2\n",
    "tests/test_old.py": "def test_nobody_mended_this_yet():\n    assert False\n",
    "tests/test_net.py": "import shop.prices as p\n\ndef test_net():\n    assert p.net(4) == 2\n",
}
COMMITS: tuple[tuple[str, Files], ...] = (
    ("Taxes", {
        "shop/taxes.py": "RATE = 19\n",
        "tests/test_taxes.py": "import shop.taxes as t\n\ndef test_rate():\n    assert t.RATE\n",
    }),
    ("Gross prices need taxes", {
        "shop/gross.py": "import shop.taxes\n\nGROSS = 1 + shop.taxes.RATE\n",
        "tests/test_gross.py": "import shop.gross as g\n\ndef test_gross():\n    assert g.GROSS\n",
    }),
    ("A test that nothing satisfies yet", {
        "tests/test_name.py": "import shop.name\n\ndef test_name():\n    assert shop.name.NAME\n",
    }),
    ("What it wanted", {"shop/name.py": "NAME = 'shop'\n"}),
    ("Net prices go", {"shop/prices.py": None, "tests/test_net.py": None}),
)  # fmt: skip


def git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=root, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path, title: str, files: Files) -> None:
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", title)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project whose suite fails in part from the first commit on."""
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, "First", FIRST)
    for title, files in COMMITS:
        commit(root, title, files)
    return root


@pytest.mark.parametrize("order", ["linear", "blind"])
def test_our_own_history_lands_as_it_was(tmp_path: Path, order: Order):
    rehearsal = Rehearsal(tmp_path / "yard", BUNDLE, FOUR_COMMITS, Wish(COMPILES))
    outcome = rehearsal.run(order)
    assert len(rehearsal.steps) == 4
    assert outcome.played.report.state == "completed"
    assert len(outcome.played.landed) == 4
    assert outcome.findings.wrong == ()
    assert outcome.findings.same_tree is True


@pytest.mark.parametrize("order", ["overlap", "blind"])
def test_a_suite_that_fails_in_part_does_not_stop_what_makes_nothing_worse(
    tmp_path: Path, shop: Path, order: Order
):
    before = git(shop, "status", "--porcelain"), git(shop, "for-each-ref")
    rehearsal = Rehearsal(tmp_path / "yard", shop, "HEAD~5..HEAD", Wish(PYTEST))
    assert [len(step.commits) for step in rehearsal.steps] == [1, 1, 2, 1]
    assert [step.tests_may_go for step in rehearsal.steps] == [False, False, False, True]
    outcome = rehearsal.run(order)
    assert len(outcome.played.landed) == 4
    assert outcome.findings.wrong == ()
    assert outcome.findings.same_tree is True
    assert (git(shop, "status", "--porcelain"), git(shop, "for-each-ref")) == before


def test_what_does_not_fit_yet_comes_back_and_lands_later(tmp_path: Path, shop: Path):
    """One worker takes the plan from its top, where the last step stands: its need is below."""
    rehearsal = Rehearsal(tmp_path / "yard", shop, "HEAD~5..HEAD~3", Wish(PYTEST, workers=1))
    taxes, gross = rehearsal.steps
    root = rehearsal.yard.repository("backwards", rehearsal.base)
    plan = rehearsal.yard.furnish(root, (gross, taxes), "blind", rehearsal.wish)
    played = play(root, plan, 60)
    needy, needed = played.report.tasks
    assert needed.attempts == 1
    assert needy.attempts >= 2
    assert played.report.metrics.reworks == needy.attempts - 1
    assert needed.commit == git(root, "rev-parse", "main~1")
    assert needy.commit == git(root, "rev-parse", "main")


def test_the_judge_sees_a_red_a_foreign_and_a_doubled_commit(tmp_path: Path, shop: Path):
    rehearsal = Rehearsal(tmp_path / "yard", shop, "HEAD~5..HEAD~4", Wish(PYTEST))
    outcome = rehearsal.run("linear")
    assert outcome.findings.wrong == ()
    root = rehearsal.yard.folder / "linear"
    message = git(root, "log", "-1", "--format=%B")
    git(root, "reset", "-q", "--hard")
    commit(root, message, {"tests/test_red.py": "def test_red():\n    assert False\n"})
    commit(root, "Foreign", {"shop/prices.py": "def net(gross):\n    return gross / 4\n"})
    prover = Prover(tmp_path / "proving", rehearsal.yard.objects, PYTEST)
    findings = look(root, rehearsal.base, rehearsal.steps, outcome.played, prover)
    assert len(findings.red) == 2
    assert "landed 2 times" in " ".join(findings.twice)
    assert "1 commits on the target name no task" in " ".join(findings.twice)
    assert findings.same_tree is False
