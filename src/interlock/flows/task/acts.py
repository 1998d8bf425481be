"""The acts of a task for real: its change is tried on the target, judged by gates, and landed.

    judge     take in -> merge with the target of now -> weigh -> gates
    prepare   the target has not moved: the same again without gates; else judge anew; then commit
    land      the remote, the local branch, checkouts; nothing is decided here any more

A plan that was asked for is judged by reading it, and nothing of it lands.

A verdict belongs to one tree: what lands has exactly the tree that was judged, or it is judged
again. Settings are those of the run, read when it began, never those in the candidate.
"""

from collections import OrderedDict
from typing import Final, Protocol, TypeVar, assert_never

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import Judgement, LandingRefusal
from interlock.domain.ids import BlobId, CommitId, TaskId
from interlock.domain.settings import Settings
from interlock.engine.acts import Candidate, Judged, Landed, Landing, NotLanded, Prepared
from interlock.engine.errors import BlobMissing, PartLost
from interlock.engine.ports import Blobs
from interlock.flows.goal.judging import judge_answer
from interlock.flows.goal.order import asks_for_a_plan
from interlock.flows.task.line import Line, Place
from interlock.gates.change import ChangeFacts
from interlock.gates.service import GateQuestion
from interlock.merging.decide import (
    Unknown,
    Weighed,
    commit_text,
    conflict_sentence,
    gates_of,
    weigh,
)
from interlock.merging.service import Branch, LandingDisproved, Merging, disproof_sentence
from interlock.merging.trials import BaseGone, Disproved, Trial
from interlock.repository.ports import Clash, PackRefused

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

REMEMBERED_MAX: Final = 256
PATIENCE_SECONDS: Final = 5.0
"""How long a judged change is waited for to land before those behind it go on without it."""

UNCHANGED: Final = "the attempt changed nothing, so there is nothing to judge"
ALREADY_THERE: Final = "the target has all of this change already, so there is nothing to judge"

UNPROVED: Final = (
    "No gate is configured, so nothing has proved this change: a person must look at it, or add "
    "[gates.…] to interlock.toml."
)


class Judges(Protocol):
    """Gates, as the flow sees them: one exact candidate, measured against one exact target."""

    async def judge(self, question: GateQuestion) -> Judged:
        """Raises PartLost when a configured part is gone; all else is a verdict."""
        ...


class _Tried(msgspec.Struct, frozen=True):
    """A judgement and the trial it belongs to; no trial: there is nothing that could land."""

    judged: Judged
    trial: Trial | None = None


class _Ground(msgspec.Struct, frozen=True):
    """What a candidate is judged by: the settings of its run, the branch, where that stands."""

    settings: Settings
    branch: Branch
    onto: CommitId


class CannotJudge(Exception):
    """Nobody is to blame for the change: what it would be judged by is missing."""


class RealActs:
    """`Acts` with trees, gates and a target. Its memory saves time and may be lost at any time."""

    def __init__(
        self,
        merging: Merging,
        gates: Judges,
        blobs: Blobs,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._merging, self._gates, self._blobs = merging, gates, blobs
        self._patience_seconds = patience_seconds
        self._lines: dict[str, Line] = {}
        self._settings: OrderedDict[BlobId, Settings] = OrderedDict()
        self._tried: OrderedDict[tuple[str, int, CommitId], _Tried] = OrderedDict()

    # --- judge ------------------------------------------------------------------------------------

    async def judge(self, candidate: Candidate) -> Judged:
        try:
            ground = await self._ground(candidate.settings, candidate.target)
        except CannotJudge as why:
            return Judged(Judgement.ERROR, str(why))
        if candidate.change is None or asks_for_a_plan(candidate.planned):
            return (await self._try(candidate, ground)).judged
        return await self._judge_in_line(candidate, candidate.change, ground)

    async def _judge_in_line(
        self, candidate: Candidate, change: ChangeSet, ground: _Ground
    ) -> Judged:
        """What counts is the judgement on the target of now; what goes before only saves time."""
        place = self._lines.setdefault(ground.branch.name, Line()).join(candidate.task_id)
        passed, seen = False, None
        try:
            if place.ahead is not None:
                seen = await self._look_ahead(candidate, change, ground, place, place.ahead)
                ground = await self._ground(candidate.settings, candidate.target)
            judged = _with_own_runs((await self._try(candidate, ground, place)).judged, seen)
            passed = judged.judgement is Judgement.PASSED and not judged.held
        except CannotJudge as why:
            judged = Judged(Judgement.ERROR, str(why))
        finally:
            if passed:
                place.judged()
            else:
                place.leave()
        return judged

    async def _look_ahead(
        self, candidate: Candidate, change: ChangeSet, ground: _Ground, place: Place, ahead: Place
    ) -> Judged | None:
        """Let the gates see what the target will be, while those of the change ahead still run."""
        expected, seen = await ahead.expected(), None
        if expected is not None:
            onto = msgspec.structs.replace(ground, onto=expected)
            seen = (await self._tried_anew(candidate, change, onto, place)).judged
        await ahead.over(self._patience_seconds)
        return seen

    async def _try(
        self, candidate: Candidate, ground: _Ground, place: Place | None = None
    ) -> _Tried:
        """Judged for where the target stands now; remembered for as long as it stands there."""
        if asks_for_a_plan(candidate.planned):
            answer = judge_answer(candidate, ground.settings, self._blobs, ground.onto)
            return _Tried(await answer)
        if candidate.change is None:
            return _Tried(Judged(Judgement.PASSED, UNCHANGED, target=ground.onto))
        tried = await self._tried_anew(candidate, candidate.change, ground, place)
        tried = msgspec.structs.replace(
            tried, judged=msgspec.structs.replace(tried.judged, target=ground.onto)
        )
        _remember(self._tried, _name(candidate, ground), tried)
        return tried

    async def _tried_anew(
        self, candidate: Candidate, change: ChangeSet, ground: _Ground, place: Place | None = None
    ) -> _Tried:
        try:
            trial = await self._merging.trial(
                candidate.task_id, candidate.attempt, change, ground.onto
            )
        except (PackRefused, BaseGone, BlobMissing) as why:
            return _Tried(_not_taken_in(why))
        match trial:
            case Clash():
                return _Tried(await self._conflict(trial, change, ground))
            case Disproved(where):
                return _Tried(Judged(Judgement.CONFLICT, disproof_sentence(where)))
            case Trial(paths=()):
                return _Tried(Judged(Judgement.PASSED, ALREADY_THERE), trial)
            case Trial():
                if place is not None:
                    place.merged(trial.commit)
                return _Tried(await self._judged(candidate, trial, ground), trial)
            case _:
                assert_never(trial)

    async def _judged(self, candidate: Candidate, trial: Trial, ground: _Ground) -> Judged:
        weighed = weigh(trial.paths, candidate.planned, ground.settings)
        if weighed.refused:
            log = await self._blobs.put(await self._merging.patch(trial))
            return _with(weighed, Judged(Judgement.FAILED, weighed.refused, log))
        gates = gates_of(candidate.planned, ground.settings)
        if isinstance(gates, Unknown):
            return _with(weighed, Judged(Judgement.ERROR, gates.why))
        if not gates:
            held = f"{weighed.held} {UNPROVED}".strip()
            unproved = Judged(Judgement.PASSED, UNPROVED)
            return msgspec.structs.replace(_with(weighed, unproved), held=held)
        facts = ChangeFacts(tests_may_go=candidate.planned.tests_may_go)
        question = GateQuestion(trial.commit, trial.onto, gates, ground.settings, facts)
        judged = await self._gates.judge(question)
        _see_the_tree(judged, trial)
        return _with(weighed, judged)

    async def _conflict(self, clash: Clash, change: ChangeSet, ground: _Ground) -> Judged:
        """Both sides are named: whose work is there already, and where the two met."""
        branch = ground.branch.name
        others = await self._merging.landed_by_others(change.base, branch, clash.paths)
        sentence = conflict_sentence(clash.paths, others, branch)
        log = await self._blobs.put(f"{sentence}\n\n{clash.detail}".encode("utf-8", "replace"))
        return Judged(Judgement.CONFLICT, sentence, log, files=clash.paths)

    # --- prepare ----------------------------------------------------------------------------------

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded:
        try:
            ground = await self._ground(candidate.settings, candidate.target)
        except CannotJudge as why:
            return NotLanded(LandingRefusal.TARGET_MOVED, str(why))
        known = self._tried.get(_name(candidate, ground))
        again = known is None or known.judged.judgement is not Judgement.PASSED
        tried = await self._try(candidate, ground) if known is None or again else known
        judged = tried.judged
        if judged.judgement is not Judgement.PASSED:
            self._leave(ground.branch.name, candidate.task_id)
            return _not_landed(judged)
        news = judged if again and candidate.change is not None else None
        if tried.trial is None or not tried.trial.paths:
            return Prepared(ground.onto, None, news)
        commit = await self._commit(candidate, tried.trial, ground.settings)
        return Prepared(ground.onto, commit, news)

    async def _commit(self, candidate: Candidate, trial: Trial, settings: Settings) -> CommitId:
        """Its trailer names the head of the log before the intent."""
        audit = await self._merging.audit()
        message = commit_text(candidate.planned, candidate.run_id, candidate.goal, audit)
        return await self._merging.prepare(
            trial, message, candidate.worker_id, settings.project.land
        )

    # --- land -------------------------------------------------------------------------------------

    async def land(self, landing: Landing) -> Landed | NotLanded:
        branch = await self._branch(landing)
        try:
            return await self._merging.land(landing, branch)
        finally:
            self._leave(branch.name, landing.task_id)

    def _leave(self, branch: str, task_id: TaskId) -> None:
        line = self._lines.get(branch)
        if line is not None:
            line.leave(task_id)

    async def find_landing(self, landing: Landing) -> Landed | None:
        return await self._merging.find_landing(landing, await self._branch(landing))

    async def _branch(self, landing: Landing) -> Branch:
        """An intent cannot be settled by guessing where it was to land."""
        if landing.prepared is None:
            return Branch(landing.target)
        try:
            settings = await self._settings_of(landing.settings)
        except CannotJudge as why:
            raise PartLost(
                "blobs", str(why), "Bring the blob store back from a backup and start again"
            ) from why
        return _branch_of(settings, landing.target)

    # --- what it is judged by ---------------------------------------------------------------------

    async def _ground(self, blob: BlobId | None, target: str) -> _Ground:
        settings = await self._settings_of(blob)
        branch = _branch_of(settings, target)
        onto = await self._merging.head_of(branch.name) if branch.name else None
        if onto is None:
            raise CannotJudge(
                f"There is no branch {branch.name or '(the run names none)'} to land on. Make it, "
                "or set [project] target in interlock.toml and start the run anew."
            )
        return _Ground(settings, branch, onto)

    async def _settings_of(self, blob: BlobId | None) -> Settings:
        if blob is None:
            raise CannotJudge(
                "This run recorded no settings: an earlier release started it. Start it anew."
            )
        known = self._settings.get(blob)
        if known is not None:
            return known
        try:
            settings = msgspec.json.decode(await self._blobs.get(blob), type=Settings)
        except BlobMissing as missing:
            raise CannotJudge(f"The settings of this run are gone: {missing}.") from missing
        except msgspec.MsgspecError as wrong:
            raise CannotJudge(
                f"The settings of this run cannot be read by this release ({wrong}). Use the "
                "release that started it, or start the run anew."
            ) from wrong
        _remember(self._settings, blob, settings)
        return settings


def _remember(memory: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED_MAX:
        memory.popitem(last=False)


def _name(candidate: Candidate, ground: _Ground) -> tuple[str, int, CommitId]:
    return (candidate.task_id, candidate.attempt, ground.onto)


def _branch_of(settings: Settings, target: str) -> Branch:
    return Branch(target or settings.project.target, settings.project.remote)


def _not_taken_in(why: PackRefused | BaseGone | BlobMissing) -> Judged:
    """Who is to blame: the attempt, the target that was rewritten, or nobody."""
    match why:
        case PackRefused():
            return Judged(Judgement.FAILED, f"What the attempt brought is refused: {why}")
        case BaseGone():
            return Judged(Judgement.CONFLICT, str(why))
        case BlobMissing():
            return Judged(Judgement.ERROR, f"What the attempt brought is gone: {why}")
        case _:
            assert_never(why)


def _with(weighed: Weighed, judged: Judged) -> Judged:
    return msgspec.structs.replace(
        judged, files=weighed.files, outside=weighed.outside, held=weighed.held
    )


def _with_own_runs(judged: Judged, seen: Judged | None) -> Judged:
    """Gates that ran when this same change looked ahead ran for it: nobody else tells of them."""
    if seen is None:
        return judged
    own = {(v.gate, v.evidence) for v in seen.verdicts if not v.reused}
    return msgspec.structs.replace(
        judged,
        verdicts=tuple(
            msgspec.structs.replace(v, reused=v.reused and (v.gate, v.evidence) not in own)
            for v in judged.verdicts
        ),
    )


def _see_the_tree(judged: Judged, trial: Trial) -> None:
    """A verdict belongs to one exact tree; one about another tree proves nothing."""
    for verdict in judged.verdicts:
        if verdict.tree != trial.tree:
            raise LandingDisproved(
                f"gate {verdict.gate} judged the tree {verdict.tree[:12]} when it was asked about "
                f"{trial.tree[:12]}. Nothing has landed; this is a fault of Interlock, report it."
            )


def _not_landed(judged: Judged) -> NotLanded:
    """Could-not-run costs the change nothing: it is judged again, which waits where it must."""
    match judged.judgement:
        case Judgement.CONFLICT:
            refusal = LandingRefusal.CONFLICT
        case Judgement.FAILED:
            refusal = LandingRefusal.RED
        case _:
            return NotLanded(LandingRefusal.TARGET_MOVED, judged.detail, judged.log)
    return NotLanded(refusal, judged.detail, judged.log, judged)
