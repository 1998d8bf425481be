"""Facts about workers; they live in the stream of the worker."""

from interlock.domain.facts.base import Fact
from interlock.domain.ids import WorkerId
from interlock.domain.worker import WorkerType


class WorkerRegistered(Fact, frozen=True):
    """A worker is known: what it is called, what it can do, how much at once."""

    worker_id: WorkerId
    type: WorkerType
    name: str
    agent: str = "default"
    capabilities: tuple[str, ...] = ()
    capacity: int = 1
    session: int = 0


class WorkerWentOffline(Fact, frozen=True):
    """Nothing was heard of it for too long, or it said goodbye."""

    worker_id: WorkerId
    reason: str


class WorkerCameBack(Fact, frozen=True):
    """It was heard of again; another session is another life of its process."""

    worker_id: WorkerId
    session: int = 0
