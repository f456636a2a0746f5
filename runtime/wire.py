# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as JSON and back, by the types of their fields: values that are not of the declared types are refused.

A record is a frozen dataclass. Its fields are plain values, tuples and dicts of them, other records, or `object`: JSON
as it is. A record that looks different on the wire says so itself, with `to_wire` and `from_wire`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

_Record = TypeVar("_Record")

#: The plain types, each with those that JSON may have in its place.
_PLAIN: Final[dict[Any, tuple[type, ...]]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    type(None): (type(None),),
}


class _Codec(NamedTuple):
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def encode(record: Any) -> Any:
    """A record as plain values that JSON can hold."""
    cls: Any = type(record)
    return _codec(cls).encode(record)


def decode(cls: type[_Record], data: Any) -> _Record:
    """The record of class `cls` that `data`, read from JSON, stands for.

    Raises:
        TypeError: naming the field that is missing, unknown or of another type.
        ValueError: if a record refuses a value.
    """
    hint: Any = cls
    record: _Record = _codec(hint).decode(data)
    return record


@functools.cache
def _codec(hint: Any) -> _Codec:
    """How values of a type are encoded and decoded."""
    if hint in (object, Any):
        return _Codec(_same, _same)
    if hint in _PLAIN:
        return _Codec(_same, functools.partial(_checked, hint))
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(hint))
    if origin is tuple:
        return _tuple(typing.get_args(hint)[0])
    if origin in (dict, Mapping):
        return _mapping(typing.get_args(hint)[1])
    if hasattr(hint, "from_wire"):
        return _Codec(lambda record: record.to_wire(), hint.from_wire)
    if dataclasses.is_dataclass(hint):
        return _record(hint)
    raise TypeError(f"nothing of type {hint} can be on the wire")


def _same(value: Any) -> Any:
    return value


def _checked(hint: Any, value: Any) -> Any:
    if not isinstance(value, _PLAIN[hint]) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(f"{value!r:.40} is no {hint.__name__}")
    number: Any = value  # JSON has one kind of number
    return float(number) if hint is float else value


def _union(hints: tuple[Any, ...]) -> _Codec:
    """One of several plain types, or None and one other type."""
    plain = tuple(hint for hint in hints if hint in _PLAIN)
    others = [_codec(hint) for hint in hints if hint not in _PLAIN]
    if len(others) > 1:
        raise TypeError(f"nothing tells {hints} apart on the wire")

    def decode_one(value: Any) -> Any:
        if type(value) in plain:
            return value
        if others:
            return others[0].decode(value)
        if float in plain:
            return _checked(float, value)
        raise TypeError(f"{value!r:.40} is none of {', '.join(hint.__name__ for hint in plain)}")

    def encode_one(value: Any) -> Any:
        return value if type(value) in plain or not others else others[0].encode(value)

    return _Codec(encode_one, decode_one)


def _tuple(hint: Any) -> _Codec:
    item = _codec(hint)

    def decode_items(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise TypeError(f"{value!r:.40} is no list")
        return tuple(map(item.decode, value))

    def encode_items(items: tuple[Any, ...]) -> list[Any]:
        return list(items) if item.encode is _same else list(map(item.encode, items))

    return _Codec(encode_items, decode_items)


def _mapping(hint: Any) -> _Codec:
    item = _codec(hint)

    def decode_items(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError(f"{value!r:.40} is no object")
        return {key: item.decode(each) for key, each in value.items()}

    def encode_items(items: Mapping[str, Any]) -> dict[str, Any]:
        return dict(items) if item.encode is _same else {key: item.encode(each) for key, each in items.items()}

    return _Codec(encode_items, decode_items)


def _record(cls: Any) -> _Codec:
    hints = typing.get_type_hints(cls)
    fields = {field.name: _codec(hints[field.name]) for field in dataclasses.fields(cls)}

    plain = tuple(name for name, codec in fields.items() if codec.encode is _same)
    others = tuple((name, codec.encode) for name, codec in fields.items() if codec.encode is not _same)

    def encode_record(record: Any) -> dict[str, Any]:
        encoded = {name: getattr(record, name) for name in plain}
        for name, encode_field in others:
            encoded[name] = encode_field(getattr(record, name))
        return encoded

    def decode_record(value: Any) -> Any:
        if not isinstance(value, dict) or not value.keys() <= fields.keys():
            raise TypeError(f"{value!r:.80} is no {cls.__name__}")
        try:
            return cls(**{name: fields[name].decode(each) for name, each in value.items()})
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}") from None

    return _Codec(encode_record, decode_record)
