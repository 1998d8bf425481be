"""Takes known secret values out of what is about to be stored."""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable
from typing import Final

MASK: Final = "[secret]"

SHORTEST: Final = 6
"""Shorter values would blot out ordinary words, and are no secrets worth the name."""


class Masker:
    """Knows the secrets of one plane; masks them also where they were encoded in a usual way."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets for form in _forms(secret.strip())}
        # The longest first: a secret that contains another one must go as a whole. In one pass: the
        # mask itself may contain a secret.
        forms = [form.encode() for form in sorted(known, key=lambda form: (-len(form), form))]
        self._pattern = re.compile(b"|".join(map(re.escape, forms))) if forms else None

    def text(self, text: str) -> str:
        encoded = text.encode(errors="surrogatepass")
        return self.data(encoded).decode(errors="surrogatepass")

    def data(self, data: bytes) -> bytes:
        return data if self._pattern is None else self._pattern.sub(MASK.encode(), data)


def _forms(secret: str) -> set[str]:
    if len(secret) < SHORTEST:
        return set()
    forms = {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}
    forms.add(json.dumps(secret)[1:-1])
    # Lines that are long enough: a key of many lines may be printed line by line.
    forms.update(line for line in map(str.strip, secret.splitlines()) if len(line) >= SHORTEST * 3)
    return forms | _base64_forms(secret.encode())


def _base64_forms(secret: bytes) -> set[str]:
    """Base64 of the secret at each of the three offsets, without what its neighbours decide."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret).decode().rstrip("=")
        first = (offset * 8 + 5) // 6  # the first character that only the secret decides
        whole = (offset + len(secret)) * 8 // 6  # the last one may mix with what follows
        form = encoded[first:whole]
        forms |= {form, form.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= SHORTEST}
