"""What the doctor and `init` look with; `bootstrap` binds it."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from interlock.control.store import StoreOpener
from interlock.domain.settings import AgentProfile, Settings
from interlock.engine.ports import Leadership
from interlock.repository.ports import Repositories, RepositoryPlace, Suitability
from interlock.sandbox.ports import Sandbox

Probe = Callable[[], Awaitable[str]]
"""Uses a part once and says in a few words what it found; raises PartLost or a desk's error."""


class Instruments(msgspec.Struct, frozen=True):
    """Everything is used only when its turn comes.

    `client` and `login` tell of the program behind a profile and of the log-in that it uses.
    `read_settings` and `parse_settings` raise `wrong_settings` with every fault. `find_program`
    looks through PATH. `inspect` says whether runs are possible on the target that these settings
    name, and leaves nothing behind. `environment` is what the person's own programs see.
    `hide_folders` keeps the folders that runs make
    in the checkout out of the person's `git status`.
    """

    repositories: Repositories
    folder: Path
    store_folder: Callable[[RepositoryPlace], Path]
    open_store: StoreOpener
    lock_in: Callable[[Path], Leadership]
    read_settings: Callable[[Path], Settings]
    parse_settings: Callable[[bytes, str], Settings]
    parts_of: Callable[[Settings], Mapping[str, Probe]]
    wrong_settings: type[Exception]
    inspect: Callable[[RepositoryPlace, Settings], Awaitable[Suitability]]
    sandboxes: Callable[[], tuple[Sandbox, ...]]
    find_program: Callable[[str], str | None]
    environment: Mapping[str, str]
    client: Callable[[AgentProfile, Mapping[str, str]], Awaitable[str]]
    login: Callable[[AgentProfile, Mapping[str, str]], str]
    hide_folders: Callable[[RepositoryPlace], Awaitable[None]]
