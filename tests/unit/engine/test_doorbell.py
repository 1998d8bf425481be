"""How far a bell says that the log goes."""

from interlock.engine.doorbell import LocalDoorbell


def bell() -> LocalDoorbell:
    return LocalDoorbell(lambda _: None)


async def test_it_says_how_far_the_last_ring_went():
    local = bell()
    assert local.position is None
    local.ring(3)
    local.ring(5)
    assert await local.rung()
    assert local.position == 5


async def test_who_did_not_know_once_is_not_believed_before_it_was_heard():
    """That ring may be about something else, such as a loss that only reading shows."""
    local = bell()
    local.ring(3)
    assert await local.rung()
    local.ring(None)
    local.ring(5)
    assert await local.rung()
    assert local.position is None
    local.ring(6)
    assert await local.rung()
    assert local.position == 6
