"""What a program needs to start."""

from pathlib import Path

from interlock.sandbox.toolchains import Needs, needs_of_path, needs_of_program, needs_to_read
from tests.unit.sandbox.hosts import FakeHost


def trees(needs: Needs) -> set[str]:
    return set(map(str, needs.trees))


def test_a_script_of_a_venv_over_a_python_in_a_home():
    python = "/home/ann/.pyenv/versions/3.11.7/bin/python3.11"
    host = FakeHost(
        {
            "/srv/venv/pyvenv.cfg": "",
            "/srv/venv/bin/pytest": "#!/srv/venv/bin/python\nimport pytest",
            "/srv/venv/bin/python": "-> python3",
            "/srv/venv/bin/python3": f"-> {python}",
            python: "ELF",
            "/home/ann/.pyenv/versions/3.11.7/lib/os.py": "",
        }
    )
    needs = needs_of_program("/srv/venv/bin/pytest", host)
    assert trees(needs) == {"/srv/venv", "/home/ann/.pyenv/versions/3.11.7"}


def test_links_outside_of_a_toolchain_are_made_again():
    host = FakeHost(
        {
            "/home/ann/.local/bin/agent": "-> ../share/agent/versions/2/agent",
            "/home/ann/.local/share/agent/versions/2/agent": "ELF",
            "/home/ann/.local/share/keyrings/login": "secret",
        },
        path=("/home/ann/.local/bin",),
    )
    needs = needs_of_program("agent", host)
    assert trees(needs) == {"/home/ann/.local/share/agent/versions/2/agent"}
    assert needs.links == {Path("/home/ann/.local/bin/agent"): "../share/agent/versions/2/agent"}


def test_a_folder_that_is_a_link_is_followed():
    host = FakeHost(
        {
            "/opt/tool": "-> /opt/tool-2",
            "/opt/tool-2/bin/run": "#!/usr/bin/env -S node --flag",
            "/opt/tool-2/lib/x": "",
            "/usr/bin/node": "ELF",
        },
        path=("/usr/bin",),
    )
    needs = needs_of_program("/opt/tool/bin/run", host)
    assert "/opt/tool-2" in trees(needs)
    assert "/usr/bin/node" in trees(needs)
    assert needs.links == {Path("/opt/tool"): "/opt/tool-2"}


def test_a_project_in_a_home_is_not_shown_for_one_program():
    host = FakeHost(
        {"/home/ann/project/bin/run": "#!/bin/sh", "/home/ann/project/lib/secret": ""},
        path=("/home/ann/project/bin",),
    )
    assert trees(needs_of_program("run", host)) == {"/home/ann/project/bin/run"}
    assert trees(needs_of_path(Path("/home/ann/project/bin"), host)) == {"/home/ann/project/bin"}


def test_a_folder_of_path_brings_its_toolchain():
    nvm = "/home/ann/.nvm/v20"
    host = FakeHost({f"{nvm}/bin/npm": "-> ../lib/npm.js", f"{nvm}/lib/npm.js": ""})
    assert trees(needs_of_path(Path(nvm, "bin"), host)) == {nvm}


def test_links_in_a_circle_lead_nowhere():
    host = FakeHost({"/opt/a": "-> b", "/opt/b": "-> a"})
    assert trees(needs_to_read(Path("/opt/a"), host)) == set()


def test_what_is_missing_needs_nothing():
    host = FakeHost({}, path=("/usr/bin",))
    assert needs_of_program("gone", host) == Needs()
    assert needs_of_program("./relative", host) == Needs()
    assert needs_of_path(Path("/nowhere"), host) == Needs()
