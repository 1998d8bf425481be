"""What a box left in its outbox is read with suspicion."""

import os
from pathlib import Path

import pytest

from interlock.repository.collecting import Collected, CollectFailed, read_outbox

HEAD = "a" * 40
REPORT = f'{{"head": "{HEAD}"}}'


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = tmp_path / "outbox"
    folder.mkdir()
    (folder / "change.json").write_text(REPORT)
    (folder / "change.pack").write_bytes(b"PACK")
    return folder


def why(folder: Path) -> str:
    answer = read_outbox(folder)
    assert isinstance(answer, CollectFailed)
    return answer.why


def test_a_change(outbox: Path):
    (outbox / "change.nested").write_text("vendor/lib\n")
    (outbox / "change.skipped").write_bytes(b"caf\xe9\n")
    collected = Collected(HEAD, outbox / "change.pack", ("vendor/lib",), "caf\\xe9")
    assert read_outbox(outbox) == collected


def test_no_change(outbox: Path):
    (outbox / "change.json").write_text('{"head": null}')
    assert read_outbox(outbox) == Collected(None)


def test_no_report_and_a_sentence(outbox: Path):
    (outbox / "change.json").unlink()
    assert "no report was left" in why(outbox)
    (outbox / "change.failed").write_text("there is no git in the box\n")
    assert why(outbox) == "The change was not brought out of the box: there is no git in the box."


@pytest.mark.parametrize(
    "report",
    ["", "{", "[]", '{"head": 5}', '{"head": "main"}', '{"head": "--all"}', '{"x": 1}', "\0", "é"],
)
def test_a_report_that_says_nothing(outbox: Path, report: str):
    (outbox / "change.json").write_bytes(report.encode("latin-1"))
    assert "report" in why(outbox)


def test_links_pipes_and_giants_are_not_read(outbox: Path, tmp_path: Path):
    report = outbox / "change.json"
    (tmp_path / "secret").write_text(REPORT)
    report.unlink()
    report.symlink_to(tmp_path / "secret")
    assert "no report" in why(outbox)
    report.unlink()
    os.mkfifo(report)
    assert "no report" in why(outbox)
    report.unlink()
    report.write_text(REPORT + " " * 100_000)
    assert "no report" in why(outbox)


def test_a_pack_must_be_a_file(outbox: Path):
    (outbox / "change.pack").unlink()
    assert "not there" in why(outbox)
    (outbox / "change.pack").symlink_to("/etc/passwd")
    assert "not there" in why(outbox)


def test_the_outbox_must_be_a_folder(outbox: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(outbox)
    assert "cannot be opened" in why(tmp_path / "link")
    assert "cannot be opened" in why(tmp_path / "nowhere")
