"""What the box of an attempt shows, reaches and may use, decided in one place.

    /workspace    the attempt's own clone, writable          (the repository itself: hidden)
                  unless a document is asked for instead of a change
    /home/agent   the home of its task, writable             (the homes of others: hidden)
    /outbox       what it leaves for the host, writable
    /given        feedback and scripts, read-only
    + the shared objects of the repository and the prepared environment, read-only

The environment is an allow-list: nothing that the worker's own process happens to have leaks in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.settings import AgentProfile, Settings
from interlock.sandbox.ports import HOME, OUTBOX, WORKSPACE, BoxLimits, BoxOrder, Mount
from interlock.workers.agents.ports import Assignment
from interlock.workers.sites import Site

GIVEN: Final = "/given"
FEEDBACK: Final = f"{GIVEN}/feedback.txt"

OUTPUT_BYTES_MAX: Final = 64_000_000
"""Of an agent, heard as it comes: one that talks tells every file it reads twice, for hours."""

PROMPT_VARIABLE_BYTES_MAX: Final = 100_000
"""One variable may have 128 KiB on Linux; the whole prompt is on standard input anyway."""

_PATH_DEFAULT: Final = "/usr/local/bin:/usr/bin:/bin"


class Surroundings(msgspec.Struct, frozen=True):
    """What the worker was given: its environment, and what no box may show."""

    env: Mapping[str, str]
    hide: tuple[Path, ...] = ()


def environment(
    around: Surroundings, settings: Settings, profile: AgentProfile | None = None
) -> dict[str, str]:
    """The few variables that every box has, and those that somebody named.

    Not TMPDIR: a box has its own /tmp, and one that cannot have that says itself where else.
    """
    named = (*settings.sandbox.env, *(() if profile is None else profile.env))
    return {
        **{name: around.env[name] for name in named if name in around.env},
        "PATH": around.env.get("PATH") or _PATH_DEFAULT,
        "LANG": around.env.get("LANG") or "C.UTF-8",
        "HOME": HOME,
        "USER": "agent",
        "OUTBOX": OUTBOX,
    }


def agent_environment(
    around: Surroundings, settings: Settings, assignment: Assignment
) -> dict[str, str]:
    """What an agent sees beside that: its task, and who it is in a commit of its own."""
    name, mail = f"{assignment.profile.name} agent", "agent@workers.invalid"
    told = {
        "INTERLOCK_TASK": assignment.planned.id,
        "INTERLOCK_ATTEMPT": str(assignment.attempt),
        "INTERLOCK_BASE": assignment.base,
        "INTERLOCK_PROMPT": _cut(assignment.prompt.replace("\0", "")),
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
    }
    if assignment.feedback:
        told["INTERLOCK_FEEDBACK"] = FEEDBACK
    return environment(around, settings, assignment.profile) | told


def paths_to_read(settings: Settings) -> tuple[Path, ...]:
    """What `[sandbox] read` names, on this host."""
    return tuple(Path(path).expanduser() for path in settings.sandbox.read)


def mounts_of(site: Site, outbox: Path, *, read_only: bool = False) -> tuple[Mount, ...]:
    """The attempt's own places, and the shared objects at their own paths."""
    return (
        Mount(site.workspace, WORKSPACE, writable=not read_only),
        Mount(site.home, HOME, writable=True),
        Mount(outbox, OUTBOX, writable=True),
        *(Mount(path, str(path)) for path in site.shows),
    )


def agent_order(
    site: Site,
    settings: Settings,
    assignment: Assignment,
    around: Surroundings,
    prepared: tuple[Mount, ...] = (),
) -> BoxOrder:
    """Everything but the program, which the agent names. Its time is watched from outside."""
    profile = assignment.profile
    return BoxOrder(
        argv=(),
        mounts=(
            *mounts_of(site, site.outbox, read_only=assignment.read_only),
            Mount(site.given, GIVEN),
            *prepared,
        ),
        env=agent_environment(around, settings, assignment),
        limits=BoxLimits(output_bytes=OUTPUT_BYTES_MAX),
        network=tuple(dict.fromkeys((*settings.sandbox.network, *profile.network))),
        programs=("git", "sh", *profile.run[:1]),
        read=paths_to_read(settings),
        hide=around.hide,
    )


def collect_order(
    site: Site, argv: tuple[str, ...], around: Surroundings, seconds: float
) -> BoxOrder:
    """The same places, no network, and nothing of the agent's environment."""
    return BoxOrder(
        argv=argv,
        mounts=mounts_of(site, site.brought),
        env=environment(around, Settings()),
        limits=BoxLimits(seconds=seconds),
        programs=("git", "sh"),
        hide=around.hide,
    )


def _cut(text: str) -> str:
    return text.encode()[:PROMPT_VARIABLE_BYTES_MAX].decode(errors="ignore")
