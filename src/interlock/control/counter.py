"""The counter: everything one identity asks about tasks, workers and reviews, and asks of a plane.

An agent may look; whatever would change something is refused before anything is looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from interlock.control import crew, people, reviews, task_past, tasks
from interlock.control.commands import Answer, Commands
from interlock.control.errors import NotAllowed, WrongUsage
from interlock.control.ground import Ground
from interlock.control.read_models import (
    Claimed,
    Replies,
    Reply,
    ReviewList,
    TaskList,
    TaskShown,
    WorkerList,
)
from interlock.control.store import StoreOpener
from interlock.control.tasks import Give, Move, NewTask, TaskQuestion
from interlock.domain.actor import Actor
from interlock.domain.command import Command, Pause, Resume, Stop
from interlock.domain.ids import RepoId, RunId, WorkerId
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, IdSource
from interlock.review.decide import Verdict


class Behind(msgspec.Struct, frozen=True):
    """What stands behind the counter; `give` gives a command in the name of an actor."""

    open_store: StoreOpener
    read_settings: Callable[[], Settings]
    clock: Clock
    ids: IdSource
    give: Callable[[Actor, Command], Awaitable[Answer]]
    hands: Callable[[], people.Hands]
    survey: Callable[[Settings], Awaitable[Ground]]


class Counter:
    """One person (or program) at the counter."""

    def __init__(self, behind: Behind, actor: Actor) -> None:
        self._behind, self._actor = behind, actor
        self._open = behind.open_store

    def _giver(self) -> Give:
        if self._actor.kind == "agent":
            raise NotAllowed(
                f"{self._actor} is an agent, and agents decide nothing here: a person does"
            )

        async def give(command: Command) -> Answer:
            return await self._behind.give(self._actor, command)

        return give

    # --- everything -------------------------------------------------------------------------------

    async def pause(self, run: str | None, reason: str) -> Reply:
        give = self._giver()
        answer = await give(Pause(await self._run_named(run), reason))
        return tasks.reply_of(run or "all runs", answer, "nothing new starts; what runs goes on")

    async def resume(self, run: str | None, reason: str) -> Reply:
        give = self._giver()
        answer = await give(Resume(await self._run_named(run), reason))
        return tasks.reply_of(run or "all runs", answer, "new work starts again")

    async def stop(self, reason: str) -> Reply:
        answer = await self._giver()(Stop(reason))
        only = "only `interlock resume` or a person's `interlock run` lifts it"
        return tasks.reply_of("everything", answer, f"nothing starts, works or lands; {only}")

    async def _run_named(self, word: str | None) -> RunId | None:
        if word is None:
            return None
        async with self._open() as store:
            plane = await tasks.picture_of(store)
        if word not in plane.active_runs:
            known = ", ".join(plane.active_runs) or "none"
            raise WrongUsage(f"there is no unfinished run {word[:80]!r}; unfinished: {known}")
        return RunId(word)

    # --- tasks ------------------------------------------------------------------------------------

    async def tasks(self, question: TaskQuestion) -> TaskList:
        async with self._open() as store:
            return await tasks.task_list(store, self._behind.clock, question)

    async def task(self, named: str) -> TaskShown:
        async with self._open() as store:
            plane = await tasks.picture_of(store)
            (task,) = tasks.find_tasks(plane, [named])
            review = await reviews.open_item(store, task)
            return await task_past.show(store, self._behind.clock, plane, task, review)

    async def move_tasks(self, named: Sequence[str], wish: Move) -> Replies:
        give = self._giver()
        async with self._open() as store:
            plane = await tasks.picture_of(store)
        return Replies(await tasks.move_tasks(plane, give, named, wish))

    async def add_task(self, wish: NewTask) -> Reply:
        """A run of its own with this one task."""
        give = self._giver()
        settings = await asyncio.to_thread(self._behind.read_settings)
        plan = tasks.plan_of_one(wish, settings)
        ground = await self._behind.survey(settings)
        async with self._open(create=True) as store:
            repo_id = store.repo_id or RepoId(self._behind.ids.new("repo-"))
            clock, ids = self._behind.clock, self._behind.ids
            commands = Commands(repo_id, store.log, store.open_blobs, clock, ids)
            start = await tasks.start_of(store, commands, plan, settings, ground)
        name = plan.tasks[0].id
        return tasks.reply_of(name, await give(start), "added; `interlock run` carries it out")

    # --- people at work ---------------------------------------------------------------------------

    async def claim(self, named: str, worker: str, *, anyway: bool = False) -> Claimed:
        give = self._giver()
        async with self._open() as store:
            plane = await tasks.picture_of(store)
        (task,) = tasks.find_tasks(plane, [named])
        wish = people.Claim(task, WorkerId(worker), anyway)
        hands, now = self._behind.hands(), self._behind.clock.now()
        return await people.claim(plane, hands, give, wish, now)

    async def submit(self, named: str, message: str = "", *, unchanged: bool = False) -> Reply:
        give = self._giver()
        async with self._open() as store:
            (task,) = tasks.find_tasks(await tasks.picture_of(store), [named])
            wish = people.Submission(task, message, unchanged)
            return await people.submit(store, self._behind.hands(), give, wish)

    async def handoff(self, named: str, worker: str, reason: str) -> Claimed:
        """Give back and claim for somebody else; nothing happens if they could not take it."""
        give = self._giver()
        async with self._open() as store:
            plane = await tasks.picture_of(store)
        (task,) = tasks.find_tasks(plane, [named])
        wish = people.Claim(task, WorkerId(worker), anyway=True)
        back = await people.give_back_for(plane, give, wish, reason, self._behind.clock.now())
        return back or people.after_giving_back(await self.claim(task.id, worker, anyway=True))

    # --- workers ----------------------------------------------------------------------------------

    async def workers(self) -> WorkerList:
        async with self._open() as store:
            return await crew.worker_list(store)

    async def register(self, name: str, skills: Sequence[str]) -> Reply:
        return await people.register(self._giver(), name, skills)

    # --- reviews ----------------------------------------------------------------------------------

    async def reviews(self, *, decided: bool = False) -> ReviewList:
        async with self._open() as store:
            return await reviews.review_list(store, self._behind.clock, decided=decided)

    async def review(self, named: Sequence[str]) -> ReviewList:
        async with self._open() as store:
            return await reviews.review_items(store, self._behind.clock, named)

    async def decide(self, named: Sequence[str], verdict: Verdict, reason: str) -> Replies:
        give = self._giver()
        async with self._open() as store:
            return Replies(await reviews.decide(store, give, named, verdict, reason))


def no_hands() -> people.Hands:
    """Where no repository stands behind the desk."""
    raise WrongUsage("people's workspaces are made in a repository: go to it, leave out --store")


async def no_survey(_: Settings) -> Ground:
    """Where no repository stands behind the desk."""
    raise WrongUsage("tasks are added in a repository: go to it, leave out --store")
