"""The files of the throw-away repository: a small shop, its plan, and what its agents do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from interlock.domain.settings import BoxName

PLAN: Final = "plan.yaml"
SCRIPT: Final = "agents.yaml"
SETTINGS: Final = "interlock.toml"

_SHOP: Final = "shop.yaml"
_PYTHON: Final = "@python@"
_FOR_THE_EYES: Final = re.compile(r"^ *- sleep: .*# for the eyes\n", re.MULTILINE)


def shop_files(python: str, minimum: BoxName | None, *, fast: bool) -> Mapping[str, str]:
    """Path -> text. `python` is how a gate's command names the interpreter."""
    shop = msgspec.yaml.decode(shipped(_SHOP), type=dict[str, str])
    script = shipped(SCRIPT)
    return shop | {
        SETTINGS: settings_text(shop[SETTINGS], python, minimum),
        PLAN: shipped(PLAN),
        SCRIPT: without_pauses(script) if fast else script,
    }


def settings_text(text: str, python: str, minimum: BoxName | None) -> str:
    """A weaker box than usual is asked for by name, so that nobody takes it for a usual one."""
    box = "" if minimum is None else f'\n[sandbox]\nminimum = "{minimum}"\n'
    return text.replace(_PYTHON, python) + box


def without_pauses(script: str) -> str:
    """The same work without the steps that are there to be watched."""
    return _FOR_THE_EYES.sub("", script)


def shipped(name: str) -> str:
    return (files("interlock.demo") / name).read_text(encoding="utf-8")
