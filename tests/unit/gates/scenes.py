"""A world for the gates without a disk full of trees: scripted boxes, commits by name.

A box plays what the scene says for (gate command, tree): it may leave a report, say something,
end with a code, or hold still until it is killed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

import msgspec

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import CommitId
from interlock.domain.settings import BoxName, GateSettings, Settings
from interlock.gates.evidence import Evidence
from interlock.gates.order import GateOptions
from interlock.gates.ports import PreparationFailed
from interlock.gates.service import GateParts, Gates
from interlock.repository.ports import PINS_AT_ONCE_MAX, Trees, Workspace, Workspaces
from interlock.sandbox.ports import (
    OUTBOX,
    WORKSPACE,
    BoxEnded,
    BoxOrder,
    BoxRefused,
    Promises,
    RunningBox,
)
from tests.lent import LentCrew

Leave = Callable[[Path], None]

CLOCK = SystemClock()


class Play(msgspec.Struct, frozen=True):
    """What one box does."""

    code: int = 0
    report: bytes | None = None
    says: bytes = b""
    stopped_for: str = ""
    leave: Leave | None = None
    hangs: bool = False
    refused: str = ""


class PlayedBox:
    """A box that plays its part."""

    def __init__(self, play: Play, outbox: Path, report_name: str, running: list[str]) -> None:
        self._play, self._outbox, self._name = play, outbox, report_name
        self._running = running
        self._killed = asyncio.Event()
        self.was_killed = False

    async def feed(self, data: bytes) -> None:
        raise AssertionError(f"gates have nothing to say to a box: {data!r}")

    async def close_stdin(self) -> None:
        await CLOCK.sleep(0)

    async def output(self) -> AsyncIterator[bytes]:
        if self._play.says:
            yield self._play.says
        if self._play.hangs:
            await self._killed.wait()

    def complaints(self) -> bytes:
        return b""

    async def freeze(self) -> None:
        raise BoxRefused("not here")

    async def thaw(self) -> None:
        raise BoxRefused("not here")

    async def kill(self) -> None:
        self.was_killed = True
        self._killed.set()
        self._end()

    async def wait(self) -> BoxEnded:
        # A few turns, so that whoever could be judged at the same time is.
        for _ in range(5):
            await CLOCK.sleep(0)
        if self._play.report is not None:
            (self._outbox / self._name).write_bytes(self._play.report)
        if self._play.leave is not None:
            self._play.leave(self._outbox)
        self._end()
        return BoxEnded(self._play.code, self._play.stopped_for)

    def _end(self) -> None:
        if self._running:
            self._running.pop()


class PlayedSandbox:
    """Plays by (first word of the command, tree); counts what runs at once."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.name: BoxName = "bubblewrap"
        self.orders: list[BoxOrder] = []
        self.boxes: list[PlayedBox] = []
        self.running: list[str] = []
        self.most_at_once = 0
        self._started = asyncio.Condition()

    async def probe(self) -> Promises:
        return Promises(True, True, True, True, True, True)

    async def start(self, order: BoxOrder) -> RunningBox:
        self.orders.append(order)
        outside = {mount.inside: mount.outside for mount in order.mounts}
        tree = (outside[WORKSPACE] / "TREE").read_text()
        command = order.argv[-1]
        play = self._world.plays[command.split()[0], tree]
        if play.refused:
            raise BoxRefused(play.refused)
        self.running.append(tree)
        self.most_at_once = max(self.most_at_once, len(self.running))
        name = command.split(OUTBOX + "/")[-1].split()[0] if OUTBOX in command else "report"
        box = PlayedBox(play, outside[OUTBOX], name, self.running)
        self.boxes.append(box)
        async with self._started:
            self._started.notify_all()
        return box

    async def has_started(self, boxes: int) -> None:
        async with self._started:
            await self._started.wait_for(lambda: len(self.boxes) >= boxes)


class World:
    """Commits are named `c:TREE`; everything there is to know about them is set by the test.

    It is the book and environments, and as much of workspaces and trees as gates may use.
    """

    def __init__(
        self, scratch: Path, slots: int = 2, mask: Callable[[bytes], bytes] = bytes
    ) -> None:
        self.plays: dict[tuple[str, str], Play] = {}
        self.pinned: dict[str, CommitId] = {}
        self.was_pinned: list[CommitId] = []
        self.unbuildable: set[str] = set()
        self.patch_bytes = b""
        self.scratch = scratch
        self.kept: dict[str, Evidence] = {}
        self.blobs = MemoryBlobs(MemoryStore())
        self.sandbox = PlayedSandbox(self)
        self.crew = LentCrew()
        self.options = GateOptions(scratch, {"PATH": "/bin", "TOKEN": "s3cret", "EXTRA": "yes"})
        self.parts = GateParts(
            self.sandbox, cast("Workspaces", self), cast("Trees", self), self, self, self.blobs,
            CLOCK, asyncio.Semaphore(slots), self.crew, mask,
        )  # fmt: skip
        self.gates = Gates(self.parts, self.options)

    def plays_as(self, gate: GateSettings, **trees: Play) -> None:
        for tree, play in trees.items():
            self.plays[gate.run.split()[0], tree] = play

    # --- workspaces ---

    async def make(self, path: Path, commit: CommitId, branch: str | None = None) -> Workspace:
        assert commit in self.pinned.values(), "a commit must be pinned before it is checked out"
        path.mkdir()
        (path / "TREE").write_text(await self.tree_of(commit))
        return Workspace(path, commit, branch, (path.parent.parent / "objects",))

    async def remove(self, path: Path) -> None:
        (path / "TREE").unlink()
        path.rmdir()

    # --- trees ---

    async def tree_of(self, commit: CommitId) -> str:
        return commit.partition(":")[2]

    async def pin(self, name: str, commit: CommitId) -> None:
        self.was_pinned.append(commit)
        self.pinned[name] = commit

    async def unpin(self, name: str) -> None:
        self.pinned.pop(name, None)

    async def move_pins(self, pins: Mapping[str, CommitId | None]) -> None:
        assert len(pins) <= PINS_AT_ONCE_MAX
        for name, commit in pins.items():
            assert commit is None, "the gates remove what was left, and nothing else"
            del self.pinned[name]

    async def pins(self, prefix: str = "") -> dict[str, CommitId]:
        return {name: at for name, at in self.pinned.items() if name.startswith(prefix)}

    async def patch(self, _old: CommitId, _new: CommitId) -> bytes:
        return self.patch_bytes

    # --- environments ---

    async def mounts(self, _settings: Settings, commit: CommitId, _target: CommitId) -> tuple[()]:
        if await self.tree_of(commit) in self.unbuildable:
            raise PreparationFailed("pip could not build it", await self.blobs.put(b"pip log"))
        return ()

    async def key(self, _settings: Settings, _commit: CommitId) -> str:
        return "environment"

    # --- book ---

    async def find(self, key: str) -> Evidence | None:
        await CLOCK.sleep(0)
        return self.kept.get(key)

    async def keep(self, key: str, evidence: Evidence) -> None:
        self.kept[key] = evidence


def commit(tree: str) -> CommitId:
    return CommitId(f"c:{tree}")


def junit(*cases: str) -> bytes:
    """`a`, `b-`, `c~`: passed, failed, skipped."""

    def case(text: str) -> str:
        inner = {"-": '<failure message="assert 1 == 2"/>', "~": "<skipped/>"}.get(text[-1], "")
        return f'<testcase name="{text.rstrip("-~")}" classname="t">{inner}</testcase>'

    return f"<testsuite>{''.join(map(case, cases))}</testsuite>".encode()


def folders_in(place: Path) -> Iterable[str]:
    return sorted(path.name for path in place.iterdir()) if place.exists() else []
