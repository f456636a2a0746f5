# SPDX-License-Identifier: GPL-3.0-or-later
"""A PBR set of a high-poly object to a low-poly one with a cage, ORM packed, in a new material.

A crate of six faces, its detailed original with domes and dents, two materials and a decal that floats before it, and a
cage, all paired by their names: base colour, roughness, metallic, occlusion and normals are baked at the same time. The
normals are saved in 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from ..library.scenes import material, run
from .job import Job
from .reading import needs_other_programs, pictures

pytestmark = needs_other_programs

#: The faces of a cube: normal, and two ways along the face that go round it anticlockwise.
SIDES = [
    (np.array(normal, float), np.array(along, float), np.cross(normal, along))
    for normal, along in (
        *(((1, 0, 0), (0, 1, 0)), ((-1, 0, 0), (0, 0, 1)), ((0, 1, 0), (0, 0, 1))),
        *(((0, -1, 0), (1, 0, 0)), ((0, 0, 1), (1, 0, 0)), ((0, 0, -1), (0, 1, 0))),
    )
]
#: How far a dome stands out, and a dent goes in; and how wide both are.
HEIGHTS = (0.12, -0.3)
RADIUS = 0.6
#: How far the cage is outside, and the decal, which is farther away.
CAGE, DECAL = 0.2, 0.5
PAINT = {"Base Color": (0.8, 0.1, 0.05, 1.0), "Roughness": 0.7, "Metallic": 0.0}
METAL = {"Base Color": (0.5, 0.5, 0.5, 1.0), "Roughness": 0.25, "Metallic": 1.0}


def height(side: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    distance = np.minimum(np.hypot(u, v) / RADIUS, 1.0)
    return HEIGHTS[side % 2] * np.cos(distance * np.pi / 2.0) ** 2


def normal(side: int, u: float, v: float) -> np.ndarray:
    """How the detailed surface looks there, in the scene."""
    outwards, along, across = SIDES[side]
    step = 1e-4
    slope_u = (height(side, u + step, v) - height(side, u - step, v)) / (2.0 * step)
    slope_v = (height(side, u, v + step) - height(side, u, v - step)) / (2.0 * step)
    found = outwards - slope_u * along - slope_v * across
    return found / np.linalg.norm(found)


def hit(side: int, u: float, v: float) -> tuple[float, float]:
    """Where a ray meets the detailed surface that goes from the cage to a place of the low-poly one: to its middle."""
    nearest, farthest = 0.0, 1.0 + CAGE
    for _step in range(40):
        middle = (nearest + farthest) / 2.0
        is_outside = middle > 1.0 + height(side, np.float64(middle * u), np.float64(middle * v))
        nearest, farthest = (nearest, middle) if is_outside else (middle, farthest)
    return nearest * u, nearest * v


def is_metal(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (u > 0.0) ^ (v > 0.0)


def mesh_object(name: str, points: list, faces: list, into: bpy.types.Collection) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(point) for point in points], [], faces)
    item = bpy.data.objects.new(name, mesh)
    into.objects.link(item)
    return item


def make_assets(cells: int) -> int:
    """The collection that the graph works on. Returns how many faces the detailed crate has."""
    assets = bpy.data.collections.new("Assets")
    bpy.context.scene.collection.children.link(assets)
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = []
    for outwards, along, across in SIDES:
        around = [outwards + u * along + v * across for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        faces.append([corners.index(tuple(np.rint(point).astype(int))) for point in around])
    mesh_object("Crate_low", corners, faces, assets)
    mesh_object("Crate_cage", np.array(corners) * (1.0 + CAGE), faces, assets)
    steps = np.linspace(-1.0, 1.0, cells + 1)
    points, quads, metal = [], [], []
    for side, (outwards, along, across) in enumerate(SIDES):
        u, v = np.meshgrid(steps, steps)
        shape = outwards + u[..., None] * along + v[..., None] * across + height(side, u, v)[..., None] * outwards
        first = len(points)
        points += shape.reshape(-1, 3).tolist()
        for row in range(cells):
            for column in range(cells):
                start = first + row * (cells + 1) + column
                quads.append((start, start + 1, start + cells + 2, start + cells + 1))
                middle = steps[[column, row]] + 1.0 / cells
                metal.append(bool(is_metal(*middle)))
    high = mesh_object("Crate_high", points, quads, assets)
    for name, values in (("Paint", PAINT), ("Metal", METAL)):
        made = material(name)
        for key, value in values.items():
            made.node_tree.nodes["Principled BSDF"].inputs[key].default_value = value
        high.data.materials.append(made)
    for polygon, is_one in zip(high.data.polygons, metal, strict=True):
        polygon.material_index, polygon.use_smooth = int(is_one), True
    decal = mesh_object(
        "Crate_high_decal", [(x, y, 1.0 + DECAL) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], [range(4)], assets
    )
    decal.data.materials.append(material("Decal", (0.0, 1.0, 0.0, 1.0)))
    return len(quads)


def samples(item: bpy.types.Object, size: int) -> Iterator[tuple[int, float, float, np.ndarray, np.ndarray]]:
    """Places on the sides of the crate: side, where on it; the pixel with its middle there, and the picture's axes."""
    layer = item.data.uv_layers[0]
    for polygon in item.data.polygons:
        side = next(index for index, each in enumerate(SIDES) if each[0] @ polygon.normal > 0.99)
        _outwards, along, across = SIDES[side]
        corners = np.array([item.data.vertices[index].co for index in polygon.vertices])
        uv = np.array([tuple(layer.uv[index].vector) for index in polygon.loop_indices])
        flat = np.stack([corners @ along, corners @ across, np.ones(4)], axis=1)
        to_picture = np.linalg.lstsq(flat, uv, rcond=None)[0]  # the way from the side to the picture is a straight one
        turn = np.linalg.inv(to_picture[:2])  # rows: what a step along u, or v, of the picture is on the side
        for u in np.linspace(-0.8, 0.8, 9):
            for v in np.linspace(-0.8, 0.8, 9):
                pixel = np.floor(np.array([u, v, 1.0]) @ to_picture * size)
                place = ((pixel + 0.5) / size - to_picture[2]) @ turn
                yield side, *place, pixel.astype(int), turn @ np.stack([along, across])


def read(job: Job, name: str) -> np.ndarray:
    """A picture as numbers from 0 to 1, rows from the bottom up."""
    with pictures.open(job.folder / "textures" / f"{name}.png") as opened:
        assert opened.size[0] == opened.size[1]
        return np.asarray(opened.convert("RGB"))[::-1] / 255.0


def test_textures_say_what_the_detailed_surface_is_at_each_place(job):
    num_faces = make_assets(job.size(24, 120))
    side = job.size(64, 1024)
    tree = job.tree()
    sizes = {f"{node}__resolution": side for node in ("Unwrap", *(f"Bake_{each}" for each in BAKES))}
    job.run(
        tree,
        Assets="Assets",
        **sizes,
        **({} if job.is_whole else {"Bake_Occlusion__samples": 8, "Unwrap__margin_pixels": 3}),
    )

    result = next(
        item
        for item in bpy.data.objects
        if item.name.startswith("Crate_low")
        and item.users_collection
        and item.active_material
        and item.active_material.name.startswith("Crate")
    )
    base, normals, orm = (read(job, name) for name in ("Crate_low Base Color", "Crate_low Normal", "Crate ORM"))
    assert (job.folder / "textures" / "Crate_low Normal.png").read_bytes()[24] == 16, "bits"
    assert base.shape == normals.shape == orm.shape == (side, side, 3)
    screen = lambda linear: 1.055 * np.array(linear[:3]) ** (1 / 2.4) - 0.055  # noqa: E731 (all of these are bright)
    colors, values, angles, dents, domes = [], [], [], [], []
    for face, u, v, (column, row), axes in samples(result, side):
        if min(abs(u), abs(v)) > 0.1:  # not where both materials meet
            wanted = METAL if is_metal(u, v) else PAINT
            colors.append(np.abs(base[row, column] - screen(wanted["Base Color"])).max())
            values.append(np.abs(orm[row, column, 1:] - (wanted["Roughness"], wanted["Metallic"])).max())
        red, green, blue = normals[row, column] * 2.0 - 1.0
        seen = (
            red * axes[0] / np.linalg.norm(axes[0]) + green * axes[1] / np.linalg.norm(axes[1]) + blue * SIDES[face][0]
        )
        angles.append(
            np.degrees(np.arccos(np.clip(seen @ normal(face, *hit(face, u, v)) / np.linalg.norm(seen), -1.0, 1.0)))
        )
        if HEIGHTS[face % 2] < 0.0 and np.hypot(u, v) < 0.2:
            dents.append(orm[row, column, 0])
        elif np.hypot(u, v) > 0.9:
            domes.append(orm[row, column, 0])
    assert max(colors) < 0.03
    assert max(values) < 0.03
    assert max(angles) < job.size(8.0, 4.0)
    assert np.median(dents) < 0.9 < 0.97 < np.median(domes)

    (slot,) = result.material_slots
    used = {node.label: node.image for node in slot.material.node_tree.nodes if node.type == "TEX_IMAGE"}
    assert {label: image.colorspace_settings.is_data for label, image in used.items()} == {
        "Base Color": False,
        "Normal": True,
        "ORM": True,
    }
    assert bpy.data.objects["Crate_high"].material_slots[0].material.name == "Paint"
    if job.is_whole:
        show(job, result)
    job.tell(
        f"A detailed crate of {num_faces:,} faces, a low-poly one of 6; five pictures of {side} x {side} pixels",
        f"Read by Pillow at {len(angles)} places: colours are {max(colors):.3f} from those of the materials at most, "
        f"roughness and metallic {max(values):.3f}, normals {max(angles):.1f}°",
        "The decal beyond the cage is in none of them but for its shade; domes that stand out of the crate are, and "
        f"so is the shade in dents: {np.median(dents):.2f} of the light, {np.median(domes):.2f} beside them",
        on=(num_faces, "faces"),
    )


BAKES = ("Base_Color", "Roughness", "Metallic", "Occlusion", "Normal")


def show(job: Job, result: bpy.types.Object) -> None:
    """The crate with its material, and the three pictures, two beside each other."""
    image = run("render/render_each", result, width=512, height=512, samples=32)
    run("image/save_image", image, job.folder / "crate.png")
    sheet = pictures.new("RGB", (1024, 1024), (56, 56, 56))
    with pictures.open(job.folder / "crate.png") as crate:
        sheet.paste(crate, (0, 0), crate)
    for name, place in (("Crate_low Base Color", (512, 0)), ("Crate_low Normal", (0, 512)), ("Crate ORM", (512, 512))):
        texture = pictures.fromarray(np.rint(read(job, name)[::-1] * 255.0).astype(np.uint8))
        sheet.paste(texture.resize((512, 512)), place)
    sheet.save(job.folder / "sheet.png")
    job.show(job.folder / "sheet.png", (0, 0, 1024, 1024))
