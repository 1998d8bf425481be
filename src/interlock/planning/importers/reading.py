"""From a name like `openspec:add-login` to files, and from files to a checked plan."""

from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from interlock.domain.plan import Plan
from interlock.planning.checks import Draft, check
from interlock.planning.entries import Traits
from interlock.planning.faults import Fault
from interlock.planning.importers.checklist import Imported
from interlock.planning.importers.folio import Folio, Page
from interlock.planning.importers.issues import read_issues
from interlock.planning.importers.openspec import read_change
from interlock.planning.importers.query import FOLDERS, Query, WrongQuery, parse_query
from interlock.planning.importers.shelf import NotOnShelf, Shelf, shown
from interlock.planning.importers.speckit import read_feature
from interlock.planning.importers.wording import enumeration

Kind: TypeAlias = Literal["openspec", "speckit", "issues"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_CHANGES: Final = "openspec/changes"
_FEATURES: Final = ("specs", ".specify/specs")
_BESIDE: Final = ("spec.md", "plan.md")
_NAMES_SHOWN: Final = 20


class Bundle(msgspec.Struct, frozen=True):
    """The files behind a name, read once; `where` is the name in its one spelling."""

    kind: Kind
    where: str
    subject: str
    pages: tuple[Page, ...]


class ImportedPlan(msgspec.Struct, frozen=True):
    """A plan out of somebody's documents, and what was passed over on the way."""

    plan: Plan
    notes: tuple[str, ...]


def gather(name: str, root: Path, here: Path) -> Bundle:
    """The files that a name like `speckit:DIR` means; raises NotOnShelf where they are not there.

    `root` is the repository, `here` the folder in which the name was typed.
    """
    kind, _, subject = name.partition(":")
    shelf = Shelf(root)
    match kind:
        case "openspec":
            return _change(subject.strip(), shelf, here)
        case "speckit":
            return _feature(subject.strip(), shelf, here)
        case "issues":
            return _issues(subject.strip(), shelf, here)
        case _:
            known = enumeration([f"{each}:" for each in KINDS])
            raise _none(name, "nothing is known of such documents", f"name one of {known}")


def import_plan(
    bundle: Bundle,
    *,
    known_agents: Collection[str] | None = None,
    known_gates: Collection[str] | None = None,
) -> ImportedPlan | tuple[Fault, ...]:
    """The whole plan, or every fault in its documents; never a part of a plan."""
    folio = Folio(bundle.where)
    found = _read(bundle, folio)
    if found is None:
        return folio.faults()
    check(Draft(found.entries, (), (), Traits(), {}), known_agents, known_gates, folio)
    if folio:
        return folio.faults()
    plan = Plan(goal=found.goal, tasks=tuple(entry.task for entry in found.entries))
    return ImportedPlan(plan, found.notes)


def _read(bundle: Bundle, folio: Folio) -> Imported | None:
    match bundle.kind:
        case "openspec":
            return read_change(bundle.subject, bundle.pages, folio)
        case "speckit":
            return read_feature(bundle.subject, bundle.pages, folio)
        case "issues":
            return read_issues(parse_query(bundle.subject), bundle.pages, folio)


# --- what is behind a name ------------------------------------------------------------------------


def _change(wanted: str, shelf: Shelf, here: Path) -> Bundle:
    name = f"openspec:{wanted}"
    known = [each for each in shelf.folders(_CHANGES) if each != "archive"]
    choices = [f"{_CHANGES}/{wanted}"] if _is_plain(wanted) else []
    choices += _places(wanted, shelf, here) if "/" in wanted else []
    folder = next((each for each in choices if shelf.has(f"{each}/tasks.md")), None)
    if folder is None:
        what = f"{_CHANGES}/ has no such change" if wanted else "it names no change"
        if wanted in known:
            what = f"{_CHANGES}/{wanted}/ has no tasks.md"
        raise _none(name, what, _there(known, "openspec:", f"write {_CHANGES}/CHANGE/tasks.md"))
    pages = (
        shelf.page(f"{folder}/tasks.md"),
        *shelf.page_if_there(f"{folder}/proposal.md"),
        *shelf.markdown_below(f"{folder}/specs", "spec.md"),
    )
    short = folder.removeprefix(f"{_CHANGES}/")
    return Bundle("openspec", f"openspec:{short if '/' not in short else folder}", folder, pages)


def _feature(wanted: str, shelf: Shelf, here: Path) -> Bundle:
    wanted = wanted.removesuffix("tasks.md").rstrip("/")
    known = [
        f"{home}/{each}"
        for home in _FEATURES
        for each in shelf.folders(home)
        if shelf.has(f"{home}/{each}/tasks.md")
    ]
    choices = _places(wanted, shelf, here) if wanted else []
    choices += [f"{home}/{wanted}" for home in _FEATURES] if _is_plain(wanted) else []
    folder = next((each for each in choices if shelf.has(f"{each}/tasks.md")), None)
    if folder is None:
        what = "no tasks.md is there" if wanted else "it names no feature"
        raise _none(
            f"speckit:{wanted}", what, _there(known, "speckit:", "write specs/NNN-name/tasks.md")
        )
    beside = [page for name in _BESIDE for page in shelf.page_if_there(f"{folder}/{name}")]
    pages = (shelf.page(f"{folder}/tasks.md"), *beside)
    return Bundle("speckit", f"speckit:{folder}", folder, pages)


def _issues(words: str, shelf: Shelf, here: Path) -> Bundle:
    try:
        query = parse_query(words)
    except WrongQuery as wrong:
        raise _none(f"issues:{words}", str(wrong), "see docs/reference/sources.md") from None
    folder = _issue_folder(query, shelf, here)
    query = msgspec.structs.replace(query, folder=folder)
    pages = tuple(shelf.markdown_below(folder))
    if not pages:
        what = f"no Markdown file lies in {folder}/"
        raise _none(f"issues:{words}", what, "write an issue, or name its folder: issues:FOLDER")
    subject = f"{folder}{query.words}"
    return Bundle("issues", f"issues:{subject}", subject, pages)


def _issue_folder(query: Query, shelf: Shelf, here: Path) -> str:
    choices = _places(query.folder, shelf, here) if query.folder else list(FOLDERS)
    for folder in choices:
        if (shelf.root / folder).is_dir():
            return folder
    what = (
        "there is no such folder" if query.folder else f"there is no folder {' or '.join(FOLDERS)}"
    )
    raise _none(f"issues:{query.folder}", what, "name the folder of your issues: issues:FOLDER")


def _places(wanted: str, shelf: Shelf, here: Path) -> list[str]:
    """What a path can mean: from here, or from the root; raises NotOnShelf if all is outside."""
    found = [shelf.path_of(base / wanted) for base in (here, shelf.root)]
    inside = [path for path in found if path is not None]
    if not inside:
        raise _none(wanted, "it lies outside the repository", "name something below its root")
    return inside


def _is_plain(name: str) -> bool:
    """One name, which stays in the folder that it is looked for in."""
    return bool(name) and "/" not in name and name not in {".", ".."} and "\0" not in name


def _there(known: list[str], prefix: str, otherwise: str) -> str:
    if not known:
        return otherwise
    names = [f"{prefix}{shown(each)}" for each in known]
    return f"there is {enumeration(names, _NAMES_SHOWN)}"


def _none(where: str, what: str, mend: str) -> NotOnShelf:
    return NotOnShelf(Fault(shown(where), what, mend))
