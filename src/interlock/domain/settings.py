"""What the person decided in `interlock.toml`, checked and with every default filled in."""

from typing import Literal

import msgspec

Profile = Literal["solo", "fleet"]
OnLoss = Literal["exit", "wait"]


class Limits(msgspec.Struct, frozen=True):
    """How much at once, and how often; `gates` of None means as many as there are cores."""

    workers: int = 10
    gates: int | None = None
    parallel_stages: int = 4
    max_attempts: int = 3


class StoreSettings(msgspec.Struct, frozen=True):
    """Where the history lives, and what to do when a configured part is gone."""

    profile: Profile = "solo"
    on_loss: OnLoss = "exit"
    postgres: str = ""
    nats: str = ""
    blobs: str = ""


class Settings(msgspec.Struct, frozen=True):
    """The whole file. `agents` or `gates` of None: the file names none, so any name is accepted.

    `unused` lists what the file sets and this release does not act on yet.
    """

    limits: Limits = Limits()
    store: StoreSettings = StoreSettings()
    agents: tuple[str, ...] | None = None
    gates: tuple[str, ...] | None = None
    path: str | None = None
    unused: tuple[str, ...] = ()


class SettingsFault(msgspec.Struct, frozen=True):
    """One thing that is wrong with the file, where it stands and how to mend it."""

    where: str
    what: str
    mend: str
