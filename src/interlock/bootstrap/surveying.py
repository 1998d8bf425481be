"""The ground a run would stand on: its target, its kind, the box that really starts."""

from __future__ import annotations

from interlock.bootstrap.site import Site, choose_box
from interlock.control.errors import WrongUsage
from interlock.control.ground import Ground
from interlock.domain.settings import Settings


async def survey_of(site: Site, settings: Settings) -> Ground:
    branch = await site.branch(settings.project.target)
    found = await site.inspector.inspect(site.place, branch)
    if found.refusals:
        raise WrongUsage("\n".join(found.refusals))
    base = await site.trees.head_of(branch)
    if base is None:
        raise WrongUsage(
            f"there is no branch {branch} with a commit here: make one, or set target under "
            "[project] in interlock.toml"
        )
    chosen = await choose_box(settings.sandbox.minimum)
    lacks = tuple(f"box {chosen.sandbox.name}: {lack}" for lack in chosen.promises.lacks)
    return Ground(branch, base, chosen.sandbox.name, (*found.remarks, *lacks))
