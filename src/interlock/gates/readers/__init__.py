"""Reports as data: bytes that a tested program wrote become evidence, or a sentence why not."""

from typing import Final

VERSION: Final = 2
"""Grows whenever a reader makes other evidence of the same bytes: older evidence is not reused."""
