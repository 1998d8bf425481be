"""Files of a repository: nothing huge, no device, nothing from outside; what is there instead."""

import os
from pathlib import Path

import pytest

from interlock.planning.importers import shelf
from interlock.planning.importers.reading import Bundle, gather
from interlock.planning.importers.shelf import NotOnShelf
from tests.unit.planning.importers.bundles import issue, taken


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    write(
        place,
        {
            "openspec/changes/add-login/tasks.md": "- [ ] 1.1 a\n",
            "openspec/changes/add-login/proposal.md": "# Log in\n",
            "openspec/changes/add-login/specs/auth/spec.md": "## ADDED Requirements\n",
            "openspec/changes/no-tasks/proposal.md": "# x\n",
            "openspec/changes/archive/2026-01-01-old/tasks.md": "- [x] 1.1 a\n",
            "specs/001-export/tasks.md": "- [ ] T001 a\n",
            "specs/001-export/spec.md": "# Feature Specification: Export\n",
            ".specify/specs/002-import/tasks.md": "- [ ] T001 a\n",
            "issues/1.md": issue("title: One"),
            "issues/later/2.md": issue("title: Two"),
            "issues/.hidden/3.md": issue("title: Three"),
            "issues/notes.txt": "no issue",
            "apps/web/issues/9.md": issue("title: Nine"),
            "apps/web/openspec/changes/faster/tasks.md": "- [ ] 1.1 a\n",
        },
    )
    return place


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(found: Bundle) -> list[str]:
    return [page.path for page in found.pages]


def refusal(name: str, root: Path, here: Path | None = None) -> str:
    with pytest.raises(NotOnShelf) as none:
        gather(name, root, here or root)
    return str(none.value)


def test_a_change_with_all_that_belongs_to_it(root: Path):
    found = gather("openspec:add-login", root, root / "issues")
    assert found.where == "openspec:add-login"
    folder = "openspec/changes/add-login"
    assert paths(found) == [f"{folder}/{n}.md" for n in ("tasks", "proposal", "specs/auth/spec")]
    assert taken(found).plan.goal == "Log in"


@pytest.mark.parametrize("name", ["nope", "", "archive", "..", "a\0b"])
def test_an_unknown_change_lists_what_exists(name: str, root: Path):
    said = refusal(f"openspec:{name}", root)
    assert "there is openspec:add-login, openspec:no-tasks" in said
    assert "archive," not in said


def test_a_change_without_tasks_is_told_so(root: Path):
    assert "openspec/changes/no-tasks/ has no tasks.md" in refusal("openspec:no-tasks", root)


@pytest.mark.parametrize(
    ("name", "here", "where"),
    [
        ("openspec:apps/web/openspec/changes/faster", ".", "apps/web/openspec/changes/faster"),
        ("openspec:openspec/changes/faster", "apps/web", "apps/web/openspec/changes/faster"),
        ("openspec:openspec/changes/add-login", ".", "add-login"),
        ("speckit:001-export", ".", "specs/001-export"),
        ("speckit:specs/001-export/", "issues", "specs/001-export"),
        ("speckit:specs/001-export/tasks.md", ".", "specs/001-export"),
        ("speckit:001-export", "specs", "specs/001-export"),
        ("speckit:002-import", ".", ".specify/specs/002-import"),
        ("issues:", "apps/web", "issues"),
        ("issues:issues", "apps/web", "apps/web/issues"),
        ("issues:apps/web/issues?label=x", ".", "apps/web/issues?label=x"),
    ],
)
def test_a_name_has_one_spelling_wherever_it_is_typed(name: str, here: str, where: str, root: Path):
    found = gather(name, root, root / here)
    assert found.where == f"{name.partition(':')[0]}:{where}"
    again = gather(found.where, root, root)
    assert again == found


def test_issues_lie_in_folders_and_hidden_ones_are_left_alone(root: Path):
    assert paths(gather("issues:", root, root)) == ["issues/1.md", "issues/later/2.md"]


def test_what_is_not_there_says_what_is(root: Path):
    assert "there is speckit:specs/001-export, speckit:.specify/specs/002-import" in refusal(
        "speckit:003", root
    )
    assert "there is no such folder" in refusal("issues:nowhere", root)
    assert "there is no folder issues or .issues" in refusal("issues:", root / "apps")
    assert "no Markdown file lies in apps/web/openspec/changes/" not in refusal("issues:x", root)
    assert "cannot be chosen by" in refusal("issues:?x=y", root)


@pytest.mark.parametrize(
    "name", ["speckit:../other", "issues:../..", "issues:/etc", "speckit:/usr", "openspec:../../x"]
)
def test_nothing_from_outside_is_read(name: str, root: Path):
    assert "outside the repository" in refusal(name, root)


def test_links_out_of_the_repository_are_refused(root: Path, tmp_path: Path):
    secret = tmp_path / "secret.md"
    secret.write_text("---\ntitle: secret\n---\n")
    (root / "issues" / "4.md").symlink_to(secret)
    assert "issues/4.md: this link leads out of the repository" in refusal("issues:", root)
    (root / "specs" / "009-out").symlink_to(tmp_path)
    (tmp_path / "tasks.md").write_text("- [ ] T001 a\n")
    assert "outside the repository" in refusal("speckit:specs/009-out", root)
    assert "009-out" not in refusal("speckit:nope", root)
    change = root / "openspec/changes/add-login"
    (change / "specs/auth/spec.md").unlink()
    (change / "specs/auth/spec.md").symlink_to(secret)
    assert "leads out of the repository" in refusal("openspec:add-login", root)


def test_links_within_the_repository_are_followed(root: Path):
    (root / "issues" / "4.md").symlink_to(root / "apps/web/issues/9.md")
    assert "issues/4.md" in paths(gather("issues:", root, root))


def test_links_in_a_circle_end_in_a_sentence(root: Path):
    (root / "issues" / "4.md").symlink_to(root / "issues" / "4.md")
    assert "issues/4.md: " in refusal("issues:", root)


def test_a_pipe_holds_nobody_up(root: Path):
    os.mkfifo(root / "issues" / "4.md")
    assert "issues/4.md: this is no file" in refusal("issues:", root)


def test_giant_files_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch):
    path = root / "issues" / "4.md"
    path.write_bytes(b"a" * (shelf.FILE_BYTES_MAX + 1))
    assert "issues/4.md: it has more than 1,000,000 bytes" in refusal("issues:", root)
    path.unlink()
    monkeypatch.setattr(shelf, "ALL_BYTES_MAX", 30)
    assert "there are more than 30 bytes" in refusal("issues:", root)
    monkeypatch.undo()
    monkeypatch.setattr(shelf, "FILES_MAX", 1)
    assert "more than 1 Markdown files" in refusal("issues:", root)


def test_names_that_a_terminal_would_obey_are_shown_harmless(root: Path):
    (root / "issues" / "\x1b[2J\n.md").write_text("---\nstate: x\n---\n")
    os.mkdir(bytes(root) + b"/openspec/changes/\xff")  # noqa: PTH102 - a name of bytes
    assert "issues/\\x1b[2J\\n.md" in paths(gather("issues:", root, root))
    assert refusal("openspec:nope", root).isprintable()
    assert refusal("openspec:\x1b[2J", root).isprintable()
