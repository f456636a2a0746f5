"""Large values in files: what was stored is read, whole, element by element and as JSON."""

import json

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.messages import Succeeded
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Store
from background_nodes.runtime.scratch.typed_values import TypedValue, ValueFile
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

MANY = tuple(index + 0.5 for index in range(10_000))
LONG = 'ä "\\\n\0 節点' * 5_000


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def value_of(kind, content):
    return TypedValue(SocketType(kind, isinstance(content, tuple)), content)


def stored(value, store):
    return value_files.stored(value, store.new_blob().replace("blend", "value"), store.folder)


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
def test_small_value_is_in_no_file(store, value):
    assert stored(value, store) is value


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
def test_large_value_is_read_as_it_was(store, value):
    in_file = stored(value, store)
    assert in_file.is_in_files
    assert in_file.num_elements == value.num_elements
    assert value_files.loaded(in_file, store.folder) == value
    assert json.loads(value_files.json_text(in_file, store.folder)) == json.loads(json.dumps(value.content))
    for element, of_file in zip(value.elements(), in_file.elements(), strict=True):
        alone = TypedValue(SocketType(value.type.kind), of_file)
        assert value_files.loaded(alone, store.folder).content == element
        break
    last = TypedValue(SocketType(value.type.kind), in_file.elements()[-1])
    assert value_files.loaded(last, store.folder).content == value.elements()[-1]
    assert json.loads(value_files.json_text(last, store.folder)) == value.elements()[-1]


def test_list_of_parts_from_several_files_is_one_list(store):
    kind = SocketType("FLOAT", is_list=True)
    first, second = stored(value_of("FLOAT", MANY), store), stored(value_of("FLOAT", MANY[::-1]), store)
    together = TypedValue(kind, (*first.parts(), 1.5, *second.parts(), *first.elements()[:1]))
    expected = (*MANY, 1.5, *MANY[::-1], MANY[0])
    assert together.num_elements == len(expected)
    assert value_files.loaded(together, store.folder).content == expected
    assert tuple(json.loads(value_files.json_text(together, store.folder))) == expected


def test_data_blocks_in_a_file_are_read_as_such(store):
    refs = (*(StoredRef("Mesh", f"ä {index}", "", "1.blend") for index in range(50)), None)
    value = value_of("Mesh", refs)
    in_file = value_files.in_file(value, store.new_blob().replace("blend", "value"), store.folder)
    assert in_file.is_in_files
    assert value_files.loaded(in_file, store.folder) == value
    assert value_files.named(in_file, store.folder) == [*(f"ä {index}" for index in range(50)), None]


def test_value_in_a_file_survives_the_wire(store):
    kind = SocketType("FLOAT", is_list=True)
    value = TypedValue(kind, (0.5, ValueFile("1.value", 3), ValueFile("2.value", None, 7), 1.5))
    single = TypedValue(SocketType("ANY"), ValueFile("3.value"))
    message = Succeeded({"a": value, "b": single, "c": TypedValue(SocketType("ANY"), {"name": "3.value"})})
    assert messages.decode(messages.encode(message)) == message


def test_file_that_is_gone_or_damaged_is_an_error_that_names_it(store):
    in_file = stored(value_of("FLOAT", MANY), store)
    name = in_file.parts()[0].name
    path = store.file(name)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(StoreError, match=name):
        value_files.loaded(in_file, store.folder)
    path.unlink()
    with pytest.raises(StoreError, match=name):
        value_files.loaded(in_file, store.folder)
    with pytest.raises(StoreError, match=name):
        value_files.json_text(in_file, store.folder)


def test_files_go_with_the_blob_that_they_lie_beside(store):
    blob = store.new_blob()
    value_files.stored(value_of("FLOAT", MANY), blob.replace(".blend", ".0.value"), store.folder)
    assert len(list(store.path.rglob("*.value*"))) == 2
    store.remove([blob])
    store.wait_for_removals()
    assert list(store.path.rglob("*.value*")) == []
