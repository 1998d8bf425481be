"""Nothing lands twice or without its intent, and what the log says is what the target has."""

from collections import Counter
from collections.abc import Iterator, Sequence

from interlock.adapters.pretend.world import LandedCommit
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    LandingIntended,
    LandingRefused,
)
from interlock.domain.ids import CommitId
from interlock.testing.simulation.books import Books, Intent, Seen


def one_intent(seen: Seen[LandingIntended]) -> str:
    books, task, fact = seen.books, seen.task, seen.fact
    if task.landed is not None:
        return "it has landed and is to land again"
    if books.open_intents:
        return f"{fact.key} is intended while {min(books.open_intents)} is open"
    return f"the key {fact.key} was used before" if fact.key in books.intents else ""


def intended_by_its_holder(seen: Seen[LandingIntended]) -> str:
    task, fact = seen.task, seen.fact
    if (fact.token, fact.attempt) != (task.token, task.attempts):
        return f"{fact.key} shows token {fact.token}, the last one granted is {task.token}"
    return ""


def judged_is_last(seen: Seen[ChangeJudged]) -> str:
    task, fact = seen.task, seen.fact
    if fact.attempt != task.attempts:
        return f"attempt {fact.attempt} is judged, the last one is {task.attempts}"
    return ""


def lands_once(seen: Seen[ChangeLanded]) -> str:
    task, fact = seen.task, seen.fact
    if task.landed is not None:
        return f"it landed as {task.landed.commit} and again as {fact.commit}"
    if task.intent is None or task.intent.key != fact.key:
        return f"it landed under {fact.key} without that intent being open"
    if task.intent.prepared != fact.commit:
        return f"{task.intent.prepared} was prepared and {fact.commit} has landed"
    return ""


def refuses_what_is_open(seen: Seen[LandingRefused]) -> str:
    task, fact = seen.task, seen.fact
    expected = None if task.intent is None else task.intent.key
    return "" if fact.key == expected else f"{fact.key} is refused, open is {expected}"


# --- the target at the end ------------------------------------------------------------------------


def target_faults(
    books: Books, commits: Sequence[LandedCommit], *, ended: bool
) -> Iterator[tuple[str, str]]:
    """What the target tells against the log; a history cut off may not know of its last landing."""
    ours = [commit for commit in commits if commit.key is not None]
    for task_id, count in Counter(commit.task_id for commit in ours).items():
        if count > 1:
            yield "nothing-twice", f"{task_id} is on the target {count} times"
    below = dict(zip((c.commit for c in commits[1:]), (c.commit for c in commits), strict=False))
    for commit in ours:
        intent = books.intents.get(commit.key or "")
        if intent is None or intent.task.id != commit.task_id:
            yield "nothing-twice", f"{commit.commit} is on the target without an intent"
            continue
        for invariant, fault in _faults(books, intent, commit, below.get(commit.commit)):
            yield invariant, f"{commit.commit} is on the target, {fault}"
        if ended and (intent.task.landed is None or intent.task.landed.key != commit.key):
            yield "nothing-twice", f"{commit.commit} is on the target, the log never heard of it"
    there = {(commit.key, commit.commit) for commit in ours}
    for landed in (task.landed for task in books.tasks.values()):
        if landed is not None and landed.commit and (landed.key, landed.commit) not in there:
            yield "nothing-twice", f"{landed.commit} is recorded as landed, the target has it not"


def _faults(
    books: Books, intent: Intent, commit: LandedCommit, below: CommitId | None
) -> Iterator[tuple[str, str]]:
    meant = intent.fact
    if meant.prepared != commit.commit:
        yield "nothing-twice", f"and {meant.prepared} was to land"
    if meant.token != commit.token:
        yield "fenced-landing", f"shown was token {commit.token}, intended {meant.token}"
    if below is not None and meant.base != below:
        yield "fenced-landing", f"it was made for {meant.base} and lies on {below}"
    if meant.key in books.refused:
        yield "nothing-twice", "and its landing was recorded as refused"
