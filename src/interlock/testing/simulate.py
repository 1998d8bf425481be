"""Rehearse seeds: `python -m interlock.testing.simulate --seeds 1000 --first 1 --json`.

Every seed is one whole history of a plane on pretend time. The same seed is the same history, byte
for byte, on any machine; a seed that breaks an invariant prints the command that repeats it.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from interlock.testing.simulation.episode import Verdict, play

_PORTION = 20
"""Seeds that a process takes at once: enough to cost nothing, few enough to end together."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    began = time.perf_counter()
    verdicts = list(_played(range(options.first, options.first + options.seeds), options.processes))
    document = document_of(verdicts, options.first, time.perf_counter() - began)
    print(json.dumps(document) if options.json else _text_of(document))
    if options.heads:
        print("\n".join(f"{verdict.seed} {verdict.head}" for verdict in verdicts))
    return 1 if document["violations"] else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m interlock.testing.simulate", description=__doc__
    )
    parser.add_argument("--seeds", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--heads", action="store_true", help="print the head hash of each history")
    cores = os.cpu_count() or 1
    parser.add_argument("--processes", type=int, default=cores, help="default: one per core")
    return parser.parse_args(arguments)


def _played(seeds: range, processes: int) -> Iterator[Verdict]:
    if processes <= 1 or len(seeds) <= _PORTION:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        for number, verdict in enumerate(pool.map(play, seeds, chunksize=_PORTION), start=1):
            if number % 500 == 0:
                print(f"{number} of {len(seeds)} seeds", file=sys.stderr)
            yield verdict


def document_of(verdicts: Sequence[Verdict], first: int, seconds: float) -> dict[str, object]:
    """What `--json` prints."""
    violations = [
        {"seed": v.seed, "invariant": invariant, "detail": detail, "replay": _replay(v.seed)}
        for v in verdicts
        for invariant, detail in v.violations
    ]
    return {
        "seeds": len(verdicts),
        "first": first,
        "crashes": sum(verdict.crashes for verdict in verdicts),
        "events": sum(verdict.events for verdict in verdicts),
        "violations": violations,
        "seconds": round(seconds, 2),
        "seeds_per_minute": round(len(verdicts) / seconds * 60) if seconds else 0,
    }


def _replay(seed: int) -> str:
    return f"python -m interlock.testing.simulate --seeds 1 --first {seed} --json"


def _text_of(document: dict[str, object]) -> str:
    violations = document["violations"]
    lines = [
        f"{document['seeds']} seeds from {document['first']}: {document['events']} events, "
        f"{document['crashes']} crashes, {document['seconds']} s "
        f"({document['seeds_per_minute']} a minute)"
    ]
    if isinstance(violations, list):
        lines.append(f"{len(violations)} violations")
        lines.extend(
            f"  seed {v['seed']}: {v['invariant']}: {v['detail']}\n    {v['replay']}"
            for v in violations
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
