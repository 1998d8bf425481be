"""Which hosts a box reaches, and what its requests turn into."""

import pytest

from interlock.adapters.proxy.request import read_request
from interlock.adapters.proxy.rules import Rules, Target, target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.COM.", Target("example.com", 80)),
        ("example.com:8443", Target("example.com", 8443)),
        ("[2001:DB8::1]:443", Target("2001:db8::1", 443)),
        ("127.0.0.1", Target("127.0.0.1", 80)),
        ("", None),
        ("example.com:", Target("example.com", 80)),
        ("example.com:0", None),
        ("example.com:99999", None),
        ("example.com:٣", None),
        ("exa mple.com", None),
        ("a@b", None),
        ("[::1", None),
        ("::1", Target("::1", 80)),
    ],
)
def test_a_target_is_spelled_in_one_way(text: str, expected: Target | None):
    assert target(text, 80) == expected


def test_only_listed_names_at_usual_or_listed_ports():
    rules = Rules(["example.com", "other.org:8443"])
    assert rules.allow(Target("example.com", 443))
    assert rules.allow(Target("example.com", 80))
    assert rules.allow(Target("other.org", 8443))
    assert not rules.allow(Target("example.com", 22))
    assert not rules.allow(Target("other.org", 443))
    assert not rules.allow(Target("sub.example.com", 443))
    assert not rules.allow(Target("example.com.evil.org", 443))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_a_listed_name_does_not_lead_to_a_private_place(address: str):
    assert not Rules(["example.com"]).allow_address(Target("example.com", 443), address)


def test_a_public_address_is_fine_and_a_listed_one_too():
    rules = Rules(["example.com", "10.0.0.5:443"])
    assert rules.allow_address(Target("example.com", 443), "93.184.216.34")
    assert rules.allow_address(Target("example.com", 443), "::ffff:93.184.216.34")
    assert rules.allow_address(Target("10.0.0.5", 443), "10.0.0.5")
    assert rules.allow_address(Target("example.com", 443), "10.0.0.5")
    assert not rules.allow_address(Target("example.com", 80), "10.0.0.5")


def test_a_number_that_nobody_listed_is_no_way_in():
    assert not Rules(["example.com"]).allow(Target("93.184.216.34", 443))


def test_a_tunnel_says_nothing_of_its_own():
    request = read_request(b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request is not None
    assert (request.target, request.tunnel, request.head) == (
        Target("example.com", 443),
        True,
        b"",
    )


def test_a_plain_request_goes_to_the_host_it_names():
    request = read_request(
        b"GET http://example.com:8080/a?b=c HTTP/1.1\r\nHost: evil.org\r\n"
        b"Proxy-Authorization: Basic x\r\nAccept: */*\r\n\r\n"
    )
    assert request is not None
    assert request.target == Target("example.com", 8080)
    assert request.head == (
        b"GET /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\nConnection: close\r\nAccept: */*\r\n\r\n"
    )


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1",
        b"GET https://example.com/ HTTP/1.1",
        b"GET ftp://example.com/ HTTP/1.1",
        b"CONNECT example.com:443:1 HTTP/1.1",
        b"CONNECT :443 HTTP/1.1",
        b"GET http://[::1/ HTTP/1.1",
        b"GET http://example.com/",
        b"\x16\x03\x01 \x02 \x01",
    ],
)
def test_what_is_no_request_to_a_proxy_is_none(head: bytes):
    assert read_request(head + b"\r\n\r\n") is None
