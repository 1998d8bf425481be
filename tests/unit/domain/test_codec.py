"""Facts to bytes and back, across versions."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain import codec
from interlock.domain.codec import (
    FACT_MODULES,
    FACTS,
    UPCASTS,
    Document,
    UnknownFact,
    Upcast,
    decode,
    encode,
    facts_of,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.task import TaskHeld, TaskMadeReady, TaskSubmitted
from interlock.domain.ids import RepoId, RunId, TaskId, TaskName
from interlock.domain.task import PlannedTask
from tests.unit.domain.anything import any_of

any_fact = st.sampled_from(sorted(FACTS)).flatmap(lambda name: any_of(FACTS[name]))
kinds = pytest.mark.parametrize("kind", FACTS.values(), ids=FACTS.keys())


@kinds
@given(data=st.data())
def test_whatever_is_written_is_read_again(kind: type[Fact], data: st.DataObject):
    fact = data.draw(any_of(kind))
    written = encode(fact)
    assert decode(kind.__name__, kind.VERSION, written) == fact
    assert encode(decode(kind.__name__, kind.VERSION, written)) == written


@given(fact=any_fact)
def test_no_fact_can_be_changed(fact: Fact):
    assert type(fact).__struct_config__.frozen
    for name in type(fact).__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(fact, name, None)


@kinds
def test_every_fact_has_a_sentence_and_an_upcast_for_each_version_before_its_own(kind: type[Fact]):
    assert (kind.__doc__ or "").strip().endswith(".")
    assert kind.VERSION >= 1
    assert [v for v in range(1, kind.VERSION) if (kind.__name__, v) not in UPCASTS] == []


def test_every_name_belongs_to_one_fact():
    defined = [fact for module in FACT_MODULES for fact in facts_of(module)]
    assert len(defined) == len(FACTS) > 40


def test_a_fact_says_nothing_about_what_holds_its_default():
    assert encode(TaskMadeReady()) == b"{}"
    planned = PlannedTask(TaskName("login"), "Log in")
    fact = TaskSubmitted(TaskId("r1-login"), RunId("r1"), RepoId("shop"), planned, 0, 30.0)
    assert encode(fact) == (
        b'{"task_id":"r1-login","run_id":"r1","repo_id":"shop",'
        b'"planned":{"id":"login","title":"Log in"},"index":0,"remaining_minutes":30.0}'
    )


@pytest.mark.parametrize(
    ("name", "version"), [("TaskDreamt", 1), ("TaskHeld", TaskHeld.VERSION + 1)]
)
def test_what_a_newer_release_wrote_is_refused_with_a_way_on(name: str, version: int):
    with pytest.raises(UnknownFact, match=f"{name} version {version}.*the release that wrote it"):
        decode(name, version, b'{"reason":"x"}')


@pytest.mark.parametrize("data", [b"", b"{}", b'{"reason":3}', b"[]", b"\xff"])
def test_bytes_that_are_no_such_fact_raise(data: bytes):
    with pytest.raises(msgspec.DecodeError):
        decode("TaskHeld", 1, data)


# --- a fact that has moved on ---------------------------------------------------------------------


class TaskHeldThird(Fact, frozen=True, omit_defaults=True):
    """Imagine that a hold names, since version 2, until when, and since 3 who held it."""

    VERSION = 3

    sentence: str
    by: tuple[str, ...]
    until: datetime | None = None


def to_second(document: Document) -> Document:
    return {"sentence": document["reason"], "until": "2031-05-06T09:30:00Z"}


def to_third(document: Document) -> Document:
    return {**document, "by": ["somebody"]}


@pytest.fixture
def moved_on(monkeypatch: pytest.MonkeyPatch) -> Mapping[tuple[str, int], Upcast]:
    """A release in which `TaskHeld` has reached version 3, and its two upcasts."""
    monkeypatch.setitem(codec.FACTS, "TaskHeld", TaskHeldThird)  # type: ignore[arg-type]
    monkeypatch.setitem(codec._DECODERS, "TaskHeld", msgspec.json.Decoder(TaskHeldThird))
    return {("TaskHeld", 1): to_second, ("TaskHeld", 2): to_third}


def test_an_old_fact_is_lifted_through_every_version(moved_on: Mapping[tuple[str, int], Upcast]):
    until = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)
    first, second = b'{"reason":"too risky"}', b'{"sentence":"later","until":null}'
    lifted = TaskHeldThird("too risky", ("somebody",), until)
    assert decode("TaskHeld", 1, first, moved_on) == lifted
    assert decode("TaskHeld", 2, second, moved_on) == TaskHeldThird("later", ("somebody",))
    assert decode("TaskHeld", 3, encode(lifted), moved_on) == lifted


def test_a_missing_step_is_refused_and_not_guessed(moved_on: Mapping[tuple[str, int], Upcast]):
    without = {key: upcast for key, upcast in moved_on.items() if key != ("TaskHeld", 2)}
    with pytest.raises(UnknownFact, match="TaskHeld version 2"):
        decode("TaskHeld", 1, b'{"reason":"too risky"}', without)


def test_an_upcast_that_gives_no_fact_is_refused(moved_on: Mapping[tuple[str, int], Upcast]):
    broken = {**moved_on, ("TaskHeld", 2): lambda _: {"sentence": 3, "by": []}}
    with pytest.raises(msgspec.ValidationError):
        decode("TaskHeld", 1, b'{"reason":"too risky"}', broken)
