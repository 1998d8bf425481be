"""What can go wrong underneath, as one family.

EngineError
|-- Conflict          somebody else wrote to the stream first: read again, decide again
|-- FencedOut         another plane took over: stop acting
|-- PartLost          a configured part is out of order: stop at once, exit 3 or wait
|   |-- DiskFull
|-- StoreRefused      the store belongs to another release, or is no store of ours
|-- BlobMissing       the content of a hash is not there
|-- WireError         a message is too large, unreadable, or of another protocol (engine/wire.py)
"""


class EngineError(Exception):
    """Base of what the engine raises on purpose."""


class Conflict(EngineError):
    """A stream was not at the version the writer had read. Safe to read and decide again."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"{stream} is at version {actual}, not {expected}")
        self.stream, self.expected, self.actual = stream, expected, actual


class FencedOut(EngineError):
    """The fence moved on: another process acts now, and this one must not."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(
            f"another plane took over: {stream} is at {actual}, this one holds {expected}"
        )
        self.stream, self.expected, self.actual = stream, expected, actual


class PartLost(EngineError):
    """A configured part does not answer. Nothing falls back in silence."""

    def __init__(self, part: str, detail: str, mend: str) -> None:
        super().__init__(f"{part} is out of order: {detail}. {mend}")
        self.part, self.detail, self.mend = part, detail, mend


class DiskFull(PartLost):
    """The disk under a part has no room; what was recorded before is safe."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(
            part,
            f"no space left on its disk ({detail})",
            "Free some space there and start again; nothing that was recorded is lost",
        )


class StoreRefused(EngineError):
    """The store cannot be used by this release; the message says which release can."""


class BlobMissing(EngineError):
    """A fact names content that the blob store does not hold."""

    def __init__(self, blob: str) -> None:
        super().__init__(f"blob {blob} is not in the store")
        self.blob = blob
