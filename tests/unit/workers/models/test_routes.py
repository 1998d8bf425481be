"""A request goes below the base address of its provider, under one spelling, or nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.settings import ModelUpstream
from interlock.workers.models.anthropic import ANTHROPIC
from interlock.workers.models.chat import CHAT
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.responses import COMPACT, RESPONSES
from interlock.workers.models.routes import NoRoute, Route, route

A = ModelUpstream("anthropic", "https://api.example", "A_KEY")
O = ModelUpstream("openai", "https://api.example/v1", "O_KEY")  # noqa: E741 - as the other one
BOTH = (A, O)

COUNTED = {
    "/anthropic/v1/messages": (A, "/v1/messages", ANTHROPIC),
    "/anthropic/v1/messages?beta=true": (A, "/v1/messages?beta=true", ANTHROPIC),
    "/openai/responses": (O, "/responses", RESPONSES),
    "/openai/v1/responses": (O, "/v1/responses", RESPONSES),
    "/openai/responses/compact": (O, "/responses/compact", COMPACT),
    "/openai/chat/completions": (O, "/chat/completions", CHAT),
    "/openai/chat/completions/": (O, "/chat/completions/", CHAT),
    "/openai/V1/Chat/Completions": (O, "/V1/Chat/Completions", CHAT),
}


@pytest.mark.parametrize("target", COUNTED)
def test_what_uses_a_model_is_counted(target: str):
    upstream, below, dialect = COUNTED[target]
    assert route("POST", target, BOTH) == Route(upstream, below, dialect)


FREE = [
    ("HEAD", "/anthropic"),
    ("HEAD", "/anthropic/"),
    ("GET", "/openai/models"),
    ("GET", "/openai/models/gpt-5:ft@1"),
    ("GET", "/anthropic/v1/models?limit=1000"),
    ("POST", "/anthropic/v1/messages/count_tokens?beta=true"),
    ("POST", "/openai/responses/input_tokens"),
]


@pytest.mark.parametrize(("method", "target"), FREE)
def test_what_only_asks_is_free(method: str, target: str):
    found = route(method, target, BOTH)
    assert isinstance(found, Route)
    assert found.free
    assert found.dialect is None


OTHERWISE = [
    ("GET", "/anthropic"),
    ("GET", "/anthropic/v1/messages"),
    ("GET", "/openai/responses/resp_1"),
    ("HEAD", "/openai/files"),
    ("DELETE", "/openai/models/mine"),
    ("PUT", "/openai/responses"),
    ("OPTIONS", "/openai/models"),
    ("GET", "/openai/modelsandmore"),
]


@pytest.mark.parametrize(("method", "target"), OTHERWISE)
def test_with_the_real_key_nobody_reads_or_changes_what_else_its_owner_has(
    method: str, target: str
):
    found = route(method, target, BOTH)
    assert isinstance(found, NoRoute)
    assert found.status == 405


@pytest.mark.parametrize("target", ["/openai/embeddings", "/anthropic/v1/messages/batches"])
def test_what_is_not_known_is_neither(target: str):
    found = route("POST", target, BOTH)
    assert isinstance(found, Route)
    assert (found.free, found.dialect) == (False, None)


WAYS_OUT = [
    "/anthropic/../admin",
    "/anthropic/./v1/messages",
    "/anthropic/..",
    "/anthropic/%2e%2e/admin",
    "/anthropic/v1/%6dessages",
    "/anthropic//v1/messages",
    "//evil.example/anthropic",
    "http://evil.example/anthropic/v1/messages",
    "evil.example:443",
    "*",
    "/anthropic\\..\\admin",
    "/anthropic/v1;x/messages",
    "/anthropic/v1/messages#x",
    "/anthropic/v1/mess\tages",
    "/anthropic/v1/messages?x=\r\nHost: evil",
    "/anthropic/v1/mess\xe4ges",
]


@pytest.mark.parametrize("target", WAYS_OUT)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_path_leads_out(method: str, target: str):
    found = route(method, target, BOTH)
    assert isinstance(found, NoRoute)
    assert found.status == 400


@pytest.mark.parametrize("target", ["/", "/other/v1/messages", "/v1/messages", "/anthropicx/"])
def test_an_unknown_provider_is_named_with_those_that_are_known(target: str):
    found = route("POST", target, BOTH)
    assert isinstance(found, NoRoute)
    assert found.status == 404
    assert "/anthropic/, /openai/" in found.why


@given(st.text(alphabet="/.%aeinopthrc2\\?#: ", max_size=40))
def test_whatever_is_passed_on_stays_below_the_base(rest: str):
    found = route("GET", f"/openai{rest}", BOTH)
    if isinstance(found, Route):
        path = found.target.partition("?")[0]
        assert not path or path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/")[1:-1])
        assert path.split("/")[-1] not in {".", ".."}


def test_dialects_know_where_the_key_goes():
    found: dict[str, Dialect] = {each.key_header: each for each in (ANTHROPIC, RESPONSES)}
    assert set(found) == {"x-api-key", "authorization"}
