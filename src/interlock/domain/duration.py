"""Durations as people write them, in minutes as we keep them."""

import re

_UNIT_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0}
_SPELLINGS = {
    "": "m", "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
}  # fmt: skip
_PART = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]*)", re.IGNORECASE)
_MAX_MINUTES = 366 * 1440.0


class WrongDuration(ValueError):
    """The text is not a duration; the message says what one looks like."""

    def __init__(self, text: object) -> None:
        super().__init__(f"{text!r} is not a duration: write for example 45, 15m, '15 min', 1h30m")


def minutes_of(text: str | int | float) -> float:  # noqa: PYI041 - whole minutes are common in imports
    """Read '15 min', '1h30m', '90s' or a bare number of minutes."""
    if isinstance(text, bool):
        raise WrongDuration(text)
    if isinstance(text, int | float):
        return _bounded(text, text)
    total, at = 0.0, 0
    stripped = text.strip()
    while at < len(stripped):
        part = _PART.match(stripped, at)
        unit = None if part is None else _SPELLINGS.get(part.group(2).lower())
        more = part is not None and part.end() < len(stripped)
        if part is None or unit is None or (more and not part.group(2)):
            raise WrongDuration(text)
        total += float(part.group(1)) * _UNIT_MINUTES[unit]
        at = part.end()
    if not stripped:
        raise WrongDuration(text)
    return _bounded(total, text)


def _bounded(minutes: float, text: object) -> float:
    if not 0 <= minutes <= _MAX_MINUTES:  # before float(): a huge integer has none
        raise WrongDuration(text)
    return float(minutes)
