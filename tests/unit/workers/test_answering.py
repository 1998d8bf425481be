"""What an attempt answers where a document is asked for."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from interlock.workers.agents.ports import AgentEvent, Called, Ended, Said
from interlock.workers.answering import FILE_BYTES_MAX, Answered, LastWords, answer_of


def test_the_file_it_left_goes_before_its_words(tmp_path: Path):
    (tmp_path / "plan.yaml").write_bytes(b"goal: x\n")
    assert answer_of(tmp_path, b"words\n", "done") == Answered(b"goal: x\n", "plan.yaml")


def test_words_go_before_the_summary_and_silence_is_no_answer(tmp_path: Path):
    assert answer_of(tmp_path, b"words\n", "done") == Answered(b"words\n")
    assert answer_of(tmp_path, b" \n", "done") == Answered(b"done")
    assert answer_of(tmp_path, b" \n", "") is None


def test_nothing_but_a_plain_file_of_its_own_is_read(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("key")
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    path = outbox / "plan.yaml"
    for make, why in (
        (lambda: path.symlink_to(secret), "cannot be opened"),
        (lambda: os.mkfifo(path), "no regular file"),
        (path.mkdir, "no regular file"),
        (lambda: path.write_bytes(b"x" * (FILE_BYTES_MAX + 1)), "larger than"),
    ):
        make()
        refused = answer_of(outbox, b"words", "")
        assert isinstance(refused, str)
        assert why in refused
        path.rmdir() if path.is_dir() else path.unlink()


EVENTS = st.lists(
    st.one_of(st.builds(Said, st.text()), st.builds(Called, st.text(), st.text()), st.just(Ended()))
)


@given(EVENTS, st.integers(min_value=1, max_value=50))
def test_the_last_words_are_the_end_of_what_was_said(events: list[AgentEvent], most: int):
    words = LastWords(most)
    for event in events:
        words.add(event)
    said = [event.text for event in events if isinstance(event, Said)]
    all_of_it = "".join(f"{text}\n" for text in said).encode(errors="replace")
    assert words.text() == all_of_it[-most:]
