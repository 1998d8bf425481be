"""The report of a run as Markdown for people: what came of it first, the evidence after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Final

from interlock.control.forecast_text import money
from interlock.control.markdown import (
    block,
    code,
    count,
    duration,
    moment,
    sha,
    table,
    words,
)
from interlock.control.run_document import ForecastSeen, GateSeen, RunReport, TaskSeen, TrySeen
from interlock.domain.forecast import Spread
from interlock.domain.usage import Usage

_OUTCOMES: Final = {
    "passed": "passed",
    "failed": "**failed**",
    "error": "**could not run**",
    "target_red": "red on the target itself",
}
_STATES: Final = {
    "completed": "every task is done",
    "waiting": "waits for a person",
    "failed": "ended, and not everything was done",
    "stopped": "stopped",
    "paused": "paused",
    "active": "still at work",
    "created": "being planned",
}
_DONE: Final = ("done", "skipped")


def report_text(report: RunReport, zone: tzinfo | None = None) -> str:
    lines = [
        *_opening(report, zone),
        *_for_a_person(report, zone),
        *_tasks(report),
        *_told(report),
        *_details(report, zone),
        *_used(report),
        *_numbers(report),
        *_forecast(report.forecast),
        *_proof(report),
    ]
    return "\n".join(lines) + "\n"


def _opening(report: RunReport, zone: tzinfo | None) -> Iterator[str]:
    yield f"# {words(report.goal)}"
    yield ""
    state = _STATES.get(report.state, report.state)
    landed = sum(task.landed_at is not None for task in report.tasks)
    where = "" if report.target.branch is None else f" on {code(report.target.branch)}"
    told = f"{landed} of {count(len(report.tasks), 'task')} landed{where}."
    yield f"**{state[0].upper()}{state[1:]}.** {told}"
    yield ""
    asked = "" if report.asked_by is None else f", asked for by {words(report.asked_by)}"
    yield f"Run {code(report.run)}, begun {moment(report.started_at, zone)}{asked}."
    took = f"It took {duration(report.metrics.wall_seconds)}"
    yield took + _faster(report.metrics.parallel_efficiency) + "."
    for reason in report.reasons:
        yield f"- {words(reason)}"
    if report.simulated:
        yield ""
        yield (
            "> **Simulated agents.** Attempts marked *simulated* were played by a script; "
            "they say nothing about what a model would do."
        )


def _faster(efficiency: float | None) -> str:
    """Waiting for a person makes a run long, and that is no slowness: the table has the number."""
    if efficiency is None or efficiency < 1:
        return ""
    return f", {efficiency:.1f}x faster than the same work one after another"


def _for_a_person(report: RunReport, zone: tzinfo | None) -> Iterator[str]:
    if not report.review:
        return
    yield f"\n## Waits for you ({len(report.review)})\n"
    for item in report.review:
        since = moment(item.since, zone)
        yield f"- **{words(item.short)}** ({item.kind}, since {since}): {words(item.reason)}"


def _tasks(report: RunReport) -> Iterator[str]:
    yield f"\n## Tasks ({len(report.tasks)})\n"
    rows = [
        (
            f"{words(task.title)} ({code(task.id)})",
            task.state if task.state in _DONE else f"**{_in_words(task.state)}**",
            str(task.attempts),
            ", ".join(_gate(gate) for gate in task.gates) or _no_gates(task),
            _commit(task),
        )
        for task in report.tasks
    ]
    yield from table(("Task", "State", "Attempts", "Gates", "On the target"), rows)


def _used(report: RunReport) -> Iterator[str]:
    """What was used of models; nothing where nobody counted and nobody said anything."""
    counted = [(task, task.usage) for task in report.tasks if task.usage is not None]
    if not counted:
        return
    yield "\n## Models\n"
    rows = [(code(task.id), *_amounts(usage)) for task, usage in counted]
    total = sum((usage for _, usage in counted[1:]), counted[0][1])
    if len(rows) > 1:
        rows.append(("**all**", *_amounts(total)))
    yield from table(("Task", "Requests", "Sent", "From a cache", "Came back", "Cost"), rows)
    if total.cost_usd is None:
        yield "\nWhat it cost is not known: a model that was used has no price here."
    if total.unknown_tokens:
        most = f", {money(total.unknown_usd)}" if total.unknown_usd else ""
        yield f"\nAt most {total.unknown_tokens:,} tokens{most} more: some streams were cut."
    if total.source == "reported":
        yield "\nSome of it is what clients say of themselves; nobody counted it on the way."
    yield ""


def _amounts(usage: Usage) -> tuple[str, ...]:
    sent = usage.input_tokens + usage.cache_write_tokens
    back = f"{usage.output_tokens:,}"
    if usage.reasoning_tokens:
        back += f" ({usage.reasoning_tokens:,} of it reasoning)"
    cost = "not known" if usage.cost_usd is None else money(usage.cost_usd)
    return (f"{usage.requests:,}", f"{sent:,}", f"{usage.cached_tokens:,}", back, cost)


def _in_words(state: str) -> str:
    return state.replace("_", " ")


def _gate(gate: GateSeen) -> str:
    return f"{words(gate.name)} {_OUTCOMES.get(gate.outcome, words(gate.outcome))}"


def _no_gates(task: TaskSeen) -> str:
    """A judging of which no gate left a word is told as what it is, never as passed gates."""
    match task.judgement:
        case None:
            return "not judged"
        case "error":
            return "**could not run**"
        case "conflict":
            return "conflict, so not run"
        case judgement:
            return f"{judgement} without a gate"


def _commit(task: TaskSeen) -> str:
    if task.commit is not None:
        return sha(task.commit)
    return "nothing to land" if task.landed_at is not None else ""


def _told(report: RunReport) -> Iterator[str]:
    """What a person should know although nobody waits for them."""
    lines = [f"- {words(note)}" for note in report.notes]
    if report.denied_hosts:
        hosts = ", ".join(code(host) for host in report.denied_hosts)
        lines.append(f"- Boxes wanted to reach hosts that are not on the list: {hosts}")
    for task in report.tasks:
        if task.outside:
            paths = ", ".join(code(path) for path in task.outside)
            lines.append(f"- {code(task.id)} changed files outside of what its plan names: {paths}")
    if lines:
        yield "\n## Worth knowing\n"
        yield from lines


def _details(report: RunReport, zone: tzinfo | None) -> Iterator[str]:
    yield "\n## What happened\n"
    for task in report.tasks:
        yield f"### {words(task.title)}\n"
        yield f"{code(task.id)} is {_in_words(task.state)}{_because(task)}\n"
        for each in task.tries:
            yield f"- Attempt {each.number}: {_try(each)}"
            if each.reason:
                yield f"\n{block(each.reason)}\n"
        for gate in task.gates:
            yield f"- Gate {_gate(gate)} on attempt {gate.attempt}{_detail(gate)}"
        for decision in task.decisions:
            why = f": {words(decision.reason)}" if decision.reason else ""
            yield (f"- {moment(decision.at, zone)} {words(decision.actor)} {decision.what} it{why}")
        yield ""


def _because(task: TaskSeen) -> str:
    if task.waits_for is not None:
        return f"; it waits for {words(task.waits_for)}"
    return f": {words(task.reason)}" if task.reason else ""


def _try(each: TrySeen) -> str:
    marks = ["**simulated**"] if each.simulated else []
    marks += ["by hand"] if each.by_hand else []
    marks += [] if each.box is None else [f"box {code(each.box)}"]
    marks += [] if each.seconds is None else [duration(each.seconds)]
    outcome = "still runs" if each.outcome is None else each.outcome
    log = "" if each.log is None else f"; log {code(each.log[:12])}"
    about = f" ({', '.join(marks)})" if marks else ""
    return f"{code(each.worker)} {outcome}{about}{log}"


def _detail(gate: GateSeen) -> str:
    took = ", judged before on the same tree" if gate.reused else f", {duration(gate.seconds)}"
    log = "" if gate.log is None else f", log {code(gate.log[:12])}"
    return f"{took}{log}" + (f": {words(gate.detail)}" if gate.detail else "")


def _numbers(report: RunReport) -> Iterator[str]:
    numbers = report.metrics
    yield "## Numbers\n"
    rows = [
        ("Wall time", duration(numbers.wall_seconds)),
        ("The same one after another", duration(numbers.sequential_seconds)),
        ("Parallel efficiency", _or_unknown(numbers.parallel_efficiency, "x")),
        ("Overhead per task, 95th percentile", _or_unknown(numbers.overhead_seconds_p95, " s")),
        ("Conflicts met", str(numbers.conflicts_met)),
        ("Sent back", str(numbers.reworks)),
        ("Gate runs", str(numbers.gate_runs)),
    ]
    yield from table(("Measure", "Value"), rows)


_CAME: Final = {
    "within_p50": "It took no longer than expected.",
    "within_p80": "It took longer than expected, and no longer than eight times of ten.",
    "beyond_p80": "**It took longer than eight times of ten.**",
}


def _forecast(seen: ForecastSeen | None) -> Iterator[str]:
    if seen is None:
        return
    told = seen.expected
    yield "\n## Forecast\n"
    rows = [
        (
            "Time",
            *_both(told.minutes, lambda minutes: duration(60 * minutes)),
            duration(60 * seen.minutes),
        ),
        ("Cost", *_both(told.cost_usd, money), _money_or_unknown(seen.cost_usd)),
        ("Conflicts", _or_unknown(told.conflicts, ""), "", str(seen.conflicts)),
    ]
    so_far = "Came to" if seen.came is not None else "So far"
    yield from table(("", "Expected", "Eight times of ten", so_far), rows)
    yield ""
    if seen.came is not None:
        yield f"{_CAME[seen.came]} Waiting for people is in what it came to, not in the forecast."
    if seen.changed:
        yield "The plan was changed after the forecast was made."
    yield from (f"- {words(basis)}" for basis in told.basis)


def _both(spread: Spread | None, said: Callable[[float], str]) -> tuple[str, str]:
    return ("not known", "") if spread is None else (said(spread.p50), said(spread.p80))


def _money_or_unknown(usd: float | None) -> str:
    return "not known" if usd is None else money(usd)


def _or_unknown(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{value:.2f}{unit}"


def _proof(report: RunReport) -> Iterator[str]:
    yield "\n## Proof\n"
    target = report.target
    if target.base is not None and target.head is not None:
        branch = code(target.branch or "the target")
        yield f"- {branch} went from {sha(target.base)} to {sha(target.head)}"
    yield f"- Boxes: {', '.join(code(box) for box in report.boxes) or 'none was recorded'}"
    if report.settings_digest is not None:
        yield f"- Settings: {code(report.settings_digest)}"
    yield f"- Head of the log: {code(report.audit)}"
    yield f"- Check it: {code(f'interlock audit verify --head {report.audit}')}"
