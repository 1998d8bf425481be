"""The repository of the demo: its plan, its script and its settings belong together."""

from collections import Counter
from pathlib import Path

from interlock.config import read_settings
from interlock.control.ground import objections
from interlock.demo.board import sureness
from interlock.demo.main import shipped_plan
from interlock.demo.project import PLAN, SCRIPT, shipped, shop_files, without_pauses
from interlock.workers.agents.script import Script, Sleep, read_script


def script_of(text: str) -> Script:
    return read_script(text, SCRIPT)


def without_sleep(script: Script) -> dict[str, list[list[object]]]:
    return {
        task: [[step for step in steps if not isinstance(step, Sleep)] for steps in attempts]
        for task, attempts in script.tasks.items()
    }


def test_ten_tasks_are_sure_three_less_and_two_not_at_all():
    tasks = shipped_plan().tasks
    assert Counter(sureness(task.confidence) for task in tasks) == {
        "high": 10,
        "medium": 3,
        "low": 2,
    }


def test_every_task_has_its_script_and_no_other_has():
    assert script_of(shipped(SCRIPT)).tasks.keys() == {task.id for task in shipped_plan().tasks}


def test_fast_means_less_sleep_and_the_same_work():
    slow, fast = script_of(shipped(SCRIPT)), script_of(without_pauses(shipped(SCRIPT)))
    assert without_sleep(slow) == without_sleep(fast)
    slept = [
        step.seconds
        for attempts in fast.tasks.values()
        for steps in attempts
        for step in steps
        if isinstance(step, Sleep)
    ]
    assert sum(slept) <= 3


def test_scripts_write_only_what_their_tasks_name():
    script = script_of(shipped(SCRIPT))
    for task in shipped_plan().tasks:
        for steps in script.tasks[task.id]:
            paths = {path for step in steps if (path := getattr(step, "path", None))}
            assert paths <= set(task.files), task.id


def test_the_settings_run_this_plan(tmp_path: Path):
    for name, text in shop_files("python3", None, fast=True).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    settings = read_settings(tmp_path)
    assert not list(objections(shipped_plan(), settings))
    assert settings.sandbox.minimum is None
    assert {agent.backend for agent in settings.agents or ()} == {"scripted"}
    assert all(gate.run.startswith("python3 tools/") for gate in settings.gates or ())
    assert (tmp_path / PLAN).read_text() == shipped(PLAN)


def test_without_any_box_the_settings_say_so(tmp_path: Path):
    settings = shop_files("python3", "none", fast=True)["interlock.toml"]
    (tmp_path / "interlock.toml").write_text(settings)
    assert read_settings(tmp_path).sandbox.minimum == "none"
