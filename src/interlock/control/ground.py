"""What must be known before anything starts: settings, the ground it stands on, what would fail."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from interlock.domain.ids import CommitId
from interlock.domain.plan import Plan
from interlock.domain.settings import BoxName, Settings


class Ground(msgspec.Struct, frozen=True):
    """Where a run would land, in which kind of box it would work, and remarks about both.

    `unset` are the variables with keys of model providers that this host should have and has not.
    """

    target: str
    base: CommitId
    box: BoxName
    remarks: tuple[str, ...] = ()
    unset: frozenset[str] = frozenset()


def objections(plan: Plan, settings: Settings) -> Iterator[str]:
    """Why this plan cannot run under these settings: each sentence says what to do."""
    if not settings.gates:
        yield (
            "no gate is configured, so nothing would prove a change: "
            "`interlock init` writes one, or add [gates.tests] to interlock.toml"
        )
    yield from objections_to_agents(plan, settings)


def objections_to_agents(plan: Plan, settings: Settings) -> Iterator[str]:
    """Why nobody here can work on this plan."""
    if settings.agents is None:
        yield (
            "no agent is configured: `interlock init` looks for one, "
            "or add [agents.default] to interlock.toml"
        )
    for name in sorted({task.agent for task in plan.tasks}):
        profile = settings.agent(name)
        provider = "" if profile is None else profile.models_at
        if provider and settings.upstream(provider) is None:
            yield (
                f"agent '{name}' pays at the provider '{provider}', and nothing says where its "
                f"models answer: add [models.{provider}] with base_url and key_env"
            )
    for task in plan.tasks:
        profile = settings.agent(task.agent)
        lacks = () if profile is None else profile.lacks(task.skills)
        if profile is not None and profile.backend != "human" and lacks:
            yield (
                f"task '{task.id}' asks for the skills {', '.join(lacks)}, which agent "
                f"'{task.agent}' does not have: choose another agent, or add them to its `skills`"
            )


def objections_to_keys(plan: Plan, settings: Settings, unset: frozenset[str]) -> Iterator[str]:
    """Who could not pay for a single answer; said before anything starts."""
    for name in sorted({task.agent for task in plan.tasks}):
        profile = settings.agent(name)
        upstream = None if profile is None else settings.upstream(profile.models_at)
        if upstream is not None and upstream.key_env in unset:
            yield (
                f"agent '{name}' pays with {upstream.key_env}, which is not set: set it where you "
                "start Interlock, or see `interlock doctor` for other ways"
            )
