"""The kernel's table of mounts says what lies under a folder."""

from pathlib import Path

import pytest

from interlock.adapters.git.mounts import network_file_system

TABLE = r"""
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:30 / /net rw,relatime shared:2 - nfs4 server:/export rw
31 30 0:31 / /net/local rw - ext4 /dev/sdb rw
32 22 0:32 / /with\040blank rw - cifs //server/share rw
33 22 0:33 / /twice rw - nfs server:/a rw
34 22 0:34 / /twice rw - xfs /dev/sdc rw
35 22 0:35 / /ssh rw - fuse.sshfs me@host: rw
""".strip()


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/anything", ""), ("/net", "nfs4"), ("/net/project", "nfs4"), ("/net/local/project", ""),
        ("/network", ""), ("/with blank/project", "cifs"), ("/twice/x", ""),
        ("/ssh/x", "fuse.sshfs"),
    ],
)  # fmt: skip
def test_what_lies_under_a_folder(tmp_path: Path, folder: str, kind: str):
    (tmp_path / "mountinfo").write_text(TABLE)
    assert network_file_system(Path(folder), tmp_path / "mountinfo") == kind


def test_a_system_without_a_table_is_not_asked(tmp_path: Path):
    assert not network_file_system(Path("/"), tmp_path / "nothing")


def test_the_real_table_is_read(tmp_path: Path):
    assert isinstance(network_file_system(tmp_path), str)
