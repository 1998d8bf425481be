"""A view that was known is the view that would be found now."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.sandbox.hosts import Kind, ThisHost
from interlock.sandbox.ports import WORKSPACE, BoxOrder, Mount
from interlock.sandbox.view import Shown, view
from interlock.sandbox.views import KNOWN_MAX, Views
from tests.unit.sandbox.hosts import FakeHost

TOOLS = {"/usr/bin/git": "ELF", "/bin": "-> usr/bin", "/opt/t/lib/x": "x"}


class CountingHost(FakeHost):
    """Counts the questions about kinds, which are most of all."""

    asked = 0

    def kind(self, path: Path) -> Kind:
        self.asked += 1
        return super().kind(path)


PLACES = st.sampled_from(
    ["/opt/t/bin/tool", "/opt/t/bin", "/opt/t", "/home/ann/.ssh", "/home/ann/.tool/bin/go", "/bin",
     "/deep/env/pyvenv.cfg", "/deep/env/bin/python", "/deep/env/bin/run", "/usr/bin/git"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["ELF", "#!/deep/env/bin/python\n", "#!/usr/bin/env tool\n", "-> ../lib", "-> /deep/env",
     "-> /deep/bin/tool", "-> /deep/env/bin", "/", ""]
)  # fmt: skip
CHANGES = st.lists(st.tuples(PLACES, TEXTS), max_size=3)
ORDERS = st.sampled_from(
    [BoxOrder(("tool",)), BoxOrder(("/deep/env/bin/run",), programs=("git", "tool")),
     BoxOrder(("git",), read=(Path("/opt/t/bin"), Path("/home/ann/.ssh"))),
     BoxOrder(("/workspace/x",), (Mount(Path("/srv"), WORKSPACE),), programs=("tool",))]
)  # fmt: skip


@given(begin=CHANGES, rounds=st.lists(st.tuples(CHANGES, ORDERS), max_size=8))
def test_it_says_what_would_be_found_now(
    begin: list[tuple[str, str]], rounds: list[tuple[list[tuple[str, str]], BoxOrder]]
) -> None:
    files = {**TOOLS, **dict(begin)}
    host = FakeHost(files, path=("/opt/t/bin", "/home/ann/.tool/bin", "/usr/bin"))
    views = Views(host)
    for changes, order in rounds:
        for name, text in changes:
            files.pop(name, None)
            if text:
                files[name] = text
        assert views.view(order) == view(order, host)


def test_orders_are_told_apart() -> None:
    files = {**TOOLS, "/opt/a/bin/a": "ELF", "/opt/a/lib/x": "", "/opt/b/bin/b": "ELF"}
    host = FakeHost({**files, "/opt/b/lib/x": "", "/srv/x": ""})
    a, b = "/opt/a/bin/a", "/opt/b/bin/b"
    orders = [
        BoxOrder((a,)),
        BoxOrder((b,)),
        BoxOrder((a,), programs=(b,)),
        BoxOrder((a,), read=(Path("/srv"),)),
        BoxOrder((a,), (Mount(Path("/srv"), "/opt/a"),)),
        BoxOrder((a,), hide=(Path("/opt/a/lib"),)),
        BoxOrder((a,), cwd="/"),
    ]
    views = Views(host)
    assert [views.view(order) for order in orders] == [view(order, host) for order in orders]
    assert len({view(order, host) for order in orders}) == len(orders)


def test_a_home_that_leads_elsewhere_brings_other_keys() -> None:
    keys = {"/data/ann/.ssh/id": "key", "/data/bob/.ssh/id": "key"}
    files = {**TOOLS, **keys, "/home/ann": "-> /data/ann"}
    order = BoxOrder(("git",), read=(Path("/data"),))
    views = Views(FakeHost(files))
    assert Shown("covered-folder", "/data/bob/.ssh") not in views.view(order)
    files["/home/ann"] = "-> /data/bob"
    assert Shown("covered-folder", "/data/bob/.ssh") in views.view(order)


def test_a_known_view_asks_each_question_once() -> None:
    host = CountingHost(TOOLS, path=("/usr/bin", "/bin"))
    order = BoxOrder(("git",), programs=("sh", "git", "env"))
    views = Views(host)
    view(order, host)
    unknown, host.asked = host.asked, 0
    views.view(order)
    first, host.asked = host.asked, 0
    views.view(order)
    assert host.asked <= first < unknown


def test_of_many_programs_only_the_last_are_known() -> None:
    host = CountingHost(TOOLS)
    views = Views(host)
    for number in range(KNOWN_MAX + 5):
        views.view(BoxOrder((f"tool-{number}",)))
    assert len(views._known) == KNOWN_MAX


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    for version in ("one", "two"):
        (tmp_path / version / "lib").mkdir(parents=True)
        (tmp_path / version / "bin").mkdir()
        (tmp_path / version / "bin" / "tool").write_text("#!/bin/sh\n")
    link = tmp_path / "tool"
    link.symlink_to("one/bin/tool")
    return link


def shown(views: Views, tool: Path) -> set[str]:
    read_only = {each.inside for each in views.view(BoxOrder((str(tool),))) if _is_tree(each)}
    return {Path(inside).name for inside in read_only if inside.startswith(f"{tool.parent}/")}


def _is_tree(each: Shown) -> bool:
    return each.kind == "read-only"


def test_a_link_that_leads_elsewhere_is_seen_at_once(tool: Path, tmp_path: Path) -> None:
    views = Views(ThisHost(tmp_path / "home", os.defpath))
    assert shown(views, tool) == {"one"}
    tool.unlink()
    tool.symlink_to("two/bin/tool")
    assert shown(views, tool) == {"two"}


def test_another_first_line_is_seen_although_nothing_else_changed(
    tool: Path, tmp_path: Path
) -> None:
    views = Views(ThisHost(tmp_path / "home", os.defpath))
    program = tmp_path / "one" / "bin" / "tool"
    times = program.stat()
    program.write_text(f"#!{tmp_path}/two/bin/tool\n".ljust(10))
    assert shown(views, tool) == {"one", "two"}
    program.write_text("#!/bin/sh".ljust(len(program.read_bytes()) - 1) + "\n")
    os.utime(program, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert shown(views, tool) == {"one"}


def test_a_key_that_is_a_link_now_is_hidden_where_it_leads(tmp_path: Path) -> None:
    home, keys = tmp_path / "home", tmp_path / "keys"
    home.mkdir()
    keys.mkdir()
    views = Views(ThisHost(home, os.defpath))
    order = BoxOrder(("true",), read=(tmp_path,))
    assert Shown("covered-folder", str(keys)) not in views.view(order)
    (home / ".ssh").symlink_to(keys)
    assert Shown("covered-folder", str(keys)) in views.view(order)
