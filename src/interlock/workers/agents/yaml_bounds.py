"""YAML is looked at event by event first: a tree of any depth would end the process."""

from typing import Final

import yaml

DEPTH_MAX: Final = 64


def out_of_bounds(text: str, *, aliases: bool = False) -> tuple[int, str] | None:
    """The line and what is wrong with it; raises YAMLError where it is no YAML.

    `aliases` may be used where whoever writes the text is trusted not to make a bomb of them.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = 1 if event.start_mark is None else int(event.start_mark.line) + 1
        if isinstance(event, yaml.AliasEvent) and not aliases:
            return line, f"`*{event.anchor}` points to another place; write it out here"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            deep = f"values stand inside one another more than {DEPTH_MAX} deep; write it flat"
            return line, deep
    return None
