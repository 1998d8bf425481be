"""Facts to bytes and back: each has a name and a version; old ones are upcast, never rewritten."""

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Final

import msgspec

from interlock.domain.facts import attempt, change, command, group, lease, plane, run, task, worker
from interlock.domain.facts.base import Fact

FACT_MODULES: Final[tuple[ModuleType, ...]] = (
    run, group, task, lease, attempt, change, worker, plane, command,
)  # fmt: skip

Document = dict[str, object]
Upcast = Callable[[Document], Document]

UPCASTS: Final[Mapping[tuple[str, int], Upcast]] = {}
"""(fact, version) -> how a document of that version becomes one of the next."""


class UnknownFact(Exception):
    """The log holds a fact this release cannot read: it was written by a newer one."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"the log holds {name} version {version}, which this release does not know: "
            "use the release that wrote it, or a newer one"
        )


def facts_of(module: ModuleType) -> Iterator[type[Fact]]:
    """The facts a module defines, in the order of its text."""
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Fact)
            and value.__module__ == module.__name__
        ):
            yield value


FACTS: Final[Mapping[str, type[Fact]]] = {
    fact.__name__: fact for module in FACT_MODULES for fact in facts_of(module)
}
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODERS: Final = {name: msgspec.json.Decoder(fact) for name, fact in FACTS.items()}


def encode(fact: Fact) -> bytes:
    return _ENCODER.encode(fact)


def decode(
    name: str, version: int, data: bytes, upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> Fact:
    """Read a stored fact, lifting it through every version between its own and today's."""
    kind = FACTS.get(name)
    if kind is None or version > kind.VERSION:
        raise UnknownFact(name, version)
    if version == kind.VERSION:
        return _DECODERS[name].decode(data)
    document: Document = msgspec.json.decode(data, type=dict)
    for older in range(version, kind.VERSION):
        upcast = upcasts.get((name, older))
        if upcast is None:
            raise UnknownFact(name, older)
        document = upcast(document)
    return msgspec.convert(document, kind)
