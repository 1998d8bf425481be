"""A goal: the wish a run is to fulfil, in a person's words."""

import msgspec

GOAL_CHARACTERS_MAX = 20_000


class Goal(msgspec.Struct, frozen=True):
    """The words, and the flags that switch conditional tasks on."""

    text: str
    flags: tuple[str, ...] = ()
