"""The shape of a plan file as JSON Schema, for editors and for whoever writes plans by program.

It accepts what the parser accepts in canonical spelling. What no schema can say (ids that exist,
circles, agents and gates we have) only the parser checks. `docs/reference/plan.schema.json` holds
`schema_text()`.
"""

import json
from typing import Final, TypeAlias

from interlock.domain.goal import GOAL_CHARACTERS_MAX
from interlock.domain.task import Priority, TaskKind
from interlock.planning.document import FLAGS_MAX, GROUPS_MAX, RULES_MAX, TASKS_MAX
from interlock.planning.entries import (
    CONCURRENT_MAX,
    FILES_MAX,
    GATES_MAX,
    GROUP_ID_MAX,
    PROFILES,
    PROMPT_CHARACTERS_MAX,
    REFERENCES_MAX,
    RULE_AGENTS_MAX,
    SKILLS_MAX,
    TITLE_CHARACTERS_MAX,
)
from interlock.planning.fields import LINE_CHARACTERS_MAX, NAME, NAME_CHARACTERS_MAX

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool"
Schema: TypeAlias = "dict[str, Json]"

_MINUTES_MAX: Final = 366 * 1440


def plan_schema() -> Schema:
    """The schema as a document, made from the same limits and words that the parser holds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Interlock plan",
        "description": "A goal cut into tasks, with the groups and rules that order them.",
        **_mapping(
            {
                "$schema": _text(
                    "Where this schema stands; for editors, Interlock does not read it."
                ),
                "goal": _text("What all this is for.", GOAL_CHARACTERS_MAX),
                "defaults": _described(
                    "What a task takes over where it says nothing.", _mapping(_traits())
                ),
                "flags": _flags(),
                "tasks": _list("The work.", _task(), TASKS_MAX, at_least=1),
                "groups": _list(
                    "Stages released together; without them the graph decides.",
                    _group(),
                    GROUPS_MAX,
                ),
                "affinity": _list("Agents that want the same resource.", _rule(), RULES_MAX),
            },
            "goal",
            "tasks",
        ),
    }


def schema_text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(plan_schema(), indent=2) + "\n"


def _task() -> Schema:
    task = _mapping(
        {
            "id": _described("Unique in this plan.", _name()),
            "title": _text("What is to be done, in one line.", TITLE_CHARACTERS_MAX),
            "prompt": _text(
                "What the agent is told; the title where it is left out.", PROMPT_CHARACTERS_MAX
            ),
            "depends_on": _list("What it waits for.", _dependency(), REFERENCES_MAX),
            **_traits(),
        },
        "id",
    )
    return task | {"anyOf": [{"required": ["title"]}, {"required": ["prompt"]}]}


def _traits() -> dict[str, Json]:
    return {
        "kind": _choice("What sort of work it is.", *TaskKind),
        "spec": _text("Where the requirements stand.", LINE_CHARACTERS_MAX),
        "files": _words("What it expects to touch: paths or patterns.", FILES_MAX),
        "priority": _choice("How urgent it is; p0 is a catastrophe.", *Priority),
        "estimate": {
            "description": "Minutes, or a text like 15m, '15 min', 1h30m.",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": _MINUTES_MAX},
                {
                    "type": "string",
                    "pattern": r"^\s*[0-9][0-9A-Za-z.\s]*$",
                    "maxLength": NAME_CHARACTERS_MAX,
                },
            ],
        },
        "agent": _text("A profile in interlock.toml.", LINE_CHARACTERS_MAX),
        "skills": _words("What its worker must be able to do.", SKILLS_MAX),
        "when": _text("The flag that must be true, else it is skipped.", LINE_CHARACTERS_MAX),
        "gates": _words("What must pass before it lands.", GATES_MAX),
        "confidence": _described("How sure its author is.", _whole(0, 100)),
        "tests_may_go": _described(
            "Removing or skipping tests is what the task is for.", {"type": "boolean"}
        ),
    }


def _dependency() -> Schema:
    at = _described(
        "From how many percent on it may start; it lands only after all.", _whole(0, 100)
    )
    name: Schema = {"type": "string", "minLength": 1}
    return {
        "anyOf": [
            name,
            _mapping({"task": name, "at": at}, "task"),
            _mapping({"group": _whole(0, GROUP_ID_MAX), "at": at}, "group"),
        ]
    }


def _group() -> Schema:
    return _mapping(
        {
            "id": _whole(0, GROUP_ID_MAX),
            "stages": _list("Ids of tasks.", _name(), REFERENCES_MAX, at_least=1),
            "depends_on": _list(
                "Groups that must have passed before.", _whole(0, GROUP_ID_MAX), REFERENCES_MAX
            ),
            "parallel": {
                "type": "boolean",
                "default": True,
                "description": "All at once, or in order.",
            },
        },
        "id",
        "stages",
    )


def _rule() -> Schema:
    return _mapping(
        {
            "agents": _words("Whose tasks it is about.", RULE_AGENTS_MAX) | {"minItems": 1},
            "max_concurrent": _described("How many may work at once.", _whole(1, CONCURRENT_MAX)),
            "resource_profile": _choice("What they would compete for.", *PROFILES),
        },
        "agents",
        "max_concurrent",
        "resource_profile",
    )


def _flags() -> Schema:
    return {
        "description": "Conditions that tasks name in `when`.",
        "type": "object",
        "propertyNames": {"pattern": r"\S", "maxLength": NAME_CHARACTERS_MAX},
        "additionalProperties": {"type": "boolean"},
        "maxProperties": FLAGS_MAX,
    }


def _mapping(properties: dict[str, Json], *required: str) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | {"required": list[Json](required)} if required else schema


def _list(description: str, items: Schema, items_max: int, *, at_least: int = 0) -> Schema:
    schema: Schema = {
        "description": description,
        "type": "array",
        "items": items,
        "maxItems": items_max,
    }
    return schema | {"minItems": at_least} if at_least else schema


def _words(description: str, items_max: int) -> Schema:
    word: Schema = {"type": "string", "pattern": r"\S", "maxLength": LINE_CHARACTERS_MAX}
    return _list(description, word, items_max)


def _text(description: str, characters_max: int = LINE_CHARACTERS_MAX) -> Schema:
    return {
        "description": description,
        "type": "string",
        "pattern": r"\S",
        "maxLength": characters_max,
    }


def _name() -> Schema:
    return {"type": "string", "pattern": f"^{NAME.pattern}$"}


def _whole(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _choice(description: str, *words: str) -> Schema:
    return {"description": description, "type": "string", "enum": [str(word) for word in words]}


def _described(description: str, schema: Schema) -> Schema:
    return {"description": description} | schema
