"""Git: workspaces, collecting, trees, intake and the target, in both object formats."""

from pathlib import Path

import pytest

from interlock.testing.conformance.repositories import (
    CollectingSuite,
    Format,
    GitHouse,
    IntakeSuite,
    TargetSuite,
    TreesSuite,
    WorkspacesSuite,
)


@pytest.fixture(params=["sha1", "sha256"])
def kind(request: pytest.FixtureRequest) -> Format:
    return "sha256" if request.param == "sha256" else "sha1"


@pytest.fixture
def house(tmp_path: Path, kind: Format) -> GitHouse:
    return GitHouse(tmp_path, kind)


class TestGitWorkspaces(WorkspacesSuite):
    """The suite, on the fixture above."""


class TestCollectingFromGit(CollectingSuite):
    """The suite, on the fixture above."""


class TestGitTrees(TreesSuite):
    """The suite, on the fixture above."""


class TestGitIntake(IntakeSuite):
    """The suite, on the fixture above."""


class TestGitTarget(TargetSuite):
    """The suite, on the fixture above."""
