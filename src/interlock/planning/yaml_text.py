"""Reads YAML text event by event, so that no depth of nesting can exhaust the stack."""

import re
from typing import Final

import yaml
from yaml import CSafeLoader
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from interlock.planning.composer import Composer
from interlock.planning.faults import NotWellFormed, Report, Unreadable, quoted

_CORE: Final = "tag:yaml.org,2002:"
_MEANT_ANYWAY: Final = frozenset({None, "!", _CORE + "str", _CORE + "seq", _CORE + "map"})
DIRECTIVE: Final = re.compile(r"(?:\A|(?<=[\r\n\x85\u2028\u2029]))%TAG\b")
"""Where YAML sees one: a line ends at more than a line feed."""


def read_yaml(text: str, composer: Composer, report: Report) -> None:
    """Hand the one document in this text to the composer."""
    directive = DIRECTIVE.search(text)
    if directive is not None:
        # libyaml compares each of them with all before it: a long list of them takes hours.
        line = text.count("\n", 0, directive.start()) + 1
        raise Unreadable(line, "a %TAG directive is of no use in a plan", "leave it out")
    loader = CSafeLoader(text)
    documents = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if event is None:
                break
            if isinstance(event, DocumentStartEvent):
                documents += 1
                _refuse_second(documents, event)
            else:
                _hand_on(event, composer, report)
    except yaml.YAMLError as error:
        raise _not_well_formed(error) from None
    finally:
        loader.dispose()


def _refuse_second(documents: int, event: Event) -> None:
    if documents > 1:
        raise Unreadable(
            _line(event), "a second document begins", "write each plan into a file of its own"
        )


def _hand_on(event: Event, composer: Composer, report: Report) -> None:
    line = _line(event)
    if isinstance(event, ScalarEvent):
        tag = event.tag
        if tag is not None:
            _check_tag(tag, line, report)
        composer.scalar(
            event.value, line, plain=not event.style and tag is None, anchor=event.anchor
        )
    elif isinstance(event, CollectionEndEvent):
        composer.close()
    elif isinstance(event, SequenceStartEvent):
        _check_tag(event.tag, line, report)
        composer.open_listing(line, event.anchor)
    elif isinstance(event, MappingStartEvent):
        _check_tag(event.tag, line, report)
        composer.open_mapping(line, event.anchor)
    elif isinstance(event, AliasEvent):
        composer.alias(event.anchor or "", line)


def _line(event: Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _check_tag(tag: str | None, line: int, report: Report) -> None:
    if tag not in _MEANT_ANYWAY:
        report.add(line, f"the tag {quoted(tag or '')} is not understood", "leave the tag out")


def _not_well_formed(error: yaml.YAMLError) -> NotWellFormed:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem is None:
        return NotWellFormed(1, "this is not YAML", "write a plan in YAML or JSON")
    mark = error.problem_mark or error.context_mark
    context = f" {error.context}" if error.context else ""
    what = f"this is not YAML:{context} {error.problem}"
    mend = "look at the indentation, and put text with ': ', ' #' or a leading symbol in quotes"
    if "cannot start any token" in error.problem:
        mend = "indent with spaces, not with tabs, and put text with a leading symbol in quotes"
    return NotWellFormed(1 if mark is None else mark.line + 1, what, mend)
