"""A plan: a goal cut into tasks, with the groups and rules that order them."""

from typing import Literal

import msgspec

from interlock.domain.group import StageGroup
from interlock.domain.task import PlannedTask

ResourceProfile = Literal["cpu", "memory", "io"]


class AffinityRule(msgspec.Struct, frozen=True):
    """How many of these agents may work at once, because they want the same resource."""

    agents: tuple[str, ...]
    max_concurrent: int
    resource_profile: ResourceProfile


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run carries out, validated as a whole before anything starts."""

    goal: str
    tasks: tuple[PlannedTask, ...]
    flags: dict[str, bool] = {}
    groups: tuple[StageGroup, ...] = ()
    affinity: tuple[AffinityRule, ...] = ()
