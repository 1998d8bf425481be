"""One request of an agent: who sends it, where it goes, whether it fits under the caps."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import h11
import msgspec

from interlock.adapters.modelgateway.booking import Booking
from interlock.adapters.modelgateway.caller import Caller
from interlock.adapters.modelgateway.count import Count
from interlock.adapters.modelgateway.heads import Headers, stranger, to_provider, value_of
from interlock.adapters.modelgateway.passage import Along, NoAnswer, Passage, Sent
from interlock.adapters.modelgateway.refusing import Refused, refuse
from interlock.adapters.modelgateway.upstream import Lines, base_of
from interlock.domain.settings import Settings
from interlock.engine.errors import EngineError
from interlock.workers.models.asking import Unreadable, limited
from interlock.workers.models.ports import Caps, OverCap
from interlock.workers.models.routes import NoRoute, Route, route
from interlock.workers.models.spending import Bounds, choices_of, model_for

BODY_BYTES_MAX: Final = 32 * 1024 * 1024
BODIES_BYTES_MAX: Final = 4 * BODY_BYTES_MAX
"""Of all requests of one attempt that are under way at once."""

NAME_MAX: Final = 80


class Ways(msgspec.Struct, frozen=True):
    """What the host knows and the box does not: the keys by variable, the providers, the prices.

    `drain_seconds` is how long an answer is read on whose receiver has left, to learn its use.
    """

    keys: Mapping[str, str]
    settings: Settings
    drain_seconds: float


class Exchange:
    """What all requests of one attempt have in common."""

    def __init__(self, ways: Ways, secret: str, booking: Booking, lines: Lines) -> None:
        self._ways, self._secret, self._booking, self._lines = ways, secret, booking, lines
        self._bytes_under_way = 0

    async def answer(self, caller: Caller, head: h11.Request) -> None:
        try:
            way = self._way(head)
            room = self._room(list(head.headers))
            self._bytes_under_way += room
            try:
                body = await caller.body(room)
                await self._while_it_stays(caller, head, way, body)
            finally:
                self._bytes_under_way -= room
        except Refused as refused:
            await refuse(caller, head, refused)

    def _way(self, head: h11.Request) -> Route:
        headers = list(head.headers)
        why = stranger(headers, self._secret)
        if why is not None:
            raise Refused(*why)
        target = bytes(head.target).decode("latin-1")
        found = route(bytes(head.method).decode("latin-1"), target, self._ways.settings.models)
        if isinstance(found, NoRoute):
            raise Refused(found.status, found.why)
        if value_of(headers, b"content-encoding") not in {"", "identity"}:
            raise Refused(415, "A request that is packed cannot be counted. Send it as it is.")
        if found.dialect is None and not found.free and self._booking.caps != Caps():
            raise Refused(
                400,
                f"What {found.target} uses cannot be counted, and there are caps in [limits].",
            )
        return found

    def _room(self, headers: Headers) -> int:
        """Set aside for a body, whose length may not be known before it is there."""
        length = value_of(headers, b"content-length")
        chunked = bool(value_of(headers, b"transfer-encoding"))
        room = int(length) if length else BODY_BYTES_MAX if chunked else 0
        if room > BODY_BYTES_MAX:
            raise Refused(413, f"A request may have {BODY_BYTES_MAX:,} bytes, not {room:,}.")
        if self._bytes_under_way + room > BODIES_BYTES_MAX:
            raise Refused(429, "Too many large requests of this attempt are under way at once.")
        return room

    async def _while_it_stays(
        self, caller: Caller, head: h11.Request, way: Route, body: bytes
    ) -> None:
        """When its sender leaves, only for a little longer."""
        leaving: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(None) as patience:
                loop = asyncio.get_running_loop()
                leaving = asyncio.create_task(caller.left())
                leaving.add_done_callback(
                    lambda done: (
                        None
                        if done.cancelled()
                        else patience.reschedule(loop.time() + self._ways.drain_seconds)
                    )
                )
                await self._pass_on(caller, head, way, body)
        except TimeoutError:
            caller.cut()
        finally:
            if leaving is not None:
                leaving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await leaving

    async def _pass_on(self, caller: Caller, head: h11.Request, way: Route, body: bytes) -> None:
        if way.dialect is None:
            await self._carry(Passage(self._sent(head, way, body), self._lines), caller)
            return
        ask = way.dialect.read_request(body)
        if isinstance(ask, Unreadable):
            raise Refused(400, ask.why)
        if ask.advised and self._booking.caps != Caps():
            raise Refused(
                400,
                "A tool that is another model cannot be counted, and there are caps in [limits].",
            )
        self._sent(head, way, ask.body)  # nothing is set aside for a provider without a key
        model = model_for(ask, self._ways.settings.prices)
        if not model.priced:
            name = json.dumps(model.name[:NAME_MAX])
            self._booking.trouble(
                f"The model {name} has no price, so that its cost is not known: add "
                f"[prices.{name}] to interlock.toml."
            )
        field = way.dialect.limit_field
        request, bounds = await self._reserve(choices_of(ask, model, field))
        ask = ask if bounds.limit is None else limited(ask, field, bounds.limit)
        sent = self._sent(head, way, ask.body, changes=ask.hides_usage)
        passage = Passage(sent, self._lines)
        count = Count(passage, model, bounds, lambda use: self._booking.settle(request, use))
        try:
            await self._carry(passage, caller, count.along(way.dialect, ask))
        finally:
            count.close()
            for trouble in count.troubles(way.upstream.name):
                self._booking.trouble(trouble)

    async def _reserve(self, choices: Sequence[Bounds]) -> tuple[str, Bounds]:
        """The first that fits."""
        try:
            reserved = await self._booking.reserve([bounds.worst for bounds in choices])
        except EngineError as error:
            raise Refused(400, f"Its use cannot be booked. {error}") from error
        if isinstance(reserved, OverCap):
            raise Refused(400, f"{reserved.why}.")
        request, which = reserved
        return request, choices[which]

    async def _carry(
        self,
        passage: Passage,
        caller: Caller,
        along: Callable[[h11.Response], Along] | None = None,
    ) -> None:
        try:
            line, response = await passage.ask()
            reader = None if along is None else along(response)
            await passage.carry(line, response, caller, reader)
        except NoAnswer as error:
            self._booking.trouble(f"{error}.")
            raise Refused(502, f"{error}.") from error
        finally:
            for trouble in passage.troubles:
                self._booking.trouble(trouble)

    def _sent(self, head: h11.Request, way: Route, body: bytes, *, changes: bool = False) -> Sent:
        upstream = way.upstream
        key = self._ways.keys.get(upstream.key_env, "").strip()
        if not key:
            why = (
                f"There is no key for [models.{upstream.name}]: set {upstream.key_env} where the "
                "worker runs, then start it again."
            )
            self._booking.trouble(why)
            raise Refused(401, why)
        base = base_of(upstream.base_url)
        method = bytes(head.method).decode("latin-1")
        length = len(body) if body or method not in {"GET", "HEAD", "OPTIONS"} else None
        headers = to_provider(list(head.headers), base, key, way.dialect, length)
        return Sent(upstream.name, base, key, method, way.target, headers, body, changes)
