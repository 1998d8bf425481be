"""The words for bubblewrap and for container engines, and where control groups can be made."""

from pathlib import Path

import pytest

from interlock.adapters.bubblewrap.arguments import arguments
from interlock.adapters.bubblewrap.cgroups import Places
from interlock.adapters.container.arguments import IMAGE, Naming, env_lines, run_arguments
from interlock.adapters.container.sandbox import ContainerSandbox
from interlock.sandbox.ports import BoxLimits, BoxOrder, BoxRefused
from interlock.sandbox.view import Shown

ORDER = BoxOrder(("make", "test"), env={"A": "b"}, limits=BoxLimits(temp_bytes=5000))
SHOWN = (
    Shown("read-only", "/usr", "/usr"),
    Shown("link", "/bin", "usr/bin"),
    Shown("temporary", "/tmp"),
    Shown("covered-file", "/etc/shadow"),
    Shown("covered-folder", "/etc/ssl/private"),
    Shown("read-only", "/proc/sys", "/proc/sys"),
    Shown("writable", "/workspace", "/w"),
)


def has(words: list[str], *expected: str) -> bool:
    return any(tuple(words[at : at + len(expected)]) == expected for at in range(len(words)))


def test_bubblewrap_is_told_every_measure():
    words = arguments(ORDER, SHOWN, {"/etc/passwd": 7})
    for measure in ("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"):
        assert measure in words
    assert has(words, "--cap-drop", "ALL")
    assert has(words, "--ro-bind", "/usr", "/usr")
    assert has(words, "--symlink", "usr/bin", "/bin")
    assert has(words, "--perms", "1777", "--size", "5000", "--tmpfs", "/tmp")
    assert has(words, "--ro-bind", "/dev/null", "/etc/shadow")
    assert has(words, "--tmpfs", "/etc/ssl/private", "--remount-ro", "/etc/ssl/private")
    assert has(words, "--bind", "/w", "/workspace")
    assert has(words, "--ro-bind-data", "7", "/etc/passwd", "--remount-ro", "/dev")
    assert has(words, "--remount-ro", "/", "--clearenv", "--setenv", "A", "b")
    assert words[-2:] == ["--chdir", "/workspace"]


def test_an_engine_is_told_the_same():
    naming = Naming("interlock-1-1", 1, 1000, 1000)
    limits = BoxLimits(memory_bytes=10**8, processes=10, file_bytes=99, temp_bytes=5000)
    order = BoxOrder(("make", "test"), limits=limits)
    words = run_arguments(order, SHOWN, naming, "/proc/self/fd/9", podman=True)
    assert words[:3] == ["run", "--interactive", "--init"]
    assert words[-7:] == [IMAGE, "/bin/sh", "-c", 'read -r _ && exec "$@"', "sh", "make", "test"]
    for pair in (
        ("--network", "none"),
        ("--cap-drop", "ALL"),
        ("--security-opt", "no-new-privileges"),
        ("--user", "1000:1000"),
        ("--userns", "keep-id"),
        ("--memory", "100000000"),
        ("--memory-swap", "100000000"),
        ("--pids-limit", "12"),
        ("--ulimit", "fsize=99"),
        ("--env-file", "/proc/self/fd/9"),
        ("--label", "interlock.plane=1"),
        ("--mount", "type=bind,src=/usr,dst=/usr,readonly"),
        ("--mount", "type=bind,src=/bin,dst=/bin,readonly"),
        ("--mount", "type=bind,src=/w,dst=/workspace"),
        ("--mount", "type=bind,src=/dev/null,dst=/etc/shadow,readonly"),
        ("--tmpfs", "/tmp:rw,exec,nosuid,nodev,size=5000,mode=1777"),
    ):
        assert has(words, *pair), pair
    assert "--read-only" in words
    assert not any("/proc/sys" in word for word in words)


def test_what_an_engine_cannot_say_is_refused():
    naming = Naming("x", 1, 0, 0)
    with pytest.raises(BoxRefused, match="comma"):
        run_arguments(ORDER, (Shown("writable", "/workspace", "/a,readonly"),), naming, "/e")
    with pytest.raises(BoxRefused, match="several lines"):
        env_lines(BoxOrder(("x",), env={"KEY": "a\nB=c"}))
    assert env_lines(ORDER) == "A=b\n"


async def test_a_container_without_an_engine_is_refused_with_a_sentence():
    with pytest.raises(BoxRefused, match="no-such-engine: it is not installed"):
        await ContainerSandbox(engines=("no-such-engine",)).probe()
    with pytest.raises(BoxRefused, match="must be probed"):
        await ContainerSandbox().start(BoxOrder(("true",)))


def test_version_two_of_control_groups_goes_first_where_it_has_the_controller(tmp_path: Path):
    """A folder of a plain file system stands in for the kernel's: mkdir and rmdir are all it is."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one / "memory/own", one / "pids", two / "own"):
        folder.mkdir(parents=True)
    memberships = "4:memory:/own\n3:pids:/\n0::/own\n"
    mounts = (
        f"1 0 0:1 / {one}/memory rw - cgroup cgroup rw,memory\n"
        f"2 0 0:2 / {one}/pids rw - cgroup cgroup rw,pids\n"
        f"3 0 0:3 / {two} rw - cgroup2 cgroup2 rw\n"
        f"4 0 0:4 / /elsewhere rw - ext4 /dev/x rw\n"
    )
    found = Places(memberships, mounts).found
    assert {name: (p.version, p.folder) for name, p in found.items()} == {
        "memory": (1, one / "memory/own"),
        "pids": (1, one / "pids"),
    }


def test_without_control_groups_nothing_is_found():
    assert Places("", "").found == {}
