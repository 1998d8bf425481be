"""New identities from the machine's dice."""

import secrets
from typing import Final

_BYTES: Final = 8


class RandomIds:
    """64 random bits behind a prefix: nobody has to be asked whether one is taken."""

    def new(self, prefix: str) -> str:
        return prefix + secrets.token_hex(_BYTES)
