"""Serve scripts: `python -m interlock.testing.models --script FILE [--port N] [--json]`.

Prints its address, then serves until it is told to stop; a wrong file is refused with exit code 2
and every fault. Clients of Anthropic take the address as it is, those of OpenAI with `/v1`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from interlock.testing.models.reading import read_scripts
from interlock.testing.models.script import ScriptFaults, Scripts
from interlock.testing.models.server import ScriptedModels


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        text = options.script.read_text()
        scripts = read_scripts(text, options.script.name)
    except (OSError, UnicodeDecodeError) as error:
        print(f"{options.script} cannot be read: {error}; name a file of text", file=sys.stderr)
        return 2
    except ScriptFaults as error:
        print(error, file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(scripts, options))
    except OSError as error:
        print(f"port {options.port} cannot be had: {error}; take --port 0", file=sys.stderr)
        return 3
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m interlock.testing.models", description=__doc__)
    parser.add_argument("--script", type=Path, required=True, help="a file of YAML or JSON")
    parser.add_argument("--port", type=int, default=0, help="on loopback (default: a free one)")
    parser.add_argument("--key", help="the only key it takes (default: any, and none)")
    parser.add_argument("--log", type=Path, help="a file that gets a JSON line for each request")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(arguments)


async def _serve(scripts: Scripts, options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    served = ScriptedModels(scripts, key=options.key, log=options.log, port=options.port)
    async with served as models:
        names = sorted(scripts.named)
        document = {"url": models.url, "pid": os.getpid(), "scripts": names}
        told = f"{models.url} plays {', '.join(names)}; Ctrl-C stops it"
        print(json.dumps(document) if options.json else told, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
