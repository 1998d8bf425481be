"""Planted faults: each breaks one promise of the engine, and the rehearsal must find it."""

from collections.abc import Callable

import pytest

from interlock.engine.acts import Landed, Landing
from interlock.flows.run import acting, around, assign, indexes, recovery, reports, service, settle
from interlock.flows.run.acting import Acting
from interlock.flows.run.draft import Draft
from interlock.flows.run.pictures import PlanePicture
from interlock.flows.task.picture import TaskPicture
from interlock.testing.simulation.episode import play

SEEDS_MAX = 150

Plant = Callable[[pytest.MonkeyPatch], None]


def lost_wake_up(patch: pytest.MonkeyPatch) -> None:
    """Dependents are not looked at again when what they wait for has ended."""
    patch.setattr(Draft, "_others_concerned", lambda self, before, after: None)


def unfenced_report(patch: pytest.MonkeyPatch) -> None:
    """A report counts for whoever holds the task now, whatever token it shows."""

    def leased(draft: Draft, lease_id: str) -> TaskPicture | None:
        task = draft.plane.tasks.get(lease_id.rpartition("@")[0])
        return task if task is not None and task.lease is not None else None

    def about_job(draft: Draft, report: reports.JobReport) -> tuple[str, ...]:
        task = leased(draft, report.lease)
        if task is None:
            return ()
        draft.record(f"task/{task.id}", *reports._facts(draft, task, report))
        return (task.lease.id,) if task.lease is not None else ()

    patch.setattr(reports, "_about_job", about_job)


def snapshot_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """A snapshot claims one event more than it holds."""
    honest = recovery.snapshot_of

    def ahead(plane: PlanePicture) -> recovery.Snapshot:
        snapshot = honest(plane)
        copy = recovery.msgspec.msgpack.decode(snapshot.data, type=recovery._PlaneCopy)
        moved = recovery.replace(copy, position=copy.position + 1)
        data = recovery.msgspec.msgpack.encode(moved)
        return recovery.Snapshot(snapshot.position + 1, snapshot.format, data)

    patch.setattr(service, "snapshot_of", ahead)


def intent_not_settled(patch: pytest.MonkeyPatch) -> None:
    """After a crash nobody looks whether the intended landing happened."""

    async def land(self: Acting, name: str, task: TaskPicture) -> None:
        intent = task.landing
        assert intent is not None
        landing = Landing(intent.key, task.id, intent.token, intent.base, intent.prepared)
        outcome = await self._acts.land(landing)
        await self._tell(acting.Acted(name, task.id, task.attempts_made, outcome, landing.key))

    patch.setattr(Acting, "_land", land)


def double_grant(patch: pytest.MonkeyPatch) -> None:
    """A task stays in the queue of the ready ones after it was given to a worker."""
    patch.setattr(indexes, "unqueued", lambda plane, task: plane)


def token_does_not_grow(patch: pytest.MonkeyPatch) -> None:
    """Every lease of a task has the same token, so that a stale report looks fresh."""
    patch.setattr(settle, "Token", lambda _: 1)


def landing_recorded_without_looking(patch: pytest.MonkeyPatch) -> None:
    """An open intent of an earlier life is taken for done."""

    async def land(self: Acting, name: str, task: TaskPicture) -> None:
        intent = task.landing
        assert intent is not None
        landing = Landing(intent.key, task.id, intent.token, intent.base, intent.prepared)
        known = landing.key in self._intents
        outcome = await self._acts.land(landing) if known else Landed(landing.prepared)
        await self._tell(acting.Acted(name, task.id, task.attempts_made, outcome, landing.key))

    patch.setattr(Acting, "_land", land)


def limits_ignored(patch: pytest.MonkeyPatch) -> None:
    """Affinity and the number of workers hold nobody back."""
    patch.setattr(assign, "room_for", lambda plane, want: True)
    patch.setattr(around, "room_for", lambda plane, want: True)


def fence_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Appends carry no fence, so a plane that was replaced goes on writing."""
    honest = service.Plane._append

    async def append(self: service.Plane, draft: Draft) -> None:
        self._fence = None  # type: ignore[assignment]
        await honest(self, draft)

    patch.setattr(service.Plane, "_append", append)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "plant",
    [
        lost_wake_up,
        unfenced_report,
        snapshot_off_by_one,
        intent_not_settled,
        double_grant,
        token_does_not_grow,
        landing_recorded_without_looking,
        limits_ignored,
        fence_forgotten,
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch)
    for seed in range(1, SEEDS_MAX + 1):
        if play(seed).violations:
            return
    pytest.fail(f"{plant.__doc__} Nobody noticed in {SEEDS_MAX} seeds.")
