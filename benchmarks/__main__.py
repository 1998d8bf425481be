"""Measures: `python -m benchmarks`, or one by name: `python -m benchmarks engine --json`."""

import argparse
import gc
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import crowd, engine, gateway, overhead, planning, replay, simulation
from benchmarks.document import Document, Part, Scale, as_text, load, machine
from benchmarks.places import measure_in
from interlock.testing.replaying.plans import ORDERS
from interlock.testing.replaying.yards import Wish

BENCHMARKS: Final[Mapping[str, Mapping[str, Part]]] = {
    "crowd": crowd.PARTS,
    "engine": engine.PARTS,
    "gateway": gateway.PARTS,
    "overhead": overhead.PARTS,
    "planning": planning.PARTS,
    "replay": replay.PARTS,
    "simulation": simulation.PARTS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    scale = Scale(options.quick, options.events)
    names = [options.name] if options.name else list(BENCHMARKS)
    if options.path is None:
        documents = [measure(name, scale, options.part) for name in names]
    else:
        documents = [_measured("replay", replay.of_a_clone(_asked(options)), scale)]
    if options.json:
        found = documents[0] if options.name else documents
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print("\n\n".join(map(as_text, documents)))
    return 0


def measure(name: str, scale: Scale, only: Sequence[str] = ()) -> Document:
    parts = BENCHMARKS[name].items()
    return _measured(
        name, {title: part for title, part in parts if not only or title in only}, scale
    )


def _measured(name: str, parts: Mapping[str, Part], scale: Scale) -> Document:
    began, load_at_start = time.perf_counter(), load()
    results = []
    for title, part in parts.items():
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
    parser.add_argument(
        "--place", type=Path, metavar="FOLDER", help="measure in there (default: a temporary place)"
    )
    _add_replay(parser)
    options = parser.parse_args(arguments)
    if options.path is not None and options.name != "replay":
        parser.error("only `replay` takes a PATH")
    if options.place is not None:
        if not options.place.is_dir():
            parser.error(f"--place {options.place}: that is no folder")
        measure_in(options.place)
    return options


def _add_replay(parser: argparse.ArgumentParser) -> None:
    clone = parser.add_argument_group("replay", "of a local clone; it is only read")
    clone.add_argument("path", nargs="?", type=Path, help="the clone (default: a range of our own)")
    clone.add_argument("--range", default="", metavar="A..B", help="which commits")
    clone.add_argument("--last", type=int, default=15, metavar="N", help="the newest N (15)")
    clone.add_argument("--test", default="", metavar="CMD", help="may name {report}: JUnit is read")
    clone.add_argument("--agents-take", type=float, default=0.0, metavar="SECONDS")
    clone.add_argument("--agents", type=int, default=4, metavar="N", help="agents at once (4)")
    clone.add_argument(
        "--read", action="append", default=[], metavar="PATH", help="what boxes may read as well"
    )
    clone.add_argument(
        "--order", action="append", default=[], choices=ORDERS, help="only this one (default: all)"
    )


def _asked(options: argparse.Namespace) -> replay.Asked:
    if not options.test:
        sys.exit('replay: name the test command of that project: --test "python -m pytest -q"')
    wish = Wish(options.test, options.agents_take, options.agents, read=tuple(options.read))
    orders = tuple(options.order) or ORDERS
    return replay.Asked(options.path, options.range, options.last, wish, orders)


if __name__ == "__main__":
    sys.exit(main())
