"""The command line without anything behind it: words in, exit code and text out."""

from collections.abc import Callable

import pytest

from interlock.interfaces.cli.doors import Demo, Doors
from interlock.interfaces.cli.main import COMMANDS, run


def no_desk(_: str | None):
    raise AssertionError("this needs no desk")


def doors(show_demo: Callable[[Demo], int] = lambda _: 0) -> Doors:
    return Doors(no_desk, show_demo, lambda: False)


def test_help_and_nothing_at_all_say_the_same(capsys: pytest.CaptureFixture[str]):
    texts = set()
    for words in ([], ["--help"], ["-h"], ["help"]):
        assert run(words, doors()) == 0
        texts.add(capsys.readouterr().out)
    (text,) = texts
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "examples:" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]):
    assert run([name, "--help"], doors()) == 0
    text = capsys.readouterr().out
    assert f"usage: interlock {name}" in text
    assert f"Examples:\n  interlock {name}" in text


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]):
    assert run(["--version"], doors()) == 0
    assert capsys.readouterr().out.startswith("interlock 0.")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("statsu", "did you mean `interlock status`?"),
        ("--versoin", "did you mean `interlock --version`?"),
        ("xyzzy", "see `interlock --help`"),
        ("\x1b[31mred", "'?[31mred'"),
        ("a" * 100_000, "see `interlock --help`"),
    ],
)
def test_an_unknown_word_is_answered_with_a_known_one(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
):
    assert run([word], doors()) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "a", "b"],
        ["plan", "x", "--parallel", "0"],
        ["log", "--limit", "-1"],
        ["log", "--limit", "99999999999999999999"],
        ["log", "--lim", "3"],
        ["audit"],
        ["audit", "export"],
        ["status", "--store"],
    ],
    ids=" ".join,
)
def test_wrong_words_are_exit_2_and_one_line(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(words, doors()) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "--help" in complaint


def test_the_wishes_for_the_demo_are_handed_on():
    wishes: list[Demo] = []

    def show(wish: Demo) -> int:
        wishes.append(wish)
        return 1

    assert run(["demo", "--fast", "--no-browser"], doors(show)) == 1
    assert wishes == [Demo(fast=True, json=False)]
