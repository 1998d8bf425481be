"""Hypothesis strategies for any struct of the vocabulary, read off its fields."""

from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
instants = st.datetimes(timezones=st.just(UTC))
_PLAIN: dict[object, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(min_value=-(2**31), max_value=2**31),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: instants,
    NoneType: st.none(),
}


@cache
def any_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """A struct with any values its types allow; fields with a default may be left out."""
    fields = msgspec.structs.fields(kind)
    required = {field.name: _any_value(field.type) for field in fields if field.required}
    optional = {field.name: _any_value(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: kind(**given))


def _any_value(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any annotation may come
    if isinstance(kind, NewType):
        return _any_value(kind.__supertype__)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of([_any_value(each) for each in arguments])
    if origin is tuple:
        return st.lists(_any_value(arguments[0]), max_size=3).map(tuple)
    if origin is Literal:
        return st.sampled_from(arguments)
    return _PLAIN[kind] if kind in _PLAIN else _any_class(kind)


def _any_class(kind: type[Any]) -> st.SearchStrategy[Any]:
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if issubclass(kind, msgspec.Struct):
        return any_of(kind)
    raise TypeError(f"no strategy for {kind!r}: add one here")
