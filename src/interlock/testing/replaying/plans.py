"""Steps as a plan: what each waits for, and nothing else said about it."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from interlock.testing.replaying.history import Step

Order = Literal["linear", "overlap", "blind"]
"""`linear`: each after the one before. `overlap`: after the newest that touched one of its paths.
`blind`: nobody said anything, so what does not fit yet fails and comes back."""

ORDERS: Final[tuple[Order, ...]] = ("linear", "overlap", "blind")


def waits_for(steps: Sequence[Step], order: Order) -> dict[str, tuple[str, ...]]:
    """For each step by name: the steps that must have landed before it begins."""
    match order:
        case "blind":
            return {step.name: () for step in steps}
        case "linear":
            before = [(), *((step.name,) for step in steps)]
            return {step.name: names for step, names in zip(steps, before, strict=False)}
        case "overlap":
            return _by_paths(steps)


def _by_paths(steps: Sequence[Step]) -> dict[str, tuple[str, ...]]:
    newest: dict[str, str] = {}
    found = {}
    for step in steps:
        names = {newest[path] for path in step.paths if path in newest}
        found[step.name] = tuple(sorted(names))
        newest.update(dict.fromkeys(step.paths, step.name))
    return found


def plan_document(steps: Sequence[Step], order: Order) -> bytes:
    """The file that a person would hand in."""
    after = waits_for(steps, order)
    tasks = [
        {
            "id": step.name,
            "title": " ".join(step.title.split()),
            "depends_on": list(after[step.name]),
            **({"tests_may_go": True} if step.tests_may_go else {}),
        }
        for step in steps
    ]
    goal = f"Replay {len(steps)} steps of a history, {order}"
    return msgspec.json.format(msgspec.json.encode({"goal": goal, "tasks": tasks}))
