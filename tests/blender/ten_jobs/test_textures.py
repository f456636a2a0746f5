# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures of a scene down to 1k, swapped, and saved as another file.

All images that materials, groups and the world of the scene use are brought down to 1024 pixels at most, each as a
task of its own; smaller ones stay. The scene uses the new ones, and is saved as another .blend file. The textures are
saved as files, too, and two tables say what they were and are.
"""

from __future__ import annotations

import csv
from pathlib import Path

import bpy
import numpy as np

from ..library.scenes import grid, material, textured
from .job import Job
from .reading import picture as read_picture


def checkered(path: Path, width: int, height: int, color, *, is_data: bool = False) -> bpy.types.Image:
    """A file with a quarter in a colour, so that a picture that is turned or flipped is seen."""
    image = bpy.data.images.new(path.stem, width, height)
    pixels = np.zeros((height, width, 4), np.float32)
    pixels[..., 3] = 1.0
    pixels[: height // 2, : width // 2, :3] = color  # below, on the left
    image.pixels.foreach_set(pixels.ravel())
    image.file_format, image.filepath_raw = "PNG", str(path)
    image.save()
    bpy.data.images.remove(image)
    image = bpy.data.images.load(str(path))
    image.name, image.colorspace_settings.is_data = path.stem, is_data
    return image


def make_scene(job: Job, sizes: dict[str, tuple[int, int]]) -> None:
    """An object for each texture, which is a file; the first is in a group of nodes, the last on the world."""
    bpy.context.scene.name = "Set"
    for number, (name, (width, height)) in enumerate(sizes.items()):
        path, color = job.folder / "textures" / f"{name}.png", (1.0, number / len(sizes), 0.25)
        image = checkered(path, width, height, color, is_data=number % 2 == 1)
        if name == "Sky":
            world = bpy.context.scene.world = bpy.data.worlds.new("World")
            if world.node_tree is None:
                world.use_nodes = True
            world.node_tree.nodes.new("ShaderNodeTexEnvironment").image = image
            continue
        item = grid(f"Prop {number}", 2)
        item.location.x = 3.0 * number
        item.data.materials.append(material(f"Paint {number}"))
        tree = item.data.materials[0].node_tree
        if number:
            textured(item.data.materials[0], image)
        else:
            group = bpy.data.node_groups.new("Shared", "ShaderNodeTree")
            group.nodes.new("ShaderNodeTexImage").image = image
            tree.nodes.new("ShaderNodeGroup").node_tree = group


def test_scene_uses_small_textures_in_another_file(job):
    limit, large = job.size(64, 1024), job.size(256, 4096)
    sizes = {f"Texture {number}": (large, large // (1 + number % 2)) for number in range(job.size(2, 10))}
    sizes |= {"Small": (limit // 2, limit // 2), "Sky": (large, large // 2)}
    (job.folder / "textures").mkdir()
    make_scene(job, sizes)
    before = {image.name: (image.filepath, tuple(image.size)) for image in bpy.data.images}
    stamps = {path.name: path.stat().st_mtime_ns for path in (job.folder / "textures").iterdir()}
    job.run(job.tree(), Scene="Set", **{"1k_at_Most__width": limit, "1k_at_Most__height": limit})

    wanted = {name: fitted(size, limit) for name, size in sizes.items()}
    for number, (name, size) in enumerate(sizes.items()):
        pixels = read_picture(job.folder / "textures_1k" / f"{name}.png")
        width, height = wanted[name]
        assert pixels.shape == (height, width, 3)
        assert np.allclose(pixels[height * 3 // 4, width // 4], (1.0, number / len(sizes), 0.25), atol=0.01), (
            name,
            size,
        )
        assert pixels[height // 4, width // 4].max() == pixels[height * 3 // 4, width * 3 // 4].max() == 0.0
    tables = []
    for name in ("before", "after"):
        with (job.folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            tables.append({row["name"]: row for row in csv.DictReader(file)})
    for table, expected in zip(tables, (sizes, wanted), strict=True):
        assert {name: (int(row["width"]), int(row["height"])) for name, row in table.items()} == expected
    # The open scene and its files are as they were.
    assert {image.name: (image.filepath, tuple(image.size)) for image in bpy.data.images} == before
    assert {path.name: path.stat().st_mtime_ns for path in (job.folder / "textures").iterdir()} == stamps

    bpy.ops.wm.open_mainfile(filepath=str(job.folder / "scene_1k.blend"), load_ui=False, use_scripts=False)
    used = {image.name: image for image in bpy.data.images if image.users}
    assert {name: tuple(image.size) for name, image in used.items()} == wanted
    assert all(image.packed_file for image in used.values())
    spaces = {name: image.colorspace_settings.is_data for name, image in used.items()}
    assert spaces == {name: number % 2 == 1 for number, name in enumerate(sizes)}
    assert bpy.context.scene.world.node_tree.nodes["Environment Texture"].image == used["Sky"]
    assert bpy.data.node_groups["Shared"].nodes[0].image == used["Texture 0"]
    assert len(bpy.context.scene.objects) == len(sizes) - 1
    megabytes = [sum(float(row["megabytes"]) for row in table.values()) for table in tables]
    job.tell(
        f"{len(sizes)} textures of up to {large} pixels, in materials, a group of nodes and the world: "
        f"{megabytes[0]:,.0f} MB in memory before, {megabytes[1]:,.0f} MB after",
        f"Read by Pillow, each has {limit} pixels at most, the proportions and the colours that it had; colours are "
        "colours and data are data in the new file, and the scene that was open still has its own",
        on=(sum(width * height for width, height in sizes.values()), "pixels"),
    )


def fitted(size: tuple[int, int], limit: int) -> tuple[int, int]:
    factor = min(limit / max(size), 1.0)
    return tuple(round(length * factor) for length in size)
