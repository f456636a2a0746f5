# SPDX-License-Identifier: GPL-3.0-or-later
"""What importers and exporters of models have in common: what takes part, the images that go along, what came in."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import bpy

from ..engine.file_names import numbered
from .image_pixels import as_shown
from .mesh_conversion import converted_copy, editable, has_surface
from .takes import keep_takes

#: What a file shows of an object, if it can hold that type.
_SHOWN_TYPES = frozenset({"MESH", "CAMERA", "LIGHT", "ARMATURE"})

# Out


def objects_to_export(
    objects: Iterable[bpy.types.Object],
    held: Collection[str],
    file_format: str,
    log: Callable[[str], None],
    *,
    apply_modifiers: bool = True,
    one_mesh: bool = False,
) -> list[bpy.types.Object]:
    """As `script.objects_to_export`. `log` is told what the format can't hold."""
    given = list(dict.fromkeys(objects))
    if not given:
        raise ValueError("There is nothing to export; link objects")
    names = ", ".join(item.name for item in given)
    local = _local(given)
    select_alone(local)  # what is hidden is not evaluated
    found, scattering = [], _scattering() if apply_modifiers else set()
    for item in local:
        if has_surface(item) and (one_mesh or item.type != "MESH" or item in scattering):
            if item in scattering and not one_mesh:
                log(f"What Geometry Nodes instance on {item.name} is a part of its mesh in the file, as it is now")
            found.append(mesh_in_place_of(item, keep_modifiers=not apply_modifiers))
        elif item.type in held:
            found.append(item)
        else:
            log(f"{item.name} is not in the file: {file_format} can't hold it")
    select_alone(found)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    if not any(_is_shown(item, depsgraph if apply_modifiers else None) for item in found):
        raise ValueError(f"Nothing of {names} goes into {file_format} file; link meshes, or curves and the like")
    return [_joined(found)] if one_mesh else found


def _local(objects: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """The objects, with local copies of those that are linked or overrides: exporters give these other names."""
    found = []
    for item in objects:
        name, copy = item.name, editable(item)
        if copy != item:
            item.user_remap(copy)  # children and meshes that are exported, too, hang on the copy
            if not item.library:
                item.name = f"{name} before"
            copy.name = name
        found.append(copy)
    return found


def _scattering() -> set[bpy.types.Object]:
    """Meshes on which Geometry Nodes instance something: exporters of animation leave that out."""
    instances = bpy.context.evaluated_depsgraph_get().object_instances
    parents = {instance.parent.original for instance in instances if instance.is_instance}
    return {
        item
        for item in parents
        if item.type == "MESH"
        and any(modifier.type == "NODES" for modifier in item.modifiers)
        and not any(modifier.type == "ARMATURE" for modifier in item.modifiers)
    }


def _is_shown(item: bpy.types.Object, depsgraph: bpy.types.Depsgraph | None) -> bool:
    """Whether something of it can be seen in a file that holds its type."""
    if item.type != "MESH":
        return item.type in _SHOWN_TYPES
    if item.is_instancer:
        return True
    return bool((item.evaluated_get(depsgraph) if depsgraph else item).data.vertices)


def _joined(meshes: list[bpy.types.Object]) -> bpy.types.Object:
    """One mesh object of those that are selected, each with a mesh of its own.

    Blender's exporters would do that, but where one has a UV map and another has none, they write what happens to be in
    memory.
    """
    for item in meshes if len(meshes) > 1 else ():
        layers = item.data.uv_layers
        for name in [layer.name for layer in layers if layer != layers.active]:
            layers.remove(layers[name])
        if layers:
            layers[0].name = "UVMap"
        if item.data.color_attributes.active_color:
            item.data.color_attributes.active_color.name = "Color"
    if len(meshes) > 1:
        bpy.ops.object.join()
        mesh = meshes[0].data
        mesh.uv_layers.active_index = 0 if mesh.uv_layers else -1  # none is, where the first object had none
        if "Color" in mesh.color_attributes:
            mesh.color_attributes.active_color = mesh.color_attributes["Color"]
    return meshes[0]


def select_alone(objects: Iterable[bpy.types.Object]) -> None:
    """Select these and nothing else. What is hidden can't be selected, so all are shown."""
    layer, root = bpy.context.view_layer, bpy.context.scene.collection
    chosen, there = dict.fromkeys(objects), set(root.objects)
    for item in chosen:
        item.hide_viewport = item.hide_select = item.hide_render = False
        if item not in there:  # the collection that it is in may be hidden
            root.objects.link(item)
    layer.update()  # what was linked just now can't be selected before
    for item in layer.objects:
        item.hide_set(False)
        item.select_set(item in chosen)
    layer.objects.active = next(iter(chosen), None)


def mesh_in_place_of(item: bpy.types.Object, *, keep_modifiers: bool = False) -> bpy.types.Object:
    """A mesh object with the name, the place and the children of an object that has a surface, which others may use."""
    converted = converted_copy(item, keep_modifiers=keep_modifiers)
    if not item.library:
        name, item.name = item.name, f"{item.name} before"
        converted.name = name
    for child in item.children:
        child.parent = converted
    return converted


def image_files(objects: Iterable[bpy.types.Object], folder: Path) -> None:
    """As `script.image_files`."""
    objects = list(objects)
    used = {slot.material for item in objects for slot in item.material_slots if slot.material}
    own = {material: editable(material) for material in used}
    for slot in (slot for item in objects if item.is_editable for slot in item.material_slots):
        material = own.get(slot.material)
        if material != slot.material:  # what is evaluated of a linked one would still have its old images
            slot.link = "OBJECT"
            slot.material = material
    materials = {slot.material for item in objects for slot in item.material_slots if slot.material}
    nodes = [node for material in materials if material.node_tree for node in material.node_tree.nodes]
    nodes = [node for node in nodes if node.type == "TEX_IMAGE" and node.image]
    files = {image: _file_of(image) for image in {node.image for node in nodes}}
    images = sorted(
        (image for image, file in files.items() if file is None or all(each.is_file() for each in _tiles(image, file))),
        key=lambda image: image.name_full,
    )
    names = [files[image] or Path(_png_name(image)) for image in images]
    copies = {}
    for image, path in zip(images, numbered([folder / name.name for name in names]), strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        copies[image] = _copy(image, files[image], path)
    for node in nodes:
        node.image = copies.get(node.image, node.image)


def _copy(image: bpy.types.Image, file: Path | None, path: Path) -> bpy.types.Image:
    if file:
        for tile, place in zip(_tiles(image, file), _tiles(image, path), strict=True):
            shutil.copyfile(tile, place)
    else:
        shown = as_shown(image, replaces=False)
        shown.file_format = "PNG"
        shown.save(filepath=str(path))
    copy = bpy.data.images.load(str(_tiles(image, path)[0]))
    if image.source == "TILED":
        copy.source, copy.filepath = "TILED", str(path)
    return copy


def _tiles(image: bpy.types.Image, path: Path) -> list[Path]:
    """The files of an image: one, or that of each UDIM tile."""
    if image.source != "TILED":
        return [path]
    return [path.with_name(path.name.replace("<UDIM>", str(tile.number))) for tile in image.tiles]


def _png_name(image: bpy.types.Image) -> str:
    ending = ".<UDIM>.png" if image.source == "TILED" else ".png"
    return bpy.path.clean_name(image.name.removesuffix(".png")) + ending


def _file_of(image: bpy.types.Image) -> Path | None:
    """The file that holds the image, which may be gone; None if no file does."""
    if image.packed_file or image.is_dirty or image.source == "GENERATED":
        return None
    return Path(bpy.path.abspath(image.filepath, library=image.library))


# In


@contextlib.contextmanager
def imported_objects(
    path: Path, depends_on: Callable[[str], object], log: Callable[[str], None]
) -> Iterator[list[bpy.types.Object]]:
    """As `script.imported_objects`.

    Args:
        path: the file.
        depends_on: is told the other files that the objects use.
        log: is told how many there are, and which takes do not play.
    """
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose an existing one")
    before, actions, objects = set(bpy.data.objects), set(bpy.data.actions), []
    try:
        yield objects
    except RuntimeError as error:
        raise ValueError(f"{path.name} can't be imported: {error}") from None
    objects += sorted((item for item in bpy.data.objects if item not in before), key=_depth)
    if not objects:
        raise ValueError(f"{path.name} holds no object that Blender can read; the log may tell why")
    if path.suffix.lower() == ".fbx" and (kept := keep_takes(set(bpy.data.actions) - actions)):
        log(f"The takes that don't play are in muted NLA tracks: {', '.join(kept)}")
    for file in (*bpy.data.images, *bpy.data.cache_files, *bpy.data.volumes):
        if file.filepath and not getattr(file, "packed_file", None):
            depends_on(bpy.path.abspath(file.filepath))
    log(f"Imported {len(objects)} objects from {path}")


def _depth(item: bpy.types.Object) -> int:
    """How many parents are above an object."""
    return 1 + _depth(item.parent) if item.parent else 0
