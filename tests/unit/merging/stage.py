"""One repository, one run, gates that answer as told: where stories of landing are arranged."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import PretendClock
from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import Judgement
from interlock.domain.ids import BlobId, CommitId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.settings import GateSettings, ProjectSettings, Settings
from interlock.domain.task import PlannedTask
from interlock.domain.verdict import GateOutcome, GateVerdict
from interlock.engine.acts import Candidate, Judged, Landing, NotLanded, Prepared
from interlock.flows.task.acts import RealActs
from interlock.gates.service import GateQuestion
from interlock.merging.service import Merging
from interlock.merging.trials import Trials
from tests.unit.merging.fakes import FakeRepository, log_head

TESTS = GateSettings("tests", "python -m pytest", "exit-code")
GREEN = Settings(gates=(TESTS,))
START = {"a.py": "1\n", "b.py": "1\n", "interlock.toml": "\n"}
NOW = datetime(2026, 11, 21, tzinfo=UTC)


class FakeGates:
    """Passes everything until told otherwise, and remembers what it was asked."""

    def __init__(self, repo: FakeRepository) -> None:
        self._repo = repo
        self.asked: list[GateQuestion] = []
        self._made: set[tuple[str, str]] = set()
        self.answer: Callable[[GateQuestion], Judgement] = lambda _: Judgement.PASSED

    async def judge(self, question: GateQuestion) -> Judged:
        self.asked.append(question)
        tree = await self._repo.tree_of(question.candidate)
        judgement = self.answer(question)
        passed = judgement is Judgement.PASSED
        outcome = GateOutcome.PASSED if passed else GateOutcome.FAILED
        verdicts = tuple(
            GateVerdict(
                gate.name,
                outcome,
                tree,
                evidence=BlobId(f"{gate.name}:{tree}"),
                reused=(gate.name, tree) in self._made,
            )
            for gate in question.gates
        )
        self._made |= {(verdict.gate, verdict.tree) for verdict in verdicts}
        return Judged(judgement, f"tests: {judgement.value}", verdicts=verdicts)


class Stage:
    """The world of one test; `restarted` is the same world after the process has died."""

    def __init__(
        self, tmp_path: Path, settings: Settings = GREEN, repo: FakeRepository | None = None
    ) -> None:
        self.path, self.settings = tmp_path, settings
        self.repo = repo or FakeRepository()
        self.store = MemoryStore()
        if repo is None:
            self.base = self.repo.put(START)
            self.repo.branches["main"] = self.repo.checkouts["main"] = self.base
        self.blobs = MemoryBlobs(self.store)
        self._build()

    def _build(self) -> None:
        self.gates = FakeGates(self.repo)
        trials = Trials(self.repo, self.blobs, self.path / "scratch")
        self.merging = Merging(trials, self.repo, log_head, PretendClock(), self.repo)
        self.acts = RealActs(self.merging, self.gates, self.blobs, patience_seconds=0.05)

    def restart(self) -> None:
        """A new process: nothing is left but the world."""
        self.repo.before = lambda _: None
        self._build()

    @property
    def head(self) -> CommitId:
        return self.repo.branches["main"]

    async def candidate(
        self,
        name: str = "one",
        *,
        base: CommitId | None = None,
        planned: PlannedTask | None = None,
        change: ChangeSet | None = None,
        **edits: str | None,
    ) -> Candidate:
        """An attempt that made these edits and brought them as a pack."""
        task_id, start = TaskId(f"r1-{name}"), base or self.head
        if change is None and edits:
            head = self.repo.edit(start, message=f"agent: {name}\n", **edits)
            change = await self.repo.bring(self.blobs, task_id, start, head)
        return Candidate(
            task_id,
            1,
            planned or PlannedTask(TaskName(name), f"Do {name}"),
            change,
            RunId("r1"),
            WorkerId("agent-local-1"),
            "Make it work",
            "main",
            await self.blobs.put(msgspec.json.encode(self.settings)),
        )

    async def prepared(self, candidate: Candidate) -> Landing:
        prepared = await self.acts.prepare(candidate)
        assert isinstance(prepared, Prepared), prepared
        return self.landing(candidate, prepared)

    def landing(self, candidate: Candidate, prepared: Prepared) -> Landing:
        return Landing(
            f"{candidate.task_id}#1",
            candidate.task_id,
            Token(1),
            prepared.base,
            prepared.commit,
            candidate.settings,
            "main",
        )

    def push_by_somebody(self, **edits: str | None) -> CommitId:
        self.repo.branches["main"] = self.repo.edit(self.head, message="by hand\n", **edits)
        return self.head


def with_remote(settings: Settings = GREEN) -> Settings:
    return msgspec.structs.replace(settings, project=ProjectSettings(remote="origin"))


def refusal(outcome: object) -> NotLanded:
    assert isinstance(outcome, NotLanded), outcome
    return outcome
