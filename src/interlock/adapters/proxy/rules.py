"""Who may be reached: pure rules over what was asked for and what its name resolved to.

"example.org"          that name, at ports 80 and 443
"example.org:8443"     that name, at that port
"10.0.0.5:443"      an address; only listed addresses may be asked for by number, and only they
                    may be anything but public
"""

import ipaddress
from collections.abc import Iterable
from typing import Final

import msgspec

USUAL_PORTS: Final = frozenset({80, 443})
PORT_MAX: Final = 65_535

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")
"""Addresses of version 4 as a translating gateway spells them."""


class Target(msgspec.Struct, frozen=True):
    """A host and a port, spelled in one way only."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """Set when the host is named by number."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def target(text: str, port: int) -> Target | None:
    """From `host`, `host:port` or `[address]:port`; None when it is none of these."""
    host, digits = text, ""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return None
        digits = rest[1:]
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
    host = host.lower().rstrip(".")
    if digits:
        if not (digits.isascii() and digits.isdigit()):
            return None
        port = int(digits)
    if not host or not host.isascii() or not 0 < port <= PORT_MAX:
        return None
    spelled = Target(host, port).address
    if spelled is None and not all(part.isalnum() or part in "-._" for part in host):
        return None
    return Target(host if spelled is None else str(spelled), port)


class Rules:
    """The allow-list of one box."""

    def __init__(self, network: Iterable[str]) -> None:
        self._allowed: set[Target] = set()
        self._addresses: set[str] = set()
        for entry in network:
            found = [target(entry, port) for port in sorted(USUAL_PORTS)]
            self._allowed |= {each for each in found if each is not None}
        for each in self._allowed:
            if each.address is not None:
                self._addresses.add(str(each))

    def allow(self, wanted: Target) -> bool:
        """Before its name is resolved: other names are not even looked up."""
        return wanted in self._allowed

    def allow_address(self, wanted: Target, address: str) -> bool:
        """After its name was resolved: a public name may point at a private place."""
        place = ipaddress.ip_address(address.partition("%")[0])
        if str(Target(str(place), wanted.port)) in self._addresses:
            return True
        return wanted.address is None and all(map(_is_public, _meant(place)))


def _is_public(place: Address) -> bool:
    return place.is_global and not place.is_multicast and not place.is_reserved


def _meant(place: Address) -> list[Address]:
    """The address, and the ones that it may be turned into on the way."""
    meant: list[Address] = [place]
    if isinstance(place, ipaddress.IPv6Address):
        inner = (place.ipv4_mapped, place.sixtofour, *(place.teredo or ()))
        meant += [each for each in inner if each is not None]
        if place in _TRANSLATED:
            meant.append(ipaddress.IPv4Address(int(place) & 0xFFFF_FFFF))
        if place.ipv4_mapped is not None:
            meant.remove(place)  # such an address is as good as the one inside
    return meant
