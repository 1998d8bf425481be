"""SARIF 2.1: what linters found. Results that are suppressed, or no complaint, are left out."""

from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from interlock.gates.evidence import Finding, Level, Reading
from interlock.gates.readers.words import first_words, identity, inside

FINDINGS_MAX: Final = 100_000
MESSAGE_CHARACTERS_MAX: Final = 300
_Level = Literal["none", "note", "warning", "error"]


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    """Only what is needed is looked at; anything else a tool may add is passed over."""


class _Text(_Struct, frozen=True):
    """A message, given as text or by the name of one of the rule's texts."""

    text: str | None = None
    markdown: str | None = None
    id: str | None = None
    arguments: tuple[str, ...] | None = None


class _Configuration(_Struct, frozen=True):
    """How a rule is set when nobody sets it."""

    level: _Level = "warning"


class _Rule(_Struct, frozen=True):
    """A rule that a result may refer to, by its place or by its id."""

    id: str = ""
    default_configuration: _Configuration = _Configuration()
    message_strings: dict[str, _Text] = {}


class _Component(_Struct, frozen=True):
    """The tool itself or one of its extensions."""

    name: str = ""
    rules: tuple[_Rule, ...] | None = None


class _Tool(_Struct, frozen=True):
    """Who looked."""

    driver: _Component
    extensions: tuple[_Component, ...] | None = None


class _ComponentReference(_Struct, frozen=True):
    """Which component a rule belongs to; none: the driver."""

    index: int = -1
    name: str | None = None


class _RuleReference(_Struct, frozen=True):
    """The newer way of a result to name its rule."""

    id: str | None = None
    index: int = -1
    tool_component: _ComponentReference | None = None


class _Artifact(_Struct, frozen=True):
    """A file, by its address or by its place in the run's list."""

    uri: str | None = None
    index: int = -1


class _ListedArtifact(_Struct, frozen=True):
    """An entry of the run's list of files."""

    location: _Artifact | None = None


class _Region(_Struct, frozen=True):
    """Where in the file."""

    start_line: int = 0


class _Physical(_Struct, frozen=True):
    """A place in a file."""

    artifact_location: _Artifact | None = None
    region: _Region | None = None


class _Location(_Struct, frozen=True):
    """A place."""

    physical_location: _Physical | None = None


class _Suppression(_Struct, frozen=True):
    """Somebody decided not to hear of it; without a status that is accepted."""

    status: str = "accepted"


class _Result(_Struct, frozen=True):
    """One thing the tool says."""

    message: _Text = _Text()
    rule_id: str | None = None
    rule_index: int = -1
    rule: _RuleReference | None = None
    level: _Level | None = None
    kind: str = "fail"
    locations: tuple[_Location, ...] | None = None
    fingerprints: dict[str, str] | None = None
    partial_fingerprints: dict[str, str] | None = None
    suppressions: tuple[_Suppression, ...] | None = None
    baseline_state: str | None = None


class _Invocation(_Struct, frozen=True):
    """Whether the tool thinks that it did its work."""

    execution_successful: bool = True


class _Run(_Struct, frozen=True):
    """One run of one tool; no `results` means that it did not look for any."""

    tool: _Tool
    results: tuple[_Result, ...] | None = None
    invocations: tuple[_Invocation, ...] | None = None
    artifacts: tuple[_ListedArtifact, ...] | None = None


class _Log(_Struct, frozen=True):
    """The whole file."""

    version: str
    runs: tuple[_Run, ...] | None = None


def read(data: bytes, roots: tuple[str, ...] = ()) -> Reading:
    if not data.strip():
        return Reading(unreadable="the report is empty")
    try:
        log = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Log)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Reading(unreadable=f"the report is no SARIF ({first_words(str(error))})")
    fault = _fault(log)
    if fault:
        return Reading(unreadable=fault)
    findings = [
        finding
        for run in log.runs or ()
        for result in run.results or ()
        if (finding := _finding(result, run, roots)) is not None
    ]
    if len(findings) > FINDINGS_MAX:
        return Reading(unreadable=f"the report holds more than {FINDINGS_MAX:,} results")
    return Reading(findings=tuple(sorted(findings)))


def _fault(log: _Log) -> str:
    if not log.version.startswith("2.1"):
        return f"the report is SARIF {first_words(log.version, 20)!r}; 2.1 is read"
    if not log.runs:
        return "the report holds no run of any tool"
    for run in log.runs:
        name = first_words(run.tool.driver.name, 60) or "a tool"
        if run.results is None:
            return f"the report does not say what {name} found: its results are left out"
        if any(not invocation.execution_successful for invocation in run.invocations or ()):
            return f"{name} says in its report that it did not run through"
    return ""


def _finding(result: _Result, run: _Run, roots: tuple[str, ...]) -> Finding | None:
    rule = _rule_of(result, run)
    level = _level_of(result, rule)
    if level is None or result.baseline_state == "absent" or _is_suppressed(result):
        return None
    path, line = _place_of(result, run, roots)
    name = result.rule_id or (result.rule.id if result.rule else None) or rule.id
    return Finding(
        path=path,
        rule=identity(name),
        level=level,
        message=_message_of(result, rule, roots),
        line=line,
        fingerprint=_fingerprint_of(result),
    )


def _level_of(result: _Result, rule: _Rule) -> Level | None:
    if result.kind != "fail":
        return None
    level = result.level or rule.default_configuration.level
    return None if level == "none" else level


def _is_suppressed(result: _Result) -> bool:
    suppressions = result.suppressions or ()
    return bool(suppressions) and all(each.status == "accepted" for each in suppressions)


def _rule_of(result: _Result, run: _Run) -> _Rule:
    rules = _component_of(result, run).rules or ()
    index = result.rule_index
    if index < 0 and result.rule is not None:
        index = result.rule.index
    if 0 <= index < len(rules):
        return rules[index]
    name = result.rule_id or (result.rule.id if result.rule else None) or ""
    by_name = {rule.id: rule for rule in rules}
    while name:
        if name in by_name:
            return by_name[name]
        # `CA1000/1` is a kind of `CA1000`.
        name = name.rpartition("/")[0]
    return _Rule()


def _component_of(result: _Result, run: _Run) -> _Component:
    reference = result.rule.tool_component if result.rule else None
    extensions = run.tool.extensions or ()
    if reference is None:
        return run.tool.driver
    if 0 <= reference.index < len(extensions):
        return extensions[reference.index]
    return next((each for each in extensions if each.name == reference.name), run.tool.driver)


def _place_of(result: _Result, run: _Run, roots: tuple[str, ...]) -> tuple[str, int]:
    for location in result.locations or ():
        place = location.physical_location
        if place is None or place.artifact_location is None:
            continue
        uri = place.artifact_location.uri or _listed(place.artifact_location.index, run)
        line = place.region.start_line if place.region else 0
        path = uri if uri.startswith("file:") else unquote(uri)
        return identity(inside(path, roots)), line
    return "", 0


def _listed(index: int, run: _Run) -> str:
    artifacts = run.artifacts or ()
    if not 0 <= index < len(artifacts):
        return ""
    location = artifacts[index].location
    return (location.uri or "") if location else ""


def _message_of(result: _Result, rule: _Rule, roots: tuple[str, ...]) -> str:
    message = result.message
    if message.text is None and message.id is not None:
        message = rule.message_strings.get(message.id, message)
    text = message.text or message.markdown or message.id or ""
    for number, argument in enumerate(result.message.arguments or ()):
        text = text.replace(f"{{{number}}}", argument)
    for root in roots:
        text = text.replace(root + "/", "")
    return first_words(text, MESSAGE_CHARACTERS_MAX)


def _fingerprint_of(result: _Result) -> str:
    """All of them in one, in a fixed order: tools give several, of several versions."""
    prints = result.fingerprints or result.partial_fingerprints or {}
    return identity(" ".join(f"{name}={prints[name]}" for name in sorted(prints)))
