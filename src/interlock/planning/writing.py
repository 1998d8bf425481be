"""A plan as the plan file that reads back to it."""

from typing import Final

import msgspec
import yaml
from yaml import CSafeDumper
from yaml.nodes import ScalarNode

from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask
from interlock.planning.network import WHOLE
from interlock.planning.nodes import value_of

_WIDTH: Final = 100
_STR: Final = "tag:yaml.org,2002:str"


def plan_document(plan: Plan) -> dict[str, object]:
    """The plan under the names of a plan file; what has its default is left out."""
    document: dict[str, object] = {"goal": plan.goal}
    if plan.flags:
        document["flags"] = plan.flags
    document["tasks"] = [_task(task) for task in plan.tasks]
    for name in ("groups", "affinity"):
        if entries := msgspec.to_builtins(getattr(plan, name)):
            document[name] = entries
    return document


def plan_text(plan: Plan) -> str:
    """The plan as YAML, for people who go on writing it."""
    text: str = yaml.dump(
        plan_document(plan), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text


def _task(task: PlannedTask) -> dict[str, object]:
    entry: dict[str, object] = msgspec.to_builtins(task)
    if "estimate_minutes" in entry:
        entry["estimate"] = entry.pop("estimate_minutes")
    if task.depends_on:
        entry["depends_on"] = [_dependency(each) for each in task.depends_on]
    return entry


def _dependency(dependency: Dependency) -> object:
    if dependency.task is not None and dependency.at == WHOLE:
        return dependency.task
    return msgspec.to_builtins(dependency)


class _Dumper(CSafeDumper):
    """Writes texts so that they read back as texts under YAML 1.2, and long ones as blocks."""


def _text(dumper: CSafeDumper, text: str) -> ScalarNode:
    style = None if value_of(text) == text else '"'
    if "\n" in text and text.isascii():
        style = "|"
    return dumper.represent_scalar(_STR, text, style=style)


_Dumper.add_representer(str, _text)
