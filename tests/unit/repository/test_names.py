"""Which names and links a change may bring: nothing that any file system takes for `.git`."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.git.names import refusal_of_link, refusal_of_name


@pytest.mark.parametrize(
    "path",
    [
        ".git", ".GIT", ".giT/config", "a/.git/hooks/x", ".git ", ".git.", ".git. .", "git~1",
        "GIT~2/x", ".g\u200cit", "\ufeff.git", ".git::$INDEX_ALLOCATION", "a\\.git\\x",
        ".\uff47\uff49\uff54",
        "..", "a/../b", "./a", "a//b", "/etc/passwd", "", "a/" + "x" * 256, "x/" * 2500 + "y",
    ],
)  # fmt: skip
def test_no_name_for_a_file(path: str):
    assert refusal_of_name(path.encode())


@pytest.mark.parametrize(
    "path",
    [".gitignore", ".github/x", "git", "a.git", "x/.gitattributes", "git~x", "späti/漢.py"],
)
def test_ordinary_names(path: str):
    assert not refusal_of_name(path.encode())


def test_what_is_no_utf8():
    assert refusal_of_name(b"caf\xe9")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a", "/etc/passwd"), ("a", ".."), ("a/b", "../../x"), ("a", "x/../y"), ("a/b", "../c/.."),
        ("a", ".git/config"), ("a", "x/.GIT/hooks"), ("a", ""), ("a", "x" * 5000), ("a", "b\0c"),
    ],
)  # fmt: skip
def test_links_that_lead_out(path: str, target: str):
    assert refusal_of_link(path.encode(), target.encode())


@pytest.mark.parametrize(
    ("path", "target"),
    [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d/e"), ("a", "./b//c"), ("a/b", "..")],
)
def test_links_that_stay_inside(path: str, target: str):
    assert not refusal_of_link(path.encode(), target.encode())


parts = st.lists(st.sampled_from(["a", "b", "..", "."]), min_size=1, max_size=5).map("/".join)
folders = st.lists(st.sampled_from(["a", "b"]), max_size=2).map("/".join)


@given(st.lists(st.tuples(folders, st.sampled_from("cde"), parts), max_size=5))
def test_however_allowed_links_are_combined_none_leads_out(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[str, str, str]]
):
    top = tmp_path_factory.mktemp("tree") / "outer" / "root"
    for folder in ("a/a", "a/b", "b/a", "b/b"):
        (top / folder).mkdir(parents=True)
    for folder, name, target in links:
        path = os.path.normpath(f"{folder}/{name}").lstrip("/")
        if not refusal_of_link(path.encode(), target.encode()) and not (top / path).is_symlink():
            (top / path).symlink_to(target)
    for root, names, files in os.walk(top):
        for name in (*names, *files):
            assert f"{os.path.realpath(os.path.join(root, name))}/".startswith(f"{top}/")  # noqa: PTH118
