"""The ground a run would stand on: its target, its kind, the box that really starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from interlock.adapters.git.inspector import GitInspector
from interlock.adapters.git.trees import GitTrees
from interlock.bootstrap.site import Site, choose_box
from interlock.config import read_environment
from interlock.control.errors import WrongUsage
from interlock.control.ground import Ground
from interlock.domain.settings import USUAL_UPSTREAMS, Settings


async def survey_of(site: Site, settings: Settings) -> Ground:
    """Looking leaves nothing in a repository that is refused; raises WrongUsage."""
    branch = await site.branch(settings.project.target)
    with tempfile.TemporaryDirectory(prefix="interlock-survey-") as folder:
        scratch = Path(folder)
        found = await GitInspector(site.place, scratch).inspect(site.place, branch)
        if found.refusals:
            raise WrongUsage("\n".join(found.refusals))
        base = await GitTrees(site.place, scratch).head_of(branch)
    if base is None:
        raise WrongUsage(
            f"there is no branch {branch} with a commit here: make one, or set target under "
            "[project] in interlock.toml"
        )
    chosen = await choose_box(settings.sandbox.minimum)
    lacks = tuple(f"box {chosen.sandbox.name}: {lack}" for lack in chosen.promises.lacks)
    remarks = (*found.remarks, *lacks)
    return Ground(branch, base, chosen.sandbox.name, remarks, _unset_keys(settings))


def _unset_keys(settings: Settings) -> frozenset[str]:
    """In a fleet the keys are on the hosts of the workers: nobody knows here."""
    if settings.store.profile == "fleet":
        return frozenset()
    known, here = (*settings.models, *USUAL_UPSTREAMS), read_environment().variables
    return frozenset(each.key_env for each in known if not here.get(each.key_env, "").strip())
