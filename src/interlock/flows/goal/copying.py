"""The copy of a refused answer: who mends it and runs it does not say what its agent said.

In a plan that an agent makes, `gates`, `tests_may_go` and `confidence` are faults. In a file they
are the word of the person who runs it. So the copy is without them, and its first lines say what
was taken out. Where the answer is no YAML, nobody knows what it says: then every line is a comment.
"""

import json
from typing import Final

from interlock.planning.without import Taken, without

FOR_PEOPLE: Final = ("gates", "tests_may_go", "confidence")
"""What only a person says of a task."""

_TOLD_MAX: Final = 20
_TAKEN_OUT: Final = (
    "The agent wrote what only a person may say of a task. It was taken out; "
    "put back what you want:"
)
_UNREAD: Final = (
    "This is no YAML, so nobody knows what it says: look through it before you take the # away. "
    "Only a person says gates, tests_may_go and confidence."
)


def copy_of(answer: bytes) -> bytes:
    """The same bytes where nothing had to be changed."""
    text = answer.decode("utf-8-sig", errors="replace")
    found = without(text, FOR_PEOPLE) or without(_as_yaml(text), FOR_PEOPLE)
    if found is None:
        return "".join(f"# {line}\n" for line in (_UNREAD, *text.splitlines())).encode()
    if not found.taken:
        return answer
    return (_head(found.taken) + found.text).encode()


def _as_yaml(text: str) -> str:
    """JSON may escape letters as no YAML does."""
    try:
        value = json.loads(text)
        written = json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
    return written.encode(errors="replace").decode()


def _head(taken: tuple[Taken, ...]) -> str:
    lines = [_TAKEN_OUT, *(f"  line {each.line}: {each.text}" for each in taken[:_TOLD_MAX])]
    if (more := len(taken) - _TOLD_MAX) > 0:
        lines.append(f"  and {more:,} more")
    return "".join(f"# {line}\n" for line in lines)
