"""What is wrong with an order before anything is started for it."""

from pathlib import PurePosixPath

from interlock.sandbox.ports import BoxOrder, BoxRefused


def check_order(order: BoxOrder) -> None:
    """Raises BoxRefused with the first fault."""
    if not order.argv:
        raise BoxRefused("The order names no program.")
    pairs = (word for pair in order.env.items() for word in pair)
    insides = [mount.inside for mount in order.mounts]
    # Words are handed on with a NUL between them: one inside of a word would make two of it.
    if any("\0" in word for word in (*order.argv, order.cwd, *pairs, *insides)):
        raise BoxRefused("A word of the order contains a NUL character.")
    if order.relays and len({relay.port for relay in order.relays}) != len(order.relays):
        raise BoxRefused("Two relays of the order have the same port inside.")
    if any(not name or "=" in name for name in order.env):
        raise BoxRefused("A variable of the order has no name, or one with '=' in it.")
    for inside in insides:
        place = PurePosixPath(inside)
        if not place.is_absolute() or ".." in place.parts or str(place) != inside or inside == "/":
            raise BoxRefused(f"Nothing can be shown as {inside!r}: it is no plain absolute path.")
    if len(set(insides)) != len(insides):
        raise BoxRefused("Two mounts of the order have the same place inside.")
    for mount in order.mounts:
        if not mount.outside.exists():
            raise BoxRefused(f"{mount.outside} is to be shown as {mount.inside}, but is not there.")
