"""Whether two globs can name the same file; a wrong "no" would let two people collide."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.control.overlap import overlap


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("app/models/**", "app/**/user.py"),
        ("app/models/**", "app/models"),
        ("app/models", "app/models/user.py"),
        ("app/models/", "app/models/user.py"),
        ("./app/x.py", "app/x.py"),
        ("**", "a"),
        ("*.py", "setup.*"),
        ("app/[ab].py", "app/a.py"),
        ("app/?.py", "app/b.py"),
        ("a/**/b/**/c", "a/b/x/c"),
        ("**/x.py", "x.py"),
        ("", "anything"),
    ],
)
def test_these_can_meet(one: str, other: str):
    assert overlap(one, other)
    assert overlap(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("app/*.py", "docs/**"),
        ("app/*.py", "app/x/y.py"),
        ("app/a.py", "app/b.py"),
        ("app/*.py", "app/*.js"),
        ("app/??.py", "app/a.py"),
        ("a/**/z", "a/b/*.y"),
        ("app", "apps/x"),
    ],
)
def test_these_cannot(one: str, other: str):
    assert not overlap(one, other)
    assert not overlap(other, one)


names = st.text("ab", min_size=1, max_size=3)
paths = st.lists(names, min_size=1, max_size=4)


@st.composite
def patterns_of(draw: st.DrawFn, path: list[str]) -> str:
    """A pattern that matches the path by construction."""
    parts: list[str] = []
    for part in path:
        match draw(st.sampled_from(["same", "star", "question", "deep", "deeper"])):
            case "star":
                cut = draw(st.integers(0, len(part)))
                parts.append(part[:cut] + "*")
            case "question":
                parts.append("?" * len(part))
            case "deep":
                parts.append("**")
            case "deeper":
                parts.extend(["**", part])
            case _:
                parts.append(part)
    return "/".join(parts)


@given(st.data(), paths)
def test_two_patterns_of_one_path_meet(data: st.DataObject, path: list[str]):
    assert overlap(data.draw(patterns_of(path)), data.draw(patterns_of(path)))


flat = st.text("ab*?", min_size=1, max_size=5)


@given(flat, st.text("ab", min_size=1, max_size=5))
def test_a_name_without_wildcards_meets_exactly_what_matches_it(pattern: str, name: str):
    assert overlap(pattern, name) == fnmatch.fnmatchcase(name, pattern)


def test_long_patterns_take_no_long_time():
    assert overlap("*a" * 250, "a*" * 250)
    assert not overlap("*a" * 200 + "b", "a" * 400)
