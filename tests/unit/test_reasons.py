"""Why a task runs, in words."""

import dataclasses

import pytest

from background_nodes.runtime.keys.files import MISSING
from background_nodes.runtime.keys.key import Element, OtherItems
from background_nodes.runtime.keys.reasons import Cause, Reason, file_changed, reasons
from background_nodes.runtime.keys.script_digest import text_digest
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.script.socket_types import StoredRef

from .keys import BLENDER, SCRIPT, contents, given, parts, typed

SEES_ALL = "import bpy\nprint(bpy.data)\n" + SCRIPT
ROCK = {'object "Rock"': "1", 'mesh "Rock"': "2", 'material "Moss"': "3", 'image file "moss.png"': "4"}


def told(old, new, text_of=lambda _digest: None) -> list[str]:
    return [str(reason) for reason in reasons(old, new, text_of)]


def test_task_without_a_result_never_ran():
    assert told(None, parts()) == ["never ran"]


def test_same_key_is_no_reason():
    assert told(parts(), parts(script=f"# comment\n{SCRIPT}")) == []


def test_script_that_changed_is_told_with_its_line():
    old, new = parts(), parts(script=SCRIPT.replace("1", "2"))
    texts = {text_digest(text): text for text in (SCRIPT, SCRIPT.replace("1", "2"))}
    assert told(old, new, texts.get) == ["script changed (line 2)"]
    assert told(old, new) == ["script changed"]


def test_module_that_changed_is_named(tmp_path):
    (tmp_path / "tools.py").write_text("x = 1")
    old = parts(script="import tools", folder=str(tmp_path))
    (tmp_path / "tools.py").write_text("x = 22")
    assert told(old, parts(script="import tools", folder=str(tmp_path))) == ['module "tools" changed']


@pytest.mark.parametrize(
    ("kind", "before", "after", "reason"),
    [
        ("FLOAT", 0.1, 0.2, '"Voxel Size" 0.1 → 0.2'),
        ("FLOAT", 0.10000000149011612, 2.0, '"Voxel Size" 0.1 → 2'),
        ("FLOAT", 1.0, 1.00000001, '"Voxel Size" changed'),
        ("INT", 1, 2, '"Voxel Size" 1 → 2'),
        ("BOOLEAN", True, False, '"Voxel Size" on → off'),
        ("STRING", "a", "b", '"Voxel Size" "a" → "b"'),
        ("ANY", None, {"a": 1}, "\"Voxel Size\" nothing → {'a': 1}"),
        ("VECTOR", (0.0, 0.0, 1.0), (0.0, 0.5, 1.0), '"Voxel Size" (0, 0, 1) → (0, 0.5, 1)'),
        ("STRING", "a" * 100, "a" * 99, '"Voxel Size" changed'),
        ("STRING", "{0}", "{subject}", '"Voxel Size" "{0}" → "{subject}"'),
    ],
)
def test_value_that_changed_is_told_with_both(tmp_path, kind, before, after, reason):
    old, new = (parts(given("voxel_size", kind, typed(kind, each), at=contents(tmp_path))) for each in (before, after))
    assert told(old, new) == [reason]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({'mesh "Rock"': "x"}, ['object "Rock": mesh changed']),
        ({'object "Rock"': "x"}, ['object "Rock" changed']),
        ({'material "Moss"': "x"}, ['object "Rock": material "Moss" changed']),
        ({'image file "moss.png"': "x"}, ['object "Rock": image file "moss.png" changed']),
        ({'object "Rock"': "x", 'mesh "Rock"': "y"}, ['object "Rock": mesh changed']),
        ({'material "Ice"': "x"}, ['object "Rock": material "Ice" is new']),
        ({}, ['"Source" changed']),
    ],
)
def test_part_of_a_data_block_that_changed_is_named(tmp_path, change, found):
    def with_rock(digest, digests):
        at = contents(tmp_path, {"Rock": Element('object "Rock"', digest, digests)})
        return parts(given("source", "Object", typed("Object", StoredRef("Object", "Rock", "", "1")), at=at))

    assert told(with_rock("1", ROCK), with_rock("2", {**ROCK, **change})) == found


def test_another_data_block_is_told_by_both_names(tmp_path):
    at = contents(tmp_path, {name: Element(f'object "{name}"', name) for name in ("A", "B")})
    old, new = (parts(given("o", "Object", typed("Object", StoredRef("Object", n, "", "1")), at=at)) for n in "AB")
    assert told(old, new) == ['"O" object "A" → object "B"']


def test_object_in_a_list_that_changed_is_named(tmp_path):
    def with_b(digest, name="B"):
        at = contents(tmp_path, {n: Element(f'object "{n}"', n, {f'object "{n}"': digest}) for n in ("A", name)})
        refs = tuple(StoredRef("Object", n, "", "1") for n in ("A", name))
        return parts(given("o", "Object", typed("Object", refs, is_list=True), at=at, is_list=True))

    old = with_b("1")
    new = dataclasses.replace(
        old, inputs=tuple(dataclasses.replace(each, contents=with_b("2").inputs[0].contents) for each in old.inputs)
    )
    assert told(old, new) == ['object "A" changed', 'object "B" changed']
    assert told(old, with_b("1", "C")) == ['"O": object "C" is new', '"O": object "B" is gone']


def test_file_that_changed_is_named(tmp_path):
    def with_file(name, text):
        (tmp_path / name).write_text(text)
        return parts(given("filepath", "PATH", typed("PATH", f"//{name}"), at=contents(tmp_path)))

    assert told(with_file("wood.png", "1"), with_file("wood.png", "2")) == ['image file "wood.png" changed']
    assert told(with_file("a.csv", "1"), with_file("a.csv", "2")) == ['file "a.csv" changed']
    assert told(with_file("a.csv", "1"), with_file("b.csv", "1")) == ['"File Path" "//a.csv" → "//b.csv"']


def test_file_in_a_folder_that_changed_is_named(tmp_path):
    def with_file(text):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / "wood.png").write_text(text)
        return parts(given("folder", "PATH", typed("PATH", "//in"), at=contents(tmp_path)))

    assert told(with_file("1"), with_file("2")) == ['image file "wood.png" changed']


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"blender": "5.2.3"}, ["Blender 5.2.2 → 5.2.3"]),
        ({"build": "def"}, ["another build of Blender 5.2.2"]),
        ({"color": "aces"}, ["colour management (OpenColorIO) changed"]),
        ({"scene": SceneSettings(frame_current=7, fps=25)}, ["frame 1 → 7", "frame rate 24 → 25"]),
        ({"open_file": "/b.blend"}, ["the file was moved or renamed"]),
        ({"devices": ("GPU",)}, ["render devices changed"]),
        ({"addons": {"loop_tools": "1.1"}}, ['add-on "loop_tools" 1.0 → 1.1']),
        ({"addons": {"loop_tools": f"1.0 {'a' * 32}"}}, ['add-on "loop_tools" changed']),
    ],
)
def test_change_of_the_surroundings_is_told(change, found):
    old, new = (
        parts(script=SEES_ALL, addons=("loop_tools",), environment=each)
        for each in (BLENDER, dataclasses.replace(BLENDER, **change))
    )
    assert told(old, new) == found


def test_all_else_is_told():
    assert told(dataclasses.replace(parts(), version=0), parts()) == ["Background Nodes was updated"]
    assert told(parts(outputs=()), parts()) == ["inputs or outputs changed"]
    assert told(parts(is_without_main=True), parts()) == ["inputs or outputs changed"]
    assert told(parts(installed={"studio": "1"}), parts(installed={"studio": "2"})) == ['module "studio" 1 → 2']
    contents = [parts(installed={"studio": digit * 32}) for digit in "ab"]
    assert told(*contents) == ['module "studio" changed']
    items = "from background_nodes.script import items"
    old, new = (parts(script=items, others=OtherItems(0, digest)) for digest in "12")
    assert told(old, new) == ["other items of its list changed"]


def test_number_of_links_is_told(tmp_path):
    one, at = typed("INT", 1), contents(tmp_path)
    old, new = (parts(given("n", "INT", *[one] * number, at=at, is_list=True)) for number in (1, 2))
    assert told(old, new) == ['"N" 1 link → 2 links']


def test_file_of_a_result_that_is_not_as_it_was():
    assert str(file_changed("/out/rock.glb", MISSING, is_output=True)) == 'output file "rock.glb" is gone'
    assert str(file_changed("/out/rock.glb", "1", is_output=True)) == 'output file "rock.glb" was changed'
    assert str(file_changed("/in/wood.png", "1", is_output=False)) == 'image file "wood.png" changed'


def test_reasons_that_are_no_difference():
    causes = (Cause.FORCED, Cause.NEVER_CACHED, Cause.REMOVED)
    assert [str(Reason(cause)) for cause in causes] == [
        "forced",
        "set to never cache",
        "result was removed to make room",
    ]
    assert str(Reason(Cause.UNKNOWN, "it runs code, line 3")) == "can't be cached: it runs code, line 3"
