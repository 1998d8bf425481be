"""The waits of a thread for a processor: what the kernel counts, and where on the clock it lies."""

import asyncio
import os
import selectors
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path

import pytest

from benchmarks.lateness import HELPER, MAIN, Counter, Lateness
from interlock.adapters.sqlite.committer import Committer

Told = tuple[str, str, float, float]


class Ear:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def __call__(self, *told: *Told) -> None:
        self.told.append(told)

    def late(self) -> float:
        return sum(end - begin for kind, _, begin, end in self.told if kind == "late")


class Kernel:
    """What it would show, in milliseconds, of the only thread there is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.ran_for(5, late=0)

    def ran_for(self, ran: float, late: float) -> None:
        self.ran_seconds = ran / 1e3
        self.file.write_text(f"{int(ran * 1e6)} {int(late * 1e6)} 7\n")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel(tmp_path / "schedstat")
    monkeypatch.setattr(time, "thread_time", lambda: kernel.ran_seconds)
    return kernel


def test_a_wait_has_just_passed_when_it_is_found(kernel: Kernel):
    ear = Ear()
    lateness = Lateness(ear, kernel.file)
    lateness.look()
    assert ear.told == []
    kernel.ran_for(5, late=0.002)
    lateness.look()
    [(kind, thread, begin, end)] = ear.told
    assert (kind, thread) == ("late", MAIN)
    assert end - begin == pytest.approx(2e-6, abs=1e-6)
    lateness.look()
    assert len(ear.told) == 1, "each wait is told once"


def test_nothing_reaches_behind_the_look_before(kernel: Kernel):
    ear = Ear()
    lateness = Lateness(ear, kernel.file)
    lateness.look()
    for hours in (1, 2):
        kernel.ran_for(5, late=hours * 3.6e6)
        lateness.look()
    first, second = ear.told
    assert first[3] == second[2]


def test_a_thread_ran_first_and_was_late_last(kernel: Kernel):
    counter = Counter(kernel.file)
    kernel.ran_for(8, late=2)
    since = counter.since()
    assert since.begin <= since.end == counter.at
    assert (since.ran, since.late) == (pytest.approx(0.003), pytest.approx(0.002))
    ear = Ear()
    lateness = Lateness(ear, kernel.file)
    lateness.look()
    [(_, _, _, looked)] = ear.told  # a thread new to us: all its waits are its first
    kernel.ran_for(5e6, late=2.002)
    threading.Event().wait(0.001)  # so that there was time to run in
    lateness.look()
    ran, late = ear.told[1:]
    assert (ran[0], late[0]) == ("ran", "late")
    assert looked == ran[2] < ran[3] == late[2] < late[3]


def test_running_for_a_moment_is_only_waking_up(kernel: Kernel):
    ear = Ear()
    lateness = Lateness(ear, kernel.file)
    lateness.look()
    kernel.ran_for(5.02, late=0)
    threading.Event().wait(0.001)
    lateness.look()
    assert ear.told == []


@pytest.mark.parametrize("shown", [None, "0 0 0\n", "nonsense\n", ""])
def test_where_the_kernel_does_not_count_nothing_is_told(kernel: Kernel, shown: str | None):
    if shown is None:
        kernel.file.unlink()
    else:
        kernel.file.write_text(shown)
    ear = Ear()
    lateness = Lateness(ear, kernel.file)
    select = selectors.DefaultSelector.select
    lateness.install()
    lateness.look()
    assert not lateness.counts
    assert ear.told == []
    assert selectors.DefaultSelector.select is select


class Seen(Lateness):
    """Remembers who looked and who slept, and in which thread."""

    def __init__(self, file: Path) -> None:
        super().__init__(Ear(), file)
        self.course: list[tuple[str, int]] = []

    def look(self, thread: str = MAIN) -> None:
        self.note(thread)

    def note(self, what: str) -> None:
        self.course.append((what, threading.get_ident()))


def test_the_loop_looks_around_its_sleep_and_a_helper_around_its_work(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel
):
    seen, bell, real = Seen(kernel.file), threading.Event(), selectors.DefaultSelector.select

    def select(self: selectors.DefaultSelector, timeout: float | None = None) -> object:
        if timeout != 0:
            seen.note("sleep")
        return real(self, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", select)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", ThreadPoolExecutor.submit)  # both put back
    monkeypatch.setattr(Committer, "append", Committer.append)
    seen.install()

    asked = ContextVar("asked", default="")

    def works() -> bool:
        assert asked.get() == "by t"
        with selectors.DefaultSelector() as others:
            others.select(0.001)
        return bell.wait()

    async def work() -> None:
        asked.set("by t")
        asyncio.get_running_loop().call_later(0.001, bell.set)  # so the loop has to sleep
        assert await asyncio.get_running_loop().run_in_executor(None, works)

    asyncio.run(work())
    ours = [what for what, thread in seen.course if thread == threading.get_ident()]
    assert ours[:3] == [MAIN, "sleep", MAIN]
    assert ours == ours[:3] * (len(ours) // 3)
    before, sleep, after = [each for each in seen.course if each[1] != threading.get_ident()]
    assert before == after
    assert before[0].startswith(HELPER)
    assert sleep[0] == "sleep"


@pytest.mark.skipif(not Lateness(Ear()).counts, reason="the kernel does not count such waits")
async def test_the_kernel_counts_it_when_two_want_one_processor():
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})  # and so whom we start
    rival = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    try:
        ear = Ear()
        lateness = Lateness(ear)
        while ear.late() < 0.02:
            lateness.look()
    finally:
        os.sched_setaffinity(0, mine)
        rival.kill()
        await rival.wait()
    assert [each for each in ear.told if each[2] >= each[3]] == []


def test_a_counter_closes_its_file(kernel: Kernel):
    counter = Counter(kernel.file)
    counter.close()
    with pytest.raises(OSError, match="Bad file"):
        counter.since()
