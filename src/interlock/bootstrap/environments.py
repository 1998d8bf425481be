"""Prepared environments, for workers and for gates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from interlock.adapters.system.clock import SystemClock
from interlock.bootstrap.site import Site
from interlock.config import read_environment
from interlock.domain.ids import BlobId
from interlock.engine.ports import Blobs
from interlock.sandbox.ports import Sandbox
from interlock.sandbox.secrets import Masker
from interlock.workers.boxes import Surroundings
from interlock.workers.prepare import PreparationFailed, Prepared, Workshop

_SECRET_NAMES: Final = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)


def masker() -> Masker:
    """Knows the values of variables whose names say that they are secret."""
    variables = read_environment().variables
    return Masker(value for name, value in variables.items() if _SECRET_NAMES.search(name))


def surroundings_of(site: Site) -> Surroundings:
    """The variables of this process, of which boxes see a list, and what no box may show."""
    return Surroundings(read_environment().variables, site.folders.hidden)


def environments_of(
    site: Site,
    sandbox: Sandbox,
    blobs: Blobs,
    failure: Callable[[str, BlobId | None], Exception] = PreparationFailed,
) -> Prepared:
    """`failure` is what the room that asks wants raised where building fails."""
    workshop = Workshop(
        sandbox=sandbox,
        workspaces=site.workspaces,
        trees=site.trees,
        blobs=blobs,
        clock=SystemClock(),
        masker=masker(),
        around=surroundings_of(site),
        store=site.folders.store,
        failure=failure,
    )
    return Prepared(workshop)
