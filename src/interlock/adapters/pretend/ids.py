"""Identities that are the same in every rehearsal."""


class PretendIds:
    """Counts up, per prefix."""

    def __init__(self, start: int = 0) -> None:
        self._count = start

    def new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:06d}"
