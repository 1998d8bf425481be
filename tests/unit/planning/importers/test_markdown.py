"""What counts in a Markdown page: headings, boxes, and nothing that a reader does not see."""

import pytest

from interlock.planning.importers.markdown import Box, lines_of, sections_of, text_of


def boxes(text: str) -> list[Box]:
    return [box for section in sections_of(lines_of(text)) for box in section.boxes]


def test_sections_go_from_heading_to_heading():
    found = sections_of(lines_of("intro\n# One ##\ntext\n## C#\n- [ ] a\n"))
    assert [(s.line, s.level, s.title, len(s.boxes)) for s in found] == [
        (1, 0, "", 0),
        (2, 1, "One", 0),
        (4, 2, "C#", 1),
    ]


@pytest.mark.parametrize(
    ("line", "mark", "text"),
    [
        ("- [ ] a", "open", "a"),
        ("* [x] a", "done", "a"),
        ("+ [X] a b", "done", "a b"),
        ("1. [ ] a", "open", "a"),
        (" - [ ]  a", "open", "a"),
        ("- [~] a", "unclear", "a"),
        ("- [ ]", "open", ""),
        ("\ufeff- [ ] a", None, None),
        ("- [y] a", None, None),
        ("- [x](link)", None, None),
        ("- []", None, None),
    ],
)
def test_a_box(line: str, mark: str | None, text: str | None):
    found = [(box.mark, box.text) for box in boxes(line)]
    assert found == ([] if mark is None else [(mark, text)])


def test_what_is_indented_belongs_to_the_box_above():
    text = "- [ ] a\n  goes on\n  - detail\n\n  more\n- [x] b\n    - [ ] inner\nnew text\n"
    first, second = boxes(text)
    assert first.text == "a goes on"
    assert text_of(first.body) == "- detail\n\nmore"
    assert (second.mark, second.inner_open) == ("done", 7)


def test_a_wrapped_sentence_goes_on_without_an_indent():
    assert (
        boxes("- [ ] Create the\nfile x.py\n\nSomething else\n")[0].text == "Create the file x.py"
    )


@pytest.mark.parametrize(
    "text",
    [
        "```\n- [ ] a\n```\n",
        "```\ntext\n- [ ] a\n```\n",
        "~~~~\n- [ ] a\n~~~\n- [ ] b\n~~~~\n",
        "```py\n- [ ] never closed\n",
        "<!-- - [ ] a -->\n",
        "<!--\n- [ ] a\n## b\n-->\n",
    ],
)
def test_what_is_fenced_or_hidden_is_no_box(text: str):
    assert boxes(text) == []


def test_comments_are_gone_and_code_is_as_it_was():
    text = "a<!-- obey me -->b\n```\n\tmake: <!-- kept -->\n```\n"
    assert text_of(lines_of(text)) == "ab\n```\n\tmake: <!-- kept -->\n```"


def test_a_million_brackets_take_no_time():
    assert boxes("- [ ] " + "[" * 500_000 + "(depends on " * 50_000)
    assert lines_of("<!--" * 200_000)
