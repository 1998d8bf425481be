"""What a box left behind is opened with care."""

from pathlib import Path

from interlock.sandbox.left import read_left


def test_a_plain_file_is_read_and_a_missing_one_is_none(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_left(tmp_path / "a", 5, "the note") == b"12345"
    assert read_left(tmp_path / "a", 4, "the note") == "the note is larger than 4 bytes"
    assert read_left(tmp_path / "b", 5, "the note") is None


def test_links_and_folders_are_named_not_followed(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert "cannot be opened" in str(read_left(tmp_path / "link", 9, "the note"))
    assert read_left(tmp_path, 9, "the note") == "the note is no regular file"
