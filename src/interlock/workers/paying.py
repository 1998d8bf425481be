"""How an attempt reaches models and who pays: a metered door of ours, or a log-in of the person's.

A profile with `auth = "key"` gets a door that opens for this attempt only; what passes is counted,
and the key stays outside. One with `auth = "login"` gets a copy of the credential and the hosts
that it is good for; what it uses is what it says.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from interlock.domain.usage import Usage
from interlock.engine.dispatch import Job
from interlock.sandbox.ports import BoxOrder, Relay
from interlock.workers.agents.ports import AgentRefused, Used
from interlock.workers.briefing import Brief
from interlock.workers.logins import Lender, lent, login_of
from interlock.workers.models.ports import Access, Charge, Meter, ModelGateway, caps_of


class Way(msgspec.Struct, frozen=True):
    """What an attempt was given; nothing for an agent that needs no models."""

    meter: Meter | None = None
    hosts: tuple[str, ...] = ()

    @property
    def access(self) -> Access | None:
        return None if self.meter is None else self.meter.access

    def shown_in(self, order: BoxOrder) -> BoxOrder:
        access = self.access
        relays = () if access is None else (Relay(access.socket, access.port),)
        network = tuple(dict.fromkeys((*order.network, *self.hosts)))
        return replace(order, relays=(*order.relays, *relays), network=network)

    def troubles(self) -> bytes:
        """What went wrong on the way belongs to what the agent said."""
        lines = () if self.meter is None else self.meter.troubles()
        return "".join(f"\n[models] {line}" for line in lines).encode(errors="replace")

    def trouble(self) -> str:
        """The newest, for whoever looks while the agent works."""
        lines = () if self.meter is None else self.meter.troubles()
        return lines[-1] if lines else ""

    def usage(self, said: Used | None) -> Usage | None:
        """What was counted; else what the agent says, and labelled so."""
        if self.meter is not None:
            return self.meter.usage()
        if said is None:
            return None
        return Usage(
            requests=1,
            input_tokens=said.input_tokens,
            cached_tokens=said.cached_tokens,
            output_tokens=said.output_tokens,
            cost_usd=said.cost_usd,
            source="reported",
        )


class Paying:
    """Opens the way for one attempt, and closes it with it."""

    def __init__(
        self, models: ModelGateway | None, lender: Lender | None, job: Job, brief: Brief
    ) -> None:
        self._models, self._lender, self._job, self._brief = models, lender, job, brief

    @asynccontextmanager
    async def opened(self, home: Path) -> AsyncIterator[Way]:
        """Raises AgentRefused where there is no key and no log-in."""
        job, settings, profile = self._job, self._brief.settings, self._brief.profile
        if self._lender is not None and profile.auth == "login":
            login = login_of(profile.backend)
            async with lent(profile, self._lender, home):
                yield Way(hosts=() if login is None else login.hosts)
        elif self._models is not None and profile.models_at:
            charge = Charge(job.run_id, job.task_id, job.attempt, job.lease)
            caps = caps_of(settings.limits, job.grants)
            upstream = settings.upstream(profile.models_at)
            if upstream is None:
                raise AgentRefused(
                    f"nothing says where the models of {profile.models_at!r} answer: add "
                    f"[models.{profile.models_at}] with base_url and key_env to interlock.toml"
                )
            # Behind this door is its own provider, and no other that the host has a key for.
            settings = replace(settings, models=(upstream,))
            async with self._models.opened(charge, settings, caps) as meter:
                yield Way(meter)
        else:
            yield Way()
