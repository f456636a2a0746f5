# SPDX-License-Identifier: GPL-3.0-or-later
"""Socket types and the table of conversions."""

import pytest

from background_nodes.runtime.script import literals, values
from background_nodes.runtime.script.socket_types import (
    CONVERSIONS,
    LIST_CONVERSIONS,
    SocketType,
    conversion,
)
from background_nodes.runtime.script.value_kinds import VALUE_KINDS, Form


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("INT", "FLOAT", "float"),
        ("FLOAT", "INT", None),
        ("FLOAT", "BOOLEAN", None),
        ("FLOAT", "VECTOR", "fill_vector"),
        ("VECTOR", "FLOAT", None),
        ("Object", "Object", ""),
        ("Object", "Mesh", "object_to_mesh"),
        ("Object", "Material", None),
        ("Object", "FLOAT", None),
        ("FLOAT", "Object", None),
        ("Mesh", "ID", ""),
        ("ID", "Mesh", "check_kind"),
        ("FLOAT", "ID", None),
        ("ID", "FLOAT", None),
        ("FLOAT", "ANY", ""),
        ("ANY", "FLOAT", "check_value"),
        ("ANY", "Object", None),
        ("Object", "ANY", None),
        ("PATH", "BLEND_FILE", "check_blend_file"),
        ("STRING", "BLEND_FILE", "check_blend_file"),
        ("BLEND_FILE", "PATH", None),
        ("Object", "BLEND_FILE", None),
        ("ID", "ANY", None),
        ("ANY", "ID", None),
    ],
)
def test_pair_of_kinds_converts_as_the_table_says(source: str, target: str, expected: str | None) -> None:
    assert conversion(SocketType(source), SocketType(target)) == expected


@pytest.mark.parametrize(("source", "target"), [*CONVERSIONS, ("Object", "Object"), ("Mesh", "ID"), ("ANY", "INT")])
def test_being_a_list_changes_nothing_in_a_conversion(source: str, target: str) -> None:
    plain = conversion(SocketType(source), SocketType(target))
    assert conversion(SocketType(source, is_list=True), SocketType(target, is_list=True)) == plain
    assert conversion(SocketType(source, is_list=True), SocketType(target)) == plain


def test_collection_becomes_a_list_of_objects_but_no_single_one() -> None:
    assert conversion(SocketType("Collection"), SocketType("Object", is_list=True)) == "collection_to_objects"
    assert conversion(SocketType("Collection"), SocketType("Object")) is None


@pytest.mark.parametrize("kind", VALUE_KINDS)
def test_kind_of_a_value_is_no_data_block(kind: str) -> None:
    assert not SocketType(kind).is_data_block


def test_conversion_never_turns_a_value_into_a_data_block_or_back() -> None:
    for source, target in [*CONVERSIONS, *LIST_CONVERSIONS]:
        assert SocketType(source).is_data_block == SocketType(target).is_data_block


def test_type_reads_as_an_artist_would_say_it() -> None:
    assert str(SocketType("FLOAT")) == "float"
    assert str(SocketType("Object", is_list=True)) == "list of Object"


def test_each_form_of_value_can_be_fitted_and_each_kind_says_how_long_it_is() -> None:
    for name, kind in VALUE_KINDS.items():
        assert (kind.form is Form.NUMBERS) == bool(kind.lengths) == bool(kind.result_lengths), name
        assert kind.form is Form.NUMBERS or kind.form in values._FITTERS, name


def test_each_type_means_one_kind_and_each_class_has_a_value_of_its_own() -> None:
    types = [dotted for kind in VALUE_KINDS.values() for dotted in kind.annotations]
    assert len(types) == len(set(types))
    assert set(literals._EMPTY) == {name for name in types if "." in name and not name.startswith("typing.")}


@pytest.mark.parametrize("name", [name for name, kind in VALUE_KINDS.items() if kind.default is not None])
def test_default_of_a_kind_fits_it(name: str) -> None:
    assert values.fit(VALUE_KINDS[name].default, SocketType(name)) == VALUE_KINDS[name].default
