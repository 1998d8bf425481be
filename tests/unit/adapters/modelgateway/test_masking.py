"""The key does not come back, however a provider cuts what it says."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.modelgateway.masking import Mask, without

KEY = "sk-aab-aab-aac"
SECRET = KEY.encode()


def masked(pieces: list[bytes], key: str = KEY) -> bytes:
    mask = Mask(key)
    return b"".join(map(mask.feed, pieces)) + mask.end()


@given(st.lists(st.sampled_from([SECRET, b"sk-aab-", b"aab-", b"aac", b"x", b"\n"])), st.data())
def test_wherever_it_is_cut(parts: list[bytes], data: st.DataObject):
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    ends = zip([0, *cuts], [*cuts, len(whole)], strict=True)
    found = masked([whole[start:end] for start, end in ends])
    assert found == whole.replace(SECRET, b"*" * len(SECRET))
    assert SECRET not in found


def test_only_what_may_be_its_beginning_waits():
    mask = Mask(KEY)
    assert mask.feed(b"data: x\n\n") == b"data: x\n\n"
    assert mask.feed(b"x sk-aab") == b"x "
    assert mask.feed(b"!") == b"sk-aab!"


def test_a_word_that_only_fills_the_place_is_no_secret():
    assert masked([b"none of this"], "none") == b"none of this"
    assert without("", b"x") == b"x"
    assert without(KEY, b"Bearer " + SECRET) == b"Bearer " + b"*" * len(KEY)
