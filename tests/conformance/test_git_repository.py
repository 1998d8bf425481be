"""Git: workspaces, collecting, trees, intake and the target, in both object formats.

What a plane asks most runs twice: each question a git of its own, and gits that stay.
"""

from pathlib import Path

import pytest

from interlock.testing.conformance.collecting import CollectingSuite
from interlock.testing.conformance.intake import IntakeSuite
from interlock.testing.conformance.repositories import Format, GitHouse
from interlock.testing.conformance.targets import TargetSuite
from interlock.testing.conformance.trees import TreesSuite
from interlock.testing.conformance.workspaces import WorkspacesSuite


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


class _Staying:
    """Gits that stay."""

    @pytest.fixture
    def house(self, tmp_path: Path, kind: Format) -> GitHouse:
        return GitHouse(tmp_path, kind, stay=True)


class TestTreesOfGitsThatStay(_Staying, TreesSuite):
    """The suite, on that fixture."""


class TestIntakeOfGitsThatStay(_Staying, IntakeSuite):
    """The suite, on that fixture."""


class TestTargetOfGitsThatStay(_Staying, TargetSuite):
    """The suite, on that fixture."""
