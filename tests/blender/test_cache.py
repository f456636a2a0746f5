"""Results that are kept: only what changed runs again, and it is plain why."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes import RunState, TaskState
from background_nodes.addon.session import undo
from background_nodes.addon.session.blender_host import BlenderHost
from background_nodes.runtime.blend_file import chunks
from background_nodes.runtime.keys.key import KeyParts
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

from .graphs import SCALE, add, give, new_material, new_tree, output, quad, script, socket_of

COUNT = "def main(source: bpy.types.Object) -> int: return len(source.data.vertices)"


@pytest.fixture
def tree(store):
    return new_tree()


def rock(name: str = "Rock") -> bpy.types.Object:
    item = quad(name)
    item.data.materials.append(new_material("Stone"))
    return item


def ran(tree: bpy.types.NodeTree, **options) -> dict[str, tuple[str, ...]]:
    """Run a tree. Gives why each task ran, of those that were not cached."""
    run = background_nodes.run(tree, **options)
    assert run.state is RunState.SUCCEEDED, [task.error for task in run.tasks.values()]
    assert not run.notes
    return {name: task.reasons for name, task in run.tasks.items() if not task.cached}


def chain(tree: bpy.types.NodeTree, source: bpy.types.Object) -> bpy.types.Node:
    scale = script(tree, "Scale", SCALE, source=source)
    script(tree, "Count", COUNT, source=scale)
    return scale


# What runs, and why


def test_what_did_not_change_does_not_run_again(tree):
    chain(tree, rock())
    assert ran(tree) == {"Scale": ("never ran",), "Count": ("never ran",)}
    assert tree.nodes["Count"].outputs[0].result == 4
    assert ran(tree) == {}
    assert tree.nodes["Count"].outputs[0].result == 4


def test_a_changed_value_runs_its_node_and_what_depends_on_it(tree):
    scale = chain(tree, rock())
    ran(tree)
    socket_of(scale.inputs, "size").default_value = 3.0
    assert ran(tree) == {"Scale": ('"Size" 2 → 3',), "Count": ('object "Rock": mesh changed',)}
    socket_of(scale.inputs, "size").default_value = 2.0
    assert ran(tree) == {}, "that was asked before"


def test_a_task_does_not_wait_until_what_it_takes_is_kept(tree, monkeypatch):
    """What is kept of a large result takes long to write, and its digests are told beside it."""
    may_keep, keep, was_in_time = threading.Event(), Store.keep, []

    def kept(*arguments, **options):
        was_in_time.append(may_keep.wait(60.0))
        return keep(*arguments, **options)

    def hear(event):
        if event.task is not None and event.task.name == "Count" and event.task.state is TaskState.RUNNING:
            may_keep.set()

    monkeypatch.setattr(Store, "keep", kept)
    chain(tree, rock())
    assert set(ran(tree, on_event=hear)) == {"Scale", "Count"}
    assert was_in_time == [True, True]
    assert ran(tree) == {}


@pytest.mark.parametrize("values", [("1", "1.0", "true"), ("0.0", "-0.0"), ("[1]", "[true]")])
def test_a_value_that_is_only_equal_runs(tree, values):
    show = script(tree, "Show", "def main(value: Any) -> str: return repr(value)")
    shown = []
    for text in values:
        show.inputs[0].default_value = text
        assert set(ran(tree)) == {"Show"}
        assert ran(tree) == {}
        shown.append(show.outputs[0].result)
    assert len(set(shown)) == len(values)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda item: item.data.vertices[0].co.__setitem__(0, 9.0), 'object "Rock": mesh changed'),
        (lambda item: setattr(item.data.materials[0], "roughness", 0.1), 'object "Rock": material "Stone" changed'),
        (lambda item: item.modifiers.new("Bevel", "BEVEL"), 'object "Rock" changed'),
        (lambda item: item.__setitem__("mass", 3), 'object "Rock" changed'),
        (lambda item: setattr(item, "location", (1, 2, 3)), 'object "Rock" changed'),
    ],
    ids=["vertex", "material", "modifier", "custom property", "location"],
)
def test_a_changed_data_block_runs_what_takes_it(tree, edit, reason):
    item = rock()
    script(tree, "Count", COUNT, source=item)
    ran(tree)
    edit(item)
    assert ran(tree) == {"Count": (reason,)}
    assert ran(tree) == {}


@pytest.mark.any_blender
def test_of_a_large_data_block_that_was_changed_only_the_change_is_hashed(tree, monkeypatch):
    num_hashed = []

    def sha256(chunk):
        num_hashed[-1] += len(chunk)
        return hashlib.sha256(chunk)

    def hashed_by(run) -> int:
        num_hashed.append(0)
        run()
        return num_hashed[-1]

    monkeypatch.setattr(chunks, "sha256", sha256)
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=400, y_subdivisions=400)
    item = bpy.context.object
    script(tree, "Count", COUNT, source=item)
    assert hashed_by(lambda: ran(tree)) > 4 * chunks.CHUNK
    before = item.data.vertices[150_000].co.copy()
    item.data.vertices[150_000].co.z = 1.0
    assert 0 < hashed_by(lambda: ran(tree)) <= chunks.CHUNK
    item.data.vertices[150_000].co = before
    reasons = []
    assert hashed_by(lambda: reasons.append(ran(tree))) <= chunks.CHUNK
    assert reasons == [{}], "that was asked before"


def test_what_no_task_takes_may_change(tree):
    chain(tree, rock())
    bpy.context.scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    ran(tree)
    bpy.context.scene.camera.location.x = 5.0
    bpy.context.scene.frame_current = 7
    new_material("Other")
    assert ran(tree) == {}


#: What an artist does to look at something, or to see it better.
LOOKS = {
    "move a node": lambda item: setattr(noise(item), "location", (300, 20)),
    "select a node": lambda item: setattr(noise(item), "select", not noise(item).select),
    "activate a node": lambda item: setattr(item.data.materials[0].node_tree.nodes, "active", noise(item)),
    "fold a node": lambda item: setattr(noise(item), "hide", True),
    "fold a modifier": lambda item: setattr(item.modifiers[0], "show_expanded", False),
    "activate a modifier": lambda item: setattr(item.modifiers[0], "is_active", True),
    "fold a constraint": lambda item: setattr(item.constraints[0], "show_expanded", False),
}
PASS = "def main(source: bpy.types.Object) -> bpy.types.Object:\n    source.color[0] = 0.5\n    return source"
LOOK = """
def main(source: bpy.types.Object) -> str:
    nodes = [(n.location[:], n.select, n.hide) for n in source.data.materials[0].node_tree.nodes]
    active = source.data.materials[0].node_tree.nodes.active, source.modifiers.active
    return str((nodes, active, source.modifiers[0].show_expanded, source.constraints[0].show_expanded))
"""


def noise(item: bpy.types.Object) -> bpy.types.Node:
    return item.data.materials[0].node_tree.nodes["Noise"]


def arranged() -> bpy.types.Object:
    """A rock with a node, two modifiers and a constraint."""
    item = rock()
    item.data.materials[0].node_tree.nodes.new("ShaderNodeTexNoise").name = "Noise"
    for _ in range(2):
        item.modifiers.new("Bevel", "BEVEL")
    item.constraints.new("COPY_LOCATION")
    return item


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_how_an_editor_shows_something_does_not_count(tree, look):
    item = arranged()
    script(tree, "Pass", PASS, source=item)
    ran(tree)
    look(item)
    assert ran(tree) == {}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_how_an_editor_shows_something_counts_for_a_script_that_can_see_it(tree, look):
    item = arranged()
    script(tree, "Count", COUNT, source=item)
    script(tree, "Look", LOOK, source=script(tree, "Pass", PASS, source=item))
    ran(tree)
    before = tree.nodes["Look"].outputs[0].result
    look(item)
    assert ran(tree).keys() == {"Pass", "Look"}
    assert tree.nodes["Look"].outputs[0].result != before


def test_the_frame_counts_for_a_script_that_can_see_it(tree):
    script(tree, "Frame", "def main() -> int: return bpy.context.scene.frame_current")
    ran(tree)
    bpy.context.scene.frame_current = 7
    assert ran(tree) == {"Frame": ("frame 1 → 7",)}
    assert tree.nodes["Frame"].outputs[0].result == 7


def test_the_frame_counts_for_what_is_animated(tree):
    item = rock()
    item.keyframe_insert("location", frame=1)
    item.location.x = 10.0
    item.keyframe_insert("location", frame=11)
    script(tree, "Where", "def main(source: bpy.types.Object) -> float: return source.location.x", source=item)
    bpy.context.scene.frame_set(1)
    ran(tree)
    assert tree.nodes["Where"].outputs[0].result == 0.0
    bpy.context.scene.frame_set(11)
    ran(tree)
    assert tree.nodes["Where"].outputs[0].result == 10.0


def test_an_object_with_animated_shape_keys_is_kept_and_its_animation_counts(tree):
    item = rock()
    item.shape_key_add(name="Basis")
    smile = item.shape_key_add(name="Smile")
    smile.keyframe_insert("value", frame=1)
    script(tree, "Pass", "def main(source: bpy.types.Object) -> bpy.types.Object: return source", source=item)
    ran(tree)
    assert ran(tree) == {}
    smile.keyframe_insert("value", frame=9)
    assert list(ran(tree)) == ["Pass"]
    assert ran(tree) == {}


def test_comments_and_layout_of_a_script_may_change_and_its_code_may_not(tree):
    scale = chain(tree, rock())
    ran(tree)
    scale.script.from_string("# Makes it larger\n" + scale.script.as_string().replace("*= size", "*=   size  # all"))
    assert ran(tree) == {}
    scale.script.from_string(scale.script.as_string().replace("*=   size", "*= -size"))
    line = next(number for number, text in enumerate(scale.script.as_string().splitlines(), 1) if "-size" in text)
    assert ran(tree)["Scale"] == (f"script changed (line {line})",)


def test_one_changed_object_of_many_runs_one_item(tree):
    items = [rock(f"Rock {number}") for number in range(5)]
    collection = bpy.data.collections.new("Rocks")
    for item in items:
        collection.objects.link(item)
    objects = script(
        tree,
        "Objects",
        "def main(source: bpy.types.Collection) -> list[bpy.types.Object]: return list(source.objects)",
        source=collection,
    )
    script(tree, "Count", COUNT, source=objects)
    ran(tree)
    items[3].data.vertices[0].co.x = 7.0
    run = background_nodes.run(tree)
    assert [item.state for item in run.tasks["Count"].items] == ["succeeded"] * 5
    assert [item.cached for item in run.tasks["Count"].items] == [True, True, True, False, True]
    assert run.tasks["Count"].reasons == ('object "Rock 3": mesh changed',)


def test_the_same_result_of_another_script_stops_the_change_there(tree):
    scale = chain(tree, rock())
    ran(tree)
    scale.script.from_string(scale.script.as_string().replace("*= size", "*= 1.0 * size"))
    run = background_nodes.run(tree)
    assert [(task.name, task.cached, task.gave_the_same) for task in run.tasks.values()] == [
        ("Scale", False, True),
        ("Count", True, False),
    ]
    socket_of(scale.inputs, "size").default_value = 3.0
    run = background_nodes.run(tree)
    assert [task.gave_the_same for task in run.tasks.values()] == [False, True], "as many vertices, elsewhere"


def test_a_node_that_always_runs_and_gives_the_same_stops_the_change_there(tree):
    scale = chain(tree, rock())
    scale.cache = "NEVER"
    ran(tree)
    run = background_nodes.run(tree)
    assert (run.tasks["Scale"].gave_the_same, run.tasks["Count"].cached) == (True, True)


def test_another_file_is_another_result(tree, tmp_path):
    out = tmp_path / "out.txt"
    write = script(
        tree,
        "Write",
        """
        from pathlib import Path
        def main(text: str, path: Path) -> Path:
            path.write_text(text)
            return path
        """,
        text="same",
        path=str(out),
    )
    ran(tree)
    for text, is_same in (("other", False), ("other", True)):
        socket_of(write.inputs, "text").default_value = text
        assert background_nodes.run(tree, force=True).tasks["Write"].gave_the_same is is_same


def test_a_renamed_and_moved_file_is_cached(tree, tmp_path):
    item = rock()
    item.data.materials[0].node_tree.nodes.new("ShaderNodeTexImage").image = bpy.data.images.new("Image", 4, 4)
    chain(tree, item)
    (tmp_path / "folder").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    ran(tree)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "folder" / "other.blend"))
    assert ran(bpy.data.node_groups["Tree"]) == {}


def test_undo_and_redo_leave_all_cached(tree):
    item = rock()
    chain(tree, item)
    ran(tree)
    bpy.ops.ed.undo_push(message="before")
    item.data.vertices[0].co.x = 5.0
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert ran(bpy.data.node_groups["Tree"]) == {}


# What is not cached


def test_a_node_can_be_set_to_run_each_time(tree):
    scale = chain(tree, rock())
    scale.cache = "NEVER"
    ran(tree)
    assert ran(tree) == {"Scale": ("set to never cache",)}


def test_a_script_can_say_that_it_runs_each_time(tree):
    script(tree, "Now", "CACHE = False\ndef main() -> int: return 1")
    ran(tree)
    assert ran(tree) == {"Now": ("set to never cache",)}


def test_a_part_of_the_tree_is_cached_for_all_of_it(tree):
    chain(tree, rock())
    assert set(ran(tree, until="Scale")) == {"Scale"}
    assert set(ran(tree)) == {"Count"}
    assert ran(tree, until="Scale") == ran(tree) == {}


def test_a_forced_run_runs_all(tree):
    chain(tree, rock())
    ran(tree)
    assert ran(tree, force=True) == {"Scale": ("forced",), "Count": ("forced",)}
    assert ran(tree) == {}


def test_without_the_cache_all_runs_and_nothing_is_kept(tree, store):
    chain(tree, rock())
    assert set(ran(tree, cache=False)) == {"Scale", "Count"}
    assert not store.exists()


def test_a_failure_is_not_kept(tree):
    script(tree, "Fails", "def main() -> int: raise ValueError('no')")
    for _ in range(2):
        run = background_nodes.run(tree)
        assert run.tasks["Fails"].state == "failed"
        assert run.tasks["Fails"].reasons == ("never ran",)


def test_a_script_that_gives_nothing_and_says_of_no_file_runs_each_time(tree, tmp_path):
    script(tree, "Append", "def main(path: str): open(path, 'a').write('x')", path=str(tmp_path / "log"))
    for _ in range(3):
        ran(tree)
    assert (tmp_path / "log").read_text() == "xxx"


# Values


@pytest.mark.parametrize(
    "source",
    [
        "def main() -> str: return 'ä' * 50_000",
        "def main() -> list[float]: return [number / 7 for number in range(20_000)]",
        "def main() -> int | None: return None",
        "def main() -> list[int]: return []",
        "def main() -> Vector: return Vector((1, 2, 3))",
        "def main() -> dict: return {'a': [1, None, {'b': float('inf')}]}",
        "def main() -> bpy.types.Object | None: return None",
    ],
)
def test_cached_values_are_what_they_were(tree, source):
    node = script(tree, "Give", source)
    ran(tree)
    first = node.outputs[0].result
    assert ran(tree) == {}
    assert node.outputs[0].result == first


def test_a_cached_list_is_mapped_over_as_a_new_one(tree):
    numbers = script(tree, "Numbers", "def main(count: int = 30) -> list[int]: return list(range(count))")
    double = script(tree, "Double", "def main(value: int) -> int: return 2 * value", value=numbers)
    script(tree, "Sum", "def main(values: list[int]) -> int: return sum(values)", values=double)
    ran(tree)
    assert ran(tree) == {}
    assert tree.nodes["Sum"].outputs[0].result == 870
    socket_of(numbers.inputs, "count").default_value = 31
    run = background_nodes.run(tree)
    assert sum(item.cached for item in run.tasks["Double"].items) == 30
    assert tree.nodes["Sum"].outputs[0].result == 930


# Data-blocks


def test_what_a_cached_result_uses_unchanged_is_the_files_own(tree):
    item = rock()
    scale = script(tree, "Scale", SCALE, source=item)
    output(tree, "LINK", scale)
    ran(tree)
    before = {name: len(getattr(bpy.data, name)) for name in ("objects", "meshes", "materials")}
    assert ran(tree) == {}
    assert {name: len(getattr(bpy.data, name)) for name in before} == before
    result = scale.outputs[0].result
    assert result != item
    assert result.data.materials[0] == item.data.materials[0]
    assert result.data.vertices[3].co == 2 * item.data.vertices[3].co


def test_a_run_that_changes_nothing_makes_no_undo_step_and_loads_nothing(tree, tmp_path, monkeypatch):
    """In a window an undo step is what makes the file count as changed."""
    item = rock()
    output(tree, "LINK", script(tree, "Scale", SCALE, source=item))
    script(tree, "Count", COUNT, source=item)
    ran(tree)
    steps: list[str] = []
    monkeypatch.setattr(undo, "push_undo", steps.append)
    before = {block.name_full: block.session_uid for block in (*bpy.data.objects, *bpy.data.meshes)}
    assert ran(tree) == {}
    assert {block.name_full: block.session_uid for block in (*bpy.data.objects, *bpy.data.meshes)} == before
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert ran(bpy.data.node_groups["Tree"]) == {}
    assert len(bpy.data.objects) == 2
    assert steps == []


def test_a_result_that_is_used_in_another_way_comes_home_again(tree):
    scale = script(tree, "Scale", SCALE, source=rock())
    node = output(tree, "KEEP", scale)
    ran(tree)
    assert not scale.outputs[0].result.users_collection
    node.mode = "LINK"
    assert ran(tree) == {}
    assert scale.outputs[0].result.users_collection == (bpy.context.scene.collection,)


def test_a_result_that_was_deleted_comes_home_again_without_a_worker(tree):
    scale = script(tree, "Scale", SCALE, source=rock())
    output(tree, "LINK", scale)
    ran(tree)
    bpy.data.objects.remove(scale.outputs[0].result)
    assert ran(tree) == {}
    assert scale.outputs[0].result.data.vertices[3].co.y == 2.0


def test_a_cached_result_replaces_its_original(tree, tmp_path):
    file = str(tmp_path / "scene.blend")
    output(tree, "REPLACE", script(tree, "Scale", SCALE, source=rock()))
    bpy.ops.wm.save_as_mainfile(filepath=file)
    ran(tree)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert bpy.data.objects["Rock"].data.vertices[3].co.y == 1.0
    assert ran(bpy.data.node_groups["Tree"]) == {}
    (item,) = bpy.data.objects
    assert item.data.vertices[3].co.y == 2.0
    assert item.data.materials[0] == bpy.data.materials["Stone"]


def test_what_two_cached_tasks_took_from_one_object_is_one_again(tree):
    """Each of them gives the same material of the artist; a third task gets both."""
    item = rock()
    first, second = (script(tree, name, SCALE, source=item) for name in ("First", "Second"))
    socket_of(second.inputs, "size").default_value = 3.0
    look = script(
        tree,
        "Look",
        "def main(one: bpy.types.Object, two: bpy.types.Object, again: int = 0) -> list[str]:\n"
        "    return [one.name, two.name, *(material.name for material in bpy.data.materials)]",
        one=first,
        two=second,
    )
    ran(tree)
    names = look.outputs[0].result
    socket_of(look.inputs, "again").default_value = 1
    assert set(ran(tree)) == {"Look"}
    assert look.outputs[0].result == names
    assert names[2:] == ("Stone",)


def test_equal_items_come_home_as_data_blocks_of_their_own(tree):
    numbers = script(tree, "Numbers", "def main() -> list[int]: return [1, 1, 1]")
    make = script(
        tree,
        "Make",
        "def main(value: int) -> bpy.types.Object:\n"
        "    return bpy.data.objects.new('Made', bpy.data.meshes.new('Made'))",
        value=numbers,
    )
    output(tree, "LINK", make)
    ran(tree)
    assert len(set(make.outputs[0].result)) == 3
    assert ran(tree) == {}
    assert len(set(make.outputs[0].result)) == 3


def test_equal_parts_of_a_cached_result_stay_as_many(tree):
    numbers = script(tree, "Numbers", "def main() -> list[int]: return [1, 1, 1]")
    make = script(
        tree,
        "Make",
        "def main(value: int) -> bpy.types.Object: return bpy.data.objects.new('Made', None)",
        value=numbers,
    )
    hold = script(
        tree,
        "Hold",
        "def main(items: list[bpy.types.Object]) -> bpy.types.Collection:\n"
        "    holder = bpy.data.collections.new('Holder')\n"
        "    for item in items:\n"
        "        holder.objects.link(item)\n"
        "    return holder",
        items=make,
    )
    output(tree, "LINK", hold)
    ran(tree)
    names = [item.name for item in hold.outputs[0].result.objects]
    assert len(set(names)) == 3
    assert ran(tree) == {}
    assert [item.name for item in hold.outputs[0].result.objects] == names


def test_what_two_tasks_made_is_not_what_two_tasks_passed_on_though_it_is_equal(tree):
    """What both passed on is one material to a third task, and what each made is two."""
    item = rock()
    first, second = (script(tree, name, SCALE, source=item) for name in ("First", "Second"))
    look = script(
        tree,
        "Look",
        "def main(one: bpy.types.Object, two: bpy.types.Object) -> int: return len(bpy.data.materials)",
        one=first,
        two=second,
    )
    ran(tree)
    assert look.outputs[0].result == 1
    copy = (
        "    old = source.data.materials[0]\n"
        "    source.data.materials[0] = new = old.copy()\n"
        "    old.name, new.name = 'Old', 'Stone'\n"
        "    return source"
    )
    for node in (first, second):
        node.script.from_string(node.script.as_string().replace("    return source", copy))
    ran(tree)
    assert look.outputs[0].result == 2


def test_script_sees_another_picture_that_was_chosen_for_an_object(tree):
    item = rock()
    source = "def main(source: bpy.types.Object) -> list[int]: return list(source.preview.image_pixels)"
    look = script(tree, "Look", source, source=item)
    preview = item.preview_ensure()
    for number in (1, 2):
        preview.image_size = 2, 2
        preview.image_pixels = [number] * 4
        assert list(ran(tree)) == ["Look"]
        assert look.outputs[0].result == (number,) * 4
    assert ran(tree) == {}


# Files


def test_a_result_that_names_a_file_holds_while_that_is_as_it_was(tree, tmp_path):
    path = tmp_path / "written.txt"
    source = (
        "from pathlib import Path\n"
        "from background_nodes.script import OutputPath, own_file\n"
        "def main(path: OutputPath) -> Path:\n"
        "    file = own_file([path]); file.write_text('hello'); return file"
    )
    node = script(tree, "Write", source)
    socket_of(node.inputs, "path").default_value = str(path)
    ran(tree)
    assert ran(tree) == {}
    path.unlink()
    assert ran(tree) == {"Write": ('output file "written.txt" is gone',)}
    assert path.read_text() == "hello"
    path.write_text("other")
    assert ran(tree) == {"Write": ('output file "written.txt" was changed',)}
    assert path.read_text() == "hello"


def test_a_file_that_is_read_counts_by_its_content(tree, tmp_path):
    path = tmp_path / "read.txt"
    path.write_text("one")
    node = script(tree, "Read", "from pathlib import Path\ndef main(path: Path) -> str: return path.read_text()")
    socket_of(node.inputs, "path").default_value = str(path)
    ran(tree)
    path.touch()
    assert ran(tree) == {}
    path.write_text("two")
    assert ran(tree) == {"Read": ('file "read.txt" changed',)}
    assert node.outputs[0].result == "two"


def scene_with_image(folder, source: str) -> bpy.types.Node:
    """A file in `folder`, with a node that takes an image of a file there."""
    folder.mkdir()
    image = bpy.data.images.new("Bark", 4, 4)
    image.filepath_raw, image.file_format = str(folder / "bark.png"), "PNG"
    image.save()
    image.source = "FILE"
    node = script(new_tree(), "Take", source, source=image)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"), relative_remap=True)
    image.filepath = "//bark.png"
    return node


def moved_with_its_folder(folder, name: str) -> bpy.types.NodeTree:
    """Save the open file in `folder`, rename that, and open it there."""
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(folder.rename(folder.with_name(name)) / "scene.blend"))
    return bpy.data.node_groups["Tree"]


def test_a_result_that_names_a_file_of_its_input_is_made_anew_where_that_has_moved(store, tmp_path):
    node = scene_with_image(
        tmp_path / "one", "def main(source: bpy.types.Image) -> bpy.types.Image: return source.copy()"
    )
    ran(node.id_data)
    tree = moved_with_its_folder(tmp_path / "one", "other")
    assert ran(tree) == {"Take": ('file "bark.png" is elsewhere now',)}
    assert ran(tree) == {}
    tree = moved_with_its_folder(tmp_path / "other", "one")
    assert set(ran(tree)) == {"Take"}


@pytest.mark.parametrize(
    "path", ["source.filepath", "source.filepath_raw", "source.filepath_from_user()", "getattr(source, 'filepath')"]
)
def test_paths_of_files_count_for_a_script_that_sees_them(store, tmp_path, path):
    node = scene_with_image(tmp_path / "one", f"def main(source: bpy.types.Image) -> str: return {path}")
    ran(node.id_data)
    tree = moved_with_its_folder(tmp_path / "one", "other")
    assert set(ran(tree)) == {"Take"}
    assert tree.nodes["Take"].outputs[0].result == str(tmp_path / "other" / "bark.png")


@pytest.mark.parametrize("name", ["material.library.name", "material.name_full", "material.library.filepath"])
def test_name_of_a_library_counts_for_a_script_that_sees_it(tree, tmp_path, name):
    """The same material, linked from two files of one content."""
    material = new_material("Bark")
    bpy.data.libraries.write(str(tmp_path / "one.blend"), {material})
    shutil.copy(tmp_path / "one.blend", tmp_path / "two.blend")
    source = f"def main(material: bpy.types.Material) -> str: return {name}"
    bpy.data.materials.remove(material)
    found = []
    for file in ("one.blend", "two.blend"):
        with bpy.data.libraries.load(str(tmp_path / file), link=True) as (_there, wanted):
            wanted.materials = ["Bark"]
        if not found:
            script(tree, "Look", source)
        socket_of(tree.nodes["Look"].inputs, "material").default_value = wanted.materials[0]
        assert set(ran(tree)) == {"Look"}
        found.append(tree.nodes["Look"].outputs[0].result)
    assert "two.blend" in found[1]


def test_files_of_an_input_may_move_for_a_script_that_does_not_see_their_paths(store, tmp_path):
    node = scene_with_image(tmp_path / "one", "def main(source: bpy.types.Image) -> int: return len(source.pixels)")
    ran(node.id_data)
    assert ran(moved_with_its_folder(tmp_path / "one", "other")) == {}


def test_a_result_that_names_a_file_of_its_own_holds_while_that_is_there(tree, tmp_path):
    path = tmp_path / "baked.png"
    bake = (
        "def main(path: str) -> bpy.types.Image:\n"
        "    image = bpy.data.images.new('Baked', 4, 4)\n"
        "    image.filepath_raw, image.file_format = path, 'PNG'\n"
        "    image.save()\n"
        "    return image"
    )
    script(tree, "Bake", bake, path=str(path))
    ran(tree)
    assert ran(tree) == {}
    path.unlink()
    assert ran(tree) == {"Bake": ('image file "baked.png" changed',)}
    assert path.exists()


def saved(path, *numbers: int) -> None:
    """Save small pictures."""
    image = bpy.data.images.new("Saved", 2, 2)
    image.file_format = "PNG"
    for number in numbers:
        image.filepath_raw = str(path).replace("#", str(number))
        image.save()


@pytest.mark.parametrize(("source", "mark"), [("TILED", "<UDIM>"), ("SEQUENCE", "1001")])
def test_a_result_that_names_many_files_holds_while_all_are_there_and_no_more(tree, tmp_path, source, mark):
    saved(tmp_path / "bark.#.png", 1001, 1002)
    load = (
        "def main(path: str) -> bpy.types.Image:\n"
        "    image = bpy.data.images.load(path.replace('#', '1001'))\n"
        f"    image.source = '{source}'\n"
        f"    image.filepath = path.replace('#', '{mark}')\n"
        "    return image"
    )
    script(tree, "Load", load, path=str(tmp_path / "bark.#.png"))
    ran(tree)
    assert ran(tree) == {}
    (tmp_path / "bark.1002.png").unlink()
    assert ran(tree).keys() == {"Load"}
    saved(tmp_path / "bark.#.png", 1003)
    assert ran(tree).keys() == {"Load"}
    assert ran(tree) == {}


# Whole files


WHOLE = (
    "from background_nodes.script import BlendFile\ndef main(file: BlendFile) -> int:\n    return len(bpy.data.objects)"
)


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_counts_by_its_bytes_and_by_the_files_that_it_names(tree, tmp_path, compress):
    saved(tmp_path / "bark.png", 0)
    item = arranged()
    item.data.materials[0].node_tree.nodes.new("ShaderNodeTexImage").image = image_of(tmp_path / "bark.png")
    path = str(tmp_path / "theirs.blend")
    bpy.data.libraries.write(path, {item}, compress=compress)
    script(tree, "Count", WHOLE, file=path)
    ran(tree)
    assert tree.nodes["Count"].outputs[0].result == 1
    assert ran(tree) == {}
    (tmp_path / "bark.png").write_bytes(b"changed")
    assert ran(tree).keys() == {"Count"}
    bpy.data.libraries.write(path, {item, rock("Other")}, compress=compress)
    assert ran(tree).keys() == {"Count"}
    assert ran(tree) == {}


def test_the_open_file_counts_by_all_that_is_in_it(tree):
    script(tree, "Count", WHOLE)
    item = rock()
    ran(tree)
    ran(tree)  # the tree is in the file, and has noted its result
    assert ran(tree) == {}
    item.location.x = 1.0
    assert ran(tree) == {"Count": ("the open file changed",)}
    assert ran(tree) == {}


def test_a_script_that_gives_data_blocks_of_a_whole_file_runs_each_time(tree):
    rock()
    give = WHOLE.replace("-> int", "-> bpy.types.Object").replace("len(bpy.data.objects)", "bpy.data.objects['Rock']")
    script(tree, "Give", give)
    ran(tree)
    assert ran(tree) == {"Give": ("can't be cached: it works on all of the open file, and gives data-blocks",)}


def test_what_is_linked_and_given_itself_is_cached(tree, tmp_path):
    theirs = rock()
    path = str(tmp_path / "library.blend")
    bpy.data.libraries.write(path, {theirs})
    bpy.data.objects.remove(theirs)
    with bpy.data.libraries.load(path, link=True) as (_found, linked):
        linked.objects = ["Rock"]
    script(tree, "Count", COUNT, source=linked.objects[0])
    assert ran(tree) == {"Count": ("never ran",)}
    assert ran(tree) == {}


# Files that change while a task runs


def test_a_file_that_is_passed_on_and_changes_meanwhile_is_not_taken_for_written(tree, tmp_path):
    """1. A file is given. 2. The task reads it. 3. Somebody changes it. 4. The task returns its path."""
    path = tmp_path / "read.txt"
    path.write_text("one")
    source = (
        "from pathlib import Path\n"
        "from typing import NamedTuple\n"
        "class Output(NamedTuple):\n"
        "    path: Path\n"
        "    text: str\n"
        "def main(path: Path) -> Output:\n"
        "    text = path.read_text()\n"
        "    path.write_text('two')\n"
        "    return Output(path, text)"
    )
    node = script(tree, "Pass", source)
    socket_of(node.inputs, "path").default_value = str(path)
    ran(tree)
    assert ran(tree).keys() == {"Pass"}
    assert socket_of(node.outputs, "text").result == "two"
    assert ran(tree) == {}


def image_of(path) -> bpy.types.ID:
    return bpy.data.images.load(str(path))


def linked_image_of(path) -> bpy.types.ID:
    """An object with a material of a library, which has an image."""
    item, theirs = rock(), new_material("Theirs")
    theirs.node_tree.nodes.new("ShaderNodeTexImage").image = image_of(path)
    library = str(path.with_name("library.blend"))
    bpy.data.libraries.write(library, {theirs})
    bpy.data.materials.remove(theirs)
    with bpy.data.libraries.load(library, link=True) as (_found, linked):
        linked.materials = ["Theirs"]
    item.data.materials[0] = linked.materials[0]
    return item


@pytest.mark.parametrize("make", [image_of, linked_image_of])
def test_a_result_is_not_kept_if_a_file_of_its_input_changes_meanwhile(tree, tmp_path, make):
    """1. An image is given, and counts by its file. 2. Somebody changes that. 3. The task reads it."""
    path = tmp_path / "bark.png"
    saved(path, 0)
    before = path.read_bytes()
    source = (
        "from pathlib import Path\n"
        "def main(source: bpy.types.ID, path: str) -> int:\n"
        "    Path(path).write_bytes(b'changed')\n"
        "    return Path(path).stat().st_size"
    ).replace("bpy.types.ID", f"bpy.types.{'Image' if make is image_of else 'Object'}")
    node = script(tree, "Read", source, source=make(path), path=str(path))
    ran(tree)
    assert node.outputs[0].result == len("changed")
    path.write_bytes(before)
    assert ran(tree).keys() == {"Read"}


# The store


def test_a_result_is_not_kept_if_an_installed_module_changes_meanwhile(tree, tmp_path, monkeypatch):
    module = tmp_path / "studio_tools.py"
    module.write_text("X = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    source = f"""
        import contextlib
        with contextlib.suppress(ImportError):
            import studio_tools
        def main() -> int:
            return open({str(module)!r}, "w").write("X = 22")
    """
    script(tree, "Write", source)
    ran(tree)
    module.write_text("X = 1")
    assert set(ran(tree)) == {"Write"}
    assert set(ran(tree)) == {"Write"}, "it changed while the first two ran"
    assert ran(tree) == {}


@pytest.fixture
def addon(tmp_path, monkeypatch):
    """The file of an add-on that is installed."""
    import addon_utils

    folder = tmp_path / "scripts" / "addons"
    folder.mkdir(parents=True)
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", str(folder.parent))
    monkeypatch.setattr(addon_utils, "paths", lambda: [str(folder)])
    file = folder / "studio_addon.py"
    file.write_text('bl_info = {"name": "Studio", "version": (1, 0), "blender": (4, 2, 0)}\n')
    return file


def test_an_edited_add_on_counts_though_its_version_is_the_same(tree, addon):
    host = BlenderHost()
    node = script(tree, "Node", "def main() -> int: return 1")
    node.addons = addon.stem
    plan = host.plan(tree, None)
    before = host.environment(plan).addons
    assert host.environment(plan).addons == before
    addon.write_text(addon.read_text() + "X = 2\n")
    assert host.environment(plan).addons.keys() == before.keys()
    assert host.environment(plan).addons != before


def test_the_configuration_of_colour_management_counts(tree, tmp_path, monkeypatch):
    host = BlenderHost()
    script(tree, "Node", "def main() -> int: return 1")
    plan, found = host.plan(tree, None), [""]
    monkeypatch.setenv("OCIO", str(tmp_path / "show" / "config.ocio"))
    (tmp_path / "show" / "luts").mkdir(parents=True)
    for name, text in [("config.ocio", "1"), ("config.ocio", "22"), ("luts/film.cube", "1")]:
        (tmp_path / "show" / name).write_text(text)
        found.append(host.environment(plan).color)
    monkeypatch.setenv("OCIO", "ocio://default")
    found.append(host.environment(plan).color)
    assert len(set(found)) == len(found)
    own = Path(bpy.utils.system_resource("DATAFILES", path="colormanagement"), "config.ocio")
    monkeypatch.setenv("OCIO", str(own))  # as in what a Blender 5.2 has started
    assert host.environment(plan).color == ""


def test_a_damaged_result_is_made_anew(tree, store):
    scale = script(tree, "Scale", SCALE, source=rock())
    output(tree, "LINK", scale)
    ran(tree)
    background_nodes_session_ends()
    blend = max((file for file in store.rglob("files/*/*")), key=lambda file: file.stat().st_size)
    content = bytearray(blend.read_bytes())
    content[len(content) // 2] ^= 1
    blend.chmod(0o600)
    blend.write_bytes(content)
    assert set(ran(tree)) == {"Scale"}
    assert scale.outputs[0].result.data.vertices[3].co.y == 2.0


def test_what_an_open_file_shows_stays_when_another_blender_makes_room(tree, store, tmp_path):
    chain(tree, rock())
    ran(tree)
    path = str(tmp_path / "shown.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    background_nodes_session_ends()
    bpy.ops.wm.open_mainfile(filepath=path)
    await_chores()
    with contextlib.closing(Store(store, Limits(max_size=0, min_free=0))) as other:
        upkeep.prune(other)
    assert ran(bpy.data.node_groups["Tree"]) == {}


def test_what_another_version_kept_is_no_obstacle(tree, monkeypatch):
    scale = chain(tree, rock())
    with monkeypatch.context() as patch:
        patch.setattr(KeyParts, "to_json", lambda _self: '{"parts": "of that version"}')
        ran(tree)
    socket_of(scale.inputs, "size").default_value = 3.0
    assert ran(tree) == dict.fromkeys(("Scale", "Count"), ("Background Nodes was updated",))


def test_a_store_that_is_gone_is_made_anew(tree, store):
    chain(tree, rock())
    ran(tree)
    assert ran(tree) == {}, "all is kept by now"
    await_chores()
    shutil.rmtree(store)
    assert set(ran(tree)) == {"Scale", "Count"}
    assert ran(tree) == {}


def await_chores():
    from background_nodes.addon.session.current import session

    while session._runner.is_keeping_house:
        session._runner.update(10.0)


def background_nodes_session_ends():
    from background_nodes.addon.session.current import session

    session.close()


@pytest.mark.parametrize("name", [b"rock.mtl", b"gr\xfcn.mtl"])  # the second one is no UTF-8
def test_an_mtl_file_that_appears_or_changes_runs_the_import(tree, tmp_path, name):
    (tmp_path / "rock.obj").write_bytes(b"mtllib " + name + b"\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n")
    node = add(tree, "BackgroundNodeScript", "Import")
    node.library_script = "import_export/import_obj"
    give(node, filepath=str(tmp_path / "rock.obj"))
    found = []
    for color in (None, "1 0 0", "0 1 0"):
        if color:
            (tmp_path / os.fsdecode(name)).write_text(f"newmtl Red\nKd {color}\n")
        found.append((set(ran(tree)), ran(tree)))
    assert found == [({"Import"}, {})] * 3
