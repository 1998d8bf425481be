"""The way to the target: a change is tried, prepared and landed, and the world is asked about it.

    trial     merged with the target of now, pinned, proved: what gates look at
    prepare   the commit that would land, with its author and its trailers
    land      the remote first, then the local branch, then the checkouts that follow it
    find      did this very landing happen? What is missing of it is done now

The order of landing is what makes every crash harmless: the remote decides, the local branch
follows it, checkouts follow the branch, and each step can be seen and repeated.
"""

import re
from collections.abc import Container, Iterable
from typing import Final

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import LandingRefusal
from interlock.domain.ids import CommitId, TaskId, WorkerId
from interlock.domain.settings import LandForm
from interlock.engine.acts import Landed, Landing, NotLanded
from interlock.engine.errors import EngineError, PartLost
from interlock.engine.ports import Clock
from interlock.merging.following import Following
from interlock.merging.message import TASK, plain, subject_of, trailers_of
from interlock.merging.ports import LogHead
from interlock.merging.trials import TRIES_MAX, Disproved, Trial, Trials, candidate_pin
from interlock.repository.ports import (
    PINS_AT_ONCE_MAX,
    Blame,
    Clash,
    CommitWish,
    Signature,
    Target,
)

MAIL_HOST: Final = "no-reply.interlock.invalid"
OTHERS_ASKED_MAX: Final = 8


class LandingDisproved(EngineError):
    """What stands on the target is not what was proved. A person must look before more lands."""


class Branch(msgspec.Struct, frozen=True):
    """The branch that stays green, and the remote that decides about it; none: it is local."""

    name: str
    remote: str = ""


class Merging:
    """Brings changes onto the target, one at a time."""

    def __init__(
        self,
        trials: Trials,
        target: Target,
        log_head: LogHead,
        clock: Clock,
        blame: Blame,
    ) -> None:
        self._trials, self._trees, self._target = trials, trials.trees, target
        self._log_head, self._clock, self._blame = log_head, clock, blame
        self._following = Following(trials.trees, target)

    # --- before the landing -----------------------------------------------------------------------

    async def head_of(self, branch: str) -> CommitId | None:
        return await self._trees.head_of(branch)

    async def audit(self) -> str:
        """The head of the log of now, as it stands in a trailer."""
        head = await self._log_head()
        return f"{head.position}:{head.hash.hex()}"

    async def trial(
        self, task_id: TaskId, attempt: int, change: ChangeSet, onto: CommitId
    ) -> Trial | Clash | Disproved:
        """Take the change in and merge it; raises PackRefused, BaseGone, BlobMissing."""
        await self._trials.take_in(task_id, attempt, change)
        return await self._trials.merge(task_id, change, onto)

    async def patch(self, trial: Trial) -> bytes:
        return await self._trees.patch(trial.onto, trial.commit)

    async def prepare(
        self, trial: Trial, message: str, worker_id: WorkerId, form: LandForm
    ) -> CommitId:
        """The commit that would land: pinned with what it came from, and of the tree tried."""
        parents = (trial.onto,) if form == "squash" else (trial.onto, trial.origin.head)
        wish = CommitWish(trial.tree, parents, message, author_of(worker_id), self._clock.now())
        for left in reversed(range(TRIES_MAX)):
            try:
                return await self._pinned(trial, await self._trees.commit(wish))
            except PartLost:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _pinned(self, trial: Trial, commit: CommitId) -> CommitId:
        keep = {"commit": commit, "change": trial.origin.head, "base": trial.origin.base}
        await self._trees.move_pins(
            {candidate_pin(trial.task_id, commit, what): pinned for what, pinned in keep.items()}
        )
        if await self._trees.tree_of(commit) != trial.tree:
            raise LandingDisproved(
                f"{commit[:12]} was prepared for {trial.task_id} and does not have the tree that "
                "was judged. Nothing has landed; look at the repository with `git fsck`."
            )
        return commit

    async def landed_by_others(
        self, since: CommitId, branch: str, paths: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Whose work came to these paths since then, in words: 'schema (Tables for users)'."""
        names: dict[str, None] = {}
        for path in paths[:OTHERS_ASKED_MAX]:
            newest = await self._blame.blame(branch, path, None)
            if newest is None or await self._trees.is_ancestor(newest.commit, since):
                continue
            message = newest.message if newest.carrier is None else newest.carrier.message
            task, subject = trailers_of(message).get(TASK), plain(subject_of(message))
            names[f"{task or newest.commit[:12]} ({subject})"] = None
        return tuple(names)

    # --- the landing ------------------------------------------------------------------------------

    async def land(self, landing: Landing, branch: Branch) -> Landed | NotLanded:
        """Once, however often it is asked for."""
        prepared = landing.prepared
        if prepared is None:
            return Landed(None)
        head = await self._trees.head_of(branch.name)
        # The base of a landing cannot hold it: that it builds on the base is part of its proof.
        begun_from = head == landing.base != prepared
        if head is not None and not begun_from and await self._contains(head, prepared):
            return await self._found(landing, prepared, branch)
        refused = await self._cannot_begin(landing, prepared, branch, head)
        if refused is not None:
            return refused
        if branch.remote:
            return await self._land_remotely(landing, prepared, branch)
        if not await self._target.advance(branch.name, prepared, landing.base):
            return _moved(f"{branch.name} moved while the change landed")
        return await self._finished(landing, prepared, branch)

    async def _cannot_begin(
        self, landing: Landing, prepared: CommitId, branch: Branch, head: CommitId | None
    ) -> NotLanded | None:
        """Nothing lands from another base, and nothing whose proof does not hold right now."""
        if head is None or head != landing.base:
            return _moved(await self._said_of_the_move(landing.base, head, branch))
        origin = await self._trials.origin_of(landing.task_id, prepared)
        if origin is None:
            return _moved("what was prepared is no longer kept; it is prepared anew")
        wrong = await self._trials.disproof(prepared, origin, landing.base)
        if wrong:
            return NotLanded(LandingRefusal.CONFLICT, disproof_sentence(wrong))
        return None

    async def _said_of_the_move(self, base: CommitId, head: CommitId | None, branch: Branch) -> str:
        """An earlier life may have followed the remote and died before its checkouts did."""
        moved = f"{branch.name} moved since the change was prepared."
        if not branch.remote or head is None or not await self._trees.is_ancestor(base, head):
            return moved
        return f"{moved} {await self._target.bring_forward(branch.name, base, head)}".strip()

    async def _land_remotely(
        self, landing: Landing, prepared: CommitId, branch: Branch
    ) -> Landed | NotLanded:
        pushed = await self._target.push(branch.remote, branch.name, prepared, landing.base)
        if not pushed.taken and pushed.moved_to != prepared:
            theirs = await self._fetched(branch)
            if not await self._trees.is_ancestor(prepared, theirs):
                return await self._overtaken(landing.base, branch, theirs)
            return await self._follow_remote(landing, prepared, branch, theirs)
        return await self._follow_remote(landing, prepared, branch, prepared)

    async def _overtaken(self, base: CommitId, branch: Branch, theirs: CommitId) -> NotLanded:
        """Somebody else pushed: their work is the target now, and the change is judged on it."""
        parted = await self._following.follow(branch.name, theirs)
        if parted is not None or await self._trees.head_of(branch.name) != theirs:
            raise PartLost(
                f"the remote {branch.remote}",
                f"{branch.name} has commits here that {branch.remote} does not have",
                f"Bring both together (git pull --rebase {branch.remote} {branch.name}, then "
                f"git push {branch.remote} {branch.name}) and go on",
            )
        note = await self._target.bring_forward(branch.name, base, theirs)
        said = f"{branch.remote} had moved on, {branch.name} follows it now."
        return _moved(f"{said} {note}".strip())

    async def _fetched(self, branch: Branch) -> CommitId:
        theirs = await self._target.fetch(branch.remote, branch.name)
        if theirs is None:
            raise PartLost(
                f"the remote {branch.remote}",
                f"it has no branch {branch.name}",
                f"Push it once (git push {branch.remote} {branch.name}) and go on",
            )
        return theirs

    async def _follow_remote(
        self, landing: Landing, prepared: CommitId, branch: Branch, theirs: CommitId
    ) -> Landed:
        """It is on the remote and so it has landed, wherever the local branch stands."""
        if await self._following.follow(branch.name, theirs) is None:
            return await self._finished(landing, prepared, branch)
        return Landed(
            prepared,
            f"It landed on {branch.remote}, but {branch.name} here has commits of its own. "
            f"Bring both together: git pull --rebase {branch.remote} {branch.name}, then "
            f"git push {branch.remote} {branch.name}.",
        )

    async def find_landing(self, landing: Landing, branch: Branch) -> Landed | None:
        """After a crash: it happened if the target has the commit, here or on the remote."""
        prepared = landing.prepared
        if prepared is None:
            return Landed(None)
        head = await self._trees.head_of(branch.name)
        if head is not None and await self._contains(head, prepared):
            return await self._found(landing, prepared, branch)
        if not branch.remote:
            return None
        theirs = await self._target.fetch(branch.remote, branch.name)
        if theirs is None or not await self._contains(theirs, prepared):
            return None
        return await self._follow_remote(landing, prepared, branch, theirs)

    async def _found(self, landing: Landing, prepared: CommitId, branch: Branch) -> Landed:
        """A life that ended in the middle may not have looked whether its proof holds."""
        origin = await self._trials.origin_of(landing.task_id, prepared)
        wrong = (
            await self._trials.disproof(prepared, origin, landing.base)
            if origin is not None
            else ()
        )
        landed = await self._finished(landing, prepared, branch)
        if not wrong:
            return landed
        return Landed(prepared, f"LANDED UNPROVED. {disproof_sentence(wrong)} {landed.note}")

    # --- after the landing ------------------------------------------------------------------------

    async def _finished(self, landing: Landing, prepared: CommitId, branch: Branch) -> Landed:
        """Seen on the target: checkouts follow, and what was kept for recovery may go."""
        head = await self._trees.head_of(branch.name)
        if head is None or not await self._contains(head, prepared):
            raise LandingDisproved(
                f"{prepared[:12]} landed on {branch.name} and is not there: something else moves "
                f"this branch. Look at it with `git log {branch.name}` before anything goes on."
            )
        note = await self._target.bring_forward(branch.name, landing.base, head)
        await self.forget(landing.task_id)
        return Landed(prepared, note)

    async def forget(self, task_id: TaskId) -> None:
        """Unpin everything of a task that has ended; its patch stays in the blob store."""
        await self._unpin(await self._trees.pins(f"candidates/{task_id}/", f"changes/{task_id}/"))

    async def sweep(self, alive: Container[TaskId]) -> None:
        """When a plane begins: nothing stays pinned for tasks that have ended another way."""
        await self._trials.sweep()
        pins = await self._trees.pins("candidates/", "changes/")
        await self._unpin(pin for pin in pins if TaskId(pin.split("/")[1]) not in alive)

    async def _unpin(self, pins: Iterable[str]) -> None:
        names = sorted(pins)
        for begin in range(0, len(names), PINS_AT_ONCE_MAX):
            await self._trees.move_pins(
                dict.fromkeys(names[begin : begin + PINS_AT_ONCE_MAX], None)
            )

    async def _contains(self, head: CommitId, commit: CommitId) -> bool:
        if head == commit:
            return True
        return await self._trees.has(commit) and await self._trees.is_ancestor(commit, head)


def _moved(detail: str) -> NotLanded:
    return NotLanded(LandingRefusal.TARGET_MOVED, detail)


def author_of(worker_id: WorkerId) -> Signature:
    name = re.sub(r"[<>\s]+", " ", plain(worker_id)).strip() or "worker"
    local = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip(".-") or "worker"
    return Signature(name, f"{local}@{MAIL_HOST}")


def disproof_sentence(wrong: tuple[str, ...]) -> str:
    return (
        "The merge does not keep what both sides left: "
        f"{'; '.join(map(plain, wrong))}. Make the change anew from where the target stands."
    )
