"""What a program said, kept within bounds: of much text the first and the last part."""

from typing import Final

PART_BYTES_MAX: Final = 64_000


class FirstAndLast:
    """Keeps the beginning and the end of what is added, and says how much it left out."""

    def __init__(self, part_bytes_max: int = PART_BYTES_MAX) -> None:
        self._part_bytes_max = part_bytes_max
        self._first = bytearray()
        self._last = bytearray()
        self._left_out_bytes = 0

    def add(self, data: bytes) -> None:
        room = self._part_bytes_max - len(self._first)
        self._first += data[:room]
        self._last += data[room:] if room < len(data) else b""
        too_much = len(self._last) - self._part_bytes_max
        if too_much > 0:
            del self._last[:too_much]
            self._left_out_bytes += too_much

    def text(self) -> bytes:
        if not self._left_out_bytes:
            return bytes(self._first + self._last)
        note = f"\n[... {self._left_out_bytes} bytes left out ...]\n".encode()
        return bytes(self._first + note + self._last)
