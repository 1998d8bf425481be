"""Where a line comes from: the log decides, and a message that only claims is not believed."""

from pathlib import Path

import pytest

from interlock.control.errors import WrongUsage
from interlock.control.why import Sight, parse_place, path_in, provenance, trailers_of, why
from interlock.domain.facts.change import ChangeApproved
from interlock.domain.ids import CommitId
from interlock.repository.ports import BlamedLine, Carrier
from tests.unit.control.tales import ANA, BEGIN, RUN, Tale, passed, red, task

LANDED = CommitId("e" * 40)
OTHER = CommitId("5" * 40)
TRAILERS = "Interlock-Task: table\nInterlock-Run: r1\nInterlock-Agent: roy\nInterlock-Audit: 7:ab"
MESSAGE = f"Make the table\n\nAs planned.\n\n{TRAILERS}\n"


class Heads:
    """There is only `main`."""

    async def head_of(self, branch: str) -> CommitId | None:
        return CommitId("9" * 40) if branch == "main" else None


class Blames:
    """Answers with what it was given, and keeps what it was asked."""

    def __init__(self, answer: BlamedLine | None) -> None:
        self.answer, self.asked = answer, None

    async def blame(self, branch: str, path: str, line: int | None) -> BlamedLine | None:
        self.asked = (branch, path, line)
        return self.answer


def blamed(commit: CommitId = LANDED, message: str = MESSAGE, carrier: Carrier | None = None):
    return BlamedLine(commit, "id = Column()", "roy", BEGIN, message, carrier)


def landed() -> Tale:
    """Refused by a gate once, held, approved by Ana, landed."""
    tale = Tale()
    tale.asks()
    tale.joins("roy")
    tale.begins(task("table", "Make the table"), goal="Log in")
    tale.takes("roy", "table")
    tale.wait(2)
    tale.finishes("table")
    tale.judged("table", passed("lint"), passed(), held="it touches the settings")
    tale.of("table", ChangeApproved(1, "fine"), actor=ANA)
    tale.lands("table", LANDED)
    return tale


def test_a_landed_line_leads_back_to_the_wish():
    found = provenance(landed().chronicle(), "main", ("app.py", 3), blamed())
    assert found.origin == "landed"
    assert (found.goal, found.run, found.asked_by) == ("Log in", RUN, "person:ana")
    assert (found.task, found.title, found.agent, found.worker) == (
        "table", "Make the table", "default", "roy",
    )  # fmt: skip
    assert [(gate.name, gate.outcome) for gate in found.gates] == [
        ("lint", "passed"), ("tests", "passed"),
    ]  # fmt: skip
    assert [(each.number, each.outcome) for each in found.attempts] == [(1, "changed")]
    assert (found.approved_by, found.landing) == ("person:ana", LANDED)
    assert found.trailers["Interlock-Audit"] == "7:ab"


def test_a_commit_that_came_with_a_merge_is_found_by_the_merge():
    carried = blamed(OTHER, "work in progress", Carrier(LANDED, MESSAGE))
    found = provenance(landed().chronicle(), "main", ("app.py", 3), carried)
    assert (found.origin, found.task, found.commit, found.landing) == (
        "landed", "table", OTHER, LANDED,
    )  # fmt: skip
    assert found.trailers["Interlock-Run"] == "r1"


def test_a_message_that_names_us_without_a_landing_is_only_a_claim():
    found = provenance(landed().chronicle(), "main", ("app.py", 3), blamed(OTHER))
    assert (found.origin, found.task, found.goal) == ("claimed", None, None)
    assert found.trailers["Interlock-Task"] == "table"


def test_a_line_of_somebody_else_says_so_with_its_commit():
    line = blamed(OTHER, "By hand\n")
    found = provenance(landed().chronicle(), "main", ("app.py", 3), line)
    assert (found.origin, found.commit, found.subject) == ("elsewhere", OTHER, "By hand")


def test_an_intent_is_no_landing():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table"))
    tale.takes("roy", "table")
    tale.finishes("table")
    tale.judged("table", red())
    found = provenance(tale.chronicle(), "main", ("app.py", 3), blamed())
    assert found.origin == "claimed"


async def test_the_line_is_asked_of_the_branch_that_runs_land_on():
    blames = Blames(blamed())
    sight = Sight(Path("/repo"), "topic", Heads(), blames)
    await why(landed().chronicle(), sight, "app.py", 3)
    assert blames.asked == ("main", "app.py", 3)
    await why(Tale().chronicle(), sight, "app.py", None)
    assert blames.asked == ("topic", "app.py", None)


async def test_a_line_that_is_not_there_is_a_sentence():
    sight = Sight(Path("/repo"), "main", Heads(), Blames(None))
    with pytest.raises(WrongUsage, match=r"no line 99 of app.py on main: what has not landed"):
        await why(landed().chronicle(), sight, "app.py", 99)


def test_trailers_are_read_from_the_last_paragraph_only():
    assert trailers_of("x\n\nInterlock-Task: fake\n\nInterlock-Task: real\nOther: y\n") == {
        "Interlock-Task": "real"
    }
    assert trailers_of("x\n\nInterlock-Task: fake\n\nthe end\n") == {}
    assert trailers_of("") == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("app.py", ("app.py", None)),
        ("app.py:12", ("app.py", 12)),
        ("a:b.py:7", ("a:b.py", 7)),
        ("odd:3:4", ("odd:3", 4)),
        ("a:", ("a:", None)),
    ],
)
def test_a_place_is_a_file_and_perhaps_a_line(text: str, place: tuple[str, int | None]):
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "app.py:0"])
def test_what_is_no_place_is_refused(text: str):
    with pytest.raises(WrongUsage):
        parse_place(text)


def test_a_path_is_named_as_the_repository_knows_it(tmp_path: Path):
    root = tmp_path / "repo"
    (root / "app").mkdir(parents=True)
    (tmp_path / "way").symlink_to(root)
    (root / "link.py").symlink_to("app/models.py")
    assert path_in(root, root / "app", "models.py") == "app/models.py"
    assert path_in(root, root / "app", "../setup.py") == "setup.py"
    assert path_in(root, tmp_path, "way/app/models.py") == "app/models.py"
    assert path_in(root, root, "link.py") == "link.py"
    for outside in ("../x.py", "/etc/passwd", "."):
        with pytest.raises(WrongUsage, match="is not a file in the repository"):
            path_in(root, root, outside)
