"""Documents for the tests of importers, without a disk."""

from collections.abc import Collection, Mapping

from interlock.domain.plan import Plan
from interlock.domain.task import PlannedTask
from interlock.planning.faults import Fault
from interlock.planning.importers.folio import Page
from interlock.planning.importers.reading import Bundle, ImportedPlan, Kind, import_plan

CHANGE = "openspec/changes/add-login"
FEATURE = "specs/001-login"


def bundle(kind: Kind, subject: str, files: Mapping[str, str | bytes]) -> Bundle:
    pages = (
        Page(path, text if isinstance(text, bytes) else text.encode())
        for path, text in files.items()
    )
    return Bundle(kind, f"{kind}:{subject}", subject, tuple(pages))


def change(tasks: str | bytes, **more: str) -> Bundle:
    """A change; `proposal`, and specs by the name of their capability."""
    files: dict[str, str | bytes] = {f"{CHANGE}/tasks.md": tasks}
    if "proposal" in more:
        files[f"{CHANGE}/proposal.md"] = more.pop("proposal")
    files |= {f"{CHANGE}/specs/{name}/spec.md": text for name, text in more.items()}
    return bundle("openspec", CHANGE, files)


def feature(tasks: str | bytes, **more: str) -> Bundle:
    """A feature; `spec` and `plan` are the files beside its tasks."""
    beside = {f"{FEATURE}/{name}.md": text for name, text in more.items()}
    return bundle("speckit", FEATURE, {f"{FEATURE}/tasks.md": tasks, **beside})


def issues(files: Mapping[str, str | bytes], query: str = "") -> Bundle:
    named = {f"issues/{name}": text for name, text in files.items()}
    return bundle("issues", f"issues{query}", named)


def issue(front: str = "", body: str = "Do it.") -> str:
    return f"---\n{front}\n---\n{body}\n"


def taken(made: Bundle, **known: Collection[str]) -> ImportedPlan:
    found = import_plan(made, **known)
    assert isinstance(found, ImportedPlan), found
    return found


def refused(made: Bundle, **known: Collection[str]) -> tuple[Fault, ...]:
    found = import_plan(made, **known)
    assert not isinstance(found, ImportedPlan)
    assert found
    return found


def said(faults: tuple[Fault, ...]) -> list[str]:
    return [f"{fault.where.rpartition('/')[2]}: {fault.what}" for fault in faults]


def graph(plan: Plan) -> dict[str, list[str]]:
    """Each task with what it waits for."""
    return {
        task.id: [each.task for each in task.depends_on if each.task is not None]
        for task in plan.tasks
    }


def task(plan: Plan, name: str) -> PlannedTask:
    return next(each for each in plan.tasks if each.id == name)
