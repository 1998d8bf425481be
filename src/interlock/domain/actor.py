"""Who did it: every fact names its actor."""

from typing import Literal

import msgspec

ActorKind = Literal["person", "agent", "plane", "integration"]


class Actor(msgspec.Struct, frozen=True):
    """A person, an agent, the plane itself or an outside party, and the face it came through."""

    kind: ActorKind
    id: str
    via: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"
