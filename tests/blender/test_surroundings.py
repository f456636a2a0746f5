"""What counts as blind to the scene is so: in two scenes that differ in all their settings it gives the same."""

from __future__ import annotations

import dataclasses

import bpy
import pytest

from background_nodes.runtime.keys import surroundings
from background_nodes.runtime.planning.graph import SceneSettings

from .content import dump
from .library.scenes import cube, grid, load, open_empty_file, subdivided

#: Types from which a script could read the settings of the scene.
_SCENE_TYPES = {
    *("BlendData", "Context", "Depsgraph", "RenderSettings", "Scene", "Screen", "UnitSettings", "ViewLayer", "Window"),
    *("WindowManager", "WorkSpace"),
}
#: Roads to them that a worker has not, and why.
_NO_ROADS = {
    "NodeSocketScene.default_value": "holds a scene of the inputs, which counts by its content",
    "NodeTreeInterfaceSocketScene.default_value": "the same",
    "Window.parent": "from a window to a window",
    "RenderEngine.render": "of a renderer while it renders",
    "HydraRenderEngine.render": "the same",
    "Scene.render": "on the list of what is known of a scene",
    "BlendDataScenes.new": "makes a new scene",
    "ViewLayers.new": "behind a scene",
    "Context.evaluated_depsgraph_get": "what it gives is looked at by itself",
}


def _roads():
    """The properties and functions of this Blender that give something of these types."""
    for cls in (getattr(bpy.types, name) for name in dir(bpy.types)):
        rna = getattr(cls, "bl_rna", None)
        for item in rna.properties if rna else ():
            if getattr(getattr(item, "fixed_type", None), "identifier", "") in _SCENE_TYPES:
                yield rna.identifier, item.identifier
        for function in rna.functions if rna else ():
            outputs = [parameter for parameter in function.parameters if parameter.is_output]
            if any(getattr(getattr(p, "fixed_type", None), "identifier", "") in _SCENE_TYPES for p in outputs):
                yield rna.identifier, function.identifier


def test_every_road_to_a_scene_is_known():
    known = surroundings._LEADS_TO_SCENE | surroundings._LEADS_ANYWHERE
    unknown = {f"{owner}.{name}" for owner, name in _roads() if name not in known}
    assert unknown <= _NO_ROADS.keys()


def test_every_setting_of_the_scene_is_known():
    blenders = {"unit_scale_length": "scale_length", "unit_system": "unit_settings"}
    known = surroundings._SEES_SCENE | surroundings._LEADS_TO_SCENE
    assert {blenders.get(each.name, each.name) for each in dataclasses.fields(SceneSettings)} <= known


def in_two_scenes(act):
    """What `act` returns in each of two new files whose scenes differ in every setting."""
    found = []
    for number in (1, 2):
        open_empty_file()
        scene = bpy.context.scene
        scene.frame_start, scene.frame_end = number, 100 * number
        scene.render.fps, scene.render.fps_base = 24 + number, float(number)
        scene.unit_settings.system = ("METRIC", "IMPERIAL")[number - 1]
        scene.unit_settings.scale_length = 0.1**number
        scene.unit_settings.length_unit = ("CENTIMETERS", "FEET")[number - 1]
        scene.frame_set(50 * number)
        found.append(act())
    return found


#: What operators are called with, where they would do nothing otherwise.
_OPTIONS = {
    "mesh.delete": {"type": "FACE"},
    "mesh.select_mode": {"type": "EDGE"},
    "object.make_single_user": {"object": True, "obdata": True},
    "object.origin_set": {"type": "ORIGIN_GEOMETRY"},
    "object.quadriflow_remesh": {"target_faces": 40},  # thousands take it ten seconds
}


def _edited(operator: str):
    """What an operator makes of a grid with a UV map, in the mode it wants."""
    source = grid(cells=6, height=lambda x, y: x * x * y)
    other = cube("Other")
    bpy.context.view_layer.update()
    for item in (source, other):
        item.select_set(True)
    bpy.context.view_layer.objects.active = source
    module, name = operator.split(".")
    if module in {"mesh", "uv"}:
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.select_all(action="SELECT")
    assert getattr(getattr(bpy.ops, module), name)(**_OPTIONS.get(operator, {})) == {"FINISHED"}
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    attributes = source.data.attributes
    if ".select_edge" in attributes:  # 5.0 makes it of a larger type than it fills: the rest is what memory held
        attributes.remove(attributes[".select_edge"])
    return bpy.data.objects.keys(), dump(source)


@pytest.mark.parametrize("operator", surroundings._OPERATORS)
def test_operator_that_is_known_is_blind_to_the_scene(operator):
    one, other = in_two_scenes(lambda: _edited(operator))
    assert one == other


def _exported(tmp_path, name: str, **options) -> dict[str, bytes]:
    source = subdivided(cube())
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    load(name).main(**{**options, "filepath": folder / "out.obj", "objects": [source]})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_obj_files_are_blind_to_the_scene(tmp_path):
    one, other = in_two_scenes(lambda: _exported(tmp_path, "import_export/export_obj"))
    assert one == other
    path = next(tmp_path.rglob("*.obj"))
    one, other = in_two_scenes(lambda: [dump(item) for item in load("import_export/import_obj").main(path)])
    assert one == other


@pytest.mark.parametrize("name", ["bake/bake_ambient_occlusion", "bake/bake_material", "bake/bake_normal"])
def test_bake_is_blind_to_the_scene(name):
    def bake():
        low, high = grid("Low", cells=2), grid("High", cells=8, height=lambda x, y: 0.1 * x * y)
        arguments = (low, high) if name.endswith("normal") else (low,)
        result = load(name).main(*arguments, resolution=16, samples=4)
        return list(getattr(result, "image", result).pixels)

    one, other = in_two_scenes(bake)
    assert one == other
