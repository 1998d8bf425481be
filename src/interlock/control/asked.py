"""The goals that were asked for in one history: what goes on, what came of them, what it cost.

A goal is asked for once. The same words go on with what is unfinished, carry out the plan that was
only looked at, and ask anew when the last plan of them was carried out to its end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from interlock.control.chronicle import Chronicle
from interlock.control.errors import WrongUsage
from interlock.control.stories import RunStory
from interlock.domain.ids import BlobId, RunId
from interlock.domain.task import TaskStatus
from interlock.engine.errors import BlobMissing
from interlock.engine.ports import Blobs
from interlock.flows.goal.copying import copy_of
from interlock.flows.goal.judging import text_of
from interlock.flows.goal.order import TO_LOOK, TO_RUN, source_of
from interlock.flows.task.picture import TaskPicture

PLANS_FOLDER: Final = Path(".interlock") / "plans"
"""Below the root of the repository: copies for people, which may be deleted."""

_ASKING: Final = (TO_LOOK, TO_RUN)


class Planned(msgspec.Struct, frozen=True):
    """A plan came of it: the document, where a copy lies, and in a sentence what it cost."""

    run: RunId
    content: bytes
    path: str
    cost: str
    attempts: int
    tokens: int | None
    cost_usd: float | None


class Unplanned(msgspec.Struct, frozen=True):
    """No plan came of it until now, and what to do; the last document lies at `path`."""

    run: RunId
    what: str
    mend: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.what}. {self.mend}"


class Goals:
    """The goals of one history; `root` is the repository that copies are put down in."""

    def __init__(
        self, chronicle: Chronicle, open_blobs: Callable[[], Blobs], root: str | None
    ) -> None:
        self._chronicle, self._open_blobs = chronicle, open_blobs
        self._root = None if root is None else Path(root)

    def current(self, goal: str) -> RunStory | None:
        """The newest run that asked for a plan of these words, if it is still good for anything."""
        asked = [run for run in self._askings() if _same(run.fact.goal.text, goal)]
        newest = max(asked, key=lambda run: (run.started_at, run.id), default=None)
        if newest is None or any(run.ended_at for run in self.carrying(newest.id)):
            return None
        return newest if newest.ended_at is None or newest.outcome == "completed" else None

    def carrying(self, asking: RunId) -> list[RunStory]:
        """The runs that carry its plan out, or did; also those of a copy, wherever that lies."""
        began, plan = self._chronicle.runs[asking].started_at, self._plan_in(asking)
        return [
            run
            for run in self._chronicle.runs.values()
            if run.fact.source == source_of(asking)
            or _is_copy(run.fact.source, asking)
            or (run.fact.plan == plan and run.started_at >= began)
        ]

    def _plan_in(self, asking: RunId) -> BlobId | None:
        """What was read in its answer; a file of the same plan is read alike, however it is set."""
        stories = self._chronicle.tasks_of(asking)
        judged = stories[0].picture.judged if stories else None
        verdicts = () if judged is None else judged.verdicts
        return next((verdict.evidence for verdict in verdicts if verdict.evidence), None)

    def unfinished(self, asking: RunId) -> tuple[RunId, ...]:
        return tuple(run.id for run in self.carrying(asking) if run.ended_at is None)

    def is_asking(self, run_id: RunId) -> bool:
        run = self._chronicle.runs.get(run_id)
        return run is not None and run.fact.source in _ASKING

    def is_to_run(self, asking: RunId) -> bool:
        return self._chronicle.runs[asking].fact.source == TO_RUN

    def left(self) -> list[RunId]:
        """Plans that somebody wanted to be carried out, and nobody did yet: a crash was faster."""
        return [
            run.id
            for run in self._askings()
            if run.fact.source == TO_RUN
            and run.outcome == "completed"
            and not self.carrying(run.id)
        ]

    def _askings(self) -> Iterator[RunStory]:
        return (run for run in self._chronicle.runs.values() if run.fact.source in _ASKING)

    async def remark(self, run_id: RunId) -> str:
        """What a report of this run should say about the plan that it asked for or carries out."""
        if self.is_asking(run_id):
            outcome = await self.outcome(run_id)
            if isinstance(outcome, Unplanned):
                return str(outcome)
            return f"the plan is made, {outcome.path}: run it, or the same words once more"
        asking = next(
            (a.id for a in self._askings() if any(r.id == run_id for r in self.carrying(a.id))),
            None,
        )
        stories = [] if asking is None else self._chronicle.tasks_of(asking)
        made = [f"its plan was made in {asking}: {_cost(story.picture)}" for story in stories]
        return "".join(made)

    # --- what came of it --------------------------------------------------------------------------

    async def outcome(self, asking: RunId) -> Planned | Unplanned:
        stories = self._chronicle.tasks_of(asking)
        if not stories:
            return Unplanned(asking, f"{asking} has not begun", "`interlock run` goes on with it")
        task = stories[0].picture
        content = await self._content(task)
        planned = task.status is TaskStatus.DONE
        copy = content if content is None or planned else copy_of(content)
        path = "" if copy is None else self._put_down(task, copy)
        if not planned or content is None:
            return _unplanned(task, path)
        usage = task.usage
        return Planned(
            run=asking,
            content=content,
            path=path or f"the plan of {asking}",
            cost=_cost(task),
            attempts=task.attempts_made,
            tokens=None if usage is None else usage.tokens,
            cost_usd=None if usage is None else usage.cost_usd,
        )

    async def _content(self, task: TaskPicture) -> bytes | None:
        """The newest document; a failed attempt after it may have brought none."""
        results = [attempt.result for attempt in reversed(task.attempts)]
        document = next((r.document for r in results if r is not None and r.document), None)
        if document is None:
            return None
        try:
            answer = await self._open_blobs().get(document.blob)
        except BlobMissing:
            return None
        return text_of(answer, is_file=bool(document.file))

    def _put_down(self, task: TaskPicture, content: bytes) -> str:
        """One file per attempt, so that what a person mended in one is never written over."""
        if self._root is None:
            return ""
        folder = self._root / PLANS_FOLDER
        path = folder / f"{task.run_id}-{task.attempts_made}.yaml"
        for part in (folder.parent, folder, path):
            if part.is_symlink():
                raise WrongUsage(f"{part} is a link, and plans are put down behind none: remove it")
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.unlink(missing_ok=True)
            with draft.open("xb") as file:  # "x" follows no link either
                file.write(content)
            draft.replace(path)
        return str(path)


def _is_copy(source: str, asking: RunId) -> bool:
    path = Path(source)
    return path.match(f"{PLANS_FOLDER}/*") and path.name.startswith(f"{asking}-")


def _same(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


def _cost(task: TaskPicture) -> str:
    times = "one attempt" if task.attempts_made == 1 else f"{task.attempts_made} attempts"
    usage = task.usage
    if usage is None:
        return f"{times}, nothing was counted"
    price = "a cost nobody knows" if usage.cost_usd is None else f"${usage.cost_usd:.2f}"
    unknown = " and perhaps more" if usage.unknown_tokens or usage.unknown_usd else ""
    return f"{times}, {usage.tokens:,} tokens, {price}{unknown}"


def _unplanned(task: TaskPicture, path: str) -> Unplanned:
    reason = task.reason.strip().rstrip(".") or f"its task is {task.status}"
    what = f"There is no plan of this goal yet ({task.run_id}; {_cost(task)}): {reason}"
    match task.status:
        case TaskStatus.FAILED | TaskStatus.REJECTED | TaskStatus.CANCELLED:
            mended = f"Mend {path} and run it (`interlock run {path}`), or let" if path else "Let"
            again = f"`interlock task retry {task.id}` and the same words"
            if task.status is not TaskStatus.FAILED:
                again = "the same words once more"
            mend = f"{mended} the agent try again: {again}, or --new with the same words"
        case TaskStatus.AWAITING_REVIEW | TaskStatus.BLOCKED_ON_HUMAN:
            mend = "`interlock review list` shows what it waits for; then say the same words again"
        case _:
            mend = "The same words again go on with it; `interlock status` shows where it stands"
    return Unplanned(task.run_id, what, mend, path)
