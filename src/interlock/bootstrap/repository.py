"""What the desk can do because it stands in a repository: run, look at lines, make benches."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from interlock.bootstrap.stores import opener_in
from interlock.control.desk import Equipment
from interlock.control.ground import Ground
from interlock.control.read_models import BoxSeen
from interlock.control.why import Sight
from interlock.domain.ids import CommitId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from interlock.bootstrap.site import Site
    from interlock.control.following import Hall, KeptPlane, Stop
    from interlock.control.people import Hands
    from interlock.control.store import Store
    from interlock.domain.settings import Settings


def with_repository(equipment: Equipment, folder: Path) -> Equipment:
    """Nothing is looked at before it is needed: `status` must answer at once."""

    async def survey(settings: Settings) -> Ground:
        from interlock.bootstrap.surveying import survey_of

        return await survey_of(await _site(folder), settings)

    async def target_head(branch: str) -> CommitId | None:
        return await (await _site(folder)).trees.head_of(branch)

    async def open_sight() -> Sight:
        site = await _site(folder)
        branch = await site.branch(equipment.read_settings().project.target)
        return Sight(site.folders.root, branch, site.trees, site.blame)

    return msgspec.structs.replace(
        equipment,
        open_hall=lambda: _hall_in(folder),
        target_head=target_head,
        open_sight=open_sight,
        survey=survey,
        look_at_box=lambda: _box_in(equipment),
        hands=lambda: _hands_in(folder),
    )


async def _box_in(equipment: Equipment) -> BoxSeen:
    from interlock.bootstrap.site import choose_box
    from interlock.config import WrongSettings
    from interlock.control.errors import WrongUsage

    try:
        settings = equipment.read_settings()
        chosen = await choose_box(settings.sandbox.minimum)
    except WrongSettings as wrong:
        return BoxSeen("not known", (str(wrong),))
    except WrongUsage as none:
        return BoxSeen(None, (str(none),))
    lent = tuple(each.name for each in settings.agents or () if each.auth == "login")
    return BoxSeen(chosen.sandbox.name, chosen.promises.lacks, lent)


def _hands_in(folder: Path) -> Hands:
    from interlock.bootstrap.hands import Benches

    return Benches(folder)


async def _site(folder: Path) -> Site:
    from interlock.bootstrap.site import find_site

    return await find_site(folder)


def _hall_in(folder: Path) -> Hall:
    @asynccontextmanager
    async def hall(store: Store, settings: Settings, stop: Stop) -> AsyncIterator[KeptPlane]:
        from interlock.bootstrap.plane import hall_of
        from interlock.bootstrap.site import choose_box

        site = await _site(folder)
        box = await choose_box(settings.sandbox.minimum)
        async with hall_of(site, opener_in(folder), box)(store, settings, stop) as kept:
            yield kept

    return hall
