"""The settings of a run are read once, and a job without them is nobody's to do."""

import msgspec
import pytest

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.domain.ids import BlobId, LeaseId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.settings import ProjectSettings, Settings
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import Job
from interlock.workers.briefing import SETTINGS_MAX, KnownSettings, Unfit


class CountingBlobs(MemoryBlobs):
    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.reads = 0

    async def get(self, blob: BlobId) -> bytes:
        self.reads += 1
        return await super().get(blob)


def job(settings: BlobId | None) -> Job:
    return Job(
        LeaseId("R1-a@1"),
        TaskId("R1-a"),
        RunId("R1"),
        WorkerId("agent-local-1"),
        Token(1),
        1,
        30.0,
        PlannedTask(TaskName("a"), "Title"),
        settings=settings,
    )


async def test_settings_are_read_once_and_only_the_last_few_are_kept() -> None:
    blobs = CountingBlobs()
    wanted = [Settings(project=ProjectSettings(target=f"b{n}")) for n in range(SETTINGS_MAX + 1)]
    kept = [await blobs.put(msgspec.json.encode(each)) for each in wanted]
    known = KnownSettings(blobs)
    for _ in range(3):
        assert await known.of(job(kept[0])) == wanted[0]
    assert blobs.reads == 1
    assert [await known.of(job(blob)) for blob in kept] == wanted
    assert await known.of(job(kept[-1])) == wanted[-1]
    assert blobs.reads == len(kept)
    assert await known.of(job(kept[0])) == wanted[0], "forgotten, and read again"
    assert blobs.reads == len(kept) + 1


@pytest.mark.parametrize("blob", [None, BlobId("0" * 64)])
async def test_a_job_without_settings_is_nobodys_to_do(blob: BlobId | None) -> None:
    with pytest.raises(Unfit, match="settings"):
        await KnownSettings(MemoryBlobs(MemoryStore())).of(job(blob))


async def test_settings_that_make_no_sense_are_told() -> None:
    blobs = MemoryBlobs(MemoryStore())
    with pytest.raises(Unfit, match="cannot be read"):
        await KnownSettings(blobs).of(job(await blobs.put(b"{")))
