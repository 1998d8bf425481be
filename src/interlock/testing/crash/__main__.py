"""Rounds of kill -9: `python -m interlock.testing.crash --rounds 20 --first 1 [--fleet] [--json]`.

Every round has a house of its own and draws its bad luck from its seed; the same seed strikes in
the same way, though never at quite the same moment.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence

import msgspec

from interlock.domain.ids import RepoId
from interlock.testing.crash.house import House
from interlock.testing.crash.rounds import Servers, Size, Verdict, play_round
from interlock.testing.servers import nats_server, postgres_server


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m interlock.testing.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how many (default 5)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--strikes", type=int, default=8, help="in a round (default 8)")
    parser.add_argument("--fleet", action="store_true", help="PostgreSQL, NATS and two planes")
    parser.add_argument("--json", action="store_true", help="print one JSON document a round")
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.rounds)
    size = Size(strikes=options.strikes)
    faults = 0
    for verdict in play_fleet(seeds, size) if options.fleet else play_solo(seeds, size):
        faults += len(verdict.faults)
        print(_json_of(verdict) if options.json else _text_of(verdict), flush=True)
    return 1 if faults else 0


def play_solo(seeds: range, size: Size) -> Iterator[Verdict]:
    """SQLite and a socket."""
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="ilk-crash-") as folder:
            yield asyncio.run(play_round(House(folder), seed, size))


def play_fleet(seeds: range, size: Size) -> Iterator[Verdict]:
    """Servers that are killed as well, and two planes."""
    with postgres_server() as postgres, nats_server() as nats:
        for seed in seeds:
            with tempfile.TemporaryDirectory(prefix="ilk-crash-") as folder:
                repo_id = RepoId(f"crash-{seed}")
                house = House(folder, postgres.new_database(), nats.url, repo_id)
                yield asyncio.run(play_round(house, seed, size, Servers(postgres, nats)))


def _json_of(verdict: Verdict) -> str:
    return json.dumps(msgspec.to_builtins(verdict))


def _text_of(verdict: Verdict) -> str:
    finding = verdict.finding
    strikes = ", ".join(f"{count} {what}" for what, count in sorted(verdict.strikes.items()))
    lines = [
        f"seed {verdict.seed}: {verdict.seconds} s, struck {strikes}; {finding.events} events, "
        f"{finding.epochs} epochs, {finding.leased_at_once} leased at once, {finding.grants} "
        f"leases, {finding.settled_later} landings settled later; {len(verdict.faults)} faults"
    ]
    return "\n".join([*lines, *(f"  {fault}" for fault in verdict.faults)])


if __name__ == "__main__":
    sys.exit(main())
