"""What things are called on the broker.

interlock-work-<repo>      stream: orders that nobody has done yet
  interlock.<repo>.work.<worker>        jobs
  interlock.<repo>.control.<worker>     freeze, thaw, interrupt
interlock-report-<repo>    stream: reports that no plane has settled yet
  interlock.<repo>.report
interlock.<repo>.feed.<topic>           live news, in no stream
"""

import base64
import re
from typing import Final

from interlock.domain.ids import RepoId, WorkerId

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")


def token(text: str) -> str:
    """Any text as one word of a subject; ids stay as they are, the rest starts with `=`."""
    if _PLAIN.fullmatch(text):
        return text
    return "=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def work_stream(repo: RepoId) -> str:
    return f"interlock-work-{token(repo)}"


def report_stream(repo: RepoId) -> str:
    return f"interlock-report-{token(repo)}"


def work_subject(repo: RepoId, worker: WorkerId) -> str:
    return f"interlock.{token(repo)}.work.{token(worker)}"


def control_subject(repo: RepoId, worker: WorkerId) -> str:
    return f"interlock.{token(repo)}.control.{token(worker)}"


def every_order_subject(repo: RepoId) -> list[str]:
    return [f"interlock.{token(repo)}.work.*", f"interlock.{token(repo)}.control.*"]


def report_subject(repo: RepoId) -> str:
    return f"interlock.{token(repo)}.report"


def feed_subject(repo: RepoId, topic: str) -> str:
    return f"interlock.{token(repo)}.feed.{token(topic)}"


def every_feed_subject(repo: RepoId) -> str:
    return f"interlock.{token(repo)}.feed.*"
