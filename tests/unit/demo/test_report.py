"""The report at the end: what came of it, in whatever way it ended."""

import shlex
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.bootstrap.demo import program_of
from interlock.control.run_document import RunReport
from interlock.demo.main import without_box
from interlock.demo.props import Found
from interlock.demo.report import Place, look_commands, mend_commands, report_lines
from interlock.demo.screen import painted
from interlock.demo.story import departures
from tests.unit.demo.documents import task, told, with_task

PLACE = Place(Path("/tmp/interlock-demo-x"), "interlock")


def text(report: RunReport, place: Place = PLACE, width: int = 80) -> str:
    return "\n".join(painted(line, colour=False) for line in report_lines(report, place, width))


def flat(said: str) -> str:
    return " ".join(said.split())


def test_it_tells_what_landed_came_back_and_waits():
    said = flat(text(told()))
    assert "landed 13 of 15 tasks on main, each proved by style and tests" in said
    assert "came back coupons tests: 1 test fails" in said
    assert "It landed with attempt 2." in said
    assert "waits payments for a person to retry or cancel it" in said
    assert "fraud for payments" in said
    assert "26 s; one after another 130 s, so 5.0x faster" in said
    assert "simulated, they played a script" in said
    assert "each in a bubblewrap box" in said
    assert "did not end as told" not in said


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_but_a_command_is_wider_than_the_screen(width: int):
    lines = text(told(), width=width).splitlines()
    assert all(len(line) <= width for line in lines if not line.startswith("  interlock"))


def test_a_story_that_ended_otherwise_says_in_what():
    stuck = with_task(told(), task("cart", "failed", 3, "a person: the gate could not run"))
    lucky = with_task(told(), task("payments"))
    assert list(departures(told())) == []
    assert list(departures(stuck)) == [
        "cart should be landed and is failed: a person: the gate could not run"
    ]
    assert "payments should be failed and is landed" in next(departures(lucky))
    assert "This did not end as told:" in text(stuck)


def test_nobody_is_told_to_mend_what_has_landed():
    lucky = with_task(told(), task("payments"))
    assert "task retry" in text(told())
    assert "task retry" not in text(lucky)


def test_without_a_box_nothing_says_that_there_was_one():
    said = flat(text(replace(told(), boxes=("none",))))
    assert "WITHOUT A BOX" in said
    assert "bubblewrap" not in said


def test_slower_than_one_by_one_is_not_called_faster():
    metrics = replace(told().metrics, parallel_efficiency=0.7)
    assert "faster" not in text(replace(told(), metrics=metrics))


def test_commands_survive_a_folder_with_a_space():
    place = Place(Path("/tmp/my demos/x"), "interlock")
    assert shlex.split(look_commands(place)[0]) == ["cd", "/tmp/my demos/x"]
    assert shlex.split(mend_commands(place)[0])[:4] == ["interlock", "task", "retry", "payments"]


def test_a_machine_without_boxes_is_told_loudly_and_why():
    said = without_box(Found("none", "No box starts here (bubblewrap: no user namespaces)."))
    assert "bubblewrap: no user namespaces" in said
    assert "WITHOUT A BOX" in said
    assert "interlock doctor" in said


def test_the_program_is_called_by_a_path_that_works_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    venv = tmp_path / "my venv" / "bin"
    venv.mkdir(parents=True)
    monkeypatch.setenv("PATH", "/nowhere")
    (venv / "python").touch(mode=0o755)
    bare = program_of("-c", str(venv / "python"))
    assert shlex.split(bare)[:2] == [str(venv / "python"), "-c"]
    (venv / "interlock").touch(mode=0o755)
    assert shlex.split(program_of("-c", str(venv / "python"))) == [str(venv / "interlock")]
    monkeypatch.chdir(venv.parent)
    assert shlex.split(program_of("bin/interlock", "python")) == [str(venv / "interlock")]
    monkeypatch.setenv("PATH", str(venv))
    assert program_of(str(venv / "interlock"), str(venv / "python")) == "interlock"
