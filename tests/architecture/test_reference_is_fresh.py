"""The reference says what the code says, and no page points at what is not there."""

import re
from pathlib import Path

import pytest

from interlock.domain.codec import FACTS
from interlock.domain.facts.task import TaskHeld
from tests.architecture.house import HOUSE
from tools.generate_reference import COMMAND, out_of_date, pages


def test_the_reference_is_what_the_code_says():
    stale = out_of_date(pages())
    assert not stale, f"run `{COMMAND}` and look at the difference; out of date: {stale}"


def test_every_fact_has_its_schema_and_its_sentence():
    written = pages()
    assert len(written) > len(FACTS) > 40
    facts = written["facts.md"]
    for name, fact in FACTS.items():
        assert f"schemas/facts/{name}.v{fact.VERSION}.schema.json" in written
        assert f"[{name}](schemas/facts/{name}.v{fact.VERSION}.schema.json)" in facts


def test_what_differs_is_named_and_what_is_missing_and_what_is_left_over(tmp_path: Path):
    wanted = {"facts.md": "new", "schemas/task.schema.json": "{}", "task-lifecycle.md": "as it was"}
    left_over = tmp_path / "schemas" / "facts" / "NoSuchFact.v1.schema.json"
    left_over.parent.mkdir(parents=True)
    left_over.write_text("{}")
    (tmp_path / "facts.md").write_text("old")
    (tmp_path / "task-lifecycle.md").write_text("as it was")
    assert out_of_date(wanted, tmp_path) == [
        "facts.md: differs",
        "schemas/task.schema.json: missing",
        "schemas/facts/NoSuchFact.v1.schema.json: left over",
    ]


def test_the_schema_of_an_older_version_may_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(TaskHeld, "VERSION", 2)
    kept = tmp_path / "schemas" / "facts" / "TaskHeld.v1.schema.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert out_of_date({}, tmp_path) == []


# --- pages written by hand ------------------------------------------------------------------------

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
SOURCE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|yaml|toml|json|md))`")
PAGES = [
    *(HOUSE.root / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")),
    *sorted((HOUSE.root / "docs").rglob("*.md")),
]
each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(HOUSE.root).as_posix()
)


def test_there_are_pages():
    assert len(PAGES) > 20
    assert sum(len(LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 60


@each_page
def test_every_link_leads_somewhere(page: Path):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not is_there(page, target)]


def is_there(page: Path, target: str) -> bool:
    return "://" in target or (page.parent / target).exists()


@each_page
def test_every_file_that_is_named_exists(page: Path):
    places = (HOUSE.root, HOUSE.package)
    named = SOURCE.findall(page.read_text(encoding="utf-8"))
    assert not [name for name in named if not any((place / name).exists() for place in places)]


@each_page
def test_a_page_opens_with_a_title(page: Path):
    assert page.read_text(encoding="utf-8").startswith("# ")


def test_every_decision_is_listed_and_has_its_four_parts():
    decisions = sorted((HOUSE.root / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert numbers == list(range(1, len(decisions) + 1))
    index = (HOUSE.root / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n")[0].removeprefix(f"# {path.name[:4]} ")
        assert f"| [{path.name[:4]}]({path.name}) | {title} |" in index
        for part in ("Context", "Decision", "Consequences", "Rejected"):
            assert f"**{part}.**" in text, f"{path.name} does not say its {part.lower()}"


def test_the_patterns_find_what_is_wrong(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("See [there](nowhere.md#part) and `flows/task/dreams.py`.")
    assert LINK.findall(page.read_text()) == ["nowhere.md"]
    assert not is_there(page, "nowhere.md")
    assert SOURCE.findall(page.read_text()) == ["flows/task/dreams.py"]
