"""The report of a run says what the facts say: evidence, numbers, and what nobody knows."""

import msgspec
import pytest

from interlock.control.errors import WrongUsage
from interlock.control.report_text import report_text
from interlock.control.reports import Seen, find_run, percentile, run_report
from interlock.control.run_document import RunReport
from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import AttemptAbandoned, HostDenied, UsageCounted
from interlock.domain.facts.change import (
    ChangeApproved,
    ChangeLanded,
    Judgement,
    LandingIntended,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.group import GroupSettled, GroupVerifying
from interlock.domain.facts.run import RunCompleted
from interlock.domain.facts.task import Requeue, TaskFailed, TaskParked, TaskRequeued
from interlock.domain.ids import BlobId, CommitId, GroupId, RunId, Token
from interlock.domain.result import Outcome
from interlock.domain.usage import Usage
from interlock.domain.verdict import GateOutcome, GateVerdict
from tests.unit.control.tales import ANA, BEGIN, RUN, Tale, passed, red, task

CONTRACT_METRICS = {
    "wall_seconds", "sequential_seconds", "parallel_efficiency", "overhead_seconds_p95",
    "conflicts_predicted", "conflicts_met", "reworks", "gate_runs", "red_target_seconds",
}  # fmt: skip
CONTRACT_TASK = {
    "id", "title", "state", "tier", "score", "attempts", "commit", "landed_at", "waits_for",
    "gates", "cost_usd", "tokens",
}  # fmt: skip


def report(tale: Tale, run: str = RUN) -> RunReport:
    seen = Seen(tale.now, CommitId("9" * 40), "7:" + "0" * 64)
    return run_report(tale.chronicle(), RunId(run), seen)


def two_at_once() -> Tale:
    """Two tasks of ten minutes side by side, gates of half a minute, landed a minute later."""
    tale = Tale()
    tale.asks()
    tale.joins("roy")
    tale.joins("jen")
    tale.begins(task("table", "Make the table"), task("page", "Show it"))
    tale.claims("roy", "table")
    tale.claims("jen", "page")
    tale.wait(0.5)
    tale.starts("table")
    tale.starts("page")
    tale.wait(10)
    tale.finishes("table")
    tale.finishes("page")
    tale.wait(1)
    tale.judged("table", passed())
    tale.judged("page", passed())
    tale.lands("table", "1" * 40)
    tale.lands("page", "2" * 40)
    tale.record(f"run/{RUN}", RunCompleted())
    return tale


def test_a_run_that_went_well():
    tale = two_at_once()
    tale.wait(60)  # the run has ended: what the clock says now is no matter
    found = report(tale)
    assert (found.run, found.goal, found.state) == (RUN, "Log in", "completed")
    assert found.asked_by == "person:ana"
    assert (found.target.branch, found.target.base, found.target.head) == (
        "main", "b" * 40, "9" * 40,
    )  # fmt: skip
    assert [(t.id, t.state, t.attempts, t.commit) for t in found.tasks] == [
        ("table", "done", 1, "1" * 40),
        ("page", "done", 1, "2" * 40),
    ]
    assert [(g.name, g.outcome) for t in found.tasks for g in t.gates] == [("tests", "passed")] * 2
    assert found.review == ()
    assert (found.boxes, found.simulated) == (("bubblewrap",), False)


def test_the_numbers_are_computed_from_recorded_times():
    numbers = report(two_at_once()).metrics
    assert numbers.wall_seconds == 11.5 * 60
    assert numbers.sequential_seconds == 2 * 10 * 60 + 2 * 30
    assert numbers.parallel_efficiency == pytest.approx(1260 / 690)
    # Half a minute until the worker began, and a minute of judging with gates of half a minute.
    assert numbers.overhead_seconds_p95 == 60
    assert (numbers.conflicts_met, numbers.reworks, numbers.gate_runs) == (0, 0, 2)


def test_waiting_for_the_other_stages_of_a_group_is_no_overhead():
    tale = Tale()
    tale.joins("roy")
    tale.joins("jen")
    tale.begins(task("table"), task("page"), grouped=True)
    tale.takes("roy", "table")
    tale.takes("jen", "page")
    tale.wait(5)
    tale.finishes("table")
    tale.wait(20)
    tale.finishes("page")
    tale.record(f"run/{RUN}", GroupSettled(GroupId(1)), GroupVerifying(GroupId(1)))
    tale.wait(2)
    for name in ("table", "page"):
        tale.judged(name, passed(seconds=90.0))
        tale.lands(name)
    assert report(tale).metrics.overhead_seconds_p95 == 30


def test_the_document_has_every_name_of_the_contract_and_null_where_nobody_knows():
    document = msgspec.json.decode(msgspec.json.encode(report(two_at_once())), type=dict)
    assert {"run", "goal", "state", "target", "tasks", "review", "metrics"} <= document.keys()
    assert document["target"].keys() == {"branch", "base", "head"}
    assert document["metrics"].keys() == CONTRACT_METRICS
    assert document["metrics"]["conflicts_predicted"] is None
    assert document["metrics"]["red_target_seconds"] is None
    first = document["tasks"][0]
    assert first.keys() >= CONTRACT_TASK
    assert [first[name] for name in ("tier", "score", "cost_usd", "tokens")] == [None] * 4


def sent_back_once() -> Tale:
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table", "Make the table"))
    tale.takes("roy", "table", simulated=True)
    tale.wait(3)
    tale.finishes("table")
    tale.judged("table", red())
    feedback = "tests: 2 of 9 tests failed\n  test_a\n  test_b"
    tale.of("table", TaskRequeued(Requeue.GATE_FAILED, feedback=feedback, log=BlobId("f" * 64)))
    tale.takes("roy", "table")
    tale.wait(2)
    return tale


def test_an_attempt_that_was_sent_back_says_why_and_where_the_log_is():
    (found,) = report(sent_back_once()).tasks
    first, second = found.tries
    assert (first.outcome, first.simulated, first.log) == ("changed", True, "f" * 64)
    assert "2 of 9" in first.reason
    assert (second.outcome, second.reason, second.seconds, second.log) == (None, "", None, None)
    assert [(g.name, g.outcome, g.attempt) for g in found.gates] == [("tests", "failed", 1)]
    assert report(sent_back_once()).metrics.reworks == 1
    assert report(sent_back_once()).state == "active"


def test_a_lost_worker_costs_no_rework():
    tale = sent_back_once()
    tale.of(
        "table",
        AttemptAbandoned(2, Token(2), AttemptLoss.LOST, "roy is gone"),
        TaskRequeued(Requeue.WORKER_LOST),
    )
    found = report(tale)
    assert found.metrics.reworks == 1
    assert (found.tasks[0].tries[1].outcome, found.tasks[0].tries[1].reason) == (
        "lost", "roy is gone",
    )  # fmt: skip


def test_conflicts_are_counted_wherever_they_are_met():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table"))
    tale.takes("roy", "table")
    tale.finishes("table")
    tale.judged("table", how=Judgement.CONFLICT, detail="app.py was changed on both sides")
    tale.of("table", TaskRequeued(Requeue.LANDING_REFUSED, feedback="app.py"))
    tale.takes("roy", "table")
    tale.finishes("table")
    tale.judged("table", passed(reused=True))
    intended = LandingIntended("k", 2, Token(2), CommitId("b" * 40), CommitId("e" * 40))
    tale.of("table", intended, LandingRefused("k", LandingRefusal.CONFLICT, "app.py again"))
    numbers = report(tale).metrics
    assert (numbers.conflicts_met, numbers.reworks) == (2, 1)
    assert numbers.gate_runs == 0  # a verdict that was reused is no run
    assert numbers.overhead_seconds_p95 is None  # nothing landed


def waiting() -> Tale:
    """A question, a failure, and a change that touches the settings."""
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("ask"), task("break"), task("touch"))
    tale.takes("roy", "ask")
    tale.of("ask", AttemptAbandoned(1, Token(1), AttemptLoss.PARKED), TaskParked("Which table?"))
    tale.takes("roy", "break")
    tale.finishes("break", Outcome.FAILED, "no idea")
    tale.of("break", TaskFailed("3 attempts failed, the last: no idea"))
    tale.takes("roy", "touch")
    tale.finishes("touch")
    tale.judged("touch", passed(), held="it changes interlock.toml", outside=("interlock.toml",))
    tale.wait(30)
    return tale


def test_what_waits_for_a_person_is_listed_with_its_reason():
    found = report(waiting())
    assert [(r.short, r.kind, r.reason) for r in found.review] == [
        ("ask-1", "decision", "Which table?"),
        ("break-1", "investigation", "3 attempts failed, the last: no idea"),
        ("touch-1", "review", "it changes interlock.toml"),
    ]
    assert found.review[0].id == f"{RUN}-ask-1"
    assert found.tasks[2].waits_for == "a person: it changes interlock.toml"
    assert found.tasks[2].outside == ("interlock.toml",)
    assert found.state == "waiting"
    assert found.metrics.wall_seconds == 0  # nobody worked in the half hour since


def test_a_run_in_which_something_still_moves_is_not_waiting():
    tale = waiting()
    tale.of("touch", ChangeApproved(1), actor=ANA)
    assert report(tale).state == "active"


def test_an_approved_change_waits_for_nobody_and_names_who_approved():
    tale = waiting()
    tale.of("touch", ChangeApproved(1, "looks right"), actor=ANA)
    found = report(tale)
    assert [item.short for item in found.review] == ["ask-1", "break-1"]
    (decision,) = found.tasks[2].decisions
    assert (decision.actor, decision.what, decision.reason) == (
        "person:ana", "let land", "looks right",
    )  # fmt: skip


def test_a_host_that_was_denied_before_the_start_was_told_belongs_to_its_attempt():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table"))
    tale.claims("roy", "table")
    tale.of("table", HostDenied(1, ("example.org",)))
    tale.starts("table")
    tale.of("table", HostDenied(1, ("example.org", "example.com")))
    found = report(tale)
    assert found.denied_hosts == ("example.com", "example.org")
    assert found.tasks[0].tries[0].denied_hosts == ("example.org", "example.com")
    tale.finishes("table")
    tale.judged("table", red())
    tale.of("table", TaskRequeued(Requeue.GATE_FAILED, feedback="red"))
    tale.takes("roy", "table")
    assert report(tale).tasks[0].tries[1].denied_hosts == ()


# --- as text --------------------------------------------------------------------------------------


def text(tale: Tale) -> str:
    return report_text(report(tale), BEGIN.tzinfo)


def test_what_was_used_of_models_stands_with_every_task_and_in_all():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table"), task("chair"))
    for name, usage in (
        ("table", Usage(2, 900, 300, 40, 60, 10, cost_usd=0.5)),
        ("chair", Usage(1, 100, output_tokens=5, unknown_tokens=40, unknown_usd=0.2)),
    ):
        tale.takes("roy", name)
        tale.of(name, UsageCounted(Token(1), usage))
        tale.finishes(name)
    seen = report(tale).tasks
    assert [(each.tokens, each.cost_usd) for each in seen] == [(1_300, 0.5), (105, 0.0)]
    page = text(tale)
    assert "| `table` | 2 | 940 | 300 | 60 (10 of it reasoning) | $0.50 |" in page
    assert "| **all** | 3 | 1,040 | 300 | 65 (10 of it reasoning) | $0.50 |" in page
    assert "At most 40 tokens, $0.20 more" in page


def test_the_text_begins_with_what_came_of_it():
    lines = text(two_at_once()).splitlines()
    assert lines[0] == "# Log in"
    assert lines[2] == "**Every task is done.** 2 of 2 tasks landed on `main`."
    assert "1.8x faster" in lines[5]
    assert "| Make the table (`table`) | done | 1 | tests passed | `1111111111` |" in lines
    assert f"`interlock audit verify --head 7:{'0' * 64}`" in lines[-1]


def test_could_not_run_is_never_told_as_passed():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table"), task("page"))
    for name in ("table", "page"):
        tale.takes("roy", name)
        tale.finishes(name)
    broken = GateVerdict("tests", GateOutcome.ERROR, "t" * 40, "pytest is not installed")
    tale.judged("table", broken, how=Judgement.ERROR)
    tale.judged("page", how=Judgement.ERROR, detail="no box could be started")
    told = text(tale)
    assert "tests **could not run**" in told
    assert "| Page (`page`) | **verifying** | 1 | **could not run** |" in told
    assert "passed" not in told


def test_simulated_agents_are_labelled_at_the_top_and_at_their_attempt():
    told = text(sent_back_once())
    assert told.index("**Simulated agents.**") < told.index("## Tasks")
    assert told.count("(**simulated**, box `bubblewrap`, 3 min)") == 1
    assert "imulated" not in text(two_at_once())


def test_words_of_others_are_neither_markup_nor_commands():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table", "A | B\x1b[2J<script> `x` **no**"), goal="Go\n# Not a title")
    tale.takes("roy", "table")
    tale.finishes("table", Outcome.FAILED, "```\nout of the block\x1b[31m")
    told = text(tale)
    assert "\x1b" not in told
    assert told.splitlines()[0] == "# Go \\# Not a title"
    assert "A \\| B \\[2J\\<script\\> \\`x\\` \\*\\*no\\*\\*" in told
    assert "\n      ```\n      out of the block [31m\n" in told


def test_what_is_worth_knowing_is_told():
    tale = waiting()
    tale.of("touch", ChangeApproved(1), HostDenied(1, ("example.org",)))
    intended = LandingIntended("k", 1, Token(1), CommitId("b" * 40), CommitId("e" * 40))
    note = "your checkout was left alone: it has changes of its own"
    tale.of("touch", intended, ChangeLanded("k", CommitId("e" * 40), note))
    told = text(tale)
    assert f"- {note}" in told
    assert "not on the list: `example.org`" in told
    assert "`touch` changed files outside of what its plan names: `interlock.toml`" in told


# --- which run ------------------------------------------------------------------------------------


def test_the_newest_run_is_reported_unless_one_is_named():
    tale = Tale()
    tale.begins(task("a"), run="run-aa")
    tale.wait(1)
    tale.begins(task("b"), run="run-ab")
    chronicle = tale.chronicle()
    assert find_run(chronicle, None) == "run-ab"
    assert find_run(chronicle, "run-aa") == "run-aa"
    assert find_run(chronicle, "aa") == "run-aa"
    with pytest.raises(WrongUsage, match="2 runs are called 'run-a': name one of run-aa, run-ab"):
        find_run(chronicle, "run-a")
    with pytest.raises(WrongUsage, match="no run is called 'x'"):
        find_run(chronicle, "x")
    with pytest.raises(WrongUsage, match="no run is in this history"):
        find_run(Tale().chronicle(), None)


def test_a_run_that_left_the_picture_of_the_plane_is_still_reported():
    tale = two_at_once()
    for number in range(25):
        tale.wait(1)
        tale.begins(run=f"later-{number}")
        tale.record(f"run/later-{number}", RunCompleted())
    assert RUN not in tale.chronicle().plane.runs
    found = report(tale)
    assert (found.state, found.metrics.wall_seconds) == ("completed", 11.5 * 60)
    assert [t.state for t in found.tasks] == ["done", "done"]


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.95, None), ([3.0], 0.95, 3.0), ([float(n) for n in range(1, 101)], 0.95, 95.0)],
)
def test_the_percentile_is_a_value_that_was_measured(
    values: list[float], share: float, found: float | None
):
    assert percentile(values, share) == found
