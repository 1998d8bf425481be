"""What is shown, what is hidden, and who wins."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from interlock.sandbox.ports import HOME, OUTBOX, WORKSPACE, BoxOrder, Mount
from interlock.sandbox.view import Shown, view
from tests.unit.sandbox.hosts import FakeHost

SYSTEM = {"/usr/bin/git": "ELF", "/bin": "-> usr/bin", "/etc/passwd": "root", "/run/docker": "x"}


def shown_of(
    host: FakeHost, order: BoxOrder, kinds: tuple[str, ...] = ("read-only", "link", "writable")
) -> list[str]:
    return sorted(each.inside for each in view(order, host) if each.kind in kinds)


def order(**more: object) -> BoxOrder:
    return BoxOrder(("git",), **more)  # type: ignore[arg-type]


def test_the_system_is_shown_and_nothing_else():
    host = FakeHost({**SYSTEM, "/home/ann/.bashrc": "x", "/srv/data": "x", "/mnt/x": "x"})
    assert shown_of(host, order()) == ["/bin", "/etc", "/usr"]
    private = shown_of(host, order(), ("temporary",))
    assert private == sorted(["/tmp", "/dev/shm", HOME, "/var/tmp", WORKSPACE])


def test_a_tree_shows_what_is_in_it_once():
    host = FakeHost({**SYSTEM, "/opt/tool/bin/x": "x", "/opt/tool/lib/y": "x"})
    read = (Path("/opt/tool/lib"), Path("/opt/tool"), Path("/opt/tool/bin/x"))
    assert shown_of(host, order(read=read)) == ["/bin", "/etc", "/opt/tool", "/usr"]


def test_hidden_wins_over_read_and_over_toolchains():
    files = {**SYSTEM, "/srv/main/.venv/pyvenv.cfg": "", "/srv/main/.venv/bin/pytest": "ELF"}
    host = FakeHost({**files, "/srv/main/code": "x", "/srv/other/x": "x"})
    hidden = BoxOrder(
        ("/srv/main/.venv/bin/pytest",), read=(Path("/srv"),), hide=(Path("/srv/main"),)
    )
    assert "/srv/main/.venv" not in shown_of(host, hidden)
    assert Shown("covered-folder", "/srv/main") in view(hidden, host)


def test_a_mount_shows_what_is_hidden_but_not_what_is_hidden_in_it():
    host = FakeHost({**SYSTEM, "/srv/main/.git/objects/x": "x", "/srv/main/.git/config": "x"})
    mounts = (Mount(Path("/srv/main/.git"), OUTBOX), Mount(Path("/srv/main/.git/objects"), "/o"))
    hide = (Path("/srv/main"), Path("/srv/main/.git/config"), Path("/srv/main/.git/objects"))
    shown = view(order(mounts=mounts, hide=hide), host)
    assert Shown("read-only", OUTBOX, "/srv/main/.git") in shown
    assert Shown("read-only", "/o", "/srv/main/.git/objects") in shown
    assert Shown("covered-file", f"{OUTBOX}/config") in shown
    assert not any(each.kind == "covered-folder" for each in shown)


def test_keys_in_a_toolchain_are_covered():
    files = {"/home/ann/.cargo/bin/cargo": "ELF", "/home/ann/.cargo/credentials.toml": "token"}
    host = FakeHost({**SYSTEM, **files}, path=("/home/ann/.cargo/bin",))
    shown = view(order(programs=("cargo",)), host)
    assert Shown("read-only", "/home/ann/.cargo", "/home/ann/.cargo") in shown
    assert Shown("covered-file", "/home/ann/.cargo/credentials.toml") in shown


def test_sockets_and_private_files_are_covered():
    host = FakeHost(
        {**SYSTEM, "/usr/lib/s.sock": "socket", "/etc/shadow": "x"},
        sockets=("/usr/lib/s.sock", "/tmp/elsewhere"),
        private=("/etc/shadow",),
    )
    covered = shown_of(host, order(), ("covered-file",))
    assert covered == ["/etc/shadow", "/usr/lib/s.sock"]


def test_settings_of_the_kernel_are_read_only():
    host = FakeHost({**SYSTEM, "/proc/sys/kernel/core_pattern": "core", "/proc/kcore": "x"})
    shown = view(order(), host)
    assert Shown("read-only", "/proc/sys", "/proc/sys") in shown
    assert Shown("covered-file", "/proc/kcore") in shown


def test_what_lies_deeper_is_laid_out_later():
    host = FakeHost({**SYSTEM, "/tmp/venv/pyvenv.cfg": "", "/tmp/venv/bin/x": "ELF"})
    insides = [each.inside for each in view(BoxOrder(("/tmp/venv/bin/x",)), host)]
    assert insides.index("/tmp") < insides.index("/tmp/venv")
    mounts = (Mount(Path("/a"), "/workspace/deep/er"), Mount(Path("/b"), "/workspace"))
    insides = [each.inside for each in view(order(mounts=mounts), host)]
    assert insides.index("/workspace") < insides.index("/workspace/deep/er")


NAMES = st.sampled_from(["a", "b", ".ssh", "bin", "lib"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@given(
    files=st.lists(PATHS, max_size=8),
    read=st.lists(PATHS, max_size=3),
    hide=st.lists(PATHS, max_size=3),
)
def test_nothing_hidden_is_ever_in_sight(files: list[Path], read: list[Path], hide: list[Path]):
    host = FakeHost({str(path): "x" for path in files}, home="/a")
    made = BoxOrder(("x",), read=tuple(read), hide=tuple(hide))
    open_places: list[str] = []
    for each in view(made, host):
        if each.kind == "read-only":
            open_places.append(each.inside)
        if each.kind.startswith("covered"):
            assert any(each.inside.startswith(f"{place}/") for place in open_places)
    covers = {e.inside for e in view(made, host) if e.kind.startswith("covered")}
    for secret in (*hide, Path("/a/.ssh")):
        if host.kind(secret) == "none" or secret == Path("/"):
            continue
        assert not any(Path(place).is_relative_to(secret) for place in open_places)
        if any(secret.is_relative_to(place) for place in open_places):
            assert any(secret.is_relative_to(cover) for cover in covers)
