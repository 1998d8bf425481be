"""Our requests and its questions: each is settled once, and none of a stranger."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from interlock.workers.agents.pending import QUESTIONS_MAX, Questions, Requests, refusal_in
from interlock.workers.agents.ports import AgentRefused


def test_a_request_is_answered_once():
    requests: Requests[str] = Requests()
    first, second = requests.new("initialize"), requests.new("interrupt")
    assert requests.answered(str(second)) == "interrupt"
    assert requests.answered(first) == "initialize"
    assert requests.answered(first) is None


@given(st.none() | st.booleans() | st.floats() | st.text() | st.integers(min_value=2))
def test_answers_to_what_was_not_asked_are_nothing(number: object):
    requests: Requests[str] = Requests()
    requests.new("initialize")
    assert number == "1" or requests.answered(number) is None


def test_a_question_is_answered_once():
    questions: Questions[int] = Questions("claude")
    assert questions.ask("a", 1)
    assert not questions.ask("a", 2)
    assert questions.take("a") == 1
    with pytest.raises(AgentRefused, match="claude did not ask 'a'"):
        questions.take("a")


def test_questions_do_not_pile_up():
    questions: Questions[int] = Questions("claude")
    assert all(questions.ask(str(number), number) for number in range(QUESTIONS_MAX))
    assert not questions.ask("one more", 0)
    questions.withdraw("0")
    assert questions.ask("one more", 0)
    assert not questions.ask("and another one", 0)


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ("allow", None),
        (" ALLOW\n", None),
        ("deny", "It was denied."),
        ("deny: too dear", "too dear"),
        ("Deny : too dear: really", "too dear: really"),
        ("allow it when it rains", "allow it when it rains"),
        ("", "It was denied."),
    ],
)
def test_only_allow_allows(answer: str, refusal: str | None):
    assert refusal_in(answer) == refusal
