"""Clearing away what resists, and never anything else."""

import os
from pathlib import Path

from interlock.gates.outbox import Folders, leftovers, make_folders, remove_folders


def test_folders_that_nobody_may_list_go_too(short_path: Path) -> None:
    outside = short_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    scratch = short_path / "scratch"
    scratch.mkdir(mode=0o777)
    if os.geteuid() == 0:
        # Root may list everything; somebody else has to try.
        for place in (short_path, scratch):
            os.chown(place, 65534, 65534)
        _as_somebody_else(scratch, outside)
    else:
        _mess_and_remove(scratch, outside)
    assert list(scratch.iterdir()) == []
    assert (outside / "kept").read_text() == "x"
    assert outside.stat().st_mode & 0o055


def _as_somebody_else(scratch: Path, outside: Path) -> None:
    os.seteuid(65534)
    try:
        _mess_and_remove(scratch, outside)
    finally:
        os.seteuid(0)


def _mess_and_remove(scratch: Path, outside: Path) -> None:
    folders = make_folders(scratch)
    deep = folders.home / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (folders.outbox / "link").symlink_to(outside)
    for place in (deep, deep.parent, deep.parent.parent, folders.outbox):
        place.chmod(0)
    remove_folders(folders)


def test_only_our_own_folders_are_leftovers(tmp_path: Path) -> None:
    folders = make_folders(tmp_path / "scratch")
    (tmp_path / "scratch" / "notes").mkdir()
    (tmp_path / "scratch" / "gate-file").write_text("")
    assert leftovers(tmp_path / "scratch") == (folders,)
    assert leftovers(tmp_path / "nowhere") == ()
    assert isinstance(folders, Folders)
