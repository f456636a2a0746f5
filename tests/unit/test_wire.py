# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as JSON and back: what arrives is of the declared types, or is refused with the field's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from background_nodes.runtime import wire


@dataclass(frozen=True)
class Inner:
    name: str
    size: float = 1.0


@dataclass(frozen=True)
class Itself:
    """A record that looks different on the wire."""

    number: int

    def to_wire(self) -> str:
        return str(self.number)

    @classmethod
    def from_wire(cls, data: Any) -> Itself:
        if not isinstance(data, str):
            raise TypeError("it is no text")
        return cls(int(data))


@dataclass(frozen=True)
class Record:
    text: str = ""
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    maybe: int | None = None
    choice: str | int | bool | float = ""
    many: tuple[Inner, ...] = ()
    table: Mapping[str, Inner] = field(default_factory=dict)
    own: Itself = Itself(0)
    nested: Inner | None = None
    anything: object = None


def over_the_wire(record: Any) -> Any:
    return wire.decode(type(record), json.loads(json.dumps(wire.encode(record))))


inners = st.builds(Inner, st.text(), st.floats(allow_nan=False))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.text(), items),
    max_leaves=5,
)


@given(
    st.builds(
        Record,
        text=st.text(),
        whole=st.integers(),
        number=st.floats(allow_nan=False),
        flag=st.booleans(),
        maybe=st.none() | st.integers(),
        choice=st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False),
        many=st.lists(inners, max_size=3).map(tuple),
        table=st.dictionaries(st.text(), inners, max_size=3),
        own=st.builds(Itself, st.integers()),
        nested=st.none() | inners,
        anything=plain,
    )
)
@settings(max_examples=50)
def test_a_record_survives_the_wire_with_the_types_of_its_values(record: Record) -> None:
    arrived = over_the_wire(record)
    assert arrived == record
    assert type(arrived.choice) is type(record.choice)
    assert isinstance(arrived.number, float)


def test_a_whole_number_in_the_place_of_a_float_arrives_as_a_float() -> None:
    """JSON has one kind of number: 1.0 may be written as 1."""
    arrived = wire.decode(Record, {"number": 3})
    assert (arrived.number, type(arrived.number)) == (3.0, float)


def test_fields_that_are_missing_have_their_defaults() -> None:
    assert wire.decode(Record, {}) == Record()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"text": 1}, "1 is no str"),
        ({"text": None}, "None is no str"),
        ({"whole": 1.5}, "1.5 is no int"),
        ({"whole": True}, "True is no int"),
        ({"number": "1"}, "'1' is no float"),
        ({"number": False}, "False is no float"),
        ({"flag": 1}, "1 is no bool"),
        ({"maybe": "1"}, "'1'"),
        ({"choice": None}, "Record: None is no"),
        ({"many": {}}, "{} is no list"),
        ({"many": [1]}, "1 is no Inner"),
        ({"many": [{}]}, "Inner: .*name"),
        ({"many": [{"name": 1}]}, "Inner: 1 is no str"),
        ({"table": []}, "is no object"),
        ({"table": {"a": None}}, "None is no Inner"),
        ({"own": 1}, "it is no text"),
        ({"nested": 1}, "1 is no Inner"),
        ({"more": 1}, "is no Record"),
        ([], "is no Record"),
        (None, "is no Record"),
    ],
    ids=repr,
)
def test_what_is_not_as_declared_is_refused(data: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        wire.decode(Record, data)


def test_what_is_refused_is_told_in_short() -> None:
    with pytest.raises(TypeError) as caught:
        wire.decode(Record, {"whole": "x" * 100_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("hint", [set, list, Inner | Itself, complex])
def test_a_type_that_cannot_be_on_the_wire_is_found_when_its_record_is_first_used(hint: Any) -> None:
    with pytest.raises(TypeError):
        wire._codec(hint)
