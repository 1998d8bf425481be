"""A task's `files`: what lies inside its boundary, in the words of a plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.merging.boundary import covers, outside

INSIDE = [
    ("app/models/**", "app/models/user.py"),
    ("app/models/**", "app/models/deep/er/user.py"),
    ("app/models", "app/models/user.py"),
    ("app/models/", "app/models/user.py"),
    ("./app/models", "app/models/user.py"),
    ("/app/models", "app/models/user.py"),
    ("README.md", "README.md"),
    ("app/*.py", "app/main.py"),
    ("app/*", "app/.env"),
    ("**/test_*.py", "test_a.py"),
    ("**/test_*.py", "tests/unit/test_a.py"),
    ("a/**/z.py", "a/z.py"),
    ("a/**/z.py", "a/b/c/z.py"),
    ("**", "any/thing"),
    (".", "any/thing"),
    ("app/file?.py", "app/file1.py"),
    ("app/file[0-9].py", "app/file7.py"),
    ("app/file[!0-9].py", "app/filex.py"),
    ("app/[id].tsx", "app/i.tsx"),
    ("app/[slug", "app/[slug"),
    ("*/", "docs/a/b.md"),
    ("dir with space", "dir with space/ü.txt"),
]
OUTSIDE = [
    ("app/models/**", "app/models.py"),
    ("app/models", "app/models2/user.py"),
    ("app/models/**", "tests/app/models/user.py"),
    ("README.md", "docs/README.md"),
    ("app/*.py", "app/deep/main.py"),
    ("*.py", "app/main.py"),
    ("app/file?.py", "app/file/.py"),
    ("app/file[0-9].py", "app/filex.py"),
    ("app/file[!0-9].py", "app/file1.py"),
    ("a[!b]c", "a/c"),
    ("a.c", "abc"),
    ("app/*", "app/a/b"),
    ("*/", "README.md"),
]


@pytest.mark.parametrize(("pattern", "path"), INSIDE)
def test_inside(pattern: str, path: str) -> None:
    assert covers((pattern,), path)


@pytest.mark.parametrize(("pattern", "path"), OUTSIDE)
def test_outside(pattern: str, path: str) -> None:
    assert not covers((pattern,), path)


def test_no_patterns_are_no_boundary() -> None:
    assert outside(["a", "b/c"], ()) == ()


def test_what_no_pattern_covers_is_named_in_its_order() -> None:
    assert outside(["z", "app/x.py", "a"], ("app", "docs/**")) == ("z", "a")


NAMES = st.text(st.sampled_from("ab.[]*?!^-\\|&~"), min_size=1, max_size=6).filter(
    lambda name: name not in (".", "..")
)


@given(pattern=st.text(st.sampled_from("ab/.[]*?!^-\\|&~"), max_size=12), path=NAMES)
def test_no_pattern_breaks_the_matcher(pattern: str, path: str) -> None:
    assert covers((pattern,), path) in (True, False)


@given(parts=st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5))
def test_a_path_is_inside_itself_and_inside_each_of_its_folders(parts: list[str]) -> None:
    path = "/".join(parts)
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        assert covers((folder,), path)
        assert depth == len(parts) or covers((f"{folder}/**",), path)
        assert not covers((f"{folder}x",), path)
