"""What an adversary and a careless person broke once: each story fails without its mend."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.merging.proof import violations
from tests.e2e.run_stage import Place, of, place, task, writes

pytestmark = pytest.mark.timeout(120)

LONG = "a-folder-whose-name-makes-the-list-of-all-files-too-long-for-any-message"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        yield stage


class Walked(dict[str, tuple[str, str] | None]):
    """A side of a merge that counts how often somebody goes through all of it."""

    walks = 0

    def items(self):
        self.walks += 1
        return super().items()


def test_the_proof_of_a_merge_does_not_ask_all_paths_about_each():
    """For a change to a hundred thousand paths the plane stood still for ten minutes."""
    change = Walked({f"many/{number}": ("100644", str(number)) for number in range(300)})

    assert violations({}, change, dict(change), frozenset(change)) == ()

    assert change.walks <= 2


def test_a_change_to_very_many_files_lands_and_costs_no_worker(shop: Place):
    """All of their names once went into one message, which ended the worker that wrote it."""
    makes = f"mkdir -p {LONG}; cd {LONG}; seq 15000 | xargs touch"

    said = shop.run(shop.plan(task("many", makes)))

    assert said.states == {"many": "done"}
    assert said.task("many")["attempts"] == 1
    tree = shop.git("ls-tree", "-r", "--name-only", "main", LONG).splitlines()
    assert len(tree) == 15_000
    (finished,) = of(shop.events(), "many", AttemptFinished)
    assert 0 < len(finished.result.change.files) <= 1_000
    shop.demand_clean()


def test_an_agent_that_closes_its_workspace_behind_itself_has_worked_all_the_same(shop: Place):
    """No box could begin in the folder any more, five times in a row."""
    said = shop.run(shop.plan(task("shut", f"{writes('shut')}; chmod 000 .")))

    assert said.states == {"shut": "done"}
    assert said.task("shut")["attempts"] == 1
    shop.demand_clean()


def test_a_broken_settings_file_does_not_keep_anybody_from_stopping_a_run(shop: Place):
    """The history lies beside the repository, whatever the file says."""
    run = shop.begin("run", str(shop.plan(task("slow", shop.waits("never")))))
    shop.until_at_work("slow")
    shop.write({"interlock.toml": "this is [ not TOML\n"})

    stopped = shop.interlock("stop")

    assert stopped.code == 0, stopped.err
    assert run.end().code == 1
    assert "stopped" in shop.interlock("status").out
    begun = shop.interlock("run")
    assert begun.code == 2
    assert "interlock.toml:1" in begun.err
    assert len(of(shop.events(), "slow", AttemptStarted)) == 1
