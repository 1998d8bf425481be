"""The tokens of one attempt out of counts over the whole life of a conversation."""

import hypothesis.strategies as st
from hypothesis import given

from interlock.adapters.codex.spending import THREADS_MAX, Spending
from interlock.workers.agents.json_lines import Document
from interlock.workers.agents.ports import Used

Call = tuple[int, int, int]


def told(total: Call, last: Call, thread: str = "t") -> Document:
    names = ("inputTokens", "cachedInputTokens", "outputTokens")
    usage = {
        "total": dict(zip(names, total, strict=True)),
        "last": dict(zip(names, last, strict=True)),
    }
    return {"threadId": thread, "tokenUsage": usage}


def test_what_was_used_before_is_left_out_even_where_nobody_told_of_it():
    (used,) = Spending().hear(told((5000, 2000, 300), (1000, 400, 50)), earlier=False)
    assert used == Used(600, 50, 400)


def test_the_same_count_again_is_nothing_new():
    spending = Spending()
    assert spending.hear(told((10, 0, 1), (10, 0, 1)), earlier=False)
    assert not spending.hear(told((10, 0, 1), (10, 0, 1)), earlier=False)


def test_no_number_of_threads_fills_the_memory():
    spending = Spending()
    for number in range(THREADS_MAX):
        assert spending.hear(told((1, 0, 1), (1, 0, 1), f"{number}"), earlier=False)
    assert not spending.hear(told((1, 0, 1), (1, 0, 1), "more"), earlier=False)
    assert spending.hear(told((2, 0, 1), (1, 0, 0), "0"), earlier=False)


counts = st.integers(0, 1000)
calls = st.lists(
    st.tuples(counts, st.integers(0, 100), counts).map(
        lambda call: (call[0] + call[1], call[1], call[2])
    )
)


@given(calls, calls, st.booleans())
def test_calls_add_up(before: list[Call], ours: list[Call], repeated: bool):
    """Whatever another attempt used, and however often a count is told."""
    spending, total, sum_of_ours = Spending(), (0, 0, 0), Used()
    for number, call in enumerate((*before, *ours)):
        total = (total[0] + call[0], total[1] + call[1], total[2] + call[2])
        for _ in range(1 + repeated):
            for used in spending.hear(told(total, call), earlier=number < len(before)):
                sum_of_ours = Used(
                    sum_of_ours.input_tokens + used.input_tokens,
                    sum_of_ours.output_tokens + used.output_tokens,
                    sum_of_ours.cached_tokens + used.cached_tokens,
                )
    assert sum_of_ours == Used(
        sum(call[0] - call[1] for call in ours),
        sum(call[2] for call in ours),
        sum(call[1] for call in ours),
    )
