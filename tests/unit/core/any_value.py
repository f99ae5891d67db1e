"""Any value of a record type, small, with every character and every finite number."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(), max_size=6),
    int: st.integers(-(2**31), 2**31),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def any_value(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a dataclass, tuple, ``Literal``, union or plain type."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        fields = {f.name: any_value(hints[f.name]) for f in dataclasses.fields(kind)}
        return st.builds(kind, **fields)  # type: ignore[arg-type]
    members = get_args(kind)
    if get_origin(kind) is Literal:
        return st.sampled_from(members)
    if get_origin(kind) is tuple:
        if members[-1] is ...:
            return st.lists(any_value(members[0]), max_size=2).map(tuple)
        return st.tuples(*map(any_value, members))
    return st.one_of(*map(any_value, members))


def joined(value: Any) -> Any:
    """JSON has one spelling for a pair of surrogates and for the character that they stand for."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, tuple):
        return tuple(map(joined, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{f.name: joined(getattr(value, f.name)) for f in dataclasses.fields(value)}
        )
    return value
