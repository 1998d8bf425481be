"""The journal: pages from facts, written where they may be deleted, never through a link."""

from pathlib import Path

import pytest

from interlock.control.errors import WrongUsage
from interlock.control.journal import Moment, file_name, journal_pages, write_journal
from interlock.domain.facts.change import Judgement
from interlock.domain.facts.task import TaskFailed, TaskRetried
from interlock.domain.facts.worker import WorkerWentOffline
from interlock.domain.ids import WorkerId
from interlock.domain.result import Outcome
from tests.unit.control.tales import ANA, BEGIN, RUN, Tale, task

DAY = "2026-01-05.md"


def moment(tale: Tale) -> Moment:
    return Moment(tale.now, BEGIN.tzinfo)


def pages(tale: Tale) -> dict[str, str]:
    return {str(name): text for name, text in journal_pages(tale.chronicle(), moment(tale)).items()}


def a_day() -> Tale:
    tale = Tale()
    tale.joins("human-ada", kind="human", skills=("sql",))
    tale.joins("codegen-1")
    tale.joins("review-1")
    tale.begins(
        task("phase-1", "Phase 1", estimate_minutes=60.0),
        task("phase-2", "Phase 2", estimate_minutes=45.0),
        task("research", "Research"),
        task("clash", "Clash"),
    )
    tale.does("codegen-1", "phase-1", 60, commit="1" * 40)
    tale.takes("codegen-1", "phase-2", simulated=True)
    tale.takes("human-ada", "clash")
    tale.wait(30)
    tale.comes("phase-2", 80)
    tale.finishes("clash")
    tale.judged("clash", how=Judgement.CONFLICT, detail="app.py was changed on both sides")
    tale.record("worker/review-1", WorkerWentOffline(WorkerId("review-1"), "goodbye"))
    return tale


def test_the_day_is_summed_up():
    assert (
        pages(a_day())[DAY]
        == """\
# Parallel Work Summary — 2026-01-05

## Active Workers (1)

- codegen-1 (agent): Phase 2 (`phase-2`) (45 min, 80 % complete)

## Completed Today (1)

- Phase 1 (`phase-1`) (codegen-1) — 1 h 00 min

## Conflicts Detected (1)

- Clash (`clash`): app.py was changed on both sides

## File Locks

not tracked yet

## System Health

- Task Queue: 3 pending, 0 waiting for a person
- Worker Registry: 2 active, 1 offline
- Average Task Duration: 1 h 00 min
- Conflict Rate: 33 %
"""
    )


def test_a_day_on_which_nothing_happened_is_empty_not_wrong():
    tale = a_day()
    tale.wait(48 * 60)
    text = pages(tale)["2026-01-07.md"]
    assert "## Completed Today (0)\n\nnone" in text
    assert "## Conflicts Detected (0)\n\nnone" in text
    assert "- Average Task Duration: nothing was completed today" in text


def test_each_task_and_each_worker_has_a_page():
    tale = a_day()
    found = pages(tale)
    assert set(found) == {
        DAY,
        *(f"tasks/{RUN}-{name}.md" for name in ("phase-1", "phase-2", "research", "clash")),
        *(f"workers/{name}.md" for name in ("human-ada", "codegen-1", "review-1")),
    }
    landed = found[f"tasks/{RUN}-phase-1.md"]
    assert "- 2026-01-05 09:00 attempt 1 by codegen-1: changed, 1 h 00 min" in landed
    assert "Landed 2026-01-05 10:00, as `1111111111`." in landed
    assert "attempt 1 by codegen-1: still runs, simulated" in found[f"tasks/{RUN}-phase-2.md"]
    worker = found["workers/codegen-1.md"]
    assert worker.index("Phase 1") < worker.index("Phase 2")
    assert "Skills: sql." in found["workers/human-ada.md"]
    assert "review-1 is a worker (agent), offline" in found["workers/review-1.md"]


def test_why_an_attempt_failed_and_what_a_person_decided_stand_on_the_page():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("a"))
    tale.takes("roy", "a")
    tale.finishes("a", Outcome.FAILED, "no idea\n## Not a heading")
    tale.of("a", TaskFailed("3 attempts failed"))
    tale.of("a", TaskRetried("now it knows"), actor=ANA)
    text = pages(tale)[f"tasks/{RUN}-a.md"]
    assert "\n      no idea\n      ## Not a heading\n" in text
    assert "- 2026-01-05 09:00 person:ana retried now it knows" in text


# --- files ----------------------------------------------------------------------------------------


def test_the_pages_are_written_and_written_again(tmp_path: Path):
    tale = a_day()
    first = write_journal(tale.chronicle(), moment(tale), tmp_path)
    folder = tmp_path / ".interlock" / "logs"
    assert first[0] == folder / DAY
    assert len(first) == 8
    tale.wait(1)
    tale.comes("phase-2", 90)
    write_journal(tale.chronicle(), moment(tale), tmp_path)
    assert "90 % complete" in (folder / DAY).read_text()
    assert sorted(p for p in folder.rglob("*") if p.is_file()) == sorted(first)


@pytest.mark.parametrize("link", [".interlock", ".interlock/logs", ".interlock/logs/tasks"])
def test_a_link_on_the_way_is_not_followed(tmp_path: Path, link: str):
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "repo"
    elsewhere.mkdir()
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(elsewhere)
    tale = a_day()
    with pytest.raises(WrongUsage, match="is a link, and the journal follows none"):
        write_journal(tale.chronicle(), moment(tale), root)
    assert list(elsewhere.iterdir()) == []


def test_a_page_that_is_a_link_is_not_written_through(tmp_path: Path):
    target = tmp_path / "precious"
    target.write_text("keep")
    folder = tmp_path / ".interlock" / "logs"
    folder.mkdir(parents=True)
    (folder / DAY).symlink_to(target)
    tale = a_day()
    with pytest.raises(WrongUsage, match="is a link"):
        write_journal(tale.chronicle(), moment(tale), tmp_path)
    assert target.read_text() == "keep"


@pytest.mark.parametrize("identity", ["../../etc/passwd", "..", ".hidden", "a/b", "x" * 300, "é\n"])
def test_an_identity_that_is_no_harmless_name_becomes_one(identity: str):
    name = file_name(identity)
    assert name != identity
    assert not set("/\\\n.") & set(name)
    assert len(name) < 100
    assert file_name(identity) == name


def test_different_identities_never_share_a_page():
    names = [file_name(identity) for identity in ("a/b", "a\\b", "a_b", "a b", "a-b")]
    assert len(set(names)) == len(names)
