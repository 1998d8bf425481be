"""Records from elsewhere: tasks and workers in camelCase or snake_case, with the words people use.

    task_from_import({"id": "issue-4", "estimatedDuration": "45 min", "priority": "HIGH"})
    -> Task(id="issue-4", title="issue-4", estimated_duration=45.0, priority=Priority.HIGH, ...)

A document is taken whole or refused with every fault at once. What is missing gets its default; a
field that we do not have is a fault, because to drop it in silence would be to lose it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar, get_args

import msgspec

from interlock.domain.duration import WrongDuration, minutes_of
from interlock.domain.task import Activity, Priority, Task, TaskStatus
from interlock.domain.worker import TaskHistory, Worker, WorkerStatus, WorkerType


class ImportFault(msgspec.Struct, frozen=True):
    """One thing that is wrong: in which field, what it is, and how to mend it."""

    field: str
    what: str
    mend: str


class _Wrong(Exception):
    """A value that cannot be read, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


Fields = dict[str, object]
_Read = Callable[[object], object]
_Record = TypeVar("_Record", Task, Worker)

_PRIORITIES: Final = {
    "catastrophic": "p0", "catastrophe": "p0",
    "p1": "critical", "crit": "critical", "urgent": "critical", "highest": "critical",
    "p2": "high",
    "p3": "medium", "med": "medium", "normal": "medium",
    "p4": "low", "minor": "low", "lowest": "low",
}  # fmt: skip

_NO_ALIASES: Final[Mapping[str, str]] = {}
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


def task_from_import(document: object) -> Task | list[ImportFault]:
    """A task, or everything that is wrong with the document."""
    fields, faults = _read(document, Task, _TASK)
    if "id" in fields:
        fields.setdefault("title", fields["id"])
    return _built(Task, fields, faults)


def worker_from_import(document: object, now: datetime) -> Worker | list[ImportFault]:
    """A worker, or everything that is wrong; one that tells no other time is registered `now`."""
    fields, faults = _read(document, Worker, _WORKER)
    if "id" in fields:
        fields.setdefault("name", fields["id"])
        fields.setdefault("type", "human" if str(fields["id"]).startswith("human-") else "agent")
    fields.setdefault("status", "busy" if "current_task" in fields else "available")
    fields.setdefault("registered_at", now)
    return _built(Worker, fields, faults)


def _built(
    record: type[_Record], fields: Fields, faults: list[ImportFault]
) -> _Record | list[ImportFault]:
    wrong = {fault.field for fault in faults}
    if "id" not in fields and not wrong & {"id", "document"}:
        faults.append(ImportFault("id", "it is missing", "give it a name, for example issue-4"))
    return faults or msgspec.convert(fields, record)


# --- fields ---------------------------------------------------------------------------------------


def _read(
    document: object, record: type[_Record], readers: Mapping[str, _Read]
) -> tuple[Fields, list[ImportFault]]:
    """Every field under our name with a value of its type, and what is wrong with the others."""
    if not isinstance(document, Mapping):
        what = f"it is {_shown(document)}, not an object with fields"
        return {}, [ImportFault("document", what, "write for example {id: issue-4}")]
    types = {field.name: field.type for field in msgspec.structs.fields(record)}
    fields: Fields = {}
    faults: list[ImportFault] = []
    for spelling, value in document.items():
        try:
            name = _our_name(spelling, types, fields)
            if value is not None:
                read = readers.get(name)
                fields[name] = msgspec.convert(value if read is None else read(value), types[name])
        except _Wrong as wrong:
            faults.append(ImportFault(str(spelling), wrong.what, wrong.mend))
        except msgspec.ValidationError as error:
            mend = "the reference of the record says what belongs here"
            faults.append(
                ImportFault(str(spelling), f"{_shown(value)} does not fit: {error}", mend)
            )
    return fields, faults


def _our_name(spelling: object, types: Mapping[str, object], taken: Mapping[str, object]) -> str:
    name = next((name for name in types if spelling in (name, _camel(name))), None)
    if name is None:
        raise _Wrong("there is no such field", f"the fields are {', '.join(map(_camel, types))}")
    if name in taken:
        raise _Wrong("it stands here twice, in two spellings", "keep one of them")
    return name


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 - fits into one line


# --- values ---------------------------------------------------------------------------------------


def _name(value: object) -> object:
    if isinstance(value, str) and _NAME.fullmatch(value) is None:
        mend = "use lower-case letters, digits and dashes, for example issue-4"
        raise _Wrong(f"{_shown(value)} cannot name anything", mend)
    return value


def _names(value: object) -> object:
    return [_name(name) for name in value] if isinstance(value, list | tuple) else value


def _minutes(value: object) -> object:
    if not isinstance(value, str | int | float):
        return value
    try:
        return minutes_of(value)
    except WrongDuration as wrong:
        what, _, mend = str(wrong).partition(": ")
        raise _Wrong(what, mend) from None


def _one_of(words: Iterable[str], aliases: Mapping[str, str] = _NO_ALIASES) -> _Read:
    """Reads `in_progress` also when it is spelt `inProgress`, `In Progress` or `[IN-PROGRESS]`."""
    known = tuple(words)

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value.strip().strip("[]"))
        word = re.sub(r"[\s_-]+", "_", apart).lower()
        word = aliases.get(word, word)
        if word not in known:
            raise _Wrong(f"{_shown(value)} is not known here", f"use one of {', '.join(known)}")
        return word

    return read


def _instant(value: object) -> object:
    """Instants are kept in UTC, so one without a zone would be a guess."""
    instant = msgspec.convert(value, datetime)
    if instant.tzinfo is None:
        mend = "say which zone it means, for example 2031-05-06T09:30:00Z"
        raise _Wrong(f"{_shown(value)} has no time zone", mend)
    return instant.astimezone(UTC)


def _histories(value: object) -> object:
    return [_history(line) for line in value] if isinstance(value, list | tuple) else value


def _history(line: object) -> object:
    if not isinstance(line, Mapping):
        return line
    types = dict.fromkeys(TaskHistory.__struct_fields__)
    fields: Fields = {}
    for spelling, value in line.items():
        name = _our_name(spelling, types, fields)
        read = _HISTORY.get(name)
        fields[name] = value if read is None or value is None else read(value)
    return fields


_TASK: Final[Mapping[str, _Read]] = {
    "id": _name,
    "status": _one_of(TaskStatus),
    "priority": _one_of(Priority, _PRIORITIES),
    "activity": _one_of(Activity),
    "estimated_duration": _minutes,
    "claimed_at": _instant,
    "started_at": _instant,
    "completed_at": _instant,
    "dependencies": _names,
}
_HISTORY: Final[Mapping[str, _Read]] = {
    "started_at": _instant,
    "completed_at": _instant,
    "result": _one_of(("success", "failed", "abandoned")),
}
_WORKER: Final[Mapping[str, _Read]] = {
    "id": _name,
    "type": _one_of(get_args(WorkerType)),
    "status": _one_of(WorkerStatus),
    "task_history": _histories,
    "registered_at": _instant,
    "last_heartbeat": _instant,
}
