"""What a request may come to is read off it, and what is passed on is what was read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.workers.models.anthropic import ANTHROPIC
from interlock.workers.models.asking import Ask, Unreadable, limited
from interlock.workers.models.chat import CHAT
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.responses import RESPONSES

DIALECTS = (ANTHROPIC, RESPONSES, CHAT)
each_protocol = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)


def asked(dialect: Dialect, document: object) -> Ask:
    ask = dialect.read_request(json.dumps(document).encode())
    assert isinstance(ask, Ask)
    return ask


@each_protocol
def test_what_needs_no_completion_is_passed_on_byte_for_byte(dialect: Dialect):
    body = '{"model":"m","messages":[{"content":"ä \\" {}"}],"input":1.50,"stream":false}'.encode()
    ask = dialect.read_request(body)
    assert isinstance(ask, Ask)
    assert ask.body == body
    assert (ask.model, ask.stream, ask.hides_usage) == ("m", False, False)


@each_protocol
def test_a_name_that_comes_twice_means_here_what_it_means_there(dialect: Dialect):
    limits = '"max_tokens":1,"max_output_tokens":1,'
    body = f'{{"model":"cheap",{limits}"model":"dear",{limits.replace("1", "9")}"stream":true}}'
    ask = dialect.read_request(body.encode())
    assert isinstance(ask, Ask)
    assert (ask.model, ask.output_max) == ("dear", 9)
    assert ask.body.count(b'"model"') == 1
    assert json.loads(ask.body)["model"] == "dear"


@each_protocol
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'"x"', b"\xff\xfe", b'{"a":1}{"b":2}', b"null"]
)
def test_what_is_no_object_is_refused(dialect: Dialect, body: bytes):
    assert isinstance(dialect.read_request(body), Unreadable)


@given(st.sampled_from(DIALECTS), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(dialect: Dialect, body: bytes):
    assert isinstance(dialect.read_request(body), Ask | Unreadable)


LIMITS = {
    "messages": (ANTHROPIC, {"max_tokens": 7}, 7),
    "responses": (RESPONSES, {"max_output_tokens": 7}, 7),
    "chat": (CHAT, {"max_completion_tokens": 7}, 7),
    "chat, of old": (CHAT, {"max_tokens": 7}, 7),
    "both: the larger": (CHAT, {"max_tokens": 7, "max_completion_tokens": 9}, 9),
    "none": (RESPONSES, {}, None),
    "null": (ANTHROPIC, {"max_tokens": None}, None),
    "nothing": (ANTHROPIC, {"max_tokens": 0}, None),
}


@pytest.mark.parametrize(("dialect", "fields", "wanted"), LIMITS.values(), ids=LIMITS)
def test_its_own_limit_is_read(dialect: Dialect, fields: dict[str, object], wanted: int | None):
    assert asked(dialect, fields).output_max == wanted


@each_protocol
@pytest.mark.parametrize("count", [8.0, 1.5, "8", True, -1, [8], 1e300])
@pytest.mark.parametrize("name", ["n", "max_tokens", "max_output_tokens", "max_completion_tokens"])
def test_a_count_that_is_no_whole_number_is_refused(dialect: Dialect, name: str, count: object):
    refused = dialect.read_request(json.dumps({"model": "m", name: count}).encode())
    assert isinstance(refused, Unreadable)
    assert f"`{name}`" in refused.why


def test_several_answers_are_several():
    assert asked(CHAT, {"n": 4}).answers == 4


OPTIONS = {
    "not said": ({}, True),
    "not wanted": ({"stream_options": {"include_usage": False}}, True),
    "nothing": ({"stream_options": None}, True),
    "something else": ({"stream_options": {"include_obfuscation": False}}, True),
    "wanted": ({"stream_options": {"include_usage": True}}, False),
}


@pytest.mark.parametrize(("fields", "hidden"), OPTIONS.values(), ids=OPTIONS)
def test_a_chat_that_streams_is_asked_for_its_figures(fields: dict[str, object], hidden: bool):
    ask = asked(CHAT, {"model": "m", "stream": True, **fields})
    assert ask.hides_usage is hidden
    passed_on = json.loads(ask.body)
    options = fields.get("stream_options")
    wanted = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    assert passed_on["stream_options"] == wanted
    assert passed_on["model"] == "m"


def test_one_that_does_not_stream_is_not_asked():
    assert b"stream_options" not in asked(CHAT, {"model": "m"}).body


ELSEWHERE = {
    "a stored answer": {"previous_response_id": "resp_1"},
    "a stored conversation": {"conversation": {"id": "c"}},
    "a stored file": {"content": [{"type": "document", "source": {"file_id": "f"}}]},
    "a picture by its address": {"content": [{"source": {"type": "url", "url": "http://x"}}]},
}


@each_protocol
@pytest.mark.parametrize("fields", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_lies_with_the_provider_is_noticed(dialect: Dialect, fields: object):
    assert asked(dialect, fields).elsewhere


def test_a_stored_prompt_lies_with_the_provider():
    assert asked(RESPONSES, {"prompt": {"id": "pmpt_1"}}).elsewhere
    assert not asked(RESPONSES, {"prompt": None}).elsewhere


FETCHED = {
    "a search": {"tools": [{"type": "web_search"}]},
    "a dated search": {"tools": [{"type": "web_search_20250305"}]},
    "tools elsewhere": {"mcp_servers": [{"url": "x"}]},
}


@each_protocol
@pytest.mark.parametrize("fields", FETCHED.values(), ids=FETCHED)
def test_what_its_provider_may_fetch_is_noticed(dialect: Dialect, fields: object):
    ask = asked(dialect, fields)
    assert ask.fetches
    assert not ask.elsewhere


def test_however_it_is_spelled():
    body = b'{"previous_response\\u005fid":"x", "input":[]}'
    ask = RESPONSES.read_request(body)
    assert isinstance(ask, Ask)
    assert ask.elsewhere
    body = b'{"input":[{"\\u0066ile_id" : "x"}]}'
    ask = RESPONSES.read_request(body)
    assert isinstance(ask, Ask)
    assert ask.elsewhere


def test_words_about_it_are_words():
    told = json.dumps({"previous_response_id": "x", "type": "url"})
    schema = {"properties": {"url": {"type": "string"}, "file": {"type": "string"}}}
    content = [{"type": "text", "text": f"{told} ä “ <b>"}]
    document = {
        "previous_response_id": None,
        "messages": content,
        "tools": [{"parameters": schema}],
    }
    ask = asked(CHAT, document)
    assert not ask.elsewhere
    assert not ask.fetches


TIERS = {
    "usual": (RESPONSES, {"service_tier": "auto"}, ""),
    "cheaper": (RESPONSES, {"service_tier": "flex"}, ""),
    "dearer": (RESPONSES, {"service_tier": "priority"}, "priority"),
    "chat": (CHAT, {"service_tier": "priority"}, "priority"),
    "fast": (ANTHROPIC, {"speed": "fast"}, "fast"),
    "standard": (ANTHROPIC, {"speed": "standard", "service_tier": "auto"}, ""),
}


STRANGE = {
    "a tier": (RESPONSES, {"service_tier": "nonsense"}),
    "a tier of a chat": (CHAT, {"service_tier": "\x1b[2J"}),
    "a tier that is a list": (RESPONSES, {"service_tier": ["priority"]}),
    "a speed": (ANTHROPIC, {"speed": "ludicrous"}),
    "a tier of a message": (ANTHROPIC, {"service_tier": "priority"}),
    "a place": (ANTHROPIC, {"inference_geo": "moon"}),
    "several models": (CHAT, {"models": ["a", "b"]}),
}


@pytest.mark.parametrize(("dialect", "fields"), STRANGE.values(), ids=STRANGE)
def test_what_sets_a_price_that_nobody_knows_is_refused(dialect: Dialect, fields: object):
    refused = dialect.read_request(json.dumps(fields).encode())
    assert isinstance(refused, Unreadable)
    assert refused.why.isprintable()


FACTORS = {
    "fast": (ANTHROPIC, {"speed": "fast"}, (6.0, 1.0)),
    "somewhere": (ANTHROPIC, {"inference_geo": "us"}, (1.0, 1.1)),
    "priority": (CHAT, {"service_tier": "priority"}, (3.0, 1.0)),
    "usual": (RESPONSES, {"service_tier": None}, (1.0, 1.0)),
}


@pytest.mark.parametrize(("dialect", "fields", "factors"), FACTORS.values(), ids=FACTORS)
def test_what_a_word_costs_at_most(dialect: Dialect, fields: object, factors: tuple[float, float]):
    ask = asked(dialect, fields)
    assert (ask.factor, ask.region) == factors


def test_a_provider_that_condenses_goes_through_it_twice():
    edits = {"edits": [{"type": "compact_20260112"}]}
    assert asked(ANTHROPIC, {"context_management": edits}).rounds == 2
    assert asked(RESPONSES, {"context_management": [{"type": "compaction"}]}).rounds == 2
    assert asked(ANTHROPIC, {"context_management": {"edits": [{"type": "clear"}]}}).rounds == 1


def test_a_tool_that_is_another_model_is_noticed_however_it_is_spelled():
    assert asked(ANTHROPIC, {"tools": [{"type": "advisor_20260301"}]}).advised
    ask = ANTHROPIC.read_request(b'{"tools": [{"ty\\u0070e" : "\\u0061dvisor_x"}]}')
    assert isinstance(ask, Ask)
    assert ask.advised
    words = {"messages": [{"content": '{"type":"advisor_x"} \\u0061'}], "tools": [{"name": "a"}]}
    assert not asked(ANTHROPIC, words).advised


def test_where_another_model_may_answer_it_is_noticed():
    ask = asked(ANTHROPIC, {"fallbacks": "default"})
    assert (ask.others, ask.rounds) == (True, 2)


def test_a_limit_is_written_beside_what_was_there():
    body = '{"model":"m","input":"ä","max_output_tokens":null}'.encode()
    ask = RESPONSES.read_request(body)
    assert isinstance(ask, Ask)
    smaller = limited(ask, RESPONSES.limit_field, 4096)
    assert json.loads(smaller.body) == {"model": "m", "input": "ä", "max_output_tokens": 4096}
    assert smaller.output_max == 4096


@pytest.mark.parametrize(("dialect", "fields", "tier"), TIERS.values(), ids=TIERS)
def test_another_price_is_another_tier(dialect: Dialect, fields: object, tier: str):
    assert asked(dialect, fields).tier == tier


def test_an_hour_in_the_cache_is_noticed():
    control = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert asked(ANTHROPIC, {"system": [control]}).long_cache
    assert not asked(ANTHROPIC, {"system": [{"cache_control": {"type": "ephemeral"}}]}).long_cache
