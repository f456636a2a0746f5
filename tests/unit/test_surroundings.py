"""What a script can see beside its inputs. What is missed here would be an old result that passes for a new one."""

import ast
import dataclasses
import textwrap
from pathlib import Path

import pytest

from background_nodes.runtime.keys import source_tree
from background_nodes.runtime.keys.files import FileDigests
from background_nodes.runtime.keys.script_digest import ScriptDigests
from background_nodes.runtime.keys.surroundings import Surroundings, surroundings
from background_nodes.runtime.script.signature import ScriptSource

ROOT = Path(__file__).resolve().parents[2]
SCENE = "scene folder devices"
OPERATOR = f"{SCENE} arrangement"
ALL = "scene folder open_file devices"
EVERYTHING = f"{ALL} items arrangement"


def names(sees: Surroundings) -> str:
    found = [field.name for field in dataclasses.fields(sees) if getattr(sees, field.name)]
    return " ".join([each for each in found if "arrange" not in each] + ["arrangement"] * sees.sees_arrangement)


def seen(text: str, *, is_script: bool = True) -> str:
    tree = source_tree.read(ast.parse(textwrap.dedent(text)))
    return names(surroundings(tree, is_script=is_script))


@pytest.mark.parametrize(
    "text",
    [
        "import math",
        "import bpy\ndef main(source: bpy.types.Object): source.location.x += 1",
        "bpy.data.objects['a'].scale *= 2",
        "from bpy import data as D\nD.meshes.new('a')",
        "import bpy\nC = bpy.context\nD = bpy.data\nC.view_layer.update()\nD.objects.remove(x)",
        "import bpy\nlayer, root = bpy.context.view_layer, bpy.context.scene.collection\nroot.objects\nlayer.objects",
        "import bpy\nscene = bpy.context.scene\nscene.render.engine = 'CYCLES'\nscene.world = world",
        "import bpy\ndepsgraph = bpy.context.evaluated_depsgraph_get()\nsource.evaluated_get(depsgraph).to_mesh()",
        "import bpy\nwith bpy.context.temp_override(object=x):\n    bpy.ops.object.voxel_remesh()",
        "import bpy\nbpy.ops.mesh.select_all(action='SELECT')",
        "import bpy\nbpy.path.clean_name(x)\nbpy.app.version >= (5, 0, 0)",
        "'{0.name}: {1:.3f} of {2.data.name}'.format(source, 1.0, other)",
        "settings.format = 'MPEG4'",
        "getattr(x, 'location')\nhasattr(x, name)\nsetattr(x, name, 1)",
        "source.modifiers.new('Cut', 'BOOLEAN')\nsource.modifiers.new(name, type='DECIMATE')",
        "tree.nodes.new('ShaderNodeMix')\ntree.links.new(a, b)",
        "layers = mesh.uv_layers\nlayers.new(name=name)",
        "import bpy\nbpy.data.objects.new(name, mesh)",
        "modifiers = source.modifiers\nmodifiers.new('Cut', 'BOOLEAN')",
        '"""Move objects to the active location."""\nsource.location.x = source.select_get()',
        "tree.nodes['Mix'].inputs[0].default_value = 1",
        "node = tree.nodes.new('ShaderNodeMix')\nnode.location = 1, 2\nnode.select = False",
        "source.modifiers.new('Cut', 'BOOLEAN')\nsource.data.vertices.foreach_get('co', found)",
    ],
)
def test_script_that_looks_at_nothing(text):
    assert seen(text) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # The scene, by all roads that there are.
        ("bpy.context.scene.frame_current", SCENE),
        ("len(bpy.data.actions)", SCENE),
        ("bpy.context.scene.render.fps", SCENE),
        ("import bpy as b\nb.context.scene.unit_settings", SCENE),
        ("from bpy import context\ncontext.scene.frame_end", SCENE),
        ("from bpy.context import scene\nscene.frame_end", SCENE),
        ("import bpy\nC = bpy.context\nS = C.scene\nS.frame_end", SCENE),
        ("import bpy\ndef f():\n    scene = bpy.context.scene\n    g(scene)", SCENE),
        ("import bpy\ndef f():\n    scene = bpy.context.scene\n    return scene", SCENE),
        ("import bpy\ndef f(scene=bpy.context.scene):\n    pass", SCENE),
        ("import bpy\nclass A:\n    scene = bpy.context.scene", SCENE),
        ("import bpy\nself.scene = bpy.context.scene", SCENE),
        ("import bpy\nx = scenes[0] if scenes else bpy.context.scene", SCENE),
        ("import bpy\nx = [bpy.context.scene]", SCENE),
        ("import bpy\nfor scene in bpy.data.scenes:\n    pass", SCENE),
        ("import bpy\nbpy.data.scenes[0]", SCENE),
        ("import bpy\nbpy.data.user_map()", OPERATOR),
        ("import bpy\nbpy.data.libraries.load(path)", OPERATOR),
        ("import bpy\nbpy.context.evaluated_depsgraph_get().scene", SCENE),
        ("depsgraph.ids", SCENE),
        ("source.users_scene[0]", SCENE),
        ("def f(self, context):\n    context.scene", SCENE),
        ("def f(layer):\n    layer.depsgraph", SCENE),
        ("match x:\n    case A(scene=s):\n        pass", SCENE),
        ("getattr(x, 'users_scene')", SCENE),
        ("getattr(x, name)", OPERATOR),
        ("list(map(getattr, items, names))", OPERATOR),
        ("'{0.users_scene[0].frame_current}'.format(source)", SCENE),
        ("'{:{1.users_scene}}'.format(1, source)", SCENE),
        ("x = '{0.users_scene}'\nf(x, source)", SCENE),
        ("text.format(source)", OPERATOR),
        ("list(map(text.format, sources))", OPERATOR),
        ("('{0.users' + '_scene}').format(source)", OPERATOR),
        ("str.format_map(text, sources)", OPERATOR),
        ("source.path_resolve('x')", OPERATOR),
        ("import bpy\nbpy.context.view_layer.objects.id_data", SCENE),
        # Operators that are not known.
        ("import bpy\nbpy.ops.render.render()", OPERATOR),
        ("import bpy\nops = bpy.ops\nops.object.visual_transform_apply()", OPERATOR),
        ("import bpy\nbpy.app.handlers.render_stats.append(f)", SCENE),
        # The frame, without the scene.
        ("source.keyframe_insert('location')", "scene"),
        ("source.driver_add('location')", "scene"),
        ("source.modifiers.new('Sea', 'OCEAN')", "scene"),
        ("kinds = ['WAVE']", "scene"),
        ("drawing.layers[0].active_frame", "scene"),
        ("import bpy\nbpy.context.scene.cycles.use_animated_seed = True", "scene devices"),
        ("source.modifiers.new('New', kind)", "scene"),
        ("m = source.modifiers\nm.new('New', kind)", "scene"),
        ("def f(m, kind):\n    m.new('New', kind)", "scene"),
        ("tree.nodes.new(kind)", "scene"),
        ("tree.nodes.new('GeometryNodeInputSceneTime')", "scene"),
        ("import bpy\nbpy.ops.wm.obj_export(filepath=x, export_animation=True)", "scene folder"),
        ("import bpy\nbpy.ops.wm.obj_export(**options)", "scene folder"),
        # The open file, and its folder.
        ("import bpy\nbpy.path.abspath(x)", "folder"),
        ("image.filepath = '//a.png'", "folder"),
        ("x = f'//{name}.png'", "folder"),
        ("camera.custom_filepath", "folder"),
        ("modifier.bake_directory", "folder"),
        ("material.library.name", "folder"),
        ("material.name_full", "folder"),
        ("import bpy\nbpy.ops.wm.obj_export(filepath=x)", "folder"),
        ("import bpy\nbpy.data.filepath", "folder open_file"),
        # Devices.
        ("import bpy\nbpy.context.scene.cycles.samples = 1", "devices"),
        ("import bpy\ncycles = bpy.context.scene.cycles\ncycles.samples = 1", "devices"),
        ("import bpy\nbpy.ops.object.bake()", "devices arrangement"),
        # How an editor shows what it is given.
        ("for node in tree.nodes:\n    node.location.x += 1", "arrangement"),
        ("tree.nodes.foreach_get(name, found)", "arrangement"),
        ("getattr(tree.nodes[0], 'select')", "arrangement"),
        ("tree.links[0].from_node.hide", "arrangement"),
        ("'{0.nodes[0].location}'.format(tree)", "arrangement"),
        ("source.modifiers.active", "arrangement"),
        ("[each for each in source.modifiers if each.open_shape_panel]", "arrangement"),
        ("driver.data_path = f'nodes[\"{name}\"].location[0]'", "arrangement"),
        ("import bpy\nbpy.ops.uv.smart_project()", "arrangement"),
        # The other items.
        ("from background_nodes.script import items\nitems()", "items"),
        ("from background_nodes import script\nscript.own_file([])", "items"),
        ("from bl_ext.user_default.background_nodes.script import items as i\ni()", "items"),
        # bpy goes where it can't be followed.
        ("import bpy\nf(bpy)", f"{ALL} arrangement"),
        ("import bpy\nf(bpy.data)", f"{ALL} arrangement"),
        ("import bpy\nbpy.data", f"{ALL} arrangement"),
        ("import bpy\nbpy.context.window_manager", f"{ALL} arrangement"),
        ("import bpy\nbpy.context.preferences", f"{ALL} arrangement"),
        ("import bpy\nbpy.utils.register_class(x)", f"{ALL} arrangement"),
        ("from tools import bpy\nbpy.data.filepath", EVERYTHING),
        ("import tools\ntools.bpy.data.filepath", EVERYTHING),
        ("globals()['bpy']", EVERYTHING),
        ("import sys\nsys.modules['bpy']", EVERYTHING),
        ("import inspect", EVERYTHING),
        ("import operator\noperator.attrgetter('scene')", EVERYTHING),
        ("f.__globals__", EVERYTHING),
        ("'{0.__globals__[bpy]}'.format(f)", EVERYTHING),
    ],
)
def test_script_that_looks_around(text, found):
    assert seen(text) == found


@pytest.mark.parametrize(
    "text", ["import bpy\nS = bpy.context.scene", "from bpy import data", "import bpy.context as c", "import bpy as b"]
)
def test_what_a_module_gives_away_counts_as_seen(text):
    assert seen(text) == ""
    assert "scene" in seen(text, is_script=False)


def test_module_that_gives_away_what_scripts_may_import_sees_the_items():
    text = "from background_nodes import script"
    assert (seen(text), seen(text, is_script=False)) == ("", "items")


def test_module_next_to_the_script_is_asked_too(tmp_path):
    (tmp_path / "tools.py").write_text("import bpy\ndef f():\n    return bpy.context.scene.frame_current")
    source = ScriptSource("import tools\ntools.f()", "script.py", str(tmp_path))
    assert names(ScriptDigests(FileDigests()).digest(source).sees) == SCENE


def test_nodes_that_a_module_looks_at_count_too(tmp_path):
    (tmp_path / "tools.py").write_text("def f(items):\n    return [item.location for item in items]")
    source = ScriptSource("import tools\ndef main(m):\n    tools.f(m.node_tree.nodes)", "script.py", str(tmp_path))
    assert names(ScriptDigests(FileDigests()).digest(source).sees) == "arrangement"


def test_module_that_nobody_knows_sees_everything():
    assert names(ScriptDigests(FileDigests()).digest(ScriptSource("import studio", "a.py")).sees) == EVERYTHING


#: What each shipped script sees, and for those that see no scene, why that is right. Many evaluate objects, which look
#: different at another frame only if they are animated, and that counts for itself.
SHIPPED = {
    "animation/bake_action": EVERYTHING,  # by Blender's own module for that
    "bake/bake_ambient_occlusion": "devices arrangement",  # bakes at the one frame there is; no motion blur in a bake
    "bake/bake_material": "devices arrangement",  # the same
    "bake/bake_normal": "devices arrangement",  # the same
    "bake/combine_atlas": "",  # pixels and UV maps
    "bake/material_from_textures": "",  # makes nodes
    "check/list_textures": "folder arrangement",  # nodes, and names of files
    "check/require": "",  # values alone
    "check/validate": "arrangement",  # nodes; evaluates
    "collection/split_collection": "",  # lists objects by name and type
    "collection/collection_per_result": "",  # links alone
    "data/filter_by_name": "",  # lists by name
    "data/names": "",  # the same
    "data/rename": "",  # names alone
    "image/channel_pack": "",  # pixels alone
    "image/compare_images": "",  # the same
    "image/contact_sheet": "",  # pixels alone
    "image/convert_image": "",  # pixels alone
    "image/images_to_video": OPERATOR,
    "image/load_image": "folder",  # reads a file; // is the folder
    "image/pack_orm": "",  # pixels alone
    "image/resize_image": "",  # pixels alone
    "image/save_image": "items",  # writes pixels; its name depends on those of the others
    "image/swap_images": "folder",
    "import_export/append_from_blend": OPERATOR,
    "import_export/convert_model": f"{SCENE} items arrangement",
    "import_export/export_alembic": OPERATOR,
    "import_export/export_each_alembic": f"{SCENE} items arrangement",
    "import_export/export_each_fbx": f"{SCENE} items arrangement",
    "import_export/export_each_gltf": f"{SCENE} items arrangement",
    "import_export/export_each_obj": "folder items",  # Blender's exporter: no animation, no units
    "import_export/export_each_ply": f"{SCENE} items arrangement",
    "import_export/export_each_stl": f"{SCENE} items arrangement",
    "import_export/export_each_usd": f"{SCENE} items arrangement",
    "import_export/export_fbx": OPERATOR,
    "import_export/export_gltf": OPERATOR,
    "import_export/export_obj": "folder",  # the same
    "import_export/export_ply": OPERATOR,
    "import_export/export_stl": OPERATOR,
    "import_export/export_usd": OPERATOR,
    "import_export/import_alembic": OPERATOR,
    "import_export/import_fbx": OPERATOR,
    "import_export/import_gltf": OPERATOR,
    "import_export/import_obj": "folder",  # a format without time and units
    "import_export/import_ply": OPERATOR,
    "import_export/import_stl": OPERATOR,
    "import_export/import_usd": OPERATOR,
    "import_export/save_blend_file": OPERATOR,
    "mesh/apply_modifiers": "",  # evaluates
    "mesh/boolean": "",  # evaluates; a Boolean modifier knows no time
    "mesh/clean_up": "",  # edits a mesh
    "mesh/decimate": "",  # evaluates; a Decimate modifier knows no time
    "mesh/geometry_nodes": OPERATOR,  # the nodes may ask for the frame
    "mesh/join": "",  # evaluates; joins meshes in object space
    "mesh/lods": "",  # as Decimate
    "mesh/measure": "",  # in Blender units, whatever the scene shows
    "mesh/separate": "",  # evaluates; divides a mesh
    "mesh/triangulate": "",  # evaluates; edits a mesh
    "mesh/voxel_remesh": "",  # the size is in Blender units
    "object/filter_objects": "",  # evaluates
    "object/match_names": "",  # names alone
    "object/move_to_origin": "",  # evaluates; what moves an object counts with that
    "object/put_back": "",  # the same
    "object/set_material": "",  # slots alone
    "pipeline/copy_file": "items",  # files alone; its name depends on those of the others
    "pipeline/delete_file": EVERYTHING,  # never cached
    "pipeline/file_info": "",  # a file alone
    "pipeline/list_files": "",  # a folder alone
    "pipeline/move_file": "items",  # as Copy File; never cached
    "pipeline/notify": "",  # never cached
    "pipeline/read_csv": "",  # a file alone
    "pipeline/read_json": "",  # the same
    "pipeline/run_command": "items",  # never cached
    "pipeline/text_template": "",  # texts alone
    "pipeline/wedge": "",  # texts and a seed
    "pipeline/write_csv": "items",  # values; its name depends on those of the others
    "pipeline/write_json": "items",  # the same
    "render/frame_chunks": SCENE,
    "render/playblast": f"{ALL} arrangement",
    "render/render_each": OPERATOR,
    "render/render_frames": f"{ALL} arrangement",
    "render/render_still": OPERATOR,
    "render/turntable": OPERATOR,
    "render/turntable_angles": "",  # numbers alone
    "simulation/bake_rigid_bodies": OPERATOR,
    "simulation/bake_simulation": f"{ALL} arrangement",
    "uv/lightmap_pack": "arrangement",  # in UV space, as the next
    "uv/pack_atlas": "arrangement",  # the same
    "uv/pack_islands": "arrangement",  # in UV space; the active image node gives the shape of the image
    "uv/smart_uv_project": "arrangement",  # the same
    "uv/texel_density": "",  # evaluates; in Blender units
    "uv/uv_checker": "",  # evaluates; pixels
    "uv/unwrap": "arrangement",  # as Pack Islands
}


def test_what_each_shipped_script_sees():
    digests, library = ScriptDigests(FileDigests()), ROOT / "node_tree" / "library"
    found = {}
    for path in sorted(library.rglob("*.py")):
        digest = digests.digest(ScriptSource(path.read_text(encoding="utf-8"), str(path), str(path.parent)))
        assert not digest.obstacle
        found[path.relative_to(library).with_suffix("").as_posix()] = names(digest.sees)
    assert found == SHIPPED
