"""What all facts share: they are frozen structs with a version of their own."""

from typing import ClassVar

import msgspec


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened. `VERSION` grows when its fields change; the codec then upcasts."""

    VERSION: ClassVar[int] = 1
