"""The answer to a goal is a plan or is not: read like any plan, its faults told to who wrote it."""

from collections.abc import Iterator
from typing import Final

import msgspec

from interlock.domain.facts.change import Judgement
from interlock.domain.ids import CommitId
from interlock.domain.plan import Plan
from interlock.domain.settings import Settings
from interlock.domain.verdict import GateOutcome, GateVerdict
from interlock.engine.acts import Candidate, Judged
from interlock.engine.errors import BlobMissing
from interlock.engine.ports import Blobs
from interlock.planning.asking import DOCUMENT_NAME, document_in
from interlock.planning.document import parse_plan
from interlock.planning.faults import Fault

GATE: Final = "plan"
"""What the check of an answer is called among the verdicts of its task."""

NO_ANSWER: Final = Fault(
    DOCUMENT_NAME,
    "there is no plan in the answer",
    f'write it to "$OUTBOX/{DOCUMENT_NAME}", or end with the whole of it between ```yaml and ```',
)
ECHO: Final = Fault(
    DOCUMENT_NAME,
    "this is the example from the question",
    "write a plan for the goal that the question names",
)

_FAULTS_IN_A_SENTENCE: Final = 10
_FAULTS_IN_THE_LOG: Final = 200


class Answer(msgspec.Struct, frozen=True):
    """The document of an attempt, where there is one, and the plan in it or else every fault."""

    text: bytes | None
    plan: Plan | None
    faults: tuple[Fault, ...] = ()


def text_of(answer: bytes, *, is_file: bool) -> bytes | None:
    """A file is the document; in words it is looked for."""
    if is_file:
        return answer if answer.strip() else None
    found = document_in(answer.decode(errors="replace"))
    return found.encode() if found is not None and found.strip() else None


def read_answer(answer: bytes, *, is_file: bool, settings: Settings) -> Answer:
    text = text_of(answer, is_file=is_file)
    if text is None:
        return Answer(None, None, (NO_ANSWER,))
    plan = parse_plan(
        text, DOCUMENT_NAME, known_agents=settings.agent_names, known_gates=settings.gate_names
    )
    if isinstance(plan, tuple):
        return Answer(text, None, plan)
    faults = tuple(_presumptions(plan, settings))
    return Answer(text, None if faults else plan, faults)


def _presumptions(plan: Plan, settings: Settings) -> Iterator[Fault]:
    """What only a person may say in a plan, and what nobody here can do."""
    for task in plan.tasks:
        where = f"{DOCUMENT_NAME}, task '{task.id}'"
        if task.gates or task.tests_may_go or task.confidence is not None:
            what = "who makes a plan does not say how it is judged"
            yield Fault(where, what, "leave out gates, tests_may_go and confidence")
        profile = settings.agent(task.agent)
        lacks = () if profile is None else profile.lacks(task.skills)
        if profile is not None and lacks:
            what = f"agent '{task.agent}' does not have the skills {', '.join(lacks)}"
            yield Fault(where, what, f"choose another agent, or of {', '.join(profile.skills)}")


async def judge_answer(
    candidate: Candidate, settings: Settings, blobs: Blobs, onto: CommitId
) -> Judged:
    """Passed: it is a plan, and the evidence is what was read. Its tasks are judged one by one."""
    document = candidate.document
    if document is None:
        return Judged(Judgement.FAILED, sentence((NO_ANSWER,)), target=onto)
    try:
        text = await blobs.get(document.blob)
    except BlobMissing as missing:
        return Judged(Judgement.ERROR, f"The answer cannot be read: {missing}.", target=onto)
    answer = read_answer(text, is_file=bool(document.file), settings=settings)
    if _is_echo(answer, candidate.planned.prompt):
        answer = Answer(answer.text, None, (ECHO,))
    if answer.plan is None:
        log = await blobs.put(log_of(answer))
        why = sentence(answer.faults)
        verdict = GateVerdict(GATE, GateOutcome.FAILED, document.blob, why, log=log)
        return Judged(Judgement.FAILED, why, log, (verdict,), target=onto)
    told = f"a plan of {len(answer.plan.tasks):,} tasks"
    as_read = await blobs.put(msgspec.json.encode(answer.plan))
    verdict = GateVerdict(GATE, GateOutcome.PASSED, document.blob, told, evidence=as_read)
    return Judged(Judgement.PASSED, told, verdicts=(verdict,), target=onto)


def _is_echo(answer: Answer, asked: str) -> bool:
    """Who repeats the question has a valid plan in it: ours."""
    example = document_in(asked)
    return (
        answer.text is not None
        and example is not None
        and (answer.text.strip() == example.encode().strip())
    )


def sentence(faults: tuple[Fault, ...]) -> str:
    """Why the answer is no plan, short enough for a fact."""
    told = [_line(fault) for fault in faults[:_FAULTS_IN_A_SENTENCE]]
    more = len(faults) - len(told)
    many = "one fault" if len(faults) == 1 else f"{len(faults):,} faults"
    rest = f"\nand {more:,} more" if more else ""
    return f"The answer is no plan yet, it has {many}:\n" + "\n".join(told) + rest


def log_of(answer: Answer) -> bytes:
    """All of it, for the next attempt: the faults, and the document that they are in."""
    lines = [_line(fault) for fault in answer.faults[:_FAULTS_IN_THE_LOG]]
    head = "What is wrong:\n" + "\n".join(lines) + "\n"
    if answer.text is None:
        return head.encode()
    return f"{head}\n--- {DOCUMENT_NAME} as you wrote it ---\n".encode() + answer.text


def _line(fault: Fault) -> str:
    return f"{fault.where}: {fault.what}; {fault.mend}"
