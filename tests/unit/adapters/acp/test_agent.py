"""What is wrong with a profile, or missing here, is a sentence before anything is started."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.acp.agent import AcpAgent
from interlock.sandbox.ports import RunningBox
from interlock.workers.agents.ports import AgentRefused
from tests.unit.adapters.acp.talks import TASK


class Started(Exception):
    """Far enough: there is no box behind this place."""


@dataclass
class Place:
    orders: list[tuple[tuple[str, ...], Mapping[str, str] | None, tuple[str, ...]]] = field(
        default_factory=list
    )

    async def start(
        self,
        argv: tuple[str, ...],
        env: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,  # noqa: ARG002 - it takes what any place takes
        programs: tuple[str, ...] = (),
    ) -> RunningBox:
        self.orders.append((argv, env, programs))
        raise Started


async def test_a_profile_without_a_program_is_refused():
    for run in ((), ("",)):
        task = replace(TASK, profile=replace(TASK.profile, run=run))
        with pytest.raises(AgentRefused, match=r"set run = .* under \[agents\.default\]"):
            async with AcpAgent().start(task, Place()):
                raise AssertionError("it was started")


async def test_without_the_sdk_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(AgentRefused, match=r"pip install 'interlock\[acp\]'"):
        async with AcpAgent().start(TASK, Place()):
            raise AssertionError("it was started")


async def test_programs_that_the_profile_names_by_path_are_shown(tmp_path: Path):
    script, data = tmp_path / "agent.js", tmp_path / "data"
    for path in (script, data):
        path.write_text("")
    script.chmod(0o755)
    profile = replace(
        TASK.profile,
        run=("/bin/sh", str(script), str(data), "/no/such/program", "{model}"),
        variables=(("HELPER", str(script)), ("FOLDER", str(tmp_path)), ("ONE", "1")),
        model="m-1",
    )
    place = Place()
    with pytest.raises(Started):
        async with AcpAgent().start(replace(TASK, profile=profile), place):
            raise AssertionError("it was started")
    argv, env, programs = place.orders[0]
    assert argv[-1] == "m-1"
    assert env == {"HELPER": str(script), "FOLDER": str(tmp_path), "ONE": "1"}
    assert programs == ("/bin/sh", str(script), str(script))
