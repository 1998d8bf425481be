"""The strongest that starts, never weaker than asked for, never none by accident."""

import pytest

from interlock.domain.settings import BoxName
from interlock.sandbox.choose import choose
from interlock.sandbox.ports import BoxOrder, BoxRefused, Promises, RunningBox

PROMISES = Promises(True, True, True, True, True, True)


class Kind:
    """A kind of box that starts, or refuses with a sentence."""

    def __init__(self, name: BoxName, refusal: str = "") -> None:
        self.name: BoxName = name
        self._refusal = refusal

    async def probe(self) -> Promises:
        if self._refusal:
            raise BoxRefused(self._refusal)
        return PROMISES

    async def start(self, order: BoxOrder) -> RunningBox:
        raise BoxRefused(self._refusal or order.argv[0])


async def test_the_strongest_that_starts_is_chosen_whatever_the_order():
    kinds = [Kind("none"), Kind("sandlock"), Kind("container", "No engine."), Kind("bubblewrap")]
    assert (await choose(kinds)).sandbox.name == "bubblewrap"
    chosen = await choose([*kinds[:3], Kind("bubblewrap", "No namespaces.")])
    assert chosen.sandbox.name == "sandlock"
    assert chosen.tried == {"bubblewrap": "No namespaces.", "container": "No engine."}


async def test_none_is_never_chosen_by_accident():
    with pytest.raises(BoxRefused, match=r"No namespaces.*minimum = \"none\""):
        await choose([Kind("bubblewrap", "No namespaces."), Kind("none")])
    chosen = await choose([Kind("bubblewrap", "No namespaces."), Kind("none")], "none")
    assert chosen.sandbox.name == "none"


async def test_nothing_weaker_than_the_minimum():
    kinds = [Kind("bubblewrap", "No namespaces."), Kind("container"), Kind("sandlock")]
    with pytest.raises(BoxRefused, match=r"as strong as 'bubblewrap'.*weaker minimum"):
        await choose(kinds, "bubblewrap")
    assert (await choose(kinds, "sandlock")).sandbox.name == "container"


async def test_a_stronger_kind_than_the_minimum_is_welcome():
    chosen = await choose([Kind("none"), Kind("bubblewrap")], "none")
    assert chosen.sandbox.name == "bubblewrap"
