"""Records what a release writes, so that every later release can prove that it still reads it.

    python -m tools.record_history    # from the root of the repository, before a release

It writes `tests/replay/v<this release>/` and `tests/replay/broken/`. The stories are played on
pretend time and nothing in them is random, so the same code records the same bytes. A release that
is out is never recorded again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock import __version__
from interlock.adapters.memory.store import MemoryStore
from interlock.domain.codec import FACTS
from interlock.engine.chain import Stored
from interlock.engine.ports import NewEvent, StreamWrite
from interlock.engine.records import chain_on, prepare, recorded_of
from tests.replay.history import ending_of, text_of
from tests.replay.stories import STORIES, record

ROOT: Final = Path(__file__).resolve().parent.parent
REPLAY: Final = ROOT / "tests" / "replay"
RELEASE: Final = "v" + ".".join(__version__.split(".")[:2])


def tampered(rows: Sequence[Stored]) -> list[Stored]:
    """Somebody rejected what was approved, and left the hashes as they were."""
    return [
        msgspec.structs.replace(row, type="TaskRejected") if row.type == "TaskApproved" else row
        for row in rows
    ]


def impossible(rows: Sequence[Stored]) -> list[Stored]:
    """An honest chain over a history that cannot be: changes landed that nobody judged."""
    kept = [recorded_of(row) for row in rows if row.type != "ChangeJudged"]
    store = MemoryStore()
    for event in kept:
        write = StreamWrite(event.stream, None, (NewEvent(event.fact, event.actor),))
        store.write(chain_on(prepare([write], event.at), store.head, store.head_of))
    return store.events


def main() -> int:
    stories = {story.__name__: record(story) for story in STORIES}
    recorded = {name: theatre.store.events for name, theatre in stories.items()}
    endings = {
        name: ending_of(theatre.store.head, theatre.picture) for name, theatre in stories.items()
    }
    for name, rows in recorded.items():
        write(REPLAY / RELEASE / f"{name}.jsonl", text_of(rows))
    expected = msgspec.json.format(msgspec.json.encode(endings), indent=2)
    write(REPLAY / RELEASE / "expected.json", expected + b"\n")
    write(REPLAY / "broken" / "tampered.jsonl", text_of(tampered(recorded["people"])))
    write(REPLAY / "broken" / "impossible.jsonl", text_of(impossible(recorded["people"])))
    seen = {row.type for rows in recorded.values() for row in rows}
    never = ", ".join(sorted(set(FACTS) - seen)) or "none"
    print(f"{len(seen)} of {len(FACTS)} kinds of facts were recorded; left out: {never}")
    return 0


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    print(f"{path.relative_to(ROOT)}: {len(content.splitlines())} lines")


if __name__ == "__main__":
    sys.exit(main())
