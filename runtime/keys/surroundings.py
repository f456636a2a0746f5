# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script can see beside the content of its inputs: the scene, the open file, devices, the other items, editors.

What is missed here would be an old result that passes for a new one. So a script sees everything, unless all that it
does with `bpy` is known not to look there: the lists below say what is known. Anything else (another operator, `bpy`
given to a function, an attribute whose name is computed) counts as a look at everything.

What inputs see of the scene by themselves, being animated, is said by their digests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from ..script.scope import SCRIPT_MODULE, canonical
from . import arrangement
from .source_tree import ANYTHING, Chain, SourceTree


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a script can see, beside its inputs.

    Attributes:
        scene: the frame, and the other settings of `planning.graph.SceneSettings`.
        folder: the folder of the open file, which is what `//` means, and the paths in data-blocks.
        open_file: its whole path.
        devices: the devices that Cycles renders with.
        items: what the other items of its node are given.
        arranged: what an editor arranges: nodes, modifiers, constraints.
        arrangement: how these are arranged, wherever it has them from.
    """

    scene: bool = False
    folder: bool = False
    open_file: bool = False
    devices: bool = False
    items: bool = False
    arranged: bool = False
    arrangement: bool = False

    @property
    def sees_arrangement(self) -> bool:
        return self.arranged and self.arrangement

    def __or__(self, other: Surroundings) -> Surroundings:
        return Surroundings(*(getattr(self, each.name) or getattr(other, each.name) for each in fields(self)))


NOTHING: Final = Surroundings()
_ARRANGEMENT: Final = Surroundings(arranged=True, arrangement=True)
#: What can be seen by way of a scene.
_BY_SCENE: Final = Surroundings(scene=True, folder=True, devices=True)
#: What can be seen by way of an operator. The name of the open file is at most a remark in what it writes.
_BY_OPERATOR: Final = _BY_SCENE | _ARRANGEMENT
#: What can be seen by way of `bpy`.
_BY_BLENDER: Final = _BY_OPERATOR | Surroundings(open_file=True)
EVERYTHING: Final = _BY_BLENDER | Surroundings(items=True)

#: Of `bpy.data`: the kinds of data-blocks that neither lead to scenes nor are there for their change in time. A worker
#: has no others than the inputs.
_COLLECTIONS: Final = (
    *("armatures", "brushes", "cameras", "collections", "curves", "fonts", "hair_curves", "images"),
    *("lattices", "lightprobes", "lights", "linestyles", "materials", "meshes", "metaballs"),
    *("node_groups", "objects", "paint_curves", "palettes", "pointclouds", "speakers", "texts", "textures", "volumes"),
    *("worlds",),
)
_CONTEXT: Final = (
    *("active_object", "collection", "edit_object", "evaluated_depsgraph_get", "mode", "object"),
    *("selected_editable_objects", "selected_objects", "temp_override"),
    *("view_layer.active_layer_collection", "view_layer.layer_collection", "view_layer.objects", "view_layer.update"),
)
#: Of the scene: what a worker's scene does not take over from the artist's. It is the same in every task.
_SCENE: Final = (
    *("camera", "collection", "cursor", "display", "display_settings", "objects", "tool_settings", "view_settings"),
    *("world", "render.bake", "render.engine", "render.film_transparent", "render.image_settings"),
    *("render.resolution_percentage", "render.resolution_x", "render.resolution_y"),
)
#: Operators that look at neither frame nor units nor files, nor at the nodes of materials.
_OPERATORS: Final = (
    *("mesh.delete", "mesh.dissolve_limited", "mesh.fill_holes", "mesh.mark_seam", "mesh.mark_sharp", "mesh.reveal"),
    *("mesh.normals_make_consistent", "mesh.quads_convert_to_tris", "mesh.remove_doubles", "mesh.select_all"),
    *("mesh.select_mode", "mesh.separate", "mesh.subdivide", "mesh.tris_convert_to_quads"),
    *("object.join", "object.make_single_user", "object.mode_set", "object.origin_set", "object.parent_clear"),
    *("object.quadriflow_remesh", "object.select_all", "object.shade_flat", "object.shade_smooth"),
    *("object.transform_apply", "object.voxel_remesh"),
)
#: Operators that look at the active image node alone: UV maps are made for the shape of its image.
_UV_OPERATORS: Final = (
    *("uv.average_islands_scale", "uv.cube_project", "uv.lightmap_pack", "uv.minimize_stretch", "uv.pack_islands"),
    *("uv.select_all", "uv.smart_project", "uv.unwrap"),
)
_APP: Final = ("app.background", "app.build_hash", "app.tempdir", "app.version", "app.version_string")
_PATH: Final = ("basename", "clean_name", "display_name", "display_name_from_filepath", "ensure_ext", "native_pathsep")

_DEVICES: Final = Surroundings(devices=True)
_FOLDER: Final = Surroundings(folder=True)
_SCENE_ONLY: Final = Surroundings(scene=True)
_OPEN_FILE: Final = Surroundings(folder=True, open_file=True)

#: Methods that take attributes which a text names: `"{0.location}".format(source)`.
_FORMATTERS: Final = frozenset({"format", "format_map", "vformat"})
_FIELD: Final = re.compile(r"\{[^{}]*")
_ATTRIBUTE: Final = re.compile(r"\.([^\W\d]\w*)")

#: All that is known of `bpy`: dotted name -> what it sees, itself and what is behind it.
_KNOWN: Final[Mapping[str, Surroundings]] = {
    "bpy.types": NOTHING,
    **{f"bpy.data.{name}": NOTHING for name in _COLLECTIONS},
    **{f"bpy.data.{name}": _BY_SCENE for name in ("actions", "cache_files")},  # they are of frames, and lead no further
    **{f"bpy.context.{name}": NOTHING for name in _CONTEXT},
    **{f"bpy.context.scene.{name}": NOTHING for name in _SCENE},
    **{f"bpy.ops.{name}": NOTHING for name in _OPERATORS},
    **{f"bpy.ops.{name}": _ARRANGEMENT for name in _UV_OPERATORS},
    **{f"bpy.{name}": NOTHING for name in _APP},
    **{f"bpy.path.{name}": NOTHING for name in _PATH},
    "bpy.context.scene.cycles": _DEVICES,
    "bpy.ops.object.bake": _DEVICES | _ARRANGEMENT,  # into the active image nodes
    "bpy.ops.wm.obj_export": _FOLDER,
    "bpy.ops.wm.obj_import": _FOLDER,
    "bpy.path.abspath": _FOLDER,
    "bpy.path.relpath": _FOLDER,
    "bpy.data.filepath": _OPEN_FILE,
    "bpy.data.is_saved": _OPEN_FILE,
    f"{SCRIPT_MODULE}.chosen_scene": _BY_SCENE,
    f"{SCRIPT_MODULE}.items": Surroundings(items=True),
    f"{SCRIPT_MODULE}.own_file": Surroundings(items=True),
    f"{SCRIPT_MODULE}.play_frames": _BY_SCENE,
    f"{SCRIPT_MODULE}.render_image": _BY_OPERATOR,
    f"{SCRIPT_MODULE}.stage": _BY_OPERATOR,
    **{f"{SCRIPT_MODULE}.write_{name}": _BY_OPERATOR for name in ("alembic", "fbx", "ply", "stl", "usd")},
}

#: Of what is not known of `bpy`, what leads to a scene, and not to the path of the open file.
_WAYS_TO_SCENE: Final[Mapping[str, Surroundings]] = {
    **dict.fromkeys(("bpy.app.handlers", "bpy.context.scene", "bpy.context.view_layer", "bpy.data.scenes"), _BY_SCENE),
    **dict.fromkeys(("bpy.data.libraries", "bpy.data.user_map", "bpy.ops"), _BY_OPERATOR),
}
#: What is known of other things that names may stand for.
_DYNAMIC: Final = (
    *("globals", "locals", "vars", "__builtins__", "builtins", "operator.attrgetter", "operator.methodcaller"),
    *("sys.modules", "sys._getframe", "sys._current_frames", "gc", "inspect", "ctypes", "__main__", ANYTHING),
)
#: Attributes of Python's own that lead to anything.
_LEADS_ANYWHERE: Final = frozenset(
    {"blend_data", "__dict__", "__getattr__", "__getattribute__", "__globals__", "f_globals", "f_locals"}
)
#: Attributes of data-blocks and dependency graphs that lead to a worker's scene.
_LEADS_TO_SCENE: Final = frozenset(
    {
        *("background_set", "depsgraph", "find_playing", "find_playing_scene", "id_data", "ids", "path_resolve"),
        *("scene", "scene_eval", "scenes", "screen", "screens", "sequencer_scene", "unit_settings", "updates"),
        *("user_map", "users_scene", "view_layer", "view_layer_eval", "view_layers", "window", "window_manager"),
        *("window_managers", "windows", "workspace", "workspaces"),
    }
)
#: Attributes that read or use the frame or the units without a way to the scene, or make what does.
_SEES_SCENE: Final = frozenset(
    {
        *("active_frame", "animation_data", "animation_data_create", "current_frame", "driver_add", "fcurves", "fps"),
        *("fps_base", "frame_current", "frame_current_final", "frame_end", "frame_float", "frame_set", "frame_start"),
        *("frame_subframe", "frames", "image_user", "is_sequence", "keyframe_delete", "keyframe_insert"),
        *("keyframe_points", "length_unit", "nla_tracks", "particle_systems", "rigid_body", "scale_length"),
        "use_animated_seed",
    }
)
#: Attributes that are the names of files, or have them in their text; and parts of the names of those that are paths.
_SEES_PATHS: Final = frozenset({"library", "library_weak_reference", "name_full"})
_IN_PATHS: Final = ("directory", "filepath")
#: Texts that name modifiers, constraints and nodes which depend on the frame.
_TIMED_TYPES: Final = frozenset(
    {
        *("BUILD", "CLOTH", "DYNAMIC_PAINT", "EXPLODE", "FLUID", "MESH_CACHE", "MESH_SEQUENCE_CACHE", "OCEAN"),
        *("PARTICLE_SYSTEM", "SOFT_BODY", "WAVE", "GREASE_PENCIL_BUILD", "GREASE_PENCIL_TIME", "GREASE_PENCIL_NOISE"),
        *("GP_BUILD", "GP_TIME", "GP_NOISE", "CAMERA_SOLVER", "FOLLOW_TRACK", "OBJECT_SOLVER", "TRANSFORM_CACHE"),
        *("GeometryNodeInputSceneTime", "GeometryNodeSimulationInput", "GeometryNodeSimulationOutput"),
        *("GeometryNodeBake", "PARTICLE_INSTANCE", "ShaderNodeScript", "TextureNodeCurveTime", "VIEW_LAYER"),
        *("GeometryNodeImageTexture", "CompositorNodeSceneTime", "CompositorNodeTime", "SEQUENCE", "MOVIE"),
    }
)
#: What holds things of many types: those that are made with a name and a type, and those with a type alone.
_WITH_NAMES: Final = frozenset({"modifiers", "grease_pencil_modifiers", "shader_effects"})
_HOLDERS_OF_TYPES: Final = _WITH_NAMES | {"constraints", "nodes"}

#: Options with which an operator looks at the frame after all.
_TIMED_OPTIONS: Final = frozenset({"end_frame", "export_animation", "frame", "start_frame"})

#: Modules that are neither Python's own nor next to the script, and what can be seen by way of them.
_MODULES: Final[Mapping[str, Surroundings]] = {
    **dict.fromkeys(("background_nodes", "bmesh", "bpy", "mathutils", "numpy", "typing_extensions"), NOTHING),
    "addon_utils": _BY_OPERATOR,
}
_PRYING_MODULES: Final = frozenset({"builtins", "code", "codeop", "ctypes", "gc", "inspect", "runpy"})


def surroundings(tree: SourceTree, *, is_script: bool) -> Surroundings:
    """What a source can see.

    Args:
        tree: the source.
        is_script: whether it is the script itself, whose names no other source can use.
    """
    found = NOTHING
    for look in {*_looks(tree, is_script), *_looks_by_formats(tree), *_looks_at_arrangement(tree)}:
        found |= look
    return found


def of_installed(modules: Iterable[str]) -> Surroundings:
    """What sources can see by way of modules that are neither Python's own nor next to the script."""
    found = NOTHING
    for name in modules:
        found |= _MODULES.get(name, EVERYTHING)
    return found


def _looks(tree: SourceTree, is_script: bool) -> Iterator[Surroundings]:
    in_chains: set[ast.AST] = set()
    for chain in tree.chains():
        yield from _looks_of_chain(chain, tree, is_script)
        part: ast.expr = chain.node
        while isinstance(part, ast.Attribute):
            in_chains.add(part)
            part = part.value
    for node in tree.nodes:
        match node:
            case ast.Attribute(attr=name) if node not in in_chains:
                yield _look_by_attributes((name,))
            case ast.MatchClass():
                yield _look_by_attributes(node.kwd_attrs)
            case ast.Import() | ast.ImportFrom():
                yield _look_of_import(node, is_exported=not is_script and tree.definition(node) is None)
            case ast.Constant(value=str(text)):
                yield _look_of_text(text)
            case ast.Call(func=ast.Attribute(value=holder, attr="new")) if not _is_new_plain(node, holder, tree):
                yield _SCENE_ONLY
            case ast.Call() if _has_timed_option(node, tree):
                yield _SCENE_ONLY


def _looks_of_chain(chain: Chain, tree: SourceTree, is_script: bool) -> Iterator[Surroundings]:
    behind = chain.attributes
    for name in tree.meanings(chain):
        if _is_below(name, "bpy"):
            known = next((other for other in _KNOWN if _is_below(name, other)), None)
            if known is not None:
                yield _KNOWN[known]
                rest = name.removeprefix(known).split(".")[1:]
                behind = behind[len(behind) - len(rest) :]
            elif not _is_only_named(name, chain, tree, is_script):
                yield next((sees for other, sees in _WAYS_TO_SCENE.items() if _is_below(name, other)), _BY_BLENDER)
            else:
                behind = ()
        elif name == "getattr":
            yield _look_of_getattr(tree.parents.get(chain.node), chain.node)
        elif any(_is_below(name, other) for other in _DYNAMIC) or "bpy" in name.split(".")[1:]:
            yield EVERYTHING
        else:
            yield _KNOWN.get(name, NOTHING)
    yield _look_by_attributes(behind)


def _looks_by_formats(tree: SourceTree) -> Iterator[Surroundings]:
    for node in tree.nodes:
        match node:
            case ast.Constant(value=str(text)):
                for name in (name for field in _FIELD.findall(text) for name in _ATTRIBUTE.findall(field)):
                    yield _look_by_attributes((name,)) | _look_at_arrangement(name)
            case ast.Attribute(value=ast.Constant(value=str())):
                pass
            case ast.Attribute(attr=name, ctx=ast.Load()) if name in _FORMATTERS:
                yield _BY_OPERATOR  # as `getattr` with a name that is computed


def _is_below(name: str, other: str) -> bool:
    return f"{name}.".startswith(f"{other}.")


def _is_only_named(name: str, chain: Chain, tree: SourceTree, is_script: bool) -> bool:
    """Whether something on the way to what is known gets a name here, whose uses are looked at by themselves."""
    if not any(_is_below(other, name) for other in _KNOWN):
        return False
    if isinstance(chain.node, ast.Name) and isinstance(chain.node.ctx, ast.Store):
        return True
    is_seen_here_only = is_script or tree.definition(chain.node) is not None
    return is_seen_here_only and tree.gets_a_name(chain.node)


def _look_by_attributes(names: Iterable[str]) -> Surroundings:
    found = NOTHING
    for name in names:
        if name in _LEADS_ANYWHERE:
            return EVERYTHING
        if name in _LEADS_TO_SCENE:
            found |= _BY_SCENE
        elif name in _SEES_SCENE:
            found |= _SCENE_ONLY
        elif name in _SEES_PATHS or any(part in name for part in _IN_PATHS):
            found |= _FOLDER
    return found


def _looks_at_arrangement(tree: SourceTree) -> Iterator[Surroundings]:
    for node in tree.nodes:
        match node:
            case ast.Attribute(attr=name) if not _is_without_look(node, tree):
                yield _look_at_arrangement(name)
            case ast.MatchClass(kwd_attrs=names):
                yield from map(_look_at_arrangement, names)
            case ast.Constant(value=str(text)):
                yield Surroundings(arranged=arrangement.has_road(text), arrangement=arrangement.has_name(text))


def _look_at_arrangement(name: str) -> Surroundings:
    """What can be seen of an arrangement by an attribute."""
    if name == "path_resolve":
        return _ARRANGEMENT
    return Surroundings(arranged=name in arrangement.ROADS, arrangement=arrangement.tells(name))


def _is_without_look(attribute: ast.Attribute, tree: SourceTree) -> bool:
    """Whether an attribute is set, or is a function that reads what a text beside it says."""
    parent = tree.parents.get(attribute)
    if isinstance(attribute.ctx, ast.Store):
        return not isinstance(parent, ast.AugAssign)
    match parent:
        case ast.Call(func=called, args=[ast.Constant(value=str()), *_]):
            return called is attribute and attribute.attr == "foreach_get"
    return False


def _look_of_getattr(call: ast.AST | None, function: ast.expr) -> Surroundings:
    match call:
        case ast.Call(func=called, args=[_, ast.Constant(value=str(name)), *_]) if called is function:
            return _look_by_attributes((name,)) | _look_at_arrangement(name)
    return _BY_OPERATOR  # from a data-block there is no way to the open file


def _look_of_import(node: ast.Import | ast.ImportFrom, *, is_exported: bool) -> Surroundings:
    """What an import alone can see: other sources may take it from a module that has it."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
        is_renamed = any(_is_below(alias.name, "bpy") and alias.asname not in (None, "bpy") for alias in node.names)
    else:
        names = [f"{node.module}.{alias.name}" for alias in node.names if not node.level]
        is_renamed = any(_is_below(name, "bpy") and not _is_below(name, "bpy.types") for name in names)
    if (is_exported and is_renamed) or any(name.partition(".")[0] in _PRYING_MODULES for name in names):
        return EVERYTHING
    found = Surroundings(items=is_exported and SCRIPT_MODULE in map(canonical, names))
    for name in map(canonical, names):
        found |= _KNOWN.get(name, NOTHING) if _is_below(name, SCRIPT_MODULE) else NOTHING
    return found


def _look_of_text(text: str) -> Surroundings:
    if text.startswith("//"):
        return _FOLDER
    return _SCENE_ONLY if text in _TIMED_TYPES else NOTHING


def _has_timed_option(call: ast.Call, tree: SourceTree) -> bool:
    """Whether an operator is called with an option that makes it look at the frame, or with options by `**`."""
    options = {word.arg for word in call.keywords}
    return not options.isdisjoint({None, *_TIMED_OPTIONS}) and any(
        _is_below(name, "bpy.ops.wm") for name in tree.meanings_of(call.func)
    )


def _is_new_plain(call: ast.Call, holder: ast.expr, tree: SourceTree) -> bool:
    """Whether what is made by a call of `new` depends on no frame, or its type is a text in the source."""
    given = [*call.args, *(word.value for word in call.keywords)]
    if all(isinstance(value, ast.Constant) for value in given):
        return True
    holders = {holder.attr} if isinstance(holder, ast.Attribute) else set()
    if isinstance(holder, ast.Name):
        values = tree.assigned.get(holder.id) or [holder]
        holders = {value.attr if isinstance(value, ast.Attribute) else "" for value in values}
    if holders.isdisjoint({"", *_HOLDERS_OF_TYPES}):
        return True
    types = [word.value for word in call.keywords if word.arg == "type"]
    types += call.args[1:2] if holders & _WITH_NAMES else call.args[:1]
    return "" not in holders and len(types) == 1 and isinstance(types[0], ast.Constant)
