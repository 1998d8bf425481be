"""The answer to a goal: a plan, or faults told so that they can be mended."""

import msgspec

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.domain.facts.change import Judgement
from interlock.domain.ids import BlobId, CommitId, TaskId
from interlock.domain.plan import Plan
from interlock.domain.result import Document
from interlock.domain.settings import AgentProfile, GateSettings, Settings
from interlock.engine.acts import Candidate, Judged
from interlock.flows.goal.judging import judge_answer, log_of, read_answer, sentence
from interlock.flows.goal.order import order, planner
from interlock.planning.asking import document_in

GOOD = b"goal: Count\ntasks:\n- {id: one, title: One}\n- {id: two, title: Two, depends_on: [one]}\n"
SETTINGS = Settings(
    agents=(
        AgentProfile("default", "command", skills=("python",)),
        AgentProfile("chief", "command"),
        AgentProfile("liz", "human"),
    ),
    gates=(GateSettings("tests", "true", "exit-code"),),
)
CHIEF = planner(SETTINGS)
assert CHIEF is not None
ASKED = order("Count visitors\nplease", CHIEF, SETTINGS)


def faults_of(text: bytes) -> str:
    answer = read_answer(text, is_file=True, settings=SETTINGS)
    assert answer.plan is None
    return sentence(answer.faults)


async def judge(answer: bytes | None, file: str = "plan.yaml") -> tuple[Judged, MemoryBlobs]:
    blobs = MemoryBlobs(MemoryStore())
    document = None if answer is None else Document(await blobs.put(answer), file)
    candidate = Candidate(TaskId("t"), 1, ASKED.tasks[0], None, document=document)
    return await judge_answer(candidate, SETTINGS, blobs, CommitId("c")), blobs


def test_the_order_is_one_task_that_only_reads():
    (task,) = ASKED.tasks
    assert (task.yields, task.agent, task.id) == ("plan", "chief", "plan")
    assert task.title == "Make a plan: Count visitors"
    assert "Count visitors\nplease" in task.prompt
    assert task.prompt.index("- default:") < task.prompt.index("- liz: a person")
    assert "- chief" not in task.prompt, "who plans is not who works, where there are others"


def test_who_is_asked():
    only = msgspec.structs.replace(SETTINGS, agents=SETTINGS.agents[:1])
    assert planner(only) == SETTINGS.agents[0]
    assert planner(Settings()) is None


async def test_a_plan_passes_whether_it_was_left_or_said():
    for answer, file in ((GOOD, "plan.yaml"), (b"So:\n```yaml\n" + GOOD + b"```\n", "")):
        judged, blobs = await judge(answer, file)
        assert judged.judgement is Judgement.PASSED
        assert judged.verdicts[0].evidence is not None
        read = msgspec.json.decode(await blobs.get(judged.verdicts[0].evidence), type=Plan)
        assert [task.id for task in read.tasks] == ["one", "two"]
        assert judged.detail == "a plan of 2 tasks"
        assert [v.gate for v in judged.verdicts] == ["plan"]


async def test_faults_come_with_the_document_they_are_in():
    judged, blobs = await judge(GOOD.replace(b"[one]", b"[none]"))
    assert judged.judgement is Judgement.FAILED
    assert "plan.yaml:4: " in judged.detail
    assert judged.log is not None
    log = await blobs.get(judged.log)
    assert b"plan.yaml:4: " in log
    assert b"title: One" in log


async def test_no_answer_an_empty_one_and_our_own_example_are_no_plan():
    example = (document_in(ASKED.tasks[0].prompt) or "").encode()
    for answer, file, why in (
        (None, "", "no plan in the answer"),
        (b"  \n", "plan.yaml", "no plan in the answer"),
        (b"I could not do it.", "", "no plan in the answer"),
        (example, "plan.yaml", "the example"),
    ):
        judged, _ = await judge(answer, file)
        assert judged.judgement is Judgement.FAILED
        assert why in judged.detail


async def test_an_answer_that_is_gone_could_not_be_judged():
    blobs = MemoryBlobs(MemoryStore())
    document = Document(BlobId("0" * 64), "plan.yaml")
    candidate = Candidate(TaskId("t"), 1, ASKED.tasks[0], None, document=document)
    judged = await judge_answer(candidate, SETTINGS, blobs, CommitId("c"))
    assert judged.judgement is Judgement.ERROR


def test_it_does_not_say_how_it_is_judged():
    for line in ("gates: [tests]", "tests_may_go: true", "confidence: 99"):
        text = f"goal: x\ndefaults: {{{line}}}\ntasks: [{{id: a, title: A}}]\n".encode()
        assert "task 'a': who makes a plan does not say how it is judged" in faults_of(text)


def test_it_gives_no_task_to_whom_nobody_knows_or_who_cannot_do_it():
    text = b"goal: x\ntasks: [{id: a, title: A, agent: bob}]\n"
    assert "bob" in faults_of(text)
    text = b"goal: x\ntasks: [{id: a, title: A, skills: [baking, python]}]\n"
    assert "does not have the skills baking; choose another agent, or of python" in faults_of(text)


def test_many_faults_are_a_short_sentence():
    tasks = "".join(f"- {{id: t{n}, title: T, depends_on: [no{n}]}}\n" for n in range(2_000))
    answer = read_answer(f"goal: x\ntasks:\n{tasks}".encode(), is_file=True, settings=SETTINGS)
    said = sentence(answer.faults)
    assert len(said) < 4_000
    assert "more" in said.splitlines()[-1]
    assert log_of(answer).count(b"plan.yaml:") == 200
