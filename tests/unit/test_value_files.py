"""Large values in files: what was stored is read, whole, element by element and as JSON."""

import json
import random

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.messages import Succeeded
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue, ValueFile
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

MANY = tuple(index + 0.5 for index in range(10_000))
LONG = 'ä "\\\n\0 節点' * 5_000


@pytest.fixture
def scratch(tmp_path):
    scratch = Scratch(tmp_path)
    yield scratch
    scratch.close()


def value_of(kind, content):
    return TypedValue(SocketType(kind, isinstance(content, tuple)), content)


def stored(value, scratch):
    return value_files.stored(value, scratch.new_blob().replace("blend", "value"), scratch.folder)


@pytest.mark.parametrize(
    "value",
    [
        value_of("INT", 3),
        value_of("STRING", "short"),
        value_of("ANY", {"a": [1, 2]}),
        value_of("INT", tuple(range(100))),
        value_of("Mesh", StoredRef("Mesh", "m", "", "1.blend")),
        value_of("Mesh", None),
        value_of("INT", ()),
    ],
)
def test_small_value_is_in_no_file(scratch, value):
    assert stored(value, scratch) is value


@pytest.mark.parametrize(
    "value",
    [
        value_of("STRING", LONG),
        value_of("ANY", {"a": [list(MANY), None], "$tuple": LONG}),
        value_of("FLOAT", MANY),
        value_of("VECTOR", tuple([x, x, x] for x in MANY)),
        value_of("STRING", (LONG, "", LONG)),
        value_of("ANY", ([1], {"a": LONG}, None, [])),
    ],
    ids=["text", "any", "floats", "vectors", "texts", "list of any"],
)
def test_large_value_is_read_as_it_was(scratch, value):
    in_file = stored(value, scratch)
    assert in_file.is_in_files
    assert in_file.num_elements == value.num_elements
    assert value_files.loaded(in_file, scratch.folder) == value
    assert json.loads(value_files.json_text(in_file, scratch.folder)) == json.loads(json.dumps(value.content))
    for element, of_file in zip(value.elements(), in_file.elements(), strict=True):
        alone = TypedValue(SocketType(value.type.kind), of_file)
        assert value_files.loaded(alone, scratch.folder).content == element
        break
    last = TypedValue(SocketType(value.type.kind), in_file.elements()[-1])
    assert value_files.loaded(last, scratch.folder).content == value.elements()[-1]
    assert json.loads(value_files.json_text(last, scratch.folder)) == value.elements()[-1]


@pytest.mark.parametrize(
    "value",
    [
        value_of("STRING", LONG),
        value_of("ANY", {"a": [list(MANY), None]}),
        value_of("FLOAT", MANY),
        value_of("VECTOR", tuple([x, x, x] for x in MANY)),
        value_of("STRING", (LONG, "", LONG)),
    ],
    ids=["text", "any", "floats", "vectors", "texts"],
)
def test_large_value_that_is_stored_whole_is_read_as_it_was(scratch, value):
    whole = value_files.stored_whole(value, scratch)
    assert len(whole.files()) == 1
    assert whole.num_elements == value.num_elements
    assert value_files.loaded(whole, scratch.folder) == value
    twice = TypedValue(SocketType(value.type.kind, is_list=True), whole.parts() * 2)
    assert json.loads(value_files.json_text(twice, scratch.folder)) == json.loads(json.dumps(value.elements() * 2))


def test_small_value_is_not_stored_whole_either(scratch):
    value = value_of("INT", (1, 2, 3))
    assert value_files.stored_whole(value, scratch) is value
    assert value_files.stored_whole(value, scratch, least=0).is_in_files


def test_list_of_parts_from_several_files_is_one_list(scratch):
    kind = SocketType("FLOAT", is_list=True)
    first, second = stored(value_of("FLOAT", MANY), scratch), stored(value_of("FLOAT", MANY[::-1]), scratch)
    together = TypedValue(kind, (*first.parts(), 1.5, *second.parts(), *first.elements()[:1]))
    expected = (*MANY, 1.5, *MANY[::-1], MANY[0])
    assert together.num_elements == len(expected)
    assert value_files.loaded(together, scratch.folder).content == expected
    assert tuple(json.loads(value_files.json_text(together, scratch.folder))) == expected


@pytest.mark.parametrize("how", ["by elements", "whole", "of several files", "as it is"])
def test_pieces_of_a_long_value_are_its_json(scratch, monkeypatch, how):
    monkeypatch.setattr(value_files, "PIECE", 1000)
    value = value_of("FLOAT", MANY)
    if how == "by elements":
        value = stored(value, scratch)
    elif how == "whole":
        value = value_files.stored_whole(value, scratch)
    elif how == "of several files":
        empty = value_files.stored_whole(value_of("FLOAT", ()), scratch, least=0)
        parts = (*empty.parts(), *stored(value, scratch).parts(), 1.5, *empty.parts())
        value = TypedValue(SocketType("FLOAT", is_list=True), parts)
    pieces = list(value_files.json_pieces(value, scratch.folder))
    expected = [*MANY, 1.5] if how == "of several files" else list(MANY)
    assert json.loads("".join(pieces)) == expected
    assert len(pieces) > 10
    assert all(len(piece) >= 1000 for piece in pieces[:-1])
    assert all(len(piece) <= 2100 for piece in pieces)


def test_data_blocks_in_a_file_are_read_as_such(scratch):
    refs = (*(StoredRef("Mesh", f"ä {index}", "", "1.blend") for index in range(50)), None)
    value = value_of("Mesh", refs)
    in_file = value_files.stored_whole(value, scratch, least=0)
    assert in_file.is_in_files
    assert value_files.loaded(in_file, scratch.folder) == value
    assert value_files.named(in_file, scratch.folder) == [*(f"ä {index}" for index in range(50)), None]


def test_value_in_a_file_survives_the_wire(scratch):
    kind = SocketType("FLOAT", is_list=True)
    value = TypedValue(kind, (0.5, ValueFile("1.value", 3), ValueFile("2.value", None, 7), 1.5))
    single = TypedValue(SocketType("ANY"), ValueFile("3.value"))
    message = Succeeded({"a": value, "b": single, "c": TypedValue(SocketType("ANY"), {"name": "3.value"})})
    assert messages.decode(messages.encode(message)) == message


def test_file_that_is_gone_or_damaged_is_an_error_that_names_it(scratch):
    in_file = stored(value_of("FLOAT", MANY), scratch)
    name = in_file.parts()[0].name
    path = scratch.file(name)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(StoreError, match=name):
        value_files.loaded(in_file, scratch.folder)
    path.unlink()
    with pytest.raises(StoreError, match=name):
        value_files.loaded(in_file, scratch.folder)
    with pytest.raises(StoreError, match=name):
        value_files.json_text(in_file, scratch.folder)


def test_files_go_with_the_blob_that_they_lie_beside(scratch):
    blob = scratch.new_blob()
    value_files.stored(value_of("FLOAT", MANY), blob.replace(".blend", ".0.value"), scratch.folder)
    assert len(list(scratch.path.rglob("*.value*"))) == 2
    scratch.remove([blob])
    scratch.wait_for_removals()
    assert list(scratch.path.rglob("*.value*")) == []


@pytest.mark.parametrize("seed", range(20))
def test_list_has_each_element_on_a_line_of_its_own_whatever_is_beside_it(scratch, seed):
    choose = random.Random(seed)
    kinds = (choose.random, lambda: choose.randrange(9), lambda: "a,\n]", lambda: None, lambda: [1, [2, 3]], dict)
    elements = [choose.choice(kinds[: choose.choice((2, 6))])() for _ in range(choose.randrange(1, 300))]
    value = TypedValue(SocketType("ANY", is_list=True), tuple(elements))
    expected = "[\n" + ",\n".join(map(json.dumps, elements)) + "\n]"
    assert value_files.json_text(value, scratch.folder) == expected
