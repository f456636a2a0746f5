"""Two tasks have the same key if, and only if, their results are the same."""

import dataclasses
import math
from collections.abc import Iterator

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from background_nodes.runtime.keys.files import UnknownContentError
from background_nodes.runtime.keys.inputs import input_parts, items_digest, value_digest
from background_nodes.runtime.keys.key import Element, KeyParts, OtherItems
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import TaskOutput
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import ScratchFolder
from background_nodes.runtime.scratch.typed_values import TypedValue, ValueFile
from background_nodes.runtime.script.signature import Parameter
from background_nodes.runtime.script.socket_types import OPEN_FILE, SocketType, StoredRef

from .keys import BLENDER, OUTPUT, SCRIPT, contents, given, parts, typed

ROCK = Element('object "Rock"', "1", {'object "Rock"': "a", 'mesh "Rock"': "b"})
SEES_SCENE = "import bpy\nbpy.context.scene.frame_current\n"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def block(name: str, blob: str = "1.blend") -> TypedValue:
    return typed("Object", StoredRef("Object", name, "", blob))


# Values


ALIKE = (
    *(1, 1.0, True, "1", -1, 0, 0.0, -0.0, False, None, "", "None", "null", [], {}, [[]], [None], [0], [1], ["1"]),
    *([1, 2], [[1], 2], [1, [2]], "[1, 2]", {"a": 1}, {"a": 1.0}, {"a": True}, {"a": {}}, {"a": None}, math.nan, "NaN"),
    *(math.inf, -math.inf, 1e16, 10**16, "ä", "a\u0308", "\udc80", "\\udc80", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
)


def test_values_that_look_alike_have_different_keys(tmp_path):
    at = contents(tmp_path)
    keys = [parts(given("value", "ANY", typed("ANY", value), at=at)).key() for value in ALIKE]
    assert len(set(keys)) == len(ALIKE)


@pytest.mark.parametrize("kind", ["VECTOR", "COLOR", "ROTATION", "ANY"])
def test_equal_numbers_of_another_kind_have_another_key(tmp_path, kind):
    at = contents(tmp_path)
    keys = {parts(given("value", "ANY", typed(each, (0.0, 0.0, 1.0)), at=at)).key() for each in ("MATRIX", kind)}
    assert len(keys) == 2


def test_list_of_one_is_not_that_one(tmp_path):
    at = contents(tmp_path)
    one = parts(given("value", "INT", typed("INT", 1), at=at, is_list=True))
    several = parts(given("value", "INT", typed("INT", (1,), is_list=True), at=at, is_list=True))
    assert one.key() != several.key()


@examples(JSON, JSON)
def test_digests_are_equal_where_the_values_are(one, other):
    folder = ScratchFolder(None)
    is_same = repr(one) == repr(other)
    assert (value_digest(typed("ANY", one), folder) == value_digest(typed("ANY", other), folder)) is is_same


@examples(st.lists(JSON, min_size=1), st.data())
def test_it_does_not_matter_which_parts_of_a_list_are_in_files(tmp_path_factory, items, data):
    folder = ScratchFolder(tmp_path_factory.mktemp("scratch"))
    (folder.path / "0000").mkdir()
    cut = data.draw(st.integers(0, len(items)))
    value = TypedValue(SocketType("ANY", is_list=True), tuple(items))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_files, "LARGE", 0)
        [part] = value_files.stored(TypedValue(value.type, tuple(items[cut:])), "000001.0.value", folder).content
    mixed = TypedValue(value.type, (*items[:cut], part))
    single = TypedValue(value.type, (*items[:cut], *(ValueFile(part.name, None, i) for i in range(part.length))))
    assert {value_digest(each, folder) for each in (value, mixed, single)} == {value_digest(value, folder)}


def test_tuples_and_lists_are_the_same_value(tmp_path):
    folder = ScratchFolder(tmp_path)
    assert value_digest(typed("ANY", (1, (2,))), folder) == value_digest(typed("ANY", [1, [2]]), folder)


def test_conversion_and_number_of_links_count(tmp_path):
    at, one = contents(tmp_path), typed("INT", 1)
    keys = [
        parts(given("value", "FLOAT", one, at=at, conversion=conversion, is_list=True)).key()
        for conversion in ("", "float")
    ]
    keys += [parts(given("value", "FLOAT", *[one] * number, at=at, is_list=True)).key() for number in (0, 2)]
    assert len(set(keys)) == 4


# Data-blocks


def test_data_block_counts_by_its_content_and_not_by_where_it_is(tmp_path):
    keys = []
    for blob, digest in (("1.blend", "1"), ("2.blend", "1"), ("1.blend", "2")):
        at = contents(tmp_path, {"Rock": dataclasses.replace(ROCK, digest=digest)})
        keys.append(parts(given("source", "Object", block("Rock", blob), at=at)).key())
    assert keys[0] == keys[1] != keys[2]


def test_missing_data_block_is_not_left_out(tmp_path):
    at, rock = contents(tmp_path, {"Rock": ROCK}), StoredRef("Object", "Rock", "", "1.blend")
    values = [(rock,), (rock, None), (None, rock), (rock, rock), ()]
    keys = {
        parts(given("o", "Object", typed("Object", value, is_list=True), at=at, is_list=True)).key() for value in values
    }
    assert len(keys) == len(values)


def test_two_equal_data_blocks_are_not_one_that_is_given_twice(tmp_path):
    """A script that removes doubles from a list sees the difference; so does one that counts materials."""
    at = contents(tmp_path, {"Rock": ROCK, "Twin": ROCK})
    parameters = [Parameter(name, name, SocketType("Object")) for name in ("low", "high")]

    def key(*values: TypedValue) -> str:
        pairs = [(parameter, [(value, "")]) for parameter, value in zip(parameters, values, strict=True)]
        return parts(*input_parts(pairs, at)).key()

    same, beside, apart = block("Rock"), block("Twin"), block("Rock", "2.blend")
    assert len({key(same, same), key(same, beside), key(same, apart)}) == 3
    assert key(same, apart) == key(apart, same)
    assert key(block("Rock", "8.blend"), block("Rock", "9.blend")) == key(same, apart)


def test_library_of_a_data_block_counts(tmp_path):
    at = contents(tmp_path, {"Rock": ROCK})
    refs = [StoredRef("Object", "Rock", library, "1.blend") for library in ("", "/a.blend", "/b.blend")]
    assert len({parts(given("source", "Object", typed("Object", ref), at=at)).key() for ref in refs}) == 3


# Files


def path_input(at, path: str, **options):
    return given("filepath", "PATH", typed("STRING", path), at=at, **options)


def test_file_counts_by_path_and_content(tmp_path):
    at, file = contents(tmp_path), tmp_path / "a.png"
    file.write_bytes(b"1")
    keys = [parts(path_input(at, "//a.png")).key()]
    file.write_bytes(b"2")
    keys.append(parts(path_input(at, "//a.png")).key())
    file.unlink()
    keys.append(parts(path_input(at, "//a.png")).key())
    (tmp_path / "b.png").write_bytes(b"1")
    keys.append(parts(path_input(at, "//b.png")).key())
    assert len(set(keys)) == 4


def test_folder_counts_by_all_that_is_in_it(tmp_path):
    at, folder = contents(tmp_path), tmp_path / "in"
    folder.mkdir()
    before = parts(path_input(at, str(folder))).key()
    (folder / "a").touch()
    assert parts(path_input(at, str(folder))).key() != before


def test_output_path_counts_by_its_text_alone(tmp_path):
    at, file = contents(tmp_path), tmp_path / "a.glb"
    before = parts(path_input(at, "//a.glb", is_output_path=True)).key()
    file.write_bytes(b"1")
    assert parts(path_input(at, "//a.glb", is_output_path=True)).key() == before
    assert parts(path_input(at, "//b.glb", is_output_path=True)).key() != before
    assert parts(path_input(at, "//a.glb/", is_output_path=True)).key() != before


def test_files_that_the_task_wrote_don_t_count(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "input.txt").touch()
    before = parts(path_input(contents(tmp_path), str(folder)))
    (folder / "written.txt").touch()
    after = contents(tmp_path, written=frozenset({str(folder / "written.txt")}))
    assert parts(path_input(after, str(folder))).key() == before.key()
    assert parts(path_input(contents(tmp_path), str(folder))).key() != before.key()
    assert parts(path_input(contents(tmp_path), str(folder))).place() == before.place()


def test_file_that_the_task_wrote_over_its_input_does_not_count(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("1")
    at = contents(tmp_path, written=frozenset({str(file)}))
    before = parts(path_input(at, str(file))).key()
    file.write_text("2")
    assert parts(path_input(at, str(file))).key() == before


def test_path_that_is_not_whole_can_t_be_told(tmp_path):
    with pytest.raises(UnknownContentError, match=r'"File Path": a\.png is no whole path'):
        path_input(contents(tmp_path), "a.png")


def test_empty_path_is_no_folder(tmp_path):
    assert path_input(contents(tmp_path), "").contents[0].elements == ()


# Surroundings


OTHER_SCENE = dataclasses.replace(BLENDER, scene=SceneSettings(frame_current=2))


def test_scene_counts_where_it_can_be_seen(tmp_path):
    at = contents(tmp_path, {"Rock": ROCK, "Timed": ROCK})
    cases = {
        "": (),
        SEES_SCENE: (),
        "timed": (given("source", "Object", block("Timed"), at=at),),
        "still": (given("source", "Object", block("Rock"), at=at),),
    }
    found = set()
    for name, inputs in cases.items():
        script = SCRIPT + (name if name == SEES_SCENE else "")
        keys = {parts(*inputs, script=script, environment=each).key() for each in (BLENDER, OTHER_SCENE)}
        found |= {name} if len(keys) == 2 else set()
    assert found == {SEES_SCENE, "timed"}


def test_add_ons_of_a_node_may_look_at_the_scene():
    assert parts(addons=("loop_tools",), environment=OTHER_SCENE).key() != parts(addons=("loop_tools",)).key()


def test_whole_file_has_a_scene_of_its_own(tmp_path):
    at = contents(tmp_path)
    keys = {
        parts(
            given("f", "BLEND_FILE", typed("BLEND_FILE", OPEN_FILE), at=at), script=SEES_SCENE, environment=each
        ).key()
        for each in (BLENDER, OTHER_SCENE)
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("script", "same", "other"),
    [
        ("", ("/elsewhere/b.blend", ""), ()),
        ("import bpy\nbpy.path.abspath(x)", ("/work/b.blend",), ("/elsewhere/a.blend", "")),
        ("import bpy\nbpy.data.filepath", (), ("/work/b.blend", "")),
    ],
)
def test_open_file_counts_as_far_as_it_can_be_seen(script, same, other):
    key = parts(script=script).key()

    def key_of(path: str) -> str:
        return parts(script=script, environment=dataclasses.replace(BLENDER, open_file=path)).key()

    assert {key_of(path) for path in same} <= {key}
    assert key not in {key_of(path) for path in other}


def test_text_with_a_relative_path_brings_the_folder_in(tmp_path):
    moved = dataclasses.replace(BLENDER, open_file="/elsewhere/a.blend")
    for text, is_seen in (("//a.png", True), ("a.png", False)):
        part = given("name", "STRING", typed("STRING", text), at=contents(tmp_path))
        assert (parts(part).key() != parts(part, environment=moved).key()) is is_seen


def test_other_items_count_where_they_can_be_seen():
    script = "from background_nodes.script import items\n" + SCRIPT
    others = [OtherItems(item, items_digest([("source", names)])) for item in (0, 1) for names in (["A"], ["B"])]
    assert len({parts(script=script, others=each).key() for each in others}) == 4
    assert len({parts(others=each).key() for each in others}) == 1


# The rest


@pytest.mark.parametrize(
    "change",
    [
        {"script": SCRIPT + "x = 1"},
        {"outputs": (dataclasses.replace(OUTPUT, identifier="other"),)},
        {"outputs": ()},
        {"addons": ("loop_tools",)},
        {"is_without_main": True},
        {"installed": {"studio": "1"}},
        {"environment": dataclasses.replace(BLENDER, blender="5.2.3")},
        {"environment": dataclasses.replace(BLENDER, build="def Linux")},
        {"environment": dataclasses.replace(BLENDER, color="aces")},
    ],
    ids=str,
)
def test_all_else_counts(change):
    assert parts(**change).key() != parts().key()


def test_script_that_nobody_can_tell_has_no_key():
    with pytest.raises(UnknownContentError, match=r"It runs code that is no part of it \(exec\), line 1"):
        parts(script="exec(text)")


def test_version_of_an_add_on_counts():
    newer = dataclasses.replace(BLENDER, addons={"loop_tools": "1.1"})
    assert parts(addons=("loop_tools",), environment=newer).key() != parts(addons=("loop_tools",)).key()
    assert parts(environment=newer).key() == parts().key()


def test_devices_count_where_they_are_used():
    script = "import bpy\nbpy.ops.object.bake()"
    other = dataclasses.replace(BLENDER, devices=("GPU",))
    assert parts(script=script, environment=other).key() != parts(script=script).key()
    assert parts(environment=other).key() == parts().key()


def test_version_of_the_engine_counts():
    assert dataclasses.replace(parts(), version=0).key() != parts().key()


def changed(record: object) -> Iterator[tuple[str, object]]:
    """A record with one field changed, for each field of it and of the records in it, with the name of the field."""
    for each in dataclasses.fields(record):
        value = getattr(record, each.name)
        name = f"{type(record).__name__}.{each.name}"
        if dataclasses.is_dataclass(value):
            inner = changed(value)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            inner = [(name, value[:-1]), *((of, (new, *value[1:])) for of, new in changed(value[0]))]
        else:
            inner = [(name, _other(value))]
        yield from ((of, dataclasses.replace(record, **{each.name: new})) for of, new in inner)


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case tuple():
            return (*value, "x")
        case dict():
            return {**value, "x": "y"}
    raise TypeError(value)


def test_each_field_counts_but_for_the_words(tmp_path):
    at = contents(tmp_path, {"Rock": ROCK})
    whole = parts(
        given("source", "Object", block("Rock"), at=at),
        script="import bpy\nfrom background_nodes.script import items\nbpy.data\n" + SCRIPT,
        others=OtherItems(1, "2"),
    )
    fields = {name: new.key() == whole.key() for name, new in changed(whole)}
    assert {name for name, is_same in fields.items() if is_same} == {"ScriptPart.text", "Content.text", "Element.name"}
    assert len(fields) > 35


def test_what_is_there_for_people_does_not_count(tmp_path):
    at = contents(tmp_path, {"Rock": ROCK})
    named = parts(given("source", "Object", block("Rock"), at=at))
    other = contents(tmp_path, {"Rock": dataclasses.replace(ROCK, name='Objekt "Rock"')})
    assert parts(given("source", "Object", block("Rock"), at=other)).key() == named.key()
    assert parts(script=f"# comment\n{SCRIPT}").key() == parts().key()


def test_parts_survive_being_kept(tmp_path):
    at = contents(tmp_path, {"Rock": ROCK})
    whole = parts(
        given("source", "Object", block("Rock"), at=at),
        path_input(at, "//a.png"),
        given("size", "FLOAT", typed("FLOAT", 0.1), at=at),
        script=SEES_SCENE,
        others=OtherItems(1, "2"),
    )
    assert KeyParts.from_json(whole.to_json()) == whole
    assert KeyParts.from_json(whole.to_json()).key() == whole.key()


@pytest.mark.parametrize(
    "text", ["", "1", "[]", "{}", '{"script": 1}', parts().to_json().replace('"abc Linux"', "1"), "__import__('os')"]
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises((TypeError, ValueError)):
        KeyParts.from_json(text)


def test_output_of_a_mapped_task_is_told_from_its_list():
    output = TaskOutput("result", "Result", SocketType("INT", is_list=True))
    assert parts(outputs=(output,)).key() != parts().key()
