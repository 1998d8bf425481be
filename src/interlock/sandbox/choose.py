"""Which kind of box is used: the strongest that really starts, and none weaker than asked for."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from interlock.domain.settings import BOXES, BoxName
from interlock.sandbox.ports import BoxRefused, Promises, Sandbox

NONE: Final[BoxName] = "none"


class Chosen(msgspec.Struct, frozen=True):
    """The kind in use, what it holds here, and why the stronger kinds are not in use."""

    sandbox: Sandbox
    promises: Promises
    tried: Mapping[str, str]


async def choose(sandboxes: Iterable[Sandbox], minimum: BoxName | None = None) -> Chosen:
    """Raises BoxRefused with what was tried and what to do.

    `none` is chosen only where the minimum names it: nobody runs without a box by accident.
    """
    tried: dict[str, str] = {}
    for sandbox in sorted(sandboxes, key=lambda each: BOXES.index(each.name)):
        if BOXES.index(sandbox.name) > _weakest(minimum):
            break
        try:
            promises = await sandbox.probe()
        except BoxRefused as refusal:
            tried[sandbox.name] = str(refusal)
        else:
            return Chosen(sandbox, promises, tried)
    raise BoxRefused(_refusal(minimum, tried))


def _weakest(minimum: BoxName | None) -> int:
    return BOXES.index(minimum) if minimum is not None else BOXES.index(NONE) - 1


def _refusal(minimum: BoxName | None, tried: Mapping[str, str]) -> str:
    wanted = "No box" if minimum is None else f"No box as strong as '{minimum}'"
    found = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in tried.items())
    mend = (
        "Install bubblewrap and allow user namespaces (`interlock doctor` shows what is missing)"
        + ("" if minimum in {None, NONE} else ", ask for a weaker minimum under [sandbox]")
        + ', or set minimum = "none" under [sandbox] to run everything without a box.'
    )
    return f"{wanted} starts on this machine ({found or 'no kind is supported here'}). {mend}"
