"""A plane process: `python -m interlock.testing.crash.plane <folder> <process> [--on-loss wait]`.

It acts or stands by until SIGTERM (exit code 0) or, with `--on-loss exit`, until a part is gone
(exit code 3, and on standard error the sentence that says which one and what to do).
"""

import argparse
import asyncio
import resource
import signal
import sys
from collections.abc import Sequence

from interlock.engine.errors import EngineError
from interlock.flows.run.keeper import Keeper
from interlock.testing.crash.house import HouseParts, read_house


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m interlock.testing.crash.plane")
    parser.add_argument("folder")
    parser.add_argument("process", help="how this process signs")
    parser.add_argument("--on-loss", choices=("exit", "wait"), default="exit")
    parser.add_argument("--file-bytes-max", type=int, help="as if the disk had no more room")
    options = parser.parse_args(arguments)
    if options.file_bytes_max is not None:
        limits = (options.file_bytes_max, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    try:
        asyncio.run(_keep(options))
    except EngineError as error:
        _say(str(error))
        return 3
    return 0


async def _keep(options: argparse.Namespace) -> None:
    house = read_house(options.folder)
    parts = HouseParts(house, options.process)
    keeping = house.keeping(options.on_loss)
    keeper = Keeper(house.repo_id, parts, house.options(options.process), keeping, _say)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, keeper.stop)
    await keeper.keep()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
