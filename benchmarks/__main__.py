"""Measures: `python -m benchmarks`, or one by name: `python -m benchmarks engine --json`."""

import argparse
import gc
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from benchmarks import engine, planning, simulation
from benchmarks.document import Document, Part, Scale, as_text, load, machine

BENCHMARKS: Final[Mapping[str, Mapping[str, Part]]] = {
    "engine": engine.PARTS,
    "planning": planning.PARTS,
    "simulation": simulation.PARTS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    scale = Scale(options.quick, options.events)
    names = [options.name] if options.name else list(BENCHMARKS)
    documents = [measure(name, scale, options.part) for name in names]
    if options.json:
        found = documents[0] if options.name else documents
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print("\n\n".join(map(as_text, documents)))
    return 0


def measure(name: str, scale: Scale, only: Sequence[str] = ()) -> Document:
    began, load_at_start = time.perf_counter(), load()
    results = []
    for title, part in BENCHMARKS[name].items():
        if only and title not in only:
            continue
        print(f"{name}: {title} ...", file=sys.stderr, flush=True)
        gc.collect()
        results += part(scale)
    seconds = round(time.perf_counter() - began, 2)
    return Document(name, machine(load_at_start), seconds, results)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parts = "; ".join(f"{name}: {', '.join(parts)}" for name, parts in BENCHMARKS.items())
    parser.add_argument("name", nargs="?", choices=list(BENCHMARKS), help="which (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="once and small: does it still run?")
    parser.add_argument(
        "--part", action="append", default=[], metavar="PART", help=f"only this part ({parts})"
    )
    parser.add_argument(
        "--events", type=int, default=1_000_000, help="length of the history that is recovered"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
