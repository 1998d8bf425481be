"""Whatever a person names as a plan file: bytes or a sentence, never a hang."""

import os
from pathlib import Path

import pytest

from interlock.interfaces.cli.source import NoSource, read_source

LIMIT = 1_000


def refusal(name: str | Path) -> str:
    with pytest.raises(NoSource) as refused:
        read_source(str(name), LIMIT)
    return refused.value.what


def test_a_file_is_read_whole(tmp_path: Path):
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"x" * LIMIT)
    assert read_source(str(path), LIMIT) == (b"x" * LIMIT, str(path))


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path):
    path = tmp_path / "plan.yaml"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 10**12)
    assert refusal(path) == "it has 1,000,000,000,000 bytes, a plan may have 1,000"


def test_what_is_no_file_is_named_as_what_it_is(tmp_path: Path):
    assert refusal(tmp_path) == "this is a folder"
    assert refusal(tmp_path / "missing") == "there is no such file"
    assert refusal("/dev/zero") == "this is a device, not a file"
    assert refusal("nul\0byte") == "it cannot be read: its name is not a path"
    assert refusal("x" * 5_000) == "it cannot be read: File name too long"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert refusal(loop).startswith("it cannot be read: Too many levels")


def test_a_pipe_that_nobody_writes_to_holds_nobody_up(tmp_path: Path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert read_source(str(path), LIMIT) == (b"", str(path))


def test_a_pipe_with_a_writer_is_read_to_its_end():
    reading, writing = os.pipe()
    os.write(writing, b"goal: x")
    os.close(writing)
    try:
        assert read_source(f"/dev/fd/{reading}", LIMIT)[0] == b"goal: x"
    finally:
        os.close(reading)
