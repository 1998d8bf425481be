"""The streams and consumers of one repository: made by the plane, found by its workers.

Both streams are queues: a message is gone once it is done with or settled. They are made again on
every connection, so a broker that has lost its store works after the next one. The plane's terms
(protocol and seconds of a lease) stand in the work stream's metadata, where a worker reads them.
"""

import contextlib
from typing import Final

import msgspec
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from interlock.adapters.nats.broker import Broker
from interlock.adapters.nats.names import (
    control_subject,
    every_order_subject,
    report_stream,
    report_subject,
    token,
    work_stream,
    work_subject,
)
from interlock.domain.ids import RepoId, WorkerId
from interlock.engine.dispatch import PROTOCOL
from interlock.engine.errors import PartLost
from interlock.engine.mailbox import ORDERS_MAX, REPORTS_MAX
from interlock.engine.wire import check_protocol

MESSAGES_MAX: Final = 100_000
ORDER_SECONDS_MAX: Final = 24 * 3600.0
REPORT_SECONDS_MAX: Final = 7 * 24 * 3600.0
SETTLE_SECONDS: Final = 60.0
"""A plane that has not settled a report by then gets it again."""

REPEAT_SECONDS: Final = 120.0
"""The broker itself drops a report that is repeated within this time."""

IDLE_SECONDS_MAX: Final = 24 * 3600.0
"""A consumer nobody asks for so long belongs to nobody any more."""

_PROTOCOL_KEY: Final = "interlock-protocol"
_LEASE_KEY: Final = "interlock-lease-seconds"


class Terms(msgspec.Struct, frozen=True):
    """What a plane lays down for its workers."""

    lease_seconds: float
    protocol: int = PROTOCOL


async def make_streams(broker: Broker, repo: RepoId, terms: Terms) -> None:
    work = StreamConfig(
        name=work_stream(repo),
        subjects=every_order_subject(repo),
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.OLD,
        max_msgs=MESSAGES_MAX,
        max_msgs_per_subject=ORDERS_MAX,
        max_age=ORDER_SECONDS_MAX,
        allow_msg_ttl=True,
        metadata={_PROTOCOL_KEY: str(terms.protocol), _LEASE_KEY: str(terms.lease_seconds)},
    )
    report = StreamConfig(
        name=report_stream(repo),
        subjects=[report_subject(repo)],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,  # the worker is told; none is dropped in silence
        max_msgs=MESSAGES_MAX,
        max_age=REPORT_SECONDS_MAX,
        duplicate_window=REPEAT_SECONDS,
        allow_msg_ttl=True,
    )
    for config in (work, report):
        await broker.ask(_make_stream(broker.streams, config))


async def _make_stream(streams: JetStreamContext, config: StreamConfig) -> None:
    try:
        await streams.update_stream(config)
    except NotFoundError:
        await streams.add_stream(config)


async def read_terms(broker: Broker, repo: RepoId) -> Terms:
    """Raises OtherProtocol when the plane speaks another one, PartLost when there never was one."""
    try:
        info = await broker.ask(_found(broker.streams, work_stream(repo)))
        metadata = (info.metadata if info is not None else None) or {}
        check_protocol(int(metadata[_PROTOCOL_KEY]))
        return Terms(float(metadata[_LEASE_KEY]))
    except (KeyError, ValueError):
        detail = f"it knows no plane of repository {repo}"
        raise PartLost("broker (NATS)", detail, "Start the plane first: interlock up") from None


async def _found(streams: JetStreamContext, stream: str) -> StreamConfig | None:
    try:
        return (await streams.stream_info(stream)).config
    except NotFoundError:
        return None


async def take_over_reports(broker: Broker, repo: RepoId) -> JetStreamContext.PullSubscription:
    """Everything unsettled from the start; whichever plane did this before gets no more."""
    stream, name = report_stream(repo), broker.client.new_inbox().rpartition(".")[2]
    for consumer in await broker.ask(broker.streams.consumers_info(stream)):
        await broker.ask(_forget_consumer(broker.streams, stream, str(consumer.name)))
    config = ConsumerConfig(
        name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=SETTLE_SECONDS,
        max_deliver=-1,
        max_ack_pending=REPORTS_MAX,
        inactive_threshold=IDLE_SECONDS_MAX,
    )
    return await _subscribe(broker, stream, name, config)


async def take_over_orders(
    broker: Broker, repo: RepoId, worker: WorkerId, ack_seconds: float
) -> JetStreamContext.PullSubscription:
    """Every order that is not done with, from the start: the worker of this name is new."""
    stream, name = work_stream(repo), token(worker)
    await broker.ask(_forget_consumer(broker.streams, stream, name))
    config = ConsumerConfig(
        name=name,
        durable_name=name,
        filter_subjects=[work_subject(repo, worker), control_subject(repo, worker)],
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_seconds,
        max_deliver=-1,
        max_ack_pending=2 * ORDERS_MAX,  # all there can be, so that no job keeps a control back
        inactive_threshold=IDLE_SECONDS_MAX,
    )
    return await _subscribe(broker, stream, name, config)


async def _forget_consumer(streams: JetStreamContext, stream: str, name: str) -> None:
    with contextlib.suppress(NotFoundError):
        await streams.delete_consumer(stream, name)


async def _subscribe(
    broker: Broker, stream: str, name: str, config: ConsumerConfig
) -> JetStreamContext.PullSubscription:
    await broker.ask(broker.streams.add_consumer(stream, config))
    return await broker.ask(broker.streams.pull_subscribe_bind(consumer=name, stream=stream))
