"""Translation, masks, logs within bounds, checks of orders."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.sandbox.checks import check_order
from interlock.sandbox.hosts import sockets_of
from interlock.sandbox.ports import BoxOrder, BoxRefused, Mount, Relay
from interlock.sandbox.said import FirstAndLast
from interlock.sandbox.secrets import MASK, Masker
from interlock.sandbox.translate import Translation


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/workspace", "/w/1"),
        ("/workspace/a.py", "/w/1/a.py"),
        ("--out=/workspace/x:/home/agent/y", "--out=/w/1/x:/h/y"),
        ("/workspaces", "/workspaces"),
        ("/srv/workspace", "/srv/workspace"),
        ("/workspace-2 /workspace.old", "/workspace-2 /workspace.old"),
        ("/workspace/keep/x", "/k/x"),
        ("http://127.0.0.1:18080/v1", "http://127.0.0.1:4711/v1"),
        ("localhost:180801", "localhost:180801"),
        ("10.0.0.1:18080", "10.0.0.1:18080"),
    ],
)
def test_paths_and_ports_are_said_as_they_are_outside(said: str, meant: str):
    folders = {"/workspace": "/w/1", "/home/agent": "/h", "/workspace/keep": "/k"}
    assert Translation(folders, {18080: 4711}).text(said) == meant


def test_without_mounts_nothing_is_translated():
    assert Translation({}).text("/workspace") == "/workspace"


SECRET = 'sk-"very secret"/+key'


@pytest.mark.parametrize(
    "leak",
    [
        SECRET,
        "sk-%22very%20secret%22%2F%2Bkey",
        "sk-%22very+secret%22%2F%2Bkey",
        'sk-\\"very secret\\"/+key',
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        base64.b64encode(b"me:" + SECRET.encode() + b"!!").decode(),
        base64.urlsafe_b64encode(b"x" + SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_masked_however_it_was_encoded(leak: str):
    masker = Masker([SECRET])
    masked = masker.text(f"before {leak} after")
    assert MASK in masked
    assert leak not in masked
    assert masker.data(f"before {leak} after".encode()) == masked.encode()


def test_words_that_are_no_secrets_stay():
    assert Masker(["", "  ", "a", "true"]).text("a true story") == "a true story"


def test_of_two_secrets_the_longer_goes_whole():
    assert Masker(["secret", "secret-and-more"]).text("secret-and-more") == MASK


@given(
    st.text("abcdefghij", min_size=6, max_size=30),
    st.binary(max_size=20),
    st.binary(max_size=20),
)
def test_nothing_of_a_secret_survives_base64(secret: str, before: bytes, after: bytes):
    leak = base64.b64encode(before + secret.encode() + after).decode()
    masked = Masker([secret]).text(leak)
    if len(secret) > 6:
        assert MASK in masked


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(1, 40))
def test_a_log_keeps_its_first_and_last_part(pieces: list[bytes], part: int):
    log = FirstAndLast(part)
    for piece in pieces:
        log.add(piece)
    said = b"".join(pieces)
    text = log.text()
    if len(said) <= 2 * part:
        assert text == said
    else:
        assert text.startswith(said[:part])
        assert text.endswith(said[-part:])
        assert f"{len(said) - 2 * part} bytes left out".encode() in text


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (BoxOrder(()), "no program"),
        (BoxOrder(("x",), (Mount(Path("/usr"), "outbox"),)), "plain absolute"),
        (BoxOrder(("x",), (Mount(Path("/usr"), "/a/../b"),)), "plain absolute"),
        (BoxOrder(("x",), (Mount(Path("/usr"), "/"),)), "plain absolute"),
        (BoxOrder(("x",), (Mount(Path("/usr"), "/a"), Mount(Path("/bin"), "/a"))), "same place"),
        (BoxOrder(("x",), (Mount(Path("/no/such"), "/a"),)), "not there"),
        (BoxOrder(("x",), env={"A=B": "c"}), "variable"),
        (BoxOrder(("x",), relays=(Relay(Path("/a"), 1), Relay(Path("/b"), 1))), "same port"),
    ],
)
def test_a_wrong_order_is_refused_before_anything_starts(order: BoxOrder, why: str):
    with pytest.raises(BoxRefused, match=why):
        check_order(order)


def test_sockets_with_a_path_are_found_in_the_table_of_the_kernel():
    table = (
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000: 00000002 00000000 00010000 0001 01 1 /run/a b.sock\n"
        "0000: 00000003 00000000 00000000 0001 03 2\n"
        "0000: 00000002 00000000 00010000 0001 01 3 @abstract\n"
    )
    assert sockets_of(table) == (Path("/run/a b.sock"),)
