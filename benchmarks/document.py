"""The document of one benchmark: what was measured, against what, and whether the goal is met."""

import os
import platform
from collections.abc import Callable, Sequence
from statistics import median

import msgspec


class Result(msgspec.Struct, omit_defaults=False):
    """One number. Without a reference or a goal the fields say so with null.

    So does the number itself where this machine cannot tell it, and then the note says why.
    """

    metric: str
    value: float | None
    unit: str
    against: str | None = None
    against_value: float | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None
    note: str | msgspec.UnsetType = msgspec.UNSET


class Machine(msgspec.Struct):
    """Where the numbers come from; a high load explains a noisy one."""

    cores: int
    python: str
    system: str
    load_at_start: float
    load_at_end: float


class Document(msgspec.Struct):
    """Everything one benchmark has to say."""

    name: str
    machine: Machine
    seconds: float
    results: list[Result]


class Scale(msgspec.Struct, frozen=True):
    """How much to measure; quick proves only that everything still runs."""

    quick: bool = False
    events: int = 1_000_000

    @property
    def times(self) -> int:
        return 1 if self.quick else 3

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def of_all(self, full: Sequence[int], quick: Sequence[int]) -> Sequence[int]:
        return quick if self.quick else full


Part = Callable[[Scale], list[Result]]


def machine(load_at_start: float) -> Machine:
    return Machine(
        os.cpu_count() or 1,
        platform.python_version(),
        f"{platform.system()} {platform.machine()}",
        load_at_start,
        load(),
    )


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def medians(times: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each, taken in turns, so that a slow moment of the machine meets them all."""
    rounds = [[measure() for measure in measures] for _ in range(times)]
    return [median(values) for values in zip(*rounds, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__trunc__() - 1)]


def rounded(value: float) -> float:
    """Four digits are more than a noisy machine can tell."""
    return float(f"{value:.4g}")


def as_text(document: Document) -> str:
    """A table for people."""
    about = document.machine
    lines = [
        f"{document.name}: {document.seconds} s on {about.cores} cores, Python {about.python}, "
        f"{about.system}, load {about.load_at_start} to {about.load_at_end}"
    ]
    width = max((len(result.metric) for result in document.results), default=0)
    for result in document.results:
        verdict = {None: "", True: "ok", False: "MISSED"}[result.met]
        against = ""
        if result.against is not None:
            against = f"  against {result.against}: {_number(result.against_value)}"
        ratio = "" if result.ratio is None else f", ratio {_number(result.ratio)}"
        goal = "" if result.goal is None else f"  [{result.goal}: {verdict}]"
        value = f"{_number(result.value)} {result.unit}"
        lines.append(f"  {result.metric:<{width}}  {value}{against}{ratio}{goal}")
        if result.note is not msgspec.UNSET:
            lines.append(f"  {'':<{width}}  {result.note}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"
