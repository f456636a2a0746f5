"""How long it takes to know what the data-blocks of a blob are, with all that they use."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import stage
from row import Row, milliseconds, spread

from background_nodes.runtime.blend_file.digests import digests
from background_nodes.runtime.blend_file.outside import Outside
from background_nodes.runtime.blender import blobs
from background_nodes.runtime.keys.files import FileDigests

_NODES = ("ShaderNodeTexNoise", "ShaderNodeValToRGB", "ShaderNodeMapping", "ShaderNodeTexCoord", "ShaderNodeBump")


def large_mesh(quick: bool) -> Row:
    """A mesh of a million vertices, against a hash of all bytes of its blob."""
    side, rounds = (300, 3) if quick else (1000, 9)
    stage.empty_file()
    with tempfile.TemporaryDirectory() as folder:
        blob = _blob(Path(folder), {stage.grid_object(side)})
        ours = spread(_seconds(lambda: digests(blob, Outside(FileDigests()))) for _ in range(rounds))
        data = blob.read_bytes()
        bare = spread(_seconds(lambda: hashlib.blake2b(data, digest_size=16)) for _ in range(rounds))
    ratio = bare["median"] / ours["median"]
    return Row(
        f"digest of a mesh of {side * side:,} vertices",
        milliseconds(ours["median"]),
        f"{milliseconds(bare['median'])} hashlib.blake2b on the same {len(data) / 1e6:,.0f} MB",
        ratio,
        ">= half the speed",
        ratio >= 0.5,
        {"ours": ours, "bare": bare},
    )


def many_data_blocks(quick: bool) -> Row:
    """A scene of 2,000 objects and 200 materials with nodes, against writing it."""
    num_objects, num_materials, rounds = (200, 20, 3) if quick else (2_000, 200, 9)
    stage.empty_file()
    materials = [_material(f"Material {number}") for number in range(num_materials)]
    mesh = bpy.data.meshes.new("Mesh")
    mesh.materials.append(None)
    for number in range(num_objects):
        item = bpy.data.objects.new(f"Object {number}", mesh)
        item.modifiers.new("Bevel", "BEVEL")
        item.material_slots[0].link = "OBJECT"
        item.material_slots[0].material = materials[number % num_materials]
        bpy.context.scene.collection.objects.link(item)
    with tempfile.TemporaryDirectory() as folder:
        blob = Path(folder, "blob.blend")
        written = _seconds(lambda: _blob(Path(folder), set(bpy.data.objects)))
        ours = spread(_seconds(lambda: digests(blob, Outside(FileDigests()))) for _ in range(rounds))
    return Row(
        f"digests of {num_objects:,} objects, {num_materials} materials with nodes",
        milliseconds(ours["median"]),
        f"{milliseconds(written)} to write them",
        ours["median"] / written,
        "<= 500 ms",
        ours["median"] <= 0.5,
        {"ours": ours, "written": written},
    )


def _blob(folder: Path, roots: set[bpy.types.ID]) -> Path:
    blob = folder / "blob.blend"
    blobs.write(blob, roots, is_to_open=True)
    return blob


def _material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    for kind in _NODES:
        material.node_tree.nodes.new(kind)
    return material


def _seconds(do: Callable[[], object]) -> float:
    """Of the processor."""
    start = time.process_time()
    do()
    return time.process_time() - start
