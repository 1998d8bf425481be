"""Which issues are meant, in one spelling for one meaning."""

import pytest

from interlock.planning.importers.query import Query, WrongQuery, parse_query


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("", Query()),
        ("docs/issues/", Query("docs/issues")),
        ("?label=Auth&label=api", Query(labels=("auth", "api"))),
        ("x?id=1,%202&id=c", Query("x", ids=("1", "2", "c"))),
        ("?state=open", Query()),
        ("?state=In Progress&milestone=v2+final", Query(milestone="v2 final", state="in-progress")),
    ],
)
def test_queries(words: str, query: Query):
    assert parse_query(words) == query
    assert parse_query(f"{query.folder}{query.words}") == query


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("?labl=x", "cannot be chosen by 'labl': take id, label, milestone, state"),
        ("?label", "is no query"),
        ("?label=", "label= says nothing"),
        ("?state=closed", "is never done again"),
        ("?state=maybe", "unknown state 'maybe'"),
        ("?" + "&".join(["label=x"] * 60), "is no query"),
    ],
)
def test_wrong_queries(words: str, why: str):
    with pytest.raises(WrongQuery, match=why):
        parse_query(words)
