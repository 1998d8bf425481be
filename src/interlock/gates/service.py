"""The gates at work: evidence for the candidate's tree and the target's own, found or made.

    gates = Gates(parts, GateOptions(scratch=...))
    judged = await gates.judge(GateQuestion(candidate, target, settings.gates, settings))

All gates of a question run, whatever the others say, and no more at once than `slots` lets. The
same evidence asked for twice at the same time is made once.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Protocol

import msgspec

from interlock.domain.ids import BlobId, CommitId
from interlock.domain.settings import GateSettings, Settings
from interlock.domain.verdict import GateVerdict
from interlock.engine.acts import Judged
from interlock.engine.errors import EngineError
from interlock.engine.ports import Blobs, Clock
from interlock.engine.supervisor import Supervisor
from interlock.gates.change import ChangeFacts, changed_lines
from interlock.gates.decide import compares, is_clean, is_conclusive, judge, overall
from interlock.gates.evidence import Evidence
from interlock.gates.order import GateOptions, Setting, box_env, evidence_key
from interlock.gates.outbox import Folders, leftovers, make_folders, remove_folders
from interlock.gates.ports import Environments, PreparationFailed, VerdictBook
from interlock.gates.rules.ruling import Ruling
from interlock.gates.running import NOT_RUN, BoxUse, Mask, run_gate
from interlock.gates.uninterrupted import uninterrupted
from interlock.repository.ports import PINS_AT_ONCE_MAX, Trees, WorkspaceRefused, Workspaces
from interlock.sandbox.ports import BoxRefused, Sandbox

PIN_PREFIX = "gates/"

FOLDERS_MAX = 64
"""Folders of gates that run or are not cleared away yet; more of them wait."""

BEHIND_SECONDS = 0.1
"""So long behind a verdict its gate is cleared away: until then others need disk and processors."""


class Crew(Protocol):
    """Owns work that goes on when its starter has gone on: a supervisor that outlives questions."""

    def start(self, name: str, work: Coroutine[None, None, None]) -> None: ...


class GateQuestion(msgspec.Struct, frozen=True):
    """Is this candidate good enough for this target? Settings are the run's, not the tree's."""

    candidate: CommitId
    target: CommitId
    gates: tuple[GateSettings, ...]
    settings: Settings
    change: ChangeFacts = ChangeFacts()


class GateParts(msgspec.Struct, frozen=True):
    """What the gates work with. `slots` bounds the gates of all questions together.

    `crew` owns what goes on behind a verdict, clearing away and booking: nobody waits for that.
    """

    sandbox: Sandbox
    workspaces: Workspaces
    trees: Trees
    environments: Environments
    book: VerdictBook
    blobs: Blobs
    clock: Clock
    slots: asyncio.Semaphore
    crew: Crew
    mask: Mask = bytes


class Found(msgspec.Struct, frozen=True):
    """Evidence, whether somebody else had made it, and the blob that keeps it, where known."""

    evidence: Evidence
    reused: bool
    blob: BlobId | None = None


class _Flight:
    """Evidence that is being made; whoever wants the same waits for it."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.evidence: Evidence | None = None


class _Subject(msgspec.Struct, frozen=True):
    """A commit under a gate, its tree, and the target that its environment is measured against."""

    commit: CommitId
    tree: str
    target: CommitId


class Gates:
    """Judges candidates. `runs` and `reuses` count what was run and what was found instead."""

    def __init__(self, parts: GateParts, options: GateOptions) -> None:
        self._parts = parts
        self._options = options
        self._flights: dict[str, _Flight] = {}
        self._unbooked: EngineError | None = None
        self._standing = asyncio.Semaphore(FOLDERS_MAX)
        self.runs = 0
        self.reuses = 0

    async def judge(self, question: GateQuestion) -> Judged:
        """Raises PartLost when a configured part is gone; what else goes wrong is a verdict."""
        trees = self._parts.trees
        candidate = _Subject(
            question.candidate, await trees.tree_of(question.candidate), question.target
        )
        target = _Subject(question.target, await trees.tree_of(question.target), question.target)
        change = await self._with_lines(question)
        gates = tuple({gate.name: gate for gate in question.gates}.values())
        heard: dict[str, tuple[Ruling, Found, BlobId]] = {}

        async def ask(gate: GateSettings) -> None:
            ours, theirs = await self._both(gate, question.settings, (candidate, target), change)
            ruling = judge(gate, ours.evidence, theirs.evidence if theirs else None, change)
            heard[gate.name] = (ruling, ours, ours.blob or await self._kept(ours.evidence))

        async with Supervisor() as crew:
            for gate in gates:
                crew.start(gate.name, ask(gate))
        whole = overall([heard[gate.name][0] for gate in gates])
        decisive = heard.get(whole.decisive)
        return Judged(
            judgement=whole.judgement,
            detail=whole.detail,
            log=decisive[1].evidence.log if decisive else None,
            verdicts=tuple(_verdict(candidate.tree, *heard[gate.name]) for gate in gates),
            target=question.target,
        )

    async def sweep(self) -> None:
        """Clear away what runs of an earlier life left; call it before the first question."""
        for folders in leftovers(self._options.scratch):
            await self._remove(folders)
        left = sorted(await self._parts.trees.pins(PIN_PREFIX))
        for begin in range(0, len(left), PINS_AT_ONCE_MAX):
            some = left[begin : begin + PINS_AT_ONCE_MAX]
            await self._parts.trees.move_pins(dict.fromkeys(some, None))

    async def _with_lines(self, question: GateQuestion) -> ChangeFacts:
        """Changed lines are only looked for where a gate asks for them."""
        if question.change.lines is not None or not any(
            gate.reads == "coverage-xml" for gate in question.gates
        ):
            return question.change
        patch = await self._parts.trees.patch(question.target, question.candidate)
        return msgspec.structs.replace(question.change, lines=changed_lines(patch))

    async def _both(
        self,
        gate: GateSettings,
        settings: Settings,
        subjects: tuple[_Subject, _Subject],
        change: ChangeFacts,
    ) -> tuple[Found, Found | None]:
        """The candidate's evidence and, where it matters, the target's own."""
        candidate, target = subjects
        if not compares(gate):
            ours = await self._evidence(gate, settings, candidate)
            if is_clean(gate, ours.evidence, change):
                return ours, None
            return ours, await self._evidence(gate, settings, target)
        found: dict[CommitId, Found] = {}

        async def fetch(subject: _Subject) -> None:
            found[subject.commit] = await self._evidence(gate, settings, subject)

        async with Supervisor() as crew:
            for commit, subject in {each.commit: each for each in subjects}.items():
                crew.start(commit, fetch(subject))
        return found[candidate.commit], found[target.commit]

    async def _evidence(self, gate: GateSettings, settings: Settings, subject: _Subject) -> Found:
        """From whoever makes it right now, from the book, or made here."""
        environment = await self._parts.environments.key(settings, subject.commit)
        key = evidence_key(
            subject.tree,
            gate,
            box=self._parts.sandbox.name,
            environment=environment,
            sees=(box_env(settings, self._options), settings.sandbox.read),
        )
        self._raise_if_unbooked()
        while flight := self._flights.get(key):
            await flight.over.wait()
            if flight.evidence is not None:
                self.reuses += 1
                return Found(flight.evidence, reused=True)
            # Whoever made it was cancelled or met a lost part: look again, perhaps make it here.
        flight, booking = _Flight(), False
        self._flights[key] = flight
        try:
            known = await self._parts.book.find(key)
            if known is not None:
                self.reuses += 1
                flight.evidence = known
                return Found(known, reused=True)
            flight.evidence = made = await self._make(gate, settings, subject)
            blob = await self._kept(made)
            if is_conclusive(made):
                self._parts.crew.start(f"book {key}", self._book(key, made))
                booking = True
            return Found(made, reused=False, blob=blob)
        finally:
            flight.over.set()
            if not booking:
                del self._flights[key]

    async def _book(self, key: str, made: Evidence) -> None:
        """Until it stands there its flight is found; what cannot be kept is made again."""
        try:
            await self._parts.book.keep(key, made)
        except EngineError as lost:
            self._unbooked = lost
        finally:
            del self._flights[key]

    def _raise_if_unbooked(self) -> None:
        """Nobody waits for the book; that it is out of order is told to whoever asks next."""
        lost, self._unbooked = self._unbooked, None
        if lost is not None:
            raise lost

    async def _make(self, gate: GateSettings, settings: Settings, subject: _Subject) -> Evidence:
        parts = self._parts
        use = BoxUse(parts.sandbox, parts.blobs, parts.clock, parts.mask, self._options)
        async with parts.slots:
            try:
                prepared = await parts.environments.mounts(settings, subject.commit, subject.target)
            except PreparationFailed as failure:
                return Evidence(NOT_RUN, unprepared=str(failure), log=failure.log)
            folders = await self._folders()
            pin = f"{PIN_PREFIX}{folders.base.name}"
            try:
                await parts.trees.pin(pin, subject.commit)
                workspace = await parts.workspaces.make(folders.workspace, subject.commit)
                self.runs += 1
                return await run_gate(gate, settings, Setting(workspace, folders, prepared), use)
            except (BoxRefused, WorkspaceRefused) as refusal:
                return Evidence(NOT_RUN, refused=str(refusal))
            finally:
                parts.crew.start(pin, self._clear_behind(folders, pin))

    async def _folders(self) -> Folders:
        """A fresh place, when not too many wait to be cleared away: the disk is not endless."""
        await self._standing.acquire()
        try:
            return make_folders(self._options.scratch)
        except BaseException:
            self._standing.release()
            raise

    async def _clear_behind(self, folders: Folders, pin: str) -> None:
        try:
            await self._parts.clock.sleep(BEHIND_SECONDS)
        finally:
            await uninterrupted(self._clear(folders, pin))

    async def _clear(self, folders: Folders, pin: str) -> None:
        """What cannot be cleared away now is left for the next sweep."""
        try:
            with suppress(EngineError, OSError):
                await self._remove(folders)
            with suppress(EngineError, OSError):
                await self._parts.trees.unpin(pin)
        finally:
            self._standing.release()

    async def _remove(self, folders: Folders) -> None:
        try:
            if folders.workspace.exists():
                # Refused where a crash came between the folder and its becoming a workspace.
                with suppress(WorkspaceRefused):
                    await self._parts.workspaces.remove(folders.workspace)
        finally:
            await asyncio.to_thread(remove_folders, folders)

    async def _kept(self, evidence: Evidence) -> BlobId:
        """The evidence as a blob, so that a verdict can be looked into for ever."""
        return await self._parts.blobs.put(msgspec.json.encode(evidence, order="deterministic"))


def _verdict(tree: str, ruling: Ruling, found: Found, evidence: BlobId) -> GateVerdict:
    return GateVerdict(
        gate=ruling.gate,
        outcome=ruling.outcome,
        tree=tree,
        detail=ruling.detail,
        seconds=found.evidence.seconds,
        log=found.evidence.log,
        evidence=evidence,
        reused=found.reused,
    )
