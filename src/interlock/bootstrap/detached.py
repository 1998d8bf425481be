"""A run that goes on without its terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from interlock.adapters.processes.crew import start_apart
from interlock.bootstrap.site import find_site
from interlock.config import read_environment

_PROGRAM: Final = "import sys; from interlock.bootstrap import main; sys.exit(main())"


def start_detached(words: Sequence[str]) -> str:
    site = asyncio.run(find_site(Path.cwd()))
    log = site.folders.store / "run.log"
    start_apart([sys.executable, "-c", _PROGRAM, *words], read_environment().variables, log)
    return str(log)
