"""The settings file: what is right is taken, what is wrong is listed at once, with its line."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config import WrongSettings, parse_settings, read_environment, read_settings
from interlock.domain.settings import Limits, Settings


def faults(text: str) -> list[str]:
    with pytest.raises(WrongSettings) as wrong:
        parse_settings(text.encode(), "interlock.toml")
    return [f"{fault.where}: {fault.what}" for fault in wrong.value.faults]


def test_without_a_file_the_defaults_hold(tmp_path: Path):
    assert read_settings(tmp_path) == Settings()


def test_what_the_file_says_is_taken(tmp_path: Path):
    text = (
        "[limits]\nworkers = 3\nparallel_stages = 2\ncost_usd_per_run = 5.0\n"
        "[agents.roy]\nbackend = 'claude'\n[agents.default]\n[gates.tests]\nrun = 'pytest'\n"
        "[store]\non_loss = 'wait'\n[sandbox]\nminimum = 'bubblewrap'\n"
    )
    (tmp_path / "interlock.toml").write_text(text)
    settings = read_settings(tmp_path)
    assert settings.limits == Limits(workers=3, parallel_stages=2)
    assert settings.agents == ("default", "roy")
    assert settings.gates == ("tests",)
    assert settings.store.on_loss == "wait"
    assert settings.unused == ("[sandbox]", "limits.cost_usd_per_run")


def test_a_file_without_agents_accepts_any_name():
    assert parse_settings(b"[limits]\nworkers = 2\n", "interlock.toml").agents is None


def test_every_fault_is_listed_with_its_line():
    text = """
[limits]
workres = 4
workers = 0
max_attempts = true
[stoer]
[store]
profile = "flete"
nats = "http://somewhere"
[gates]
tests = "pytest"
"""
    assert faults(text) == [
        "interlock.toml:3: [limits] has no setting 'workres'",
        "interlock.toml:4: workers is 0",
        "interlock.toml:5: max_attempts is True",
        "interlock.toml:6: there is no table [stoer]",
        "interlock.toml:8: profile is flete",
        "interlock.toml:9: nats is no address of that kind",
        "interlock.toml:11: gates.tests is not a table",
    ]


def test_a_misspelt_name_is_answered_with_the_right_one():
    with pytest.raises(WrongSettings, match="Did you mean 'parallel_stages'"):
        parse_settings(b"[limits]\nparalel_stages = 4\n", "interlock.toml")


def test_fleet_needs_all_of_its_parts():
    text = '[store]\nprofile = "fleet"\nnats = "nats://127.0.0.1"\n'
    assert faults(text) == [
        "interlock.toml:2: the fleet profile needs postgres",
        "interlock.toml:2: the fleet profile needs blobs",
    ]


def test_an_address_with_a_password_is_not_repeated():
    with pytest.raises(WrongSettings) as wrong:
        parse_settings(b"[store]\npostgres = 'mysql://me:secret@host/db'\n", "interlock.toml")
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[limits\n", "interlock.toml:1: this is not TOML"),
        (b"a = 1\n[limits]\nworkers = \n", "interlock.toml:3: this is not TOML"),
        (b"x = '''never closed", "interlock.toml:1: this is not TOML"),
        (b"ok = 1\n\xff\xfe", "interlock.toml:2: the file is not UTF-8 text"),
        (b"limits = 3\n", "interlock.toml:1: limits is not a table"),
        (b"x = " + b"[" * 100_000, "interlock.toml:1: "),
    ],
)
def test_what_is_no_settings_file_is_said_in_a_sentence(content: bytes, said: str):
    with pytest.raises(WrongSettings) as wrong:
        parse_settings(content, "interlock.toml")
    assert str(wrong.value).startswith(said)


def test_a_folder_or_a_huge_file_in_its_place_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "interlock.toml"
    path.mkdir()
    with pytest.raises(WrongSettings, match="not a file"):
        read_settings(tmp_path)
    path.rmdir()
    with path.open("wb") as file:
        os.truncate(file.fileno(), 10_000_000_000)
    with pytest.raises(WrongSettings, match="10,000,000,000 bytes"):
        read_settings(tmp_path)


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_list_of_faults(text: str):
    listed = ()
    try:
        parse_settings(text.encode(), "interlock.toml")
        taken = True
    except WrongSettings as wrong:
        taken, listed = False, wrong.faults
    assert taken or listed
    assert all(fault.what and fault.mend for fault in listed)


@pytest.mark.parametrize(
    ("variables", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_are_left_out_where_they_are_unwelcome(
    variables: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert read_environment().colour is colour
