"""`kill -9` of the plane, of workers and of all they started: nothing is lost, nothing lands twice.

More rounds than the suite has time for, each with its own seed:
`python -m tests.e2e.test_kill_everything --rounds 20 --first 1`
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.domain.facts.change import ChangeLanded, LandingIntended
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.plane import PlaneStarted
from interlock.domain.facts.run import RunCompleted
from tests.e2e.run_stage import Place, Running, facts, of, place, task, writes

pytestmark = pytest.mark.timeout(180)

SEEDS: Final = (1, 2)
STRIKES: Final = 4
"""Fewer than the losses in a row after which a task waits for a person."""
NAMES: Final = ("a", "b", "c", "d", "e", "f")
OUT_OF_ORDER: Final = 3
WORKER: Final = "interlock.bootstrap.worker"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        yield stage


# --- who dies -------------------------------------------------------------------------------------


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def workers(shop: Place) -> list[int]:
    return sorted(pid for pid, words in shop.processes().items() if WORKER in words)


def parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, IndexError):
                found[int(entry.name)] = int(
                    (entry / "stat").read_text().rpartition(")")[2].split()[1]
                )
    return found


def with_all_it_started(pid: int) -> list[int]:
    tree, known = [pid], parents()
    for found in tree:
        tree += [child for child, parent in known.items() if parent == found]
    return tree


def the_plane(shop: Place, run: Running, dice: random.Random) -> None:
    kill(run.process.pid)


def a_worker(shop: Place, run: Running, dice: random.Random) -> None:
    kill(*dice.sample(here := workers(shop), min(1, len(here))))


def a_worker_with_all_it_started(shop: Place, run: Running, dice: random.Random) -> None:
    for pid in dice.sample(here := workers(shop), min(1, len(here))):
        kill(*with_all_it_started(pid))


def everybody(shop: Place, run: Running, dice: random.Random) -> None:
    kill(run.process.pid, *shop.processes())


BLOWS: Final[tuple[Callable[[Place, Running, random.Random], None], ...]] = (
    the_plane, the_plane, a_worker, a_worker_with_all_it_started, everybody,
)  # fmt: skip


# --- a round --------------------------------------------------------------------------------------


def crowded(shop: Place, dice: random.Random) -> Path:
    """Six tasks, some after others; each takes an instant, leaves half of its work about first."""
    tasks = []
    for number, name in enumerate(NAMES):
        does = (
            f"echo half > half-{name}; sleep 0.{dice.randint(1, 5)}; {writes(name)}; rm half-{name}"
        )
        after = [dice.choice(NAMES[:number])] if number and dice.random() < 0.4 else []
        tasks.append(task(name, does, depends_on=after))
    return shop.plan(*tasks)


def play(shop: Place, seed: int, strikes: int = STRIKES) -> Counter[str]:
    """Blow after blow at moments the log decides; then one run in peace, and the verdict."""
    dice, struck = random.Random(seed), Counter[str]()
    plan = crowded(shop, dice)
    run = shop.begin("run", str(plan))
    for _ in range(strikes):
        until = len(shop.events()) + dice.randint(1, 12)
        shop.until("something happens", lambda events, n=until: len(events) >= n or over(events))
        time.sleep(dice.random() * 0.1)
        if over(shop.events()):
            break
        blow = dice.choice(BLOWS)
        blow(shop, run, dice)
        struck[blow.__name__] += 1
        if run.process.poll() is not None or blow in (the_plane, everybody):
            run.process.wait()
            run = shop.begin("run", str(plan))
    ends = run.end()
    if ends.code == OUT_OF_ORDER:
        # A git that was killed may leave its lock for some seconds; the sentence says: once more.
        ends = shop.interlock("run", str(plan))
    assert ends.code == 0, f"exit code {ends.code}: {ends.err}"
    demand_whole(shop)
    return struck


def over(events: object) -> bool:
    return bool(facts(events, RunCompleted))


def demand_whole(shop: Place) -> None:
    landed = shop.landed()
    assert landed.keys() == set(NAMES)
    assert all(len(commits) == 1 for commits in landed.values()), landed
    for name in NAMES:
        assert shop.shown(f"{name}.txt") == "done"
    names = shop.git("ls-tree", "-r", "--name-only", "main").split()
    assert not [name for name in names if name.startswith("half-")]
    if shop.git("status", "--porcelain"):
        # The plane died while it brought the checkout forward: that is told, and nothing is lost.
        assert any("left alone" in each.err for each in shop.started)
        shop.git("reset", "--hard", "--quiet")
    events = shop.events()
    for name in NAMES:
        numbers = [fact.number for fact in of(events, name, AttemptStarted)]
        assert numbers == sorted(set(numbers))
        assert len(of(events, name, ChangeLanded)) == 1
    shop.git("fsck", "--no-dangling", "--connectivity-only")
    if shop.standing():
        # Whoever died after all others had looked around is cleared up after by who comes next.
        assert shop.run(shop.plan(task("later", writes("later")), name="later")).code == 0
    shop.demand_clean(but=shop.never_entered("half-*"))


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_is_killed_the_next_run_ends_with_everything_landed_once(shop: Place, seed: int):
    struck = play(shop, seed)
    assert struck.total() > 0


# --- told one by one ------------------------------------------------------------------------------


def test_what_killed_agents_had_not_committed_is_rescued(shop: Place):
    plan = shop.plan(task("one", f"echo half > half.txt; {shop.waits('go')}; {writes('one')}"))
    run = shop.begin("run", str(plan))
    shop.until("it wrote half", lambda _: [*shop.root.glob(".worktrees/*/*/half.txt")])

    everybody(shop, run, random.Random(1))
    run.process.wait()

    assert shop.git("for-each-ref", "refs/interlock/rescue") == ""
    shop.give("go")
    assert shop.run(plan).code == 0
    (rescue,) = shop.rescued()
    assert shop.shown("half.txt", rescue) == "half"
    assert shop.landed().keys() == {"one"}
    shop.demand_clean()


def test_after_the_plane_alone_is_killed_its_workers_put_their_work_down_by_themselves(shop: Place):
    plan = shop.plan(task("one", f"echo half > half.txt; {shop.waits('go')}; {writes('one')}"))
    run = shop.begin("run", str(plan))
    shop.until("it wrote half", lambda _: [*shop.root.glob(".worktrees/*/*/half.txt")])

    kill(run.process.pid)
    run.process.wait()

    shop.until("it is rescued", lambda _: shop.rescued())
    assert shop.shown("half.txt", shop.rescued()[0]) == "half"
    shop.give("go")
    assert shop.run().code == 0
    assert shop.landed().keys() == {"one"}
    shop.demand_clean()


def test_a_killed_worker_is_replaced_while_the_run_goes_on(shop: Place):
    """Its successor has its name: what the dead one held is free as soon as that says hello."""
    plan = shop.plan(*(task(name, f"{shop.waits(name)}; {writes(name)}") for name in NAMES[:2]))
    run = shop.begin("run", "--json", str(plan))
    events = shop.until_at_work("a", "b")
    by_second = next(n for n in "ab" if of(events, n, LeaseGranted)[0].worker_id.endswith("-2"))
    shop.give("ab".replace(by_second, ""))
    shop.until("the first lands", lambda _: shop.landed())
    kill(*workers(shop))
    shop.give(by_second)
    end = run.end()
    assert end.code == 0
    assert end.states == {"a": "done", "b": "done"}
    assert len(facts(shop.events(), PlaneStarted)) == 1
    shop.demand_clean()


def test_one_that_stands_by_takes_over_from_a_killed_plane(shop: Place):
    plan = shop.plan(task("one", f"{shop.waits('go')}; {writes('one')}"))
    first = shop.begin("run", str(plan))
    shop.until_at_work("one")
    second = shop.begin("run", "--json", str(plan))
    shop.until("it joins", lambda _: "going on with" in second.err)

    kill(first.process.pid)
    first.process.wait()
    shop.until("it takes over", lambda events: len(facts(events, PlaneStarted)) == 2)
    shop.give("go")

    end = second.end()
    assert end.code == 0
    assert end.states == {"one": "done"}
    shop.demand_clean()


@pytest.mark.parametrize("words", [("gc", "--prune=now", "--quiet"), ("repack", "-adq")])
def test_collecting_garbage_in_the_middle_of_a_run_breaks_nothing(
    shop: Place, words: tuple[str, ...]
):
    """While agents work, and between a finished attempt and its landing."""
    plan = shop.plan(
        task("one", f"{shop.waits('one')}; {writes('one')}"),
        task("two", f"{shop.waits('two')}; {writes('two')}"),
        task("three", writes("three"), depends_on=["one"]),
    )
    run = shop.begin("run", "--json", str(plan))
    shop.until_at_work("one", "two")
    shop.git("reflog", "expire", "--expire=now", "--all")
    shop.git(*words)
    shop.give("one")
    shop.until("one is done", lambda events: of(events, "one", AttemptFinished))
    shop.git(*words)
    shop.until("one lands", lambda events: of(events, "one", LandingIntended))
    shop.git(*words)
    shop.give("two")
    end = run.end()
    assert end.code == 0, end
    assert end.states == dict.fromkeys(("one", "two", "three"), "done")
    shop.demand_clean()
    shop.git(*words)
    shop.git("fsck", "--strict")
    assert shop.landed().keys() == {"one", "two", "three"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--strikes", type=int, default=STRIKES)
    wish = parser.parse_args()
    for seed in range(wish.first, wish.first + wish.rounds):
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="ilk-all-") as folder,
            place(Path(folder) / "e") as shop,
        ):
            struck = play(shop, seed, wish.strikes)
        seconds = time.monotonic() - began
        sys.stdout.write(f"seed {seed}: {dict(struck)}, {seconds:.1f} s, whole\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
