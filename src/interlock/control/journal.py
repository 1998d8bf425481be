"""The journal: a page per day, task and worker in Markdown, for people who like to read files.

It is derived from the log and may be deleted at any time; nothing ever reads it back.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from interlock.control.chronicle import Chronicle
from interlock.control.errors import WrongUsage
from interlock.control.health import HealthReport, health_report, is_online
from interlock.control.markdown import block, code, duration, moment, sha, words
from interlock.control.reports import gates_seen, tries_seen
from interlock.control.stories import TaskStory, Try, WorkerStory
from interlock.domain.ids import WorkerId
from interlock.flows.run.pictures import ANY

JOURNAL_FOLDER: Final = Path(".interlock") / "logs"
"""Below the root of the repository; only what may be deleted lies there."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MINUTES_DEFAULT: Final = "no estimate"


class Moment(msgspec.Struct, frozen=True):
    """When the journal is written, and where its days begin; None is the zone of this machine."""

    now: datetime
    zone: tzinfo | None = None

    def is_today(self, at: datetime | None) -> bool:
        return at is not None and at.astimezone(self.zone).date() == self.today

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


def write_journal(chronicle: Chronicle, when: Moment, root: Path) -> tuple[Path, ...]:
    """Write today's page and those of all tasks and workers below `root`; returns what it wrote."""
    folder = root / JOURNAL_FOLDER
    return tuple(
        _write(root, folder / name, text) for name, text in journal_pages(chronicle, when).items()
    )


def journal_pages(chronicle: Chronicle, when: Moment) -> Mapping[PurePosixPath, str]:
    pages = {PurePosixPath(f"{when.today:%Y-%m-%d}.md"): "\n".join(_day(chronicle, when))}
    for task_id, story in chronicle.tasks.items():
        name = PurePosixPath("tasks", f"{file_name(task_id)}.md")
        pages[name] = "\n".join(_task(story, when))
    for worker in chronicle.workers.values():
        name = PurePosixPath("workers", f"{file_name(worker.fact.worker_id)}.md")
        pages[name] = "\n".join(_worker(chronicle, worker, when))
    return {name: text + "\n" for name, text in pages.items()}


def file_name(identity: str) -> str:
    """The identity itself where it is a harmless name, else what is harmless of it and a hash."""
    if _NAME.fullmatch(identity):
        return identity
    kept = re.sub(r"[^A-Za-z0-9-]+", "_", identity)[:60]
    return f"{kept}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _write(root: Path, path: Path, text: str) -> Path:
    """Replaced as a whole. A link on the way could lead anywhere, so there must be none."""
    above = [parent for parent in path.parents if parent.is_relative_to(root) and parent != root]
    for part in [path, *above]:
        if part.is_symlink():
            raise WrongUsage(f"{part} is a link, and the journal follows none: remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with draft.open("x", encoding="utf-8") as file:  # "x" follows no link either
        file.write(text)
    draft.replace(path)
    return path


# --- the day --------------------------------------------------------------------------------------


def _day(chronicle: Chronicle, when: Moment) -> Iterator[str]:
    yield f"# Parallel Work Summary — {when.today:%Y-%m-%d}"
    yield from _section("Active Workers", list(_active(chronicle)))
    yield from _section("Completed Today", list(_completed(chronicle, when)))
    yield from _section("Conflicts Detected", list(_conflicts(chronicle, when)))
    yield "\n## File Locks\n\nnot tracked yet"
    health = health_report(chronicle, when.now)
    yield "\n## System Health\n"
    yield from _health(chronicle, health, when)


def _section(title: str, lines: list[str]) -> Iterator[str]:
    yield f"\n## {title} ({len(lines)})\n"
    yield from (f"- {line}" for line in lines) if lines else ("none",)


def _active(chronicle: Chronicle) -> Iterator[str]:
    for story in chronicle.tasks.values():
        task = story.picture
        if task.lease is None:
            continue
        minutes = task.planned.estimate_minutes
        estimate = _MINUTES_DEFAULT if minutes is None else f"{minutes:.0f} min"
        who = _who(chronicle, task.lease.worker_id)
        yield f"{who}: {_titled(story)} ({estimate}, {task.percent} % complete)"


def _completed(chronicle: Chronicle, when: Moment) -> Iterator[str]:
    for story in chronicle.tasks.values():
        at = story.landed_at
        if at is None or not when.is_today(at):
            continue
        worker = words(story.tries[-1].worker_id) if story.tries else "nobody"
        yield f"{_titled(story)} ({worker}{_simulated(story)}) — {_worked(story, at)}"


def _worked(story: TaskStory, until: datetime) -> str:
    return duration(sum(each.span.seconds(until) for each in story.tries))


def _conflicts(chronicle: Chronicle, when: Moment) -> Iterator[str]:
    for story in chronicle.tasks.values():
        for clash in story.conflicts:
            if when.is_today(clash.at):
                yield f"{_titled(story)}: {words(clash.detail) or 'no detail was recorded'}"


def _health(chronicle: Chronicle, health: HealthReport, when: Moment) -> Iterator[str]:
    queue, registry, clashes = health.queue, health.registry, health.conflicts
    pending = queue.backlog + queue.in_progress + queue.review
    yield f"- Task Queue: {pending} pending, {queue.people} waiting for a person"
    yield f"- Worker Registry: {registry.active} active, {registry.stale} offline"
    yield f"- Average Task Duration: {_average(chronicle, when)}"
    rate = "not known" if clashes.rate is None else f"{100 * clashes.rate:.0f} %"
    yield f"- Conflict Rate: {rate}"


def _average(chronicle: Chronicle, when: Moment) -> str:
    times = [
        sum(each.span.seconds(when.now) for each in story.tries)
        for story in chronicle.tasks.values()
        if when.is_today(story.landed_at) and story.tries
    ]
    return duration(sum(times) / len(times)) if times else "nothing was completed today"


def _who(chronicle: Chronicle, worker_id: WorkerId) -> str:
    worker = chronicle.workers.get(worker_id)
    kind = "" if worker is None else f" ({worker.fact.type})"
    return f"{words(worker_id)}{kind}"


def _titled(story: TaskStory) -> str:
    return f"{words(story.picture.planned.title)} ({code(story.picture.planned.id)})"


def _simulated(story: TaskStory) -> str:
    return ", simulated" if any(each.simulated for each in story.tries) else ""


# --- one task, one worker -------------------------------------------------------------------------


def _task(story: TaskStory, when: Moment) -> Iterator[str]:
    task, zone = story.picture, when.zone
    yield f"# {words(task.planned.title)}\n"
    yield f"{code(task.planned.id)} of run {code(task.run_id)} is **{task.status.value}**."
    yield f"Planned for agent {words(task.planned.agent)}, priority {task.priority.value}."
    if task.reason:
        yield f"Because: {words(task.reason)}"
    yield "\n## Attempts\n"
    for each in tries_seen(story):
        mark = ", simulated" if each.simulated else ""
        took = "" if each.seconds is None else f", {duration(each.seconds)}"
        yield (
            f"- {moment(each.started_at, zone)} attempt {each.number} by {words(each.worker)}: "
            f"{each.outcome or 'still runs'}{took}{mark}"
        )
        if each.reason:
            yield f"\n{block(each.reason)}\n"
    yield "\n## Gates\n"
    for gate in gates_seen(story):
        outcome = "could not run" if gate.outcome == "error" else gate.outcome.replace("_", " ")
        yield f"- {words(gate.name)}: {outcome} on attempt {gate.attempt} {words(gate.detail)}"
    yield "\n## Decisions\n"
    for decided in story.decisions:
        told = f"{moment(decided.at, zone)} {words(str(decided.actor))} {decided.what}"
        yield f"- {told} {words(decided.reason)}".rstrip()
    if story.landed_at is not None:
        commit = "nothing to land" if task.commit is None else f"as {sha(task.commit)}"
        yield f"\nLanded {moment(story.landed_at, zone)}, {commit}."


def _worker(chronicle: Chronicle, worker: WorkerStory, when: Moment) -> Iterator[str]:
    fact = worker.fact
    state = "heard of" if is_online(worker) else "offline"
    yield f"# {words(fact.name)}\n"
    named = [words(skill) for skill in fact.capabilities if skill != ANY]
    skills = "all" if ANY in fact.capabilities else ", ".join(named) or "none named"
    yield f"{words(fact.worker_id)} is a worker ({fact.type}), {state}. Skills: {skills}."
    yield "\n## Tasks\n"
    for story, each in _by_time(chronicle, fact.worker_id):
        took = "" if each.span.end is None else f", {duration(each.span.seconds(each.span.end))}"
        mark = ", simulated" if each.simulated else ""
        yield (
            f"- {moment(each.span.start, when.zone)} {_titled(story)}, attempt {each.number}: "
            f"{each.outcome or 'still runs'}{took}{mark}"
        )


def _by_time(chronicle: Chronicle, worker_id: WorkerId) -> list[tuple[TaskStory, Try]]:
    found = [
        (story, each)
        for story in chronicle.tasks.values()
        for each in story.tries
        if each.worker_id == worker_id
    ]
    return sorted(found, key=lambda pair: pair[1].span.start)
