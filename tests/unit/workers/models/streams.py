"""Answers of every protocol, written as their providers write them."""

import json
from dataclasses import dataclass

from interlock.workers.models.anthropic import ANTHROPIC
from interlock.workers.models.chat import CHAT
from interlock.workers.models.counts import Counts
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.responses import RESPONSES

EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"
COUNTS = Counts(input=100, cached=20, cache_write=7, output=31, reasoning=5)


@dataclass(frozen=True)
class Told:
    """One answer as events; `last` is the number of the event that ends it."""

    dialect: Dialect
    events: tuple[bytes, ...]
    counts: Counts

    @property
    def text(self) -> bytes:
        return b"".join(self.events)


def event(data: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def anthropic(counts: Counts = COUNTS, text: str = "Done.") -> Told:
    sent = {
        "input_tokens": counts.input,
        "cache_read_input_tokens": counts.cached,
        "cache_creation_input_tokens": counts.cache_write,
        "cache_creation": {"ephemeral_1h_input_tokens": counts.cache_write_hour},
    }
    came = {
        "output_tokens": counts.output,
        "output_tokens_details": {"thinking_tokens": counts.reasoning},
    }
    start = {"type": "message_start", "message": {"id": "m", "usage": {**sent, "output_tokens": 0}}}
    delta = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": came}
    events = (start, {"type": "ping"}, delta, end, {"type": "message_stop"})
    return Told(ANTHROPIC, tuple(event(each, str(each["type"])) for each in events), counts)


def openai_usage(counts: Counts, sent: str, came: str) -> dict[str, object]:
    return {
        f"{sent}_tokens": counts.sent,
        f"{sent}_tokens_details": {
            "cached_tokens": counts.cached,
            "cache_write_tokens": counts.cache_write,
        },
        f"{came}_tokens": counts.output,
        f"{came}_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.sent + counts.output,
    }


def responses(counts: Counts = COUNTS, text: str = "Done.") -> Told:
    whole = {
        "id": "r",
        "output": [{"text": text}],
        "usage": openai_usage(counts, "input", "output"),
    }
    events = (
        {"type": "response.created", "response": {"id": "r", "usage": None}},
        {"type": "response.output_text.delta", "delta": text},
        {"type": "response.completed", "response": whole},
    )
    return Told(RESPONSES, tuple(event(each, str(each["type"])) for each in events), counts)


def chat(counts: Counts = COUNTS, text: str = "Done.") -> Told:
    events = (
        {"choices": [{"delta": {"content": text}}], "usage": None},
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": None},
        {"choices": [], "usage": openai_usage(counts, "prompt", "completion")},
    )
    last = b"data: [DONE]\n\n"
    return Told(CHAT, (*map(event, events), last), counts)


ALL = {"anthropic": anthropic, "responses": responses, "chat": chat}
