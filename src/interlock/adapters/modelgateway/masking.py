"""The key, taken out of what a provider repeats; lengths stay as they were promised."""

from typing import Final

SECRET_BYTES_MIN: Final = 8
"""What is shorter is a word that somebody put there because something had to stand there."""


def without(key: str, data: bytes) -> bytes:
    secret = key.encode("latin-1", "replace")
    return data if len(secret) < SECRET_BYTES_MIN else data.replace(secret, b"*" * len(secret))


class Mask:
    """For one body that comes in pieces: an end that may be the beginning of the key waits."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        data = without(self._key, self._held + piece)
        keep = self._beginning(data)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _beginning(self, data: bytes) -> int:
        secret = self._key.encode("latin-1", "replace")
        if len(secret) < SECRET_BYTES_MIN:
            return 0
        longest = min(len(secret) - 1, len(data))
        return next((n for n in range(longest, 0, -1) if data.endswith(secret[:n])), 0)
