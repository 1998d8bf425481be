"""The checkup: what is broken is named with what to do next, and decides the exit code."""

import os
from pathlib import Path

import pytest

from interlock.control.doctor import checkup
from interlock.control.errors import WrongUsage
from interlock.control.read_models import Check, Checkup
from interlock.domain.settings import (
    AgentProfile,
    GateSettings,
    Limits,
    PrepareSettings,
    SandboxSettings,
    Settings,
)
from interlock.engine.errors import PartLost, StoreRefused
from interlock.repository.ports import NotARepository, RepositoryPlace, Suitability
from tests.unit.control.desks import Desk
from tests.unit.control.instruments import FakeBoxes, Git, Unopened, Wrong, instruments


def entries_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def states(found: Checkup) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def line(found: Checkup, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


def configured(**parts: object) -> Settings:
    return Settings(path="/some/interlock.toml", **parts)


TESTS = GateSettings("tests", "python -m pytest --junitxml={report} && ruff check", "junit")
PATCHER = AgentProfile("default", "command", run=("patcher", "{task.id}"))


async def looked_at(
    folder: Path, settings: Settings, has: tuple[str, ...] = (), **changes: object
) -> Checkup:
    boxes = (FakeBoxes("bubblewrap", has=has),)
    tools = instruments(
        folder, read_settings=lambda _: settings, sandboxes=lambda: boxes, **changes
    )
    return await checkup(tools)


async def test_a_fresh_repository_is_in_order_and_stays_untouched(tmp_path: Path):
    found = await checkup(instruments(tmp_path))
    told = states(found)
    assert told.pop("interlock.toml") == "warning"  # nothing is configured: not yet a fault
    assert set(told.values()) == {"ok"}
    assert (found.ok, found.exit_code) == (True, 0)
    assert entries_of(tmp_path) == []


# --- what is configured ---------------------------------------------------------------------------


async def test_programs_of_gates_and_agents_are_looked_for_inside_the_box(tmp_path: Path):
    settings = configured(gates=(TESTS,), agents=(PATCHER,))
    found = await looked_at(tmp_path, settings, has=("python", "ruff", "patcher"))
    assert line(found, "gate tests").found == "python, ruff: found inside the box"
    assert line(found, "agent default").state == "ok"
    assert found.exit_code == 0


async def test_a_program_that_no_box_sees_is_a_wrong_configuration(tmp_path: Path):
    settings = configured(gates=(TESTS,), agents=(PATCHER,))
    at = {"ruff": "/home/ana/tools/ruff"}
    found = await looked_at(tmp_path, settings, has=("python", "patcher"), find_program=at.get)
    gate = line(found, "gate tests")
    assert gate.state == "broken"
    assert gate.found == "ruff cannot be found inside the box (bubblewrap)"
    assert gate.next_step.startswith("It is at /home/ana/tools/ruff")
    assert (found.ok, found.exit_code) == (False, 2)


async def test_the_box_of_a_look_sees_what_the_box_of_a_run_sees(tmp_path: Path):
    boxes = FakeBoxes("bubblewrap", has=("python", "ruff"))
    settings = configured(gates=(TESTS,), sandbox=SandboxSettings(read=("~/data",)))
    await checkup(
        instruments(
            tmp_path,
            read_settings=lambda _: settings,
            sandboxes=lambda: (boxes,),
            environment={"HOME": "/home/ana", "PATH": "/opt/bin", "TOKEN": "secret"},
        )
    )
    (order,) = boxes.orders
    assert order.hide == (tmp_path, tmp_path)
    assert order.read == (Path("/home/ana/data"),)
    assert dict(order.env) == {"PATH": "/opt/bin"}
    assert set(order.programs) == {"sh", "python", "ruff"}
    assert order.network == ()


async def test_what_is_in_the_checkout_only_is_not_in_a_clone(tmp_path: Path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    (tmp_path / ".venv" / "bin" / "python").touch()
    gate = GateSettings("tests", ".venv/bin/python -m pytest", "exit-code")
    found = await looked_at(tmp_path, configured(gates=(gate,)))
    assert line(found, "gate tests").state == "broken"
    assert 'keeps = [".venv"]' in line(found, "gate tests").next_step

    prepare = PrepareSettings("make deps", ("requirements.txt",), (".venv/",))
    found = await looked_at(tmp_path, configured(gates=(gate,), prepare=prepare), has=("make",))
    assert line(found, "gate tests").state == "ok"
    assert line(found, "prepare").state == "ok"


async def test_a_script_of_the_repository_comes_with_it_or_is_missed(tmp_path: Path):
    settings = configured(gates=(GateSettings("tests", "./check.sh fast", "exit-code"),))
    assert line(await looked_at(tmp_path, settings), "gate tests").state == "broken"
    (tmp_path / "check.sh").touch()
    assert line(await looked_at(tmp_path, settings), "gate tests").state == "ok"


async def test_each_kind_of_agent_is_looked_at_in_its_way(tmp_path: Path):
    (tmp_path / "story.yaml").touch()
    settings = configured(
        agents=(
            AgentProfile("actor", "scripted", script="story.yaml"),
            AgentProfile("ghost", "scripted", script="none.yaml"),
            AgentProfile("maria", "human"),
            AgentProfile("roy", "claude"),
            AgentProfile("eve", "codex", auth="login"),
            AgentProfile("ida", "acp", run=("qwen",), provider="nowhere"),
        )
    )
    found = await looked_at(tmp_path, settings)
    assert "simulated" in line(found, "agent actor").found
    assert line(found, "agent ghost").state == "broken"
    assert line(found, "agent maria").state == "ok"
    roy = line(found, "agent roy")
    assert (roy.state, roy.next_step) == (
        "warning",
        "Set ANTHROPIC_API_KEY where you start Interlock",
    )
    assert "claude 1.2.3" in roy.found
    eve = line(found, "agent eve")
    assert eve.state == "warning"
    assert "no cap on money holds" in eve.found
    assert line(found, "agent ida").next_step == "Add [models.nowhere]"


async def test_without_gates_and_agents_nothing_would_run_and_that_is_said(tmp_path: Path):
    found = await looked_at(tmp_path, configured())
    assert states(found)["gates"] == states(found)["agents"] == "warning"
    assert found.exit_code == 0


async def test_variables_and_paths_that_are_not_there_are_named(tmp_path: Path):
    profile = AgentProfile("maria", "human", env=("TOKEN", "HOME"))
    sandbox = SandboxSettings(env=("OTHER",), read=("~/no-such-folder", str(tmp_path)))
    settings = configured(agents=(profile,), sandbox=sandbox)
    found = await looked_at(tmp_path, settings, environment={"HOME": str(tmp_path)})
    assert line(found, "variables").found == "not set here, so no box sees it: OTHER, TOKEN"
    assert line(found, "paths to read").found.endswith(": ~/no-such-folder")


# --- the box --------------------------------------------------------------------------------------


async def test_without_any_box_a_part_is_out_of_order(tmp_path: Path):
    boxes = (FakeBoxes("bubblewrap", refuses="No namespaces here."), FakeBoxes("none"))
    settings = configured(gates=(TESTS,))
    tools = instruments(tmp_path, read_settings=lambda _: settings, sandboxes=lambda: boxes)
    found = await checkup(tools)
    assert line(found, "sandbox").state == "broken"
    assert "No namespaces here" in line(found, "sandbox").found
    assert line(found, "gate tests").state == "warning"  # not looked for is not found
    assert found.exit_code == 3


async def test_what_a_box_lacks_and_why_it_is_not_a_stronger_one_is_told(tmp_path: Path):
    boxes = (
        FakeBoxes("bubblewrap", refuses="No namespaces here."),
        FakeBoxes("sandlock", lacks=("Memory is not limited.",)),
    )
    found = await checkup(instruments(tmp_path, sandboxes=lambda: boxes))
    box = line(found, "sandbox")
    assert box.state == "warning"
    assert box.found.splitlines() == [
        "sandlock starts",
        "Memory is not limited.",
        "not bubblewrap: No namespaces here.",
    ]


async def test_no_box_at_all_is_never_told_as_ok(tmp_path: Path):
    settings = configured(sandbox=SandboxSettings(minimum="none"))
    tools = instruments(
        tmp_path, read_settings=lambda _: settings, sandboxes=lambda: (FakeBoxes("none"),)
    )
    assert line(await checkup(tools), "sandbox").state == "warning"


@pytest.mark.parametrize("wrong", [{"code": 1}, {"refuses_orders": "It cannot."}])
async def test_a_look_that_fails_is_not_a_program_that_is_found(
    tmp_path: Path, wrong: dict[str, object]
):
    boxes = (FakeBoxes("bubblewrap", has=("python", "ruff"), **wrong),)
    settings = configured(gates=(TESTS,))
    tools = instruments(tmp_path, read_settings=lambda _: settings, sandboxes=lambda: boxes)
    assert line(await checkup(tools), "gate tests").state == "broken"


# --- the repository, the disk, the store ----------------------------------------------------------


async def test_what_is_unusual_about_a_repository_decides(tmp_path: Path):
    async def remarked(place: RepositoryPlace, settings: Settings) -> Suitability:
        return Suitability(remarks=("It borrows objects.",))

    found = await checkup(instruments(tmp_path, inspect=remarked))
    assert (line(found, "repository").state, found.exit_code) == ("warning", 0)

    async def refused(place: RepositoryPlace, settings: Settings) -> Suitability:
        return Suitability(refusals=("It has no commit yet: make one.",))

    found = await checkup(instruments(tmp_path, inspect=refused))
    assert line(found, "repository").state == "broken"
    assert line(found, "repository").found.endswith("It has no commit yet: make one.")
    assert found.exit_code == 2

    async def nowhere(place: RepositoryPlace, settings: Settings) -> Suitability:
        raise WrongUsage("no branch is checked out here")

    assert (await checkup(instruments(tmp_path, inspect=nowhere))).exit_code == 2


async def test_a_disk_that_cannot_hold_what_is_allowed_is_a_warning(tmp_path: Path):
    settings = Settings(limits=Limits(disk_bytes=10**18))
    found = await checkup(instruments(tmp_path, read_settings=lambda _: settings))
    assert line(found, "disk").state == "warning"
    assert "set a smaller disk" in line(found, "disk").next_step


async def test_a_store_is_opened_and_its_holder_named(tmp_path: Path):
    desk = Desk(holder="p7")
    await desk.two_tasks()
    found = await checkup(instruments(tmp_path, open_store=desk.open))
    assert found.checks[-1].found == "7 recorded in memory; p7 acts on it"


async def test_a_store_that_others_can_read_is_a_warning(tmp_path: Path):
    (tmp_path / "interlock").mkdir(mode=0o755)
    (tmp_path / "interlock").chmod(0o755)
    found = await checkup(instruments(tmp_path))
    assert states(found)["store folder"] == "warning"
    assert (found.ok, found.exit_code) == (True, 0)


async def test_without_git_nothing_else_is_asked_of_it(tmp_path: Path):
    git = Git(RepositoryPlace(tmp_path, tmp_path), version="")
    found = await checkup(instruments(tmp_path, repositories=git))
    assert states(found)["git"] == "broken"
    assert "repository" not in states(found)
    assert found.exit_code == 3


@pytest.mark.parametrize(
    ("version", "state"), [("2.9.1", "broken"), ("2.37.9", "broken"), ("2.38.0", "ok")]
)
async def test_an_old_git_is_named(tmp_path: Path, version: str, state: str):
    git = Git(RepositoryPlace(tmp_path, tmp_path), version=version)
    assert states(await checkup(instruments(tmp_path, repositories=git)))["git"] == state


async def test_a_wrong_configuration_is_exit_2_and_a_lost_part_is_exit_3(tmp_path: Path):
    def wrong(_: Path) -> Settings:
        raise Wrong("interlock.toml:2: no")

    found = await checkup(instruments(tmp_path, read_settings=wrong))
    assert (found.ok, found.exit_code) == (False, 2)

    nowhere = Git(NotARepository("no repository here", "git init"))
    assert (await checkup(instruments(tmp_path, repositories=nowhere))).exit_code == 2

    async def silent() -> str:
        raise PartLost("broker (NATS)", "no answer", "Start it")

    found = await checkup(instruments(tmp_path, parts_of=lambda _: {"broker": silent}))
    assert states(found)["broker"] == "broken"
    assert found.exit_code == 3


async def test_a_store_of_another_release_is_broken(tmp_path: Path):
    found = await checkup(
        instruments(tmp_path, open_store=Unopened(StoreRefused("it has layout 9")))
    )
    assert (states(found)["store"], found.exit_code) == ("broken", 3)


async def test_settings_without_effect_are_not_passed_over(tmp_path: Path):
    settings = Settings(path=os.fspath(tmp_path / "interlock.toml"), unused=("[sandbox]",))
    found = await checkup(instruments(tmp_path, read_settings=lambda _: settings))
    assert states(found)["interlock.toml"] == "warning"
