"""What a script may hold: steps, the operations in them, their tokens and their faults."""

from collections.abc import Mapping
from typing import Final

import msgspec

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""What a script may be called, so that a marker in a prompt can name it."""


class Tokens(msgspec.Struct, frozen=True):
    """The usage that an answer tells.

    `input` are those that no cache had; `reasoning` is a part of `output`. A protocol that counts
    cached tokens as input tokens is told the sum.
    """

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def all_input(self) -> int:
        return self.input + self.cached + self.cache_write

    def __add__(self, more: "Tokens") -> "Tokens":
        return Tokens(
            self.input + more.input,
            self.cached + more.cached,
            self.cache_write + more.cache_write,
            self.output + more.output,
            self.reasoning + more.reasoning,
        )


USUAL_TOKENS: Final = Tokens(input=1000, output=50)


class Write(msgspec.Struct, frozen=True):
    """The file has this text."""

    path: str
    text: str


class Edit(msgspec.Struct, frozen=True):
    """The one place in the file that reads `old` becomes `new`."""

    path: str
    old: str
    new: str


class Shell(msgspec.Struct, frozen=True):
    """A shell command."""

    command: str


class Call(msgspec.Struct, frozen=True):
    """A tool by its name, with exactly this input; a text is for tools that take free text."""

    tool: str
    input: Mapping[str, object] | str


Operation = Write | Edit | Shell | Call


class Refuse(msgspec.Struct, frozen=True):
    """The answer is this status, in the words of the protocol."""

    status: int
    retry_after: float | None = None


class Drop(msgspec.Struct, frozen=True):
    """The connection is cut after so many events; before the last one at the latest."""

    after: int = 1


class Malformed(msgspec.Struct, frozen=True):
    """After so many events comes one that is not JSON; then it goes on."""

    after: int = 1


class Stall(msgspec.Struct, frozen=True):
    """After so many events comes nothing more, and the connection stays open."""

    after: int = 1


class Silent(msgspec.Struct, frozen=True):
    """Nothing is ever answered, and the connection stays open."""


Trouble = Refuse | Drop | Malformed | Stall | Silent


class Fault(msgspec.Struct, frozen=True):
    """What the next `times` requests for a step meet; None: all of them.

    Seconds pass before the answer (`delay`) and before each of its events (`slow`).
    """

    trouble: Trouble | None = None
    delay: float = 0.0
    slow: float = 0.0
    times: int | None = 1


class Step(msgspec.Struct, frozen=True):
    """One answer of the model: words, and tools to call; without a tool it ends the turn.

    The first requests for it meet the first fault, the next ones the second; then it is answered.
    """

    say: str = ""
    do: tuple[Operation, ...] = ()
    tokens: Tokens = USUAL_TOKENS
    faults: tuple[Fault, ...] = ()


class Scripts(msgspec.Struct, frozen=True):
    """Every script by its name; `default` is for prompts that name none."""

    named: Mapping[str, tuple[Step, ...]]
    default: str | None = None


class ScriptFaults(Exception):
    """The scripts are wrong; every fault is a sentence with its place and its mend."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def wrong_step(steps: tuple[Step, ...], number: int) -> str | None:
    """What is wrong with this step at its place, if anything is."""
    step = steps[number]
    if not step.do and not step.say:
        return "says nothing and does nothing; give it `say`, or a tool to call"
    if not step.do and number + 1 < len(steps):
        return "calls no tool, so the turn ends here; take away the steps behind it, or join them"
    if step.tokens.reasoning > step.tokens.output:
        return "has more reasoning tokens than output tokens; they are a part of these"
    if any(fault.times is None for fault in step.faults[:-1]):
        return "has a fault for always, and others behind it; put it last"
    return None
