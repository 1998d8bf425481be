"""The shipped demo, as a person sees it in a pipe, and as a program reads it."""

from pathlib import Path

from tests.e2e.test_cli import ROOT, interlock


def test_the_demo_ends_as_told_and_leaves_a_store_that_proves_it(tmp_path: Path):
    said = interlock(tmp_path, "demo", "--json", TMPDIR=str(tmp_path))
    assert (said.code, said.err) == (0, "")
    report = said.document
    assert report["as_told"] is True
    assert report["simulated"].startswith("simulated:")
    assert report["minutes"] == {
        "run": 375.0,
        "sequential": 540.0,
        "forecast": 375.0,
        "saved_percent": 30.6,
    }
    assert [(stage["state"], stage["attempts"]) for stage in report["stages"]] == [("done", 1)] * 11
    kill = report["kill"]
    assert kill["under_way"] == ["backend", "frontend"]
    assert (kill["events_lost"], kill["attempts_lost"], kill["minutes_lost"]) == (0, 0, 0.0)
    for command in report["next"]:
        assert interlock(tmp_path, *command.split()[1:]).code == 0, command
    store = report["store"]
    assert Path(store).is_relative_to(tmp_path)
    audit = interlock(tmp_path, "audit", "verify", "--json", "--store", store).document
    assert audit == report["audit"]
    status = interlock(tmp_path, "status", "--json", "--store", store).document
    assert {task["state"] for task in status["tasks"]} == {"done"}


def test_in_a_pipe_it_is_told_line_by_line_and_labelled(tmp_path: Path):
    said = interlock(tmp_path, "demo", "--fast", TMPDIR=str(tmp_path))
    assert said.code == 0
    lines = said.out.splitlines()
    assert "SIMULATED" in lines[0]
    assert any("KILLED" in line for line in lines)
    assert any("375 min; one after another 540 min; 30.6 % saved" in line for line in lines)
    assert "\x1b" not in said.out


def test_the_shipped_workflow_is_the_one_among_the_examples():
    shipped = ROOT / "src" / "interlock" / "demo" / "workflow.yaml"
    assert shipped.read_bytes() == (ROOT / "examples" / "workflow.yaml").read_bytes()
