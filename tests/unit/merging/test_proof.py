"""The proof after a landing: random trees of three sides, and faults that must be seen."""

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from interlock.merging.proof import Entry, Side, between, violations

Tree = dict[str, Entry]
PATHS = ("a", "b", "c/d", "e")
ENTRIES = st.tuples(st.just("100644"), st.sampled_from("123"))


def side(base: Tree, tree: Tree) -> Side:
    return {path: tree.get(path) for path in {*base, *tree} if base.get(path) != tree.get(path)}


class Sides(msgspec.Struct, frozen=True):
    """Two sides of one base that go together, and what their merge comes to."""

    base: Tree
    target: Tree
    change: Tree
    landed: Tree


@st.composite
def sides(draw: st.DrawFn) -> Sides:
    """Per path nobody, one side or both alike left something else."""
    trees: tuple[Tree, ...] = ({}, {}, {}, {})
    for path in PATHS:
        before, after = draw(st.none() | ENTRIES), draw(st.none() | ENTRIES)
        in_target, in_change = draw(st.booleans()), draw(st.booleans())
        left = (
            before,
            after if in_target else before,
            after if in_change else before,
            after if in_target or in_change else before,
        )
        for tree, entry in zip(trees, left, strict=True):
            if entry is not None:
                tree[path] = entry
    return Sides(*trees)


def found(base: Tree, target: Tree, change: Tree, landed: Tree) -> tuple[str, ...]:
    added = frozenset({*target, *change, *landed} - set(base))
    return violations(side(base, target), side(base, change), side(base, landed), added)


@given(sides())
def test_what_two_sides_of_a_base_differ_in_is_known_without_asking_again(s: Sides) -> None:
    for one, other in ((s.target, s.landed), (s.landed, s.target), (s.target, s.change)):
        differences = between(side(s.base, one), side(s.base, other))
        assert differences == tuple(sorted(side(one, other)))


@given(sides())
def test_a_merge_that_keeps_both_sides_is_proved(s: Sides) -> None:
    assert found(s.base, s.target, s.change, s.landed) == ()


@given(s=sides(), path=st.sampled_from((*PATHS, "new")), entry=st.none() | ENTRIES)
def test_one_path_that_is_not_as_it_must_be_is_named(
    s: Sides, path: str, entry: Entry | None
) -> None:
    assume(s.landed.get(path) != entry)
    # A rename that met an edit may leave content that neither side had; nothing else may.
    met = any(
        where not in one and where in other and other[where] != s.base[where]
        for one, other in ((s.target, s.change), (s.change, s.target))
        for where in s.base
    )
    assert not met, "no path is touched differently by both"
    wrong = {where: what for where, what in s.landed.items() if where != path}
    if entry is not None:
        wrong[path] = entry
    named = found(s.base, s.target, s.change, wrong)
    assert [sentence.partition(":")[0] for sentence in named] == [path]


OLD, NEW, EDITED = ("100644", "old"), ("100644", "new"), ("100644", "edited")


def test_a_silent_revert_of_the_target_is_seen() -> None:
    assert found(
        {"a": OLD, "b": OLD}, {"a": NEW, "b": OLD}, {"a": OLD, "b": NEW}, {"a": OLD, "b": NEW}
    ) == ("a: only the target touched it, it is not as the target left it",)


def test_a_change_that_did_not_arrive_is_seen() -> None:
    assert found({"a": OLD}, {"a": OLD}, {"a": NEW}, {"a": OLD}) == (
        "a: only the change touched it, it is not as the change left it",
    )


def test_what_nobody_touched_must_not_move() -> None:
    assert found({"a": OLD}, {"a": OLD}, {"a": OLD}, {"a": NEW}) == (
        "a: nobody touched it, it is not as it was",
    )


def test_what_both_left_alike_must_stand_so() -> None:
    assert found({"a": OLD}, {"a": NEW}, {"a": NEW}, {"a": OLD}) == (
        "a: both sides left it alike, it is not so",
    )


def test_where_both_differ_the_merge_decides() -> None:
    both = ("100644", "both")
    assert found({"a": OLD}, {"a": NEW}, {"a": EDITED}, {"a": both}) == ()


def test_a_rename_carries_the_other_sides_edit_along() -> None:
    base, target, change = {"a": OLD}, {"a": EDITED}, {"b": OLD}
    assert found(base, target, change, {"b": EDITED}) == ()
    assert found(base, change, target, {"b": EDITED}) == ()
    assert found(base, target, change, {}) == (
        "b: only the change touched it, it is not as the change left it",
    )


def test_a_changed_mode_is_a_change() -> None:
    program = ("100755", "old")
    assert found({"a": OLD}, {"a": OLD}, {"a": program}, {"a": OLD}) != ()
