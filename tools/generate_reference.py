"""Writes the reference pages from the vocabulary, so that they say what the code says.

    python tools/generate_reference.py           # write docs/reference again
    python tools/generate_reference.py --check   # exit 1 and name the pages that are out of date

`task-lifecycle.md` comes from `domain/lifecycle.py`, `settings.md` from `config/known.py`,
`facts.md` and the schemas from the structs in `domain`. The schema of a version that was released
stays when the fact moves on to the next one.
"""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin

import msgspec

from interlock.config.known import TABLES, Known, Table
from interlock.domain.change import ChangeSet
from interlock.domain.codec import FACT_MODULES, FACTS, facts_of
from interlock.domain.facts.base import Fact
from interlock.domain.lifecycle import ACTIVE, ENDED, SATISFIES, TABLE, WORKING, Transition, Trigger
from interlock.domain.result import Result
from interlock.domain.task import Task, TaskStatus
from interlock.domain.worker import Worker
from interlock.engine.chain import Stored

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"
COMMAND: Final = "python tools/generate_reference.py"
RECORDS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "task": Task,
    "worker": Worker,
    "result": Result,
    "change-set": ChangeSet,
}
WRITTEN: Final = f"<!-- Written by `{COMMAND}`. Change the code it names, not this page. -->"

Pages = dict[str, str]


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--check", action="store_true", help="only say what is out of date")
    if arguments.parse_args().check:
        stale = out_of_date(pages())
        print("\n".join(stale) or "docs/reference is up to date.")
        return 1 if stale else 0
    for name, text in pages().items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in left_over(pages()):
        path.unlink()
    print(f"docs/reference: {len(pages())} pages written.")
    return 0


def pages() -> Pages:
    """Every generated page by its path below docs/reference."""
    records = {f"schemas/{name}.schema.json": schema_of(kind) for name, kind in RECORDS.items()}
    facts = {schema_path(fact): schema_of(fact) for fact in FACTS.values()}
    written = {
        "task-lifecycle.md": lifecycle_page(),
        "settings.md": settings_page(),
        "facts.md": facts_page(),
    }
    return {**written, **records, **facts}


def out_of_date(wanted: Mapping[str, str], reference: Path = REFERENCE) -> list[str]:
    """A line for each page that is missing, differs or has nothing to come from."""
    lines = []
    for name, text in wanted.items():
        path = reference / name
        if not path.exists():
            lines.append(f"{name}: missing")
        elif path.read_text(encoding="utf-8") != text:
            lines.append(f"{name}: differs")
    lines += [f"{path.relative_to(reference)}: left over" for path in left_over(wanted, reference)]
    return lines


def left_over(wanted: Mapping[str, str], reference: Path = REFERENCE) -> list[Path]:
    """Schemas that belong to nothing; those of older versions of a fact are kept on purpose."""
    found = sorted((reference / "schemas").rglob("*.json"))
    return [
        path
        for path in found
        if path.relative_to(reference).as_posix() not in wanted and not is_of_older_version(path)
    ]


def is_of_older_version(path: Path) -> bool:
    parts = re.fullmatch(r"(\w+)\.v(\d+)\.schema\.json", path.name)
    fact = None if parts is None else FACTS.get(parts[1])
    return parts is not None and fact is not None and 0 < int(parts[2]) < fact.VERSION


# --- schemas --------------------------------------------------------------------------------------


def schema_path(fact: type[Fact]) -> str:
    return f"schemas/facts/{fact.__name__}.v{fact.VERSION}.schema.json"


def schema_of(kind: type[msgspec.Struct]) -> str:
    schema = msgspec.json.schema(kind)
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    named["$defs"] = dict(sorted(schema["$defs"].items()))
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


# --- the life of a task ---------------------------------------------------------------------------


def lifecycle_page() -> str:
    return "\n".join(
        [
            "# The life of a task",
            "",
            WRITTEN,
            "",
            "One table in `src/interlock/domain/lifecycle.py` says what may follow what. A trigger"
            " that a state does not name is refused, and the refusal lists what is allowed instead."
            " Facts that belong together are recorded at once, so a task never rests half way: one"
            " that a gate sends back passes through `in_progress` to `ready` in one append."
            f" Nothing pulls these yet: {', '.join(idle_triggers())}.",
            "",
            "```mermaid",
            *diagram(),
            "```",
            "",
            f"Left out of the picture: {', '.join(f'`{t}`' for t in EVERYWHERE)}, which many states"
            " accept.",
            "",
            "## States",
            "",
            *table(("State", "Kind", "Accepts"), (state_row(state) for state in TaskStatus)),
            "",
            "## Transitions",
            "",
            *table(("From", "Trigger", "By", "To", "When"), (transition_row(row) for row in TABLE)),
            "",
            "`previous` is the state the task was paused in.",
            "",
        ]
    )


EVERYWHERE: Final = (Trigger.PAUSE, Trigger.RESUME, Trigger.CANCEL)


def diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    for row in TABLE:
        if row.trigger not in EVERYWHERE:
            for source in in_order(row.sources):
                yield f"    {source or '[*]'} --> {row.target}: {row.trigger}"


def state_row(state: TaskStatus) -> tuple[str, ...]:
    accepts = [row.trigger.value for row in TABLE if state in row.sources]
    return f"`{state}`", kind_of_state(state), ", ".join(accepts) or "nothing"


def kind_of_state(state: TaskStatus) -> str:
    if state in SATISFIES:
        return "ended; satisfies who depends on it"
    if state in ENDED:
        return "ended"
    if state in WORKING:
        return "open; a worker holds it under a lease"
    return "open; a gate or the landing is busy with it" if state in ACTIVE else "open"


def transition_row(row: Transition) -> tuple[str, ...]:
    sources = ", ".join(f"`{source}`" if source else "nothing" for source in in_order(row.sources))
    return sources, row.trigger.value, ", ".join(sorted(row.by)), f"`{row.target}`", row.when


def in_order(states: Iterable[TaskStatus | None]) -> list[TaskStatus | None]:
    places = {state: place for place, state in enumerate(TaskStatus)}
    return sorted(states, key=lambda state: -1 if state is None else places[state])


def idle_triggers() -> list[str]:
    """What the table allows but no fold and no decision asks for, read off the flows' own text."""
    flows = ROOT / "src" / "interlock" / "flows"
    text = "\n".join(path.read_text() for path in sorted(flows.rglob("*.py")))
    return [trigger.value for trigger in Trigger if f"Trigger.{trigger.name}" not in text]


# --- settings -------------------------------------------------------------------------------------


def settings_page() -> str:
    return "\n".join(
        [
            "# interlock.toml",
            "",
            WRITTEN,
            "",
            "Every table and setting. The file lies at the root of the repository; what is left out"
            " has the default that stands here, and what has none must be there. A file with faults"
            " is refused whole, each fault with its line and its mend.",
            "",
            "A *duration* is `90s`, `45m`, `4h` or `1h30m`, and a bare number means minutes; a"
            " *size* has its unit, `500MB` or `10GB`; a *list* holds texts. A program that is"
            " written as one text is cut into words as a shell would; a command of a gate or of"
            " `prepare` is run by a shell, and of a list each word is taken as it is. A host is"
            " `name` or `name:port`: without a port it is reached at 80 and 443, and there are no"
            " wildcards.",
            "",
            "Settings marked *not yet* are checked and have no effect in this release;"
            " `interlock doctor` names those that a file sets.",
            *(line for name, known in TABLES.items() for line in settings_section(name, known)),
            "",
        ]
    )


def settings_section(name: str, known: Table) -> Iterator[str]:
    head = f"{name}.NAME" if known.named else name
    later = "" if known.acted_on else " *Not yet.*"
    yield from ("", f"## [{head}]", "", f"{known.meaning}{later}", "")
    rows = (setting_row(setting, known) for setting in known.settings)
    yield from table(("Setting", "Written as", "Default", "Meaning"), rows)


def setting_row(setting: Known, known: Table) -> tuple[str, ...]:
    later = " *Not yet.*" if known.acted_on and not setting.acted_on else ""
    needed = "must be there"
    return f"`{setting.name}`", setting.kind, setting.default or needed, setting.meaning + later


# --- facts ----------------------------------------------------------------------------------------


def facts_page() -> str:
    return "\n".join(
        [
            "# Facts",
            "",
            WRITTEN,
            "",
            "Everything Interlock knows is a fact in the event log. A fact is frozen, in the past"
            " tense and versioned. Around it lies the same envelope for all:"
            f" {', '.join(f'`{name}`' for name in Stored.__struct_fields__)}. A name leads to the"
            " JSON Schema of the stored `data`. A field with a question mark may be missing there:"
            " it then holds its default.",
            *(line for module in FACT_MODULES for line in noun_section(module)),
            "",
            "## Parts",
            "",
            "What the fields above are made of.",
            "",
            *table(("Part", "Meaning", "Holds"), (part_row(part) for part in parts_of_facts())),
            "",
        ]
    )


def noun_section(module: ModuleType) -> Iterator[str]:
    noun = module.__name__.rpartition(".")[2]
    yield from ("", f"## {noun.capitalize()}", "", sentence(module), "")
    rows = (
        (
            f"[{fact.__name__}]({schema_path(fact)})",
            str(fact.VERSION),
            sentence(fact),
            fields_of(fact),
        )
        for fact in facts_of(module)
    )
    yield from table(("Fact", "Version", "What it says", "Fields"), rows)


def part_row(part: type) -> tuple[str, ...]:
    if issubclass(part, Enum):
        return f"`{part.__name__}`", sentence(part), ", ".join(f"`{word.value}`" for word in part)
    return f"`{part.__name__}`", sentence(part), fields_of(part)


def parts_of_facts() -> list[type]:
    """The structs and enumerations inside facts, near and far, by name."""
    found: dict[str, type] = {}
    todo: list[Any] = [field.type for fact in FACTS.values() for field in fields(fact)]
    while todo:
        kind = todo.pop()
        todo.extend(get_args(kind))
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct | Enum):
            if kind.__name__ not in found and issubclass(kind, msgspec.Struct):
                todo.extend(field.type for field in fields(kind))
            found[kind.__name__] = kind
    return [found[name] for name in sorted(found)]


def fields(kind: type[Any]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def fields_of(kind: type[Any]) -> str:
    config = kind.__struct_config__
    tag = [f'`{config.tag_field}`: "{config.tag}"'] if config.tag is not None else []
    named = [
        f"`{field.encode_name}`{'' if field.required else '?'}: {type_name(field.type)}"
        for field in fields(kind)
    ]
    return "; ".join(tag + named) or "none"


def type_name(kind: object) -> str:
    """A type as a reader of JSON would say it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        named = [type_name(each) for each in arguments if each is not NoneType]
        return " or ".join(named) + (" or nothing" if NoneType in arguments else "")
    if origin is tuple:
        return f"list of {type_name(arguments[0])}"
    if origin is Literal:
        return " or ".join(f'"{word}"' for word in arguments)
    if isinstance(kind, NewType):
        return f"{kind.__name__} ({type_name(kind.__supertype__)})"
    return PLAIN.get(kind, getattr(kind, "__name__", str(kind)))


PLAIN: Final[Mapping[object, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    datetime: "instant",
}


# --- text -----------------------------------------------------------------------------------------


def sentence(thing: object) -> str:
    """The docstring as one paragraph."""
    return " ".join((inspect.getdoc(thing) or "").split())


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    sys.exit(main())
