"""A plan that was asked for is judged by reading it, and nothing of its attempt lands."""

from pathlib import Path

import msgspec

from interlock.domain.facts.change import Judgement
from interlock.domain.result import Document
from interlock.engine.acts import Candidate, NotLanded, Prepared
from tests.unit.merging.stage import Stage

PLAN = b"goal: Count\ntasks: [{id: one, title: One}]\n"


async def asked(stage: Stage, answer: bytes) -> Candidate:
    """Its worker brought a change as well, as an older one might."""
    candidate = await stage.candidate("plan", stray_txt="x\n")
    return msgspec.structs.replace(
        candidate,
        planned=msgspec.structs.replace(candidate.planned, yields="plan"),
        document=Document(await stage.blobs.put(answer), "plan.yaml"),
    )


async def test_a_plan_passes_and_whatever_was_changed_beside_it_does_not_land(tmp_path: Path):
    stage = Stage(tmp_path)
    candidate = await asked(stage, PLAN)
    judged = await stage.acts.judge(candidate)
    assert (judged.judgement, judged.held) == (Judgement.PASSED, "")
    prepared = await stage.acts.prepare(candidate)
    assert isinstance(prepared, Prepared)
    assert prepared.commit is None


async def test_what_is_no_plan_fails_and_is_not_prepared(tmp_path: Path):
    stage = Stage(tmp_path)
    candidate = await asked(stage, b"goal: Count\n")
    assert (await stage.acts.judge(candidate)).judgement is Judgement.FAILED
    assert isinstance(await stage.acts.prepare(candidate), NotLanded)
