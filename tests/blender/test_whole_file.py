"""Whole .blend files as inputs, end to end: the open one, and files on disk."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.runtime.errors import CompileError

from . import dependency_changes
from .graphs import link_to_scene, names, new_material, new_tree, output, quad, script, value

#: What a script finds in its file.
LOOK = """
    from background_nodes.script import BlendFile

    def main(file: BlendFile) -> Any:
        return {
            "filepath": file.filepath,
            "objects": sorted(item.name for item in bpy.data.objects),
            "scene": bpy.context.scene.name,
            "view_layer": bpy.context.view_layer.name,
            "frame": bpy.context.scene.frame_current,
            "output": bpy.context.scene.render.filepath,
        }
"""


@pytest.fixture
def tree():
    return new_tree()


def run(tree, **options):
    finished = background_nodes.run(tree, **options)
    assert finished.state == "succeeded", [(name, task.error) for name, task in finished.tasks.items() if task.error]
    return finished


def result(node, index: int = 0):
    return node.outputs[index].result


def save(path: Path) -> str:
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return str(path)


def file_on_disk(path: Path, *object_names: str, **settings) -> str:
    """Save a file with objects of these names, and leave an empty file open that was never saved."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    for name in object_names:
        quad(name)
    for name, setting in settings.items():
        setattr(bpy.context.scene, name, setting)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return str(path)


def compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    if bpy.app.version < (5, 0, 0):
        scene.use_nodes = True
    elif scene.compositing_node_group is None:
        scene.compositing_node_group = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
    return scene.node_tree if bpy.app.version < (5, 0, 0) else scene.compositing_node_group


def set_output_folder(scene: bpy.types.Scene, folder: str) -> None:
    node = next(node for node in compositor(scene).nodes if node.bl_idname == "CompositorNodeOutputFile")
    setattr(node, "base_path" if bpy.app.version < (5, 0, 0) else "directory", folder)


# The open file


def test_open_file_that_was_never_saved_is_there_as_it_is(tree):
    quad("Cube")
    look = script(tree, "Look", LOOK)
    bpy.context.scene.frame_current = 7
    run(tree)
    found = result(look)
    assert (found["filepath"], found["objects"], found["frame"]) == ("", ["Cube"], 7)


def test_open_file_with_unsaved_changes_is_there_as_it_is_now(tree, awkward_path):
    look = script(tree, "Look", LOOK)
    path = save(awkward_path / "scene.blend")
    quad("Unsaved")
    bpy.context.scene.render.filepath = "//out/"
    run(tree)
    found = result(look)
    assert (found["filepath"], found["objects"]) == (path, ["Unsaved"])
    assert Path(found["output"]) == awkward_path / "out"


def test_active_scene_and_view_layer_are_the_artists(tree):
    look = script(tree, "Look", LOOK)
    bpy.data.scenes.new("A first one")
    layer = bpy.context.scene.view_layers.new("Second")
    bpy.context.scene.name = "Shown"
    window = bpy.context.window_manager.windows[0]
    window.view_layer = layer
    run(tree)
    found = result(look)
    assert (found["scene"], found["view_layer"]) == ("Shown", "Second")


def test_two_nodes_share_one_copy(tree, session):
    quad("Cube")
    nodes = [script(tree, name, LOOK) for name in ("A", "B")]
    finished = run(tree)
    assert result(nodes[0]) == result(nodes[1])
    assert len(finished._snapshot.blobs) == 1
    assert session._runner.scratch.path.exists()


def test_artists_file_is_left_as_it_is(tree, tmp_path):
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> None:
            assert "Cube" in bpy.data.objects
    """
    script(tree, "Look", source)
    quad("Cube")
    path = save(tmp_path / "scene.blend")
    content, time = Path(path).read_bytes(), Path(path).stat().st_mtime_ns
    called = []

    def note(*_arguments):
        called.append(1)

    handlers = [bpy.app.handlers.save_pre, bpy.app.handlers.save_post, bpy.app.handlers.load_pre]
    for functions in handlers:
        functions.append(note)
    before, is_dirty = names(), bpy.data.is_dirty
    try:
        run(tree)
    finally:
        for functions in handlers:
            functions.remove(note)
    assert (bpy.data.filepath, bpy.data.is_dirty, called) == (path, is_dirty, [])
    assert names() == before
    assert (Path(path).read_bytes(), Path(path).stat().st_mtime_ns) == (content, time)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["scene.blend"]


# Files on disk


def test_file_on_disk_is_opened_with_its_own_settings(tree, tmp_path):
    path = file_on_disk(tmp_path / "shot.blend", "Hero", frame_current=42)
    tree = new_tree()
    look = script(tree, "Look", LOOK, file=path)
    run(tree)
    found = result(look)
    assert (found["filepath"], found["objects"], found["frame"]) == (path, ["Hero"], 42)


def test_list_of_files_maps_the_node(tmp_path):
    paths = [file_on_disk(tmp_path / f"{name}.blend", name) for name in "abc"]
    tree = new_tree()
    look = script(tree, "Look", LOOK, file=value(tree, "PATH", paths, is_list=True))
    run(tree)
    assert [found["objects"] for found in result(look)] == [["a"], ["b"], ["c"]]


def test_copy_is_made_from_a_file_of_which_the_path_is_known_at_run_time_only(tmp_path):
    source = """
        from pathlib import Path

        def main(folder: Path) -> Path:
            bpy.context.scene.collection.objects.link(bpy.data.objects.new("Made", None))
            path = folder / "made.blend"
            bpy.ops.wm.save_as_mainfile(filepath=str(path))
            return path
    """
    tree = new_tree()
    make = script(tree, "Make", source, folder=str(tmp_path))
    look = script(tree, "Look", LOOK, file=make)
    run(tree)
    assert result(look)["objects"] == ["Made"]


def test_retry_works_on_the_copy_that_the_run_began_with(tree, tmp_path):
    quad("Cube")
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            raise ValueError("not yet")
    """
    look = script(tree, "Look", source)
    run = background_nodes.run(tree)
    assert run.state == "failed"
    quad("Later")
    look.script.from_string(
        look.script.as_string().replace('raise ValueError("not yet")', "return list(bpy.data.objects.keys())")
    )
    run.retry()
    run.wait()
    assert run.state == "succeeded"
    assert result(look) == ["Cube"]


def test_retry_on_the_open_file_after_another_says_that_there_is_no_copy(tree, tmp_path):
    path = file_on_disk(tmp_path / "a.blend", "Hero")
    tree = new_tree()
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> None:
            raise ValueError
    """
    look = script(tree, "Look", source, file=path)
    run = background_nodes.run(tree)
    look.inputs[0].default_value = ""
    run.retry()
    run.wait()
    assert run.tasks["Look"].error.message.startswith("the open file was not copied when the run started")


def test_file_of_another_blender_is_opened(tree):
    from background_nodes.addon.adding import example_files

    folder = Path(example_files.__file__).parent / "examples"
    path = str(next(folder.glob("*.blend")))  # they are written by 4.2
    look = script(tree, "Look", LOOK, file=path)
    run(tree)
    assert result(look)["filepath"] == path


def test_recent_files_of_the_artist_stay_as_they_are(tree, tmp_path):
    recent = Path(bpy.utils.user_resource("CONFIG")) / "recent-files.txt"
    before = recent.read_bytes() if recent.exists() else None
    path = file_on_disk(tmp_path / "a.blend", "Hero")
    tree = new_tree()
    script(tree, "Here", LOOK)
    script(tree, "There", LOOK, file=path)
    run(tree)
    assert (recent.read_bytes() if recent.exists() else None) == before


def test_path_that_turns_out_to_be_wrong_fails_the_task(tree, tmp_path):
    make = script(tree, "Make", "def main(text: str = '') -> str: return text")
    script(tree, "Look", LOOK, file=make)
    finished = background_nodes.run(tree)
    assert finished.tasks["Look"].error.message.startswith('socket "File": the path of the .blend file is empty')


def test_relative_path_on_the_socket_starts_at_the_artists_file(tmp_path):
    path = file_on_disk(tmp_path / "shots" / "a.blend", "Hero")
    tree = new_tree()
    look = script(tree, "Look", LOOK, file="//shots/a.blend")
    with pytest.raises(CompileError, match="is relative to this file, which is not saved yet"):
        background_nodes.run(tree)
    save(tmp_path / "main.blend")
    run(tree)
    assert (result(look)["filepath"], result(look)["objects"]) == (path, ["Hero"])


def test_input_node_gives_this_file_or_another(tmp_path):
    path = file_on_disk(tmp_path / "a.blend", "Hero")
    quad("Here")
    tree = new_tree()
    looks = [
        script(tree, f"Look {index}", LOOK, file=value(tree, "BLEND_FILE", content))
        for index, content in enumerate((None, path))
    ]
    both = script(tree, "Both", LOOK, file=value(tree, "BLEND_FILE", ["", path], is_list=True))
    run(tree)
    assert [result(look)["objects"] for look in looks] == [["Here"], ["Hero"]]
    assert [found["objects"] for found in result(both)] == [["Here"], ["Hero"]]


# What is in the copy


def test_relative_image_and_library_are_found_in_the_worker(awkward_path):
    file_on_disk(awkward_path / "library.blend", "Linked")
    image = bpy.data.images.new("paint", 2, 2)
    image.pixels = [0.0, 1.0, 0.0, 1.0] * 4
    image.filepath_raw, image.file_format = str(awkward_path / "paint.png"), "PNG"
    image.save()
    save(awkward_path / "main.blend")
    bpy.data.images.remove(image)
    image = bpy.data.images.load("//paint.png")
    image.use_fake_user = True
    with bpy.data.libraries.load(str(awkward_path / "library.blend"), link=True, relative=True) as (_names, wanted):
        wanted.objects = ["Linked"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    assert (image.filepath, bpy.data.libraries[0].filepath) == ("//paint.png", "//library.blend")
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            linked = bpy.data.objects["Linked"]
            library = linked.library.filepath
            return list(bpy.data.images["paint.png"].pixels[:4]), len(linked.data.vertices), library
    """
    tree = new_tree()
    here = script(tree, "Here", source)
    there = script(tree, "There", source, file=save(awkward_path / "main.blend"))
    run(tree)
    expected = ((0.0, 1.0, 0.0, 1.0), 4, str(awkward_path / "library.blend"))
    for node in (here, there):
        pixels, num_vertices, library = result(node)
        assert (tuple(pixels), num_vertices, library) == expected


def test_unsaved_pixels_are_in_the_copy(tree):
    image = bpy.data.images.new("paint", 2, 2)
    image.pixels = [0.25, 0.5, 1.0, 1.0] * 4
    image.use_fake_user = True
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            return [round(value, 2) for value in bpy.data.images["paint"].pixels[:4]]
    """
    look = script(tree, "Look", source)
    run(tree)
    assert result(look) == pytest.approx([0.25, 0.5, 1.0, 1.0], abs=0.01)
    assert image.is_dirty


def test_all_that_nobody_uses_is_in_the_copy_too(tree):
    for make in (bpy.data.meshes.new, bpy.data.materials.new, bpy.data.collections.new, bpy.data.worlds.new):
        make("Loose")
    bpy.data.objects.new("Loose", None)
    bpy.data.materials.new("Kept").use_fake_user = True
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            kinds = ("meshes", "materials", "collections", "worlds", "objects")
            loose = [name for name in kinds if "Loose" in getattr(bpy.data, name)]
            return loose, bpy.data.materials["Kept"].use_fake_user, bpy.data.materials["Loose"].use_fake_user
    """
    look = script(tree, "Look", source)
    run(tree)
    assert result(look) == (["meshes", "materials", "collections", "worlds", "objects"], True, False)


def test_nothing_in_the_file_runs_by_itself(tmp_path):
    flag = tmp_path / "ran"
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    text = bpy.data.texts.new("register.py")
    text.from_string(f"open({str(flag)!r}, 'w')")
    text.use_module = True
    item = quad("Driven")
    driver = item.driver_add("location", 0).driver
    driver.expression = f"len(str(open({str(flag)!r}, 'w')))"
    save(tmp_path / "scripts.blend")
    assert not flag.exists(), "this Blender trusts files"
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            bpy.context.scene.frame_set(5)
            bpy.context.view_layer.update()
            assert "register.py" in bpy.data.texts
            return bpy.data.objects["Driven"]
    """
    tree = new_tree()
    script(tree, "Here", source)
    script(tree, "There", source, file=str(tmp_path / "scripts.blend"))
    run(tree)
    assert not flag.exists()


def test_hidden_excluded_and_marked_things_stay_so(tree):
    scene = bpy.context.scene
    for name in ("Excluded", "Hidden"):
        scene.collection.children.link(bpy.data.collections.new(name))
    layer = scene.view_layers[0].layer_collection
    layer.children["Excluded"].exclude = True
    layer.children["Hidden"].hide_viewport = True
    quad("Unseen").hide_set(True)
    scene.timeline_markers.new("mark", frame=12)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            scene = bpy.context.scene
            layer = bpy.context.view_layer.layer_collection
            hidden = bpy.data.objects["Unseen"].hide_get()
            markers = [(marker.name, marker.frame) for marker in scene.timeline_markers]
            return layer.children["Excluded"].exclude, layer.children["Hidden"].hide_viewport, hidden, markers
    """
    look = script(tree, "Look", source)
    run(tree)
    assert result(look) == (True, True, True, [("mark", 12)])


def test_paths_to_which_is_written_are_whole_in_the_copy(tree, tmp_path):
    cube = quad("Cube")
    modifier = cube.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "DOMAIN"
    modifier.domain_settings.cache_directory = "//fluid"
    nodes = cube.modifiers.new("Nodes", "NODES")
    nodes.node_group = bpy.data.node_groups.new("Geometry", "GeometryNodeTree")
    nodes.bake_directory = "//bakes"
    compositor(bpy.context.scene).nodes.new("CompositorNodeOutputFile")
    bpy.context.scene.sequence_editor_create().proxy_dir = "//proxies"
    bpy.context.scene.render.filepath = "//render/frame_"
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
            tree = scene.compositing_node_group if bpy.app.version >= (5, 0, 0) else scene.node_tree
            output = next(node for node in tree.nodes if node.bl_idname == "CompositorNodeOutputFile")
            return {
                "render": scene.render.filepath,
                "compositor": output.directory if bpy.app.version >= (5, 0, 0) else output.base_path,
                "fluid": cube.modifiers["Fluid"].domain_settings.cache_directory,
                "bakes": cube.modifiers["Nodes"].bake_directory,
                "proxies": scene.sequence_editor.proxy_dir,
            }
    """
    set_output_folder(bpy.context.scene, "//passes/")
    look = script(tree, "Look", source)
    save(tmp_path / "main.blend")
    run(tree)
    names = {
        "render": "render/frame_",
        "compositor": "passes/",
        "fluid": "fluid",
        "bakes": "bakes",
        "proxies": "proxies",
    }
    assert result(look) == {kind: f"{tmp_path}{os.sep}{name}" for kind, name in names.items()}


def test_active_object_and_selection_are_the_artists(tree):
    for name in ("A", "B", "C"):
        quad(name).select_set(name != "C")
    bpy.context.view_layer.objects.active = bpy.data.objects["B"]
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            selected = sorted(item.name for item in bpy.context.selected_objects)
            return bpy.context.object.name, selected, bpy.context.mode
    """
    look = script(tree, "Look", source)
    run(tree)
    assert result(look) == ("B", ["A", "B"], "OBJECT")


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "VERTEX_PAINT"])
@pytest.mark.parametrize("is_saved", [False, True])
def test_what_is_being_edited_is_there_in_object_mode(tree, tmp_path, mode, is_saved):
    cube = quad("Cube")
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode=mode)
    if mode == "EDIT":
        import bmesh  # which only is there once bpy is

        bmesh.from_edit_mesh(cube.data).verts[:][0].co.z = 3.0
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> Any:
            cube = bpy.data.objects["Cube"]
            bpy.ops.object.select_all(action="DESELECT")
            return bpy.context.mode, cube.mode, len(cube.data.vertices), cube.data.vertices[0].co.z
    """
    look = script(tree, "Look", source)
    if is_saved:
        look.inputs[0].default_value = save(tmp_path / "edited.blend")
    run(tree)
    assert cube.mode == mode
    bpy.ops.object.mode_set(mode="OBJECT")
    assert result(look) == ("OBJECT", "OBJECT", 4, 3.0 if mode == "EDIT" else 0.0)


def test_file_that_was_rendered_can_be_copied(tree):
    scene = bpy.context.scene
    scene.camera = link_to_scene(bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera")))
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.render.resolution_x, scene.render.resolution_y = 1, 16, 16
    bpy.ops.render.render()
    assert any(image.type == "RENDER_RESULT" for image in bpy.data.images)
    look = script(tree, "Look", LOOK)
    run(tree)
    assert result(look)["objects"] == ["Camera"]


# Other inputs beside it


def test_data_blocks_of_the_open_file_are_those_in_the_copy(tree):
    cube = quad("Cube", material=new_material("Paint"))
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile, source: bpy.types.Object) -> Any:
            same = source == bpy.data.objects["Cube"]
            return same, len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.materials)
    """
    look = script(tree, "Look", source, source=cube)
    run(tree)
    assert result(look) == (True, 1, 1, 1)


def test_changed_data_block_of_the_file_comes_beside_the_one_in_it_and_shares_the_rest(tree):
    quad("Cube", material=new_material("Paint"))
    lift = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            cube = bpy.data.objects["Cube"]
            cube.data.vertices[0].co.z = 5.0
            return cube
    """
    compare = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile, source: bpy.types.Object) -> Any:
            own = bpy.data.objects["Cube"]
            heights = [item.data.vertices[0].co.z for item in (own, source)]
            return heights, own.data.materials[0] == source.data.materials[0], len(bpy.data.materials)
    """
    look = script(tree, "Compare", compare, source=script(tree, "Lift", lift))
    run(tree)
    assert result(look) == ([0.0, 5.0], True, 1)


def test_data_block_of_another_file_is_loaded_beside_those_of_the_file(tmp_path):
    path = file_on_disk(tmp_path / "a.blend", "Cube")
    cube = quad("Cube", size=3.0)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile, source: bpy.types.Object) -> Any:
            own = bpy.data.objects["Cube"]
            sizes = [round(item.dimensions.x, 2) for item in (own, source)]
            return sizes, source.name, source.name in bpy.context.scene.objects
    """
    tree = new_tree()
    look = script(tree, "Look", source, source=cube, file=path)
    run(tree)
    assert result(look) == ([1.0, 3.0], "Cube.001", True)


# Results


def test_result_brings_no_doubles_of_what_the_script_left_alone(tree):
    material = new_material("Paint")
    quad("Cube", material=material)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            new = bpy.data.objects["Cube"].copy()
            new.name = "Copy"
            new.data = new.data.copy()
            return new
    """
    make = script(tree, "Make", source)
    run(tree)
    made = result(make)
    assert made.name == "Copy"
    assert made.data.materials[0] == material
    assert [item.name for item in bpy.data.materials] == ["Paint"]


@pytest.mark.parametrize("name", dependency_changes.CHANGES)
def test_change_of_what_a_result_uses_comes_home(tree, name):
    change, item = dependency_changes.CHANGES[name], dependency_changes.make()
    before = change.seen(item)
    lines = textwrap.indent(f"item = bpy.data.objects['Item']\n{change.script}\nreturn item", "    ")
    source = f"from background_nodes.script import BlendFile\ndef main(file: BlendFile) -> bpy.types.Object:\n{lines}\n"
    make = script(tree, "Make", source)
    run(tree)
    assert change.seen(result(make)) != before
    assert change.seen(item) == before


def test_result_with_all_it_may_use_brings_no_doubles(tree, tmp_path):
    material = new_material("Paint")
    nodes = material.node_tree.nodes
    packed, painted = (bpy.data.images.new(name, 4, 4) for name in ("packed", "painted"))
    packed.pack()
    painted.pixels = [0.5] * 64
    for image in (packed, painted):
        nodes.new("ShaderNodeTexImage").image = image
    nodes.new("ShaderNodeGroup").node_tree = bpy.data.node_groups.new("Shading", "ShaderNodeTree")
    material.node_tree.driver_add("nodes[0].location", 0).driver.expression = "1 + 2"
    material.use_fake_user = True
    cube, target = quad("Cube", material=material), quad("Target", size=2.0)
    target.shape_key_add(name="Basis")
    armature = link_to_scene(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
    cube.modifiers.new("Armature", "ARMATURE").object = armature
    cube.modifiers.new("Wrap", "SHRINKWRAP").target = target
    cube.modifiers.new("Nodes", "NODES").node_group = bpy.data.node_groups.new("Geometry", "GeometryNodeTree")
    cube.parent = link_to_scene(bpy.data.objects.new("Parent", None))
    cube.parent.instance_type = "COLLECTION"
    cube.parent.instance_collection = bpy.data.collections.new("Instanced")
    cube.parent.instance_collection.objects.link(
        link_to_scene(bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT")))
    )
    target.animation_data_create().action = bpy.data.actions.new("Move")
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            new = bpy.data.objects["Cube"].copy()
            new.name = "Copy"
            new.location.x = 7.0
            return new
    """
    make = script(tree, "Make", source)
    before = {kind: len(items) for kind, items in names().items()}
    run(tree)
    assert result(make).parent == cube.parent
    after = {kind: len(items) for kind, items in names().items()}
    assert {kind: after[kind] - before[kind] for kind in before if after[kind] != before[kind]} == {
        "objects": 1,
        "meshes": 1,  # of the new object
    }


def test_result_that_the_script_changed_comes_as_a_new_one(tree):
    material = new_material("Paint")
    quad("Cube", material=material)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            cube = bpy.data.objects["Cube"]
            cube.data.materials[0].diffuse_color = (1, 0, 0, 1)
            return cube
    """
    make = script(tree, "Make", source)
    run(tree)
    made = result(make)
    assert made.data.materials[0] != material
    assert tuple(made.data.materials[0].diffuse_color) == (1, 0, 0, 1)
    assert tuple(material.diffuse_color) != (1, 0, 0, 1)


def test_results_of_two_nodes_share_what_neither_changed(tmp_path):
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    material = new_material("Paint")
    for name in ("A", "B"):
        quad(name, material=material)
    path = save(tmp_path / "library.blend")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile, name: str) -> bpy.types.Object:
            return bpy.data.objects[name]
    """
    tree = new_tree()
    for name in ("A", "B"):
        script(tree, name, source, file=path, name=name).keep_result = True
    run(tree)
    assert [item.name for item in bpy.data.materials] == ["Paint"]
    assert sorted(item.name for item in bpy.data.objects) == ["A", "B"]


def test_output_node_replaces_the_artists_own_mesh(tree):
    cube = quad("Cube")
    source = """
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            cube = bpy.data.objects["Cube"]
            cube.data.vertices[0].co.z = 5.0
            return cube
    """
    output(tree, "REPLACE", script(tree, "Lift", source))
    run(tree)
    assert cube.data.vertices[0].co.z == 5.0
    assert [item.name for item in bpy.data.objects] == ["Cube"]


def test_result_of_a_file_that_the_script_opened_itself_comes_home(tree, tmp_path):
    path = file_on_disk(tmp_path / "a.blend", "Other")
    source = f"""
        from background_nodes.script import BlendFile

        def main(file: BlendFile) -> bpy.types.Object:
            bpy.ops.wm.open_mainfile(filepath={path!r})
            return bpy.data.objects["Other"]
    """
    tree = new_tree()
    quad("Cube")
    make = script(tree, "Make", source)
    run(tree)
    assert result(make).name == "Other"


def test_handler_that_a_script_left_is_not_called_when_its_results_are_judged(tree):
    quad("Cube", material=new_material("Paint"))
    source = """
        from background_nodes.script import BlendFile

        def spoil(*_arguments):
            bpy.data.materials["Paint"].name = "Spoilt"

        def main(file: BlendFile) -> bpy.types.Object:
            bpy.app.handlers.load_post.append(spoil)
            new = bpy.data.objects["Cube"].copy()
            new.name = "Copy"
            return new
    """
    script(tree, "Make", source)
    run(tree)
    assert [item.name for item in bpy.data.materials] == ["Paint"]


# What can't be


def test_missing_file_is_a_problem_before_the_run(tree, tmp_path):
    script(tree, "Look", LOOK, file=str(tmp_path / "gone.blend"))
    with pytest.raises(CompileError) as caught:
        background_nodes.run(tree)
    (problem,) = caught.value.problems
    assert (problem.node, problem.socket) == ("Look", "File")
    assert "is missing" in problem.message
    assert problem.fix == "Choose another .blend file"
