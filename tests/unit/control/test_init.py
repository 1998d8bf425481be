"""`init` in a folder: it looks, tries, writes once, and never loses what was there."""

from pathlib import Path

import pytest

from interlock.config import read_settings
from interlock.control.errors import WrongUsage
from interlock.control.init import set_up
from interlock.repository.ports import NotARepository, RepositoryPlace
from tests.unit.control.instruments import FakeBoxes, Git, instruments

VERSION = ("python", "-m", "pytest", "--version")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_shop.py").write_text("def test_it(): ...\n")
    return tmp_path


def programs(*names: str):
    return lambda name: f"/usr/bin/{name}" if name in names else None


async def test_what_is_found_is_tried_and_written(project: Path):
    boxes = FakeBoxes("bubblewrap", works=(VERSION,))
    hidden: list[Path] = []

    async def hide(place: RepositoryPlace) -> None:
        hidden.append(place.root)

    tools = instruments(
        project,
        sandboxes=lambda: (boxes,),
        find_program=programs("python", "python3", "claude"),
        environment={"PATH": "/usr/bin", "ANTHROPIC_API_KEY": "x"},
        hide_folders=hide,
    )
    done = await set_up(tools, force=False)
    settings = read_settings(project)
    assert settings.path == done.path
    assert settings.gates is not None
    assert settings.gates[0].run == "python -m pytest -q --junitxml={report}"
    assert settings.sandbox.minimum == "bubblewrap"
    assert [(a.program, a.profile, a.key_is_set) for a in done.agents] == [
        ("claude", "default", True)
    ]
    assert done.languages == ("Python",)
    assert hidden == [project]
    assert all(order.hide == (project, project) for order in boxes.orders)
    assert "Check it with `interlock doctor`" in done.next_steps
    assert not any("ANTHROPIC" in step for step in done.next_steps)


async def test_what_is_left_to_do_is_said(tmp_path: Path):
    done = await set_up(instruments(tmp_path, find_program=programs("codex")), force=False)
    assert any(step.startswith("Add a [gates.tests]") for step in done.next_steps)
    assert any(step.startswith("Set OPENAI_API_KEY") for step in done.next_steps)
    assert (done.gates, done.prepare) == ((), None)


async def test_where_no_box_starts_nothing_is_tried_and_none_is_not_chosen(project: Path):
    boxes = (FakeBoxes("bubblewrap", refuses="No namespaces here."), FakeBoxes("none"))
    tools = instruments(project, sandboxes=lambda: boxes, find_program=programs("python"))
    done = await set_up(tools, force=False)
    assert done.sandbox.name is None
    assert "No namespaces here" in done.sandbox.remarks[0]
    assert read_settings(project).sandbox.minimum is None
    assert not boxes[0].orders
    assert any("box" in step for step in done.next_steps)


async def test_a_python_without_pytest_is_passed_over(project: Path):
    boxes = (FakeBoxes("bubblewrap", works=(("python3", *VERSION[1:]),)),)
    tools = instruments(
        project, sandboxes=lambda: boxes, find_program=programs("python", "python3")
    )
    done = await set_up(tools, force=False)
    assert done.gates[0].run.startswith("python3 ")
    assert done.gates[0].doubt == ""


async def test_a_box_that_refuses_the_try_proves_nothing(project: Path):
    boxes = (FakeBoxes("bubblewrap", refuses_orders="It cannot."),)
    tools = instruments(project, sandboxes=lambda: boxes, find_program=programs("python"))
    done = await set_up(tools, force=False)
    assert "did not start" in done.gates[0].doubt


async def test_a_file_that_is_there_is_refused_before_anything_is_done(project: Path):
    mine = project / "interlock.toml"
    mine.write_text("# mine\n")
    boxes = FakeBoxes("bubblewrap")
    tools = instruments(
        project, sandboxes=lambda: (boxes,), find_program=programs("python", "python3")
    )
    with pytest.raises(WrongUsage, match="--force"):
        await set_up(tools, force=False)
    assert mine.read_text() == "# mine\n"
    assert not boxes.orders


async def test_force_keeps_every_file_there_ever_was(project: Path):
    mine = project / "interlock.toml"
    for text in ("# first\n", "# second\n"):
        mine.write_text(text)
        done = await set_up(instruments(project), force=True)
    assert done.backup == f"{mine}.bak.2"
    assert Path(f"{mine}.bak").read_text() == "# first\n"
    assert Path(f"{mine}.bak.2").read_text() == "# second\n"
    assert read_settings(project).gates
    assert sorted(path.name for path in project.iterdir()) == [
        "interlock.toml",
        "interlock.toml.bak",
        "interlock.toml.bak.2",
        "tests",
    ]


async def test_force_without_a_file_simply_writes_one(project: Path):
    assert (await set_up(instruments(project), force=True)).backup is None


@pytest.mark.parametrize("force", [True, False])
async def test_what_is_no_file_is_left_alone(project: Path, force: bool):
    (project / "interlock.toml").symlink_to(project / "nowhere")
    with pytest.raises(WrongUsage, match="is not a file"):
        await set_up(instruments(project), force=force)
    assert not (project / "nowhere").exists()


async def test_outside_of_a_repository_and_in_a_bare_one_nothing_is_written(tmp_path: Path):
    for found in (
        NotARepository("no repository here", "Make one with `git init`"),
        RepositoryPlace(tmp_path, tmp_path, bare=True),
    ):
        with pytest.raises(WrongUsage):
            await set_up(instruments(tmp_path, repositories=Git(found)), force=False)
    assert list(tmp_path.iterdir()) == []


async def test_folders_of_others_and_links_are_not_looked_into(project: Path):
    for place in ("node_modules/x", ".git/x", "a/b/c/d/e/f"):
        (project / place).mkdir(parents=True)
        (project / place / "main.go").touch()
    (project / "loop").symlink_to(project)
    assert (await set_up(instruments(project), force=False)).languages == ("Python",)


async def test_what_cannot_be_read_is_no_sign_and_no_failure(project: Path):
    (project / "package.json").mkdir()
    (project / "pyproject.toml").symlink_to("/dev/zero")
    (project / "setup.cfg").write_bytes(b"\xff\xfe" * 100_000)
    assert (await set_up(instruments(project), force=False)).gates[0].reads == "junit"
