"""The commands that look back: words in, text or one document out."""

import json
from pathlib import Path

import pytest

from interlock.control.errors import NoHistory, WrongUsage
from interlock.domain.facts.task import TaskHeld
from interlock.domain.facts.worker import WorkerWentOffline
from interlock.domain.ids import CommitId, WorkerId
from interlock.interfaces.cli.main import run
from interlock.repository.ports import BlamedLine
from tests.unit.control.tales import BEGIN, RUN, Tale, task
from tests.unit.interfaces.desk_of_tales import doors_of

LANDED = CommitId("e" * 40)
TITLE = "Make \x1b[31mthe table"


def a_tale() -> Tale:
    tale = Tale()
    tale.asks()
    tale.joins("roy")
    tale.begins(task("table", TITLE), task("page"))
    tale.does("roy", "table", 13, LANDED)
    tale.wait(7)
    tale.of("page", TaskHeld("is it needed?"))
    return tale


def blamed(commit: CommitId, message: str = "Make it\n") -> BlamedLine:
    return BlamedLine(commit, "id = \x1b[2J1", "roy", BEGIN, message)


def test_the_report_is_printed_written_or_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    doors = doors_of(a_tale(), tmp_path)
    assert run(["report"], doors) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Log in\n")
    assert "\x1b" not in text

    file = tmp_path / "REPORT.md"
    assert run(["report", RUN, "--json", "--markdown", str(file)], doors) == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert (document["run"], document["target"]["head"]) == (RUN, "9" * 40)
    assert document["audit"].startswith(f"{len(a_tale().events)}:")
    assert file.read_text() == text
    assert output.err == f"Wrote {file}\n"


def test_the_journal_is_written_below_the_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["report", "--journal", "--json"], doors_of(a_tale(), tmp_path)) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert written
    assert all(Path(path).is_relative_to(tmp_path / ".interlock" / "logs") for path in written)
    assert "\x1b" not in "".join(Path(path).read_text() for path in written)


def test_a_run_that_is_not_there_is_wrong_usage(tmp_path: Path):
    with pytest.raises(WrongUsage, match="no run is called"):
        run(["report", "nonsense"], doors_of(a_tale(), tmp_path))
    with pytest.raises(NoHistory):
        run(["report"], doors_of(None, tmp_path))


# --- why ------------------------------------------------------------------------------------------


def test_a_landed_line_is_told_back_to_its_goal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    doors = doors_of(a_tale(), tmp_path, blamed(LANDED))
    assert run(["why", "app.py:3"], doors) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    for line in (
        "line      app.py:3 on main",
        "goal      Log in",
        "run       r1, asked for by person:ana",
        "task      table: Make  [31mthe table",
        "agent     default, worker roy",
        "attempt   1 changed",
        "gate      tests passed",
        "approved  nobody had to; its gates passed",
    ):
        assert line in text.splitlines()
    assert run(["why", "app.py", "--json"], doors) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["origin"], document["task"], document["line"]) == ("landed", "table", None)


def test_the_head_that_a_commit_names_must_be_part_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert run(["report", "--json"], doors_of(a_tale(), tmp_path)) == 0
    real = json.loads(capsys.readouterr().out)["audit"]
    position = real.partition(":")[0]
    for head, holds in (
        (real, True),
        (f"{position}:{'0' * 64}", False),
        (f"9999:{'0' * 64}", False),
        (f"0:{'0' * 64}", False),
        ("nonsense", False),
    ):
        line = blamed(LANDED, f"Make it\n\nInterlock-Task: table\nInterlock-Audit: {head}\n")
        assert run(["why", "app.py:3"], doors_of(a_tale(), tmp_path, line)) == 0
        text = capsys.readouterr().out
        assert f"audit     {head} is {'' if holds else 'NOT PART'}".rstrip() in text
        assert ("is part of this log" in text) is holds


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("By hand\n", "this line was not landed by Interlock"),
        ("x\n\nInterlock-Task: table\n", "but this history has no such landing"),
    ],
)
def test_a_line_of_somebody_else_is_told_as_such(
    message: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    line = blamed(CommitId("5" * 40), message)
    for tale in (a_tale(), None):  # with a history and without any
        assert run(["why", "app.py:3"], doors_of(tale, tmp_path, line)) == 0
        text = capsys.readouterr().out
        assert "commit    5555555555" in text
        assert told in text
        assert "goal" not in text


def test_a_store_without_its_repository_has_no_lines(tmp_path: Path):
    import msgspec

    doors = doors_of(a_tale(), tmp_path)
    desk = doors.open_desk(None)
    desk._with = msgspec.structs.replace(desk._with, open_sight=None)
    with pytest.raises(WrongUsage, match="lines stand in a repository"):
        run(["why", "app.py"], doors._replace(open_desk=lambda _: desk))


# --- health and watch -----------------------------------------------------------------------------


def test_health_is_a_few_lines_with_a_sign_where_somebody_should_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["health"], doors_of(a_tale(), tmp_path)) == 0
    assert (
        capsys.readouterr().out
        == """\
✓ Worker Registry: 1 active, 0 stale
✓ Task Queue: 0 backlog, 0 in progress, 0 review
⚠ Waiting for a person: 1 task
· File Locks: not tracked yet
✓ Conflict Rate: 0 % (0 conflicts / 1 task)
⚠ Worker Utilization: 65 % (below the target of 70 %)
✓ Waiting longest: Page (page, awaiting_review) for 0 min, for a person (review): is it needed?
"""
    )


def test_a_stale_worker_is_a_warning_and_json_is_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    tale = a_tale()
    tale.record("worker/roy", WorkerWentOffline(WorkerId("roy"), "silence"))
    assert run(["health"], doors_of(tale, tmp_path)) == 0
    assert "✓ Worker Registry: 0 active, 1 stale" in capsys.readouterr().out
    tale.begins(task("more"), run="r2")
    doors = doors_of(tale, tmp_path)
    assert run(["health"], doors) == 0
    assert "⚠ Worker Registry: 0 active, 1 stale" in capsys.readouterr().out
    assert run(["health", "--json"], doors) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["locks"] is None
    assert document["utilization"]["below_target"] is True


def test_in_a_pipe_the_board_is_printed_once_and_plain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["watch"], doors_of(a_tale(), tmp_path)) == 0
    text = capsys.readouterr().out
    assert text.startswith("AUTONOMOUS TEAMS STATUS\n")
    assert "\x1b" not in text
    assert "  [MED] Page  Waiting 0 min\n" in text
    assert run(["watch", "--json"], doors_of(a_tale(), tmp_path)) == 0
    assert json.loads(capsys.readouterr().out)["teams"][0]["percent"] == 100


def test_where_nothing_ran_health_and_watch_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["watch"], doors_of(None, tmp_path)) == 0
    assert "Nothing has run here yet" in capsys.readouterr().out
    assert run(["health"], doors_of(None, tmp_path)) == 0
    assert "not known" in capsys.readouterr().out
