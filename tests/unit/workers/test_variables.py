"""A profile's variables and words are filled in once, or refused with the way to mend it."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from interlock.domain.settings import AgentProfile
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.agents.variables import variables_of, words_of
from interlock.workers.models.ports import Access

DOOR = Access(Path("/run/door"), 8080, "s3cret")


def profile(*variables: tuple[str, str], **more: str) -> AgentProfile:
    return AgentProfile("qwen", "acp", variables=variables, **more)  # type: ignore[arg-type]


def test_each_place_gets_its_value():
    mine = profile(
        ("URL", "{model.url}/v1"),
        ("KEY", "Bearer {model.key}"),
        ("NAME", "{model}-{model}"),
        ("PLAIN", "{other} {model.x} {{model"),
        model="m-1",
        provider="openai",
    )
    assert variables_of(mine, DOOR) == {
        "URL": "http://127.0.0.1:8080/openai/v1",
        "KEY": "Bearer s3cret",
        "NAME": "m-1-m-1",
        "PLAIN": "{other} {model.x} {{model",
    }


def test_what_is_put_in_is_not_looked_at_again():
    mine = profile(("A", "{model}"), model="{model.key}", provider="openai")
    assert variables_of(mine, DOOR) == {"A": "{model.key}"}


def test_words_are_filled_in_as_well():
    mine = AgentProfile("a", "acp", run=("agent", "-m", "{model}"), model="m-1")
    assert words_of(mine, None) == ("agent", "-m", "m-1")


def test_a_provider_is_meant_where_the_profile_names_none():
    assert variables_of(profile(("A", "{model.url}")), DOOR, "anthropic") == {
        "A": "http://127.0.0.1:8080/anthropic"
    }


@pytest.mark.parametrize(
    ("value", "more", "door", "mend"),
    [
        ("{model}", {}, DOOR, "set model under [agents.qwen]"),
        ("{model.url}", {}, DOOR, "set provider under [agents.qwen]"),
        ("{model.url}", {"provider": "openai"}, None, "[models.NAME]"),
        ("{model.key}", {"auth": "login"}, None, 'auth = "key"'),
    ],
)
def test_what_has_no_value_is_refused_with_the_way_to_mend_it(
    value: str, more: dict[str, str], door: Access | None, mend: str
):
    with pytest.raises(AgentRefused) as refused:
        variables_of(profile(("A", value), **more), door)
    assert mend in str(refused.value)
    assert "the variable A" in str(refused.value)


@given(st.text(), st.text(min_size=1))
def test_other_text_stays_as_it_is(text: str, model: str):
    plain = text.replace("{model", "")
    mine = profile(("A", plain), model=model, provider="openai")
    assert variables_of(mine, DOOR) == {"A": plain}


def test_places_of_the_words_alone_are_filled_in_the_same_pass():
    mine = AgentProfile("a", "acp", run=("{task.id}-{model}", "{task.title}"), model="{task.id}")
    others = {"task.id": "t", "task.title": "{model} {model.key} {task.id}"}
    assert words_of(mine, None, others) == ("t-{task.id}", "{model} {model.key} {task.id}")
