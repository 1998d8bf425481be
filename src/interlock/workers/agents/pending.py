"""What is open between us and an agent that talks: our requests and its questions."""

from typing import Final, Generic, TypeVar

from interlock.workers.agents.ports import AgentRefused

QUESTIONS_MAX: Final = 64
"""As many may be open at once; what is asked beyond that is refused without being kept."""

DETAIL_MAX: Final = 50_000
"""Of a question; nobody can judge what is longer, and half of it would be judged wrongly."""

Kind = TypeVar("Kind")


def refusal_in(answer: str) -> str | None:
    """Why it may not, for the agent; None: it may. What is neither is a refusal in own words."""
    said = answer.strip()
    if said.casefold() == "allow":
        return None
    verb, colon, reason = said.partition(":")
    if verb.strip().casefold() == "deny":
        said = reason.strip() if colon else ""
    return said or "It was denied."


class Requests(Generic[Kind]):
    """Numbers our requests, and knows what each was about until it is answered, once."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, Kind] = {}

    def __len__(self) -> int:
        """How many are not answered."""
        return len(self._open)

    def new(self, kind: Kind) -> int:
        self._last += 1
        self._open[self._last] = kind
        return self._last

    def answered(self, number: object) -> Kind | None:
        """None: that is no request of ours, or it was answered before."""
        if isinstance(number, str) and number.isascii() and number.isdecimal():
            number = int(number[:18])
        if isinstance(number, bool) or not isinstance(number, int):
            return None
        return self._open.pop(number, None)


class Questions(Generic[Kind]):
    """Keeps what is needed to answer each question, until somebody does."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._open: dict[str, Kind] = {}

    def ask(self, question: str, needed: Kind) -> bool:
        """False: too many are open, or this one is open already; refuse it."""
        if question in self._open or len(self._open) >= QUESTIONS_MAX:
            return False
        self._open[question] = needed
        return True

    def take(self, question: str) -> Kind:
        """Raises AgentRefused when nobody asked that, or it has been answered."""
        try:
            return self._open.pop(question)
        except KeyError:
            raise AgentRefused(f"{self._program} did not ask {question!r}") from None

    def withdraw(self, question: str) -> None:
        self._open.pop(question, None)
