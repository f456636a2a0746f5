"""Data-blocks of other files: linked directly and indirectly, overridden, and packed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from . import case, new_folder
from .meshes import grid


def new_material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    return material


def library(name: str, *data_blocks: bpy.types.ID) -> str:
    """A library of them, which are removed here with all that they use."""
    path = str(new_folder() / f"library {name} ü.blend")
    bpy.data.libraries.write(path, set(data_blocks), fake_user=True)
    used = {item for item, users in bpy.data.user_map().items() if users & set(data_blocks)}
    bpy.data.batch_remove({*data_blocks, *used})
    return path


def link(path: str, *, pack: bool = False, **wanted: Any) -> Any:
    """Link what is wanted: a collection of `bpy.data` and a name of what is in it."""
    ((collection, name),) = wanted.items()
    options = {"pack": True} if pack else {}  # since 5.2
    with bpy.data.libraries.load(path, link=True, **options) as (_available, request):
        setattr(request, collection, [name])
    return getattr(request, collection)[0]


def thing(name: str) -> bpy.types.Object:
    """An object with a mesh with a material."""
    mesh = grid(name)
    mesh.materials.append(new_material(name))
    return bpy.data.objects.new(name, mesh)


def linked_collection(name: str) -> bpy.types.Collection:
    """A collection of a parent and its child, of another file."""
    collection = bpy.data.collections.new(name)
    parent, child = bpy.data.objects.new(f"{name} Parent", None), thing(f"{name} Child")
    child.parent = parent
    collection.objects.link(parent)
    collection.objects.link(child)
    library_of = library(name, collection, parent, child)
    return link(library_of, collections=name)


@case("Object")
def linked_object() -> bpy.types.ID:
    return link(library("Object", thing("Linked")), objects="Linked")


@case("Material")
def linked_material() -> bpy.types.ID:
    return link(library("Material", new_material("Linked Look")), materials="Linked Look")


@case("Object")
def object_with_linked_material() -> bpy.types.ID:
    material = link(library("Its Material", new_material("Their Material")), materials="Their Material")
    mesh = grid("With Their Material")
    mesh.materials.append(material)
    return bpy.data.objects.new("With Their Material", mesh)


@case("Object")
def object_with_linked_mesh() -> bpy.types.ID:
    mesh = link(library("Its Mesh", thing("Their Mesh")), meshes="Their Mesh")
    return bpy.data.objects.new("With Their Mesh", mesh)


@case("Object")
def object_with_materials_of_the_same_name() -> bpy.types.ID:
    mesh = grid("Same")
    for number in range(2):
        material = new_material("Same")
        material.roughness = 0.25 + number / 4
        mesh.materials.append(link(library(f"Same {number}", material), materials="Same"))
    mesh.materials.append(new_material("Same"))
    return bpy.data.objects.new("Same", mesh)


@case("Object")
def instance_of_linked_collection() -> bpy.types.ID:
    item = bpy.data.objects.new("Instance", None)
    item.instance_type = "COLLECTION"
    item.instance_collection = linked_collection("Instanced")
    return item


@case("Collection")
def collection_of_linked_objects() -> bpy.types.ID:
    collection = bpy.data.collections.new("Of Theirs")
    collection.objects.link(link(library("For Collection", thing("Theirs")), objects="Theirs"))
    collection.objects.link(bpy.data.objects.new("Ours", None))
    return collection


# Overrides


@case("Object")
def override_of_object() -> bpy.types.ID:
    override = link(library("Overridden", thing("Overridden")), objects="Overridden").override_create()
    override.location.y = 5.0
    override.show_name = True
    override.override_library.operations_update()
    return override


@case("Material")
def override_of_material() -> bpy.types.ID:
    override = link(library("Their Look", new_material("Their Look")), materials="Their Look").override_create()
    override.roughness = 0.75
    override.override_library.operations_update()
    return override


@case("Collection")
def override_of_collection() -> bpy.types.ID:
    linked = linked_collection("Hierarchy")
    scene = bpy.context.scene
    override = linked.override_hierarchy_create(scene, bpy.context.view_layer)
    scene.collection.children.unlink(override)
    child = next(item for item in override.objects if item.parent is not None)
    child.location.z = 3.0
    child.override_library.operations_update()
    return override


# Packed


@case("Object", since=(5, 2))
def packed_linked_object() -> bpy.types.ID:
    path = library("To Pack", thing("Packed Linked"))
    found = link(path, pack=True, objects="Packed Linked")
    Path(path).unlink()
    return found
