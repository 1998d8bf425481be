"""What the board shows of each task."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.control.read_models import TaskRow
from interlock.demo.board import LABEL, ROWS_BESIDE_TASKS, Scene, board_lines
from interlock.demo.main import shipped_plan
from interlock.demo.screen import painted
from interlock.domain.task import TaskStatus
from tests.unit.demo.documents import row, status

PLAN = shipped_plan()


def drawn(scene: Scene, width: int = 79, height: int = 24) -> list[str]:
    return [painted(line, colour=False) for line in board_lines(PLAN, scene, width, height)]


def scene(*rows: TaskRow, news: tuple[str, ...] = ()) -> Scene:
    return Scene(status(*rows), news, "bubblewrap", 65.0)


def test_it_says_first_that_agents_are_simulated():
    assert LABEL in drawn(scene())[0]


def test_a_usual_terminal_has_room_for_everything():
    lines = drawn(scene(news=("cart: landed",)))
    assert len(lines) < 24
    assert len(PLAN.tasks) + ROWS_BESIDE_TASKS <= 24
    assert any("cart: landed" in line for line in lines)


@given(
    st.lists(st.sampled_from(TaskStatus), min_size=15, max_size=15),
    st.integers(76, 140),
    st.integers(21, 60),
    st.lists(st.text(max_size=300), max_size=9),
)
def test_no_line_is_wider_and_no_picture_higher_than_the_screen(
    states: list[TaskStatus], width: int, height: int, news: list[str]
):
    rows = [
        row(task.id, state, attempts=12, waits_for="x" * 99)
        for task, state in zip(PLAN.tasks, states, strict=True)
    ]
    lines = drawn(scene(*rows, news=tuple(news)), width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    for planned in PLAN.tasks:
        assert any(planned.title in line for line in lines)


@pytest.mark.parametrize(
    ("state", "attempts", "waits_for", "words"),
    [
        ("backlog", 0, "orders, which is in_progress", "waits for orders"),
        ("ready", 0, "a free worker for agent default", "waits for a free worker"),
        ("ready", 1, None, "comes back for attempt 2"),
        ("in_progress", 2, None, "local-2 works, attempt 2"),
        ("verifying", 1, None, "the gates look at it"),
        ("review", 1, None, "proved, waits to land"),
        ("done", 2, None, "landed 6e751a93, attempt 2"),
        ("failed", 3, None, "waits for you after 3 attempts"),
    ],
)
def test_each_state_is_said_in_plain_words(
    state: str, attempts: int, waits_for: str | None, words: str
):
    lines = drawn(scene(row("cart", state, attempts, waits_for)))
    (line,) = (line for line in lines if "Shopping cart" in line)
    assert line.endswith(words)


def test_it_counts_what_is_on_main_at_work_and_being_proved():
    rows = (row("cart", "done"), row("orders", "in_progress"), row("tax", "merging"))
    assert drawn(scene(*rows))[1].startswith("1 of 15 on main   1 at work   1 being proved")


def test_only_what_has_landed_has_a_full_bar():
    for state in TaskStatus:
        lines = drawn(scene(row("cart", state)))
        (line,) = (line for line in lines if "Shopping cart" in line)
        assert ("━" * 10 in line) == (state is TaskStatus.DONE)
