"""Identities: made from what two processes know alike, and never taken for one another."""

import re

from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.ids import RunId, TaskId, TaskName, Token, lease_id_of, task_id_of

names = st.from_regex(re.compile(r"[a-z0-9][a-z0-9-]{0,8}"), fullmatch=True)
runs = st.from_regex(re.compile(r"run-[a-z0-9]{6}"), fullmatch=True)


@given(run=runs, name=names)
def test_two_processes_arrive_at_the_same_task(run: str, name: str):
    assert task_id_of(RunId(run), TaskName(name)) == task_id_of(RunId(run), TaskName(name))


@given(one=st.tuples(runs, names), other=st.tuples(runs, names))
def test_two_tasks_never_share_an_identity(one: tuple[str, str], other: tuple[str, str]):
    """Run ids are all of one length, so no name can reach into them."""
    ids = [task_id_of(RunId(run), TaskName(name)) for run, name in (one, other)]
    assert (ids[0] == ids[1]) == (one == other)


@given(name=names, token=st.integers(min_value=1))
def test_a_lease_names_its_task(name: str, token: int):
    """The flows cut a lease's id at its last `@` to find the task it is about."""
    task_id, _, number = lease_id_of(TaskId(name), Token(token)).rpartition("@")
    assert (task_id, number) == (name, str(token))
