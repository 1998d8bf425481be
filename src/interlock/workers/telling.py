"""Tells the plane about one job; every report shows the token of the job's lease."""

from collections.abc import Awaitable, Callable
from typing import TypedDict

from interlock.domain.ids import CommitId, LeaseId, TaskId, Token, WorkerId
from interlock.domain.result import Result
from interlock.domain.task import Activity
from interlock.domain.usage import Usage
from interlock.engine.dispatch import (
    Asked,
    Declined,
    Denied,
    Finished,
    Frozen,
    Job,
    Metered,
    Progressed,
    Questioned,
    Report,
    Started,
)
from interlock.workers.agents.ports import Agent, Wanted
from interlock.workers.sites import Site


class _Shown(TypedDict):
    """What every report about the job carries."""

    id: str
    worker_id: WorkerId
    session: int
    task_id: TaskId
    lease: LeaseId
    token: Token


class Teller:
    """Reports about one job; `new_id` gives each an id of its own."""

    def __init__(
        self,
        job: Job,
        session: int,
        report: Callable[[Report], Awaitable[None]],
        new_id: Callable[[], str],
    ) -> None:
        self._job, self._session = job, session
        self._report, self._new_id = report, new_id

    async def started(self, site: Site, base: CommitId, box: str, agent: Agent) -> None:
        await self._report(
            Started(
                base=base,
                branch=site.branch,
                path=str(site.workspace),
                box=box,
                simulated=agent.simulated,
                **self._shown(),
            )
        )

    async def declined(self, reason: str) -> None:
        await self._report(Declined(reason=reason, **self._shown()))

    async def denied(self, hosts: tuple[str, ...]) -> None:
        await self._report(Denied(hosts=hosts, **self._shown()))

    async def progressed(self, percent: int, activity: Activity | None) -> None:
        await self._report(Progressed(percent=percent, activity=activity, **self._shown()))

    async def questioned(self, wanted: Wanted, question: str) -> None:
        await self._report(
            Questioned(
                question_id=wanted.id,
                question=question,
                tool=wanted.tool,
                detail=wanted.detail,
                **self._shown(),
            )
        )

    async def metered(self, usage: Usage, trouble: str = "") -> None:
        await self._report(Metered(usage=usage, trouble=trouble, **self._shown()))

    async def asked(self, question: str, tool: str = "", cap: str = "") -> None:
        await self._report(Asked(question=question, tool=tool, cap=cap, **self._shown()))

    async def frozen(self) -> None:
        await self._report(Frozen(**self._shown()))

    async def finished(self, result: Result) -> None:
        await self._report(Finished(result=result, **self._shown()))

    def _shown(self) -> _Shown:
        job = self._job
        return _Shown(
            id=self._new_id(),
            worker_id=job.worker_id,
            session=self._session,
            task_id=job.task_id,
            lease=job.lease,
            token=job.token,
        )
