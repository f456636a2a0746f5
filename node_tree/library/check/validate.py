# SPDX-License-Identifier: GPL-3.0-or-later
"""Check an object by the rules of a production: scale, mesh, normals, UV map, materials, textures, name.

What breaks a rule is a row of a report; with *Fail* it is an error, so that nothing behind it runs.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import bpy
import numpy as np

from background_nodes.script import Pixels, Range, log, mesh_copy, progress, uv_triangles


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        passed: Whether no rule is broken.
        report: A row for each rule that is broken, as JSON with object, rule, count and message; for Write CSV.
        checked: The object as it was.
    """

    passed: bool
    report: list[Any]
    checked: bpy.types.Object


def main(
    source: bpy.types.Object,
    scale: bool = True,
    mesh: bool = True,
    normals: bool = True,
    uv_map: bool = True,
    materials: bool = True,
    textures: bool = True,
    maximum_faces: Annotated[int, Range(0)] = 0,
    maximum_texture: Annotated[Pixels, Range(0, 65536)] = 4096,
    power_of_two: bool = True,
    name_pattern: str = "",
    fail: bool = False,
) -> Output:
    """Check `source`.

    Args:
        source: The object to check.
        scale: Its scale is applied, and not negative.
        mesh: There are faces, no edge has more than two of them, and no vertex has none; no face is without area, and
            each vertex has a place.
        normals: Neighbouring faces look the same way; those of a closed mesh look outwards.
        uv_map: There is a UV map, and each face has its place in it, inside of the picture or of UDIM tiles.
        materials: Each face has a material.
        textures: The images of its materials are there, and no larger than Maximum Texture.
        maximum_faces: It has no more faces, modifiers included. 0 is as many as it likes.
        maximum_texture: Width and height of textures are no larger. 0 is as large as they like.
        power_of_two: Width and height of textures are powers of two.
        name_pattern: A regular expression that its whole name fits, such as SM_[A-Za-z]+_[0-9]+. Empty takes any.
        fail: Make it an error if a rule is broken.
    """
    progress(0.1, "Checking")
    found: list[tuple[str, int, str]] = []
    if name_pattern:
        found += name_problems(source, name_pattern)
    if scale:
        found += scale_problems(source)
    if mesh or normals or uv_map or materials or maximum_faces:
        with mesh_copy(source) as copy:
            rules = {"mesh": mesh, "normals": normals, "uv_map": uv_map, "materials": materials}
            found += shape_problems(copy.data, maximum_faces, {rule for rule, is_on in rules.items() if is_on})
    if textures:
        found += texture_problems(source, maximum_texture, power_of_two)
    report = [
        {"object": source.name, "rule": rule, "count": number, "message": message} for rule, number, message in found
    ]
    for row in report:
        log(f"{source.name}: {row['rule']}: {row['message']}")
    if fail and report:
        told = "; ".join(row["message"] for row in report)
        raise ValueError(f"{source.name} breaks {len(report)} rules: {told}")
    return Output(not report, report, source)


def name_problems(source: bpy.types.Object, pattern: str) -> Iterator[tuple[str, int, str]]:
    try:
        fits = re.fullmatch(pattern, source.name)
    except re.error as error:
        raise ValueError(f"Name Pattern is no regular expression: {error}; mend it") from None
    if not fits:
        yield "Name", 1, f"the name does not fit {pattern}"


def scale_problems(source: bpy.types.Object) -> Iterator[tuple[str, int, str]]:
    bpy.context.view_layer.update()
    factors = [abs(factor) for factor in source.matrix_world.to_scale()]
    if any(abs(factor - 1.0) > 1e-4 for factor in factors):
        yield "Scale", 1, f"the scale is {', '.join(f'{factor:g}' for factor in factors)}, not applied"
    if source.matrix_world.is_negative:
        yield "Scale", 1, "it is mirrored by a negative scale"


def shape_problems(mesh: bpy.types.Mesh, maximum_faces: int, rules: set[str]) -> Iterator[tuple[str, int, str]]:
    count, edges = len(mesh.polygons), EdgeUse(mesh)
    if maximum_faces and count > maximum_faces:
        yield "Faces", count, f"{count:,} faces are more than {maximum_faces:,}"
    if "mesh" in rules:
        yield from mesh_problems(mesh, edges)
    if "normals" in rules:
        yield from normal_problems(mesh, edges)
    if "uv_map" in rules and count:
        yield from uv_problems(mesh)
    if "materials" in rules and count:
        yield from material_problems(mesh)


class EdgeUse:
    """How the edges of a mesh are used by faces: how often, and how often in the direction of their vertices."""

    def __init__(self, mesh: bpy.types.Mesh) -> None:
        edges = read(mesh.edges, "vertices", 2, np.int32)
        loop_edges = read(mesh.loops, "edge_index", 1, np.int32).ravel()
        starts = read(mesh.loops, "vertex_index", 1, np.int32).ravel()
        self.count = np.bincount(loop_edges, minlength=len(edges))
        is_along = starts == edges[loop_edges, 0] if len(edges) else np.zeros(0, bool)
        self.along = np.bincount(loop_edges[is_along], minlength=len(edges))


def mesh_problems(mesh: bpy.types.Mesh, edges: EdgeUse) -> Iterator[tuple[str, int, str]]:
    shared = int((edges.count > 2).sum())
    if shared:
        yield "Mesh", shared, f"{shared} edges have more than two faces"
    used = np.zeros(len(mesh.vertices), bool)
    used[read(mesh.loops, "vertex_index", 1, np.int32).ravel()] = True
    loose = int((~used).sum())
    if loose:
        yield "Mesh", loose, f"{loose} vertices have no face"
    if not mesh.polygons:
        yield "Mesh", 1, "there are no faces"
    points = read(mesh.vertices, "co", 3)
    lost = int((~np.isfinite(points)).any(axis=1).sum())
    if lost:
        yield "Mesh", lost, f"{lost} vertices have no place: a coordinate is no number, or infinite"
    size = float(np.ptp(points, axis=0).max()) if len(points) else 0.0  # what is small has small faces
    flat = int((read(mesh.polygons, "area", 1).ravel() < 1e-10 * min(1.0, size) ** 2).sum())
    if flat:
        yield "Mesh", flat, f"{flat} faces have no area"


def normal_problems(mesh: bpy.types.Mesh, edges: EdgeUse) -> Iterator[tuple[str, int, str]]:
    turned = int(((edges.count == 2) & (edges.along != 1)).sum())
    if turned:
        yield "Normals", turned, f"at {turned} edges, one face looks outwards and the other inwards"
    elif len(mesh.polygons) and (edges.count == 2).all() and volume(mesh) < 0.0:
        yield "Normals", len(mesh.polygons), "all faces look inwards"


def volume(mesh: bpy.types.Mesh) -> float:
    mesh.calc_loop_triangles()
    points = read(mesh.vertices, "co", 3)
    corners = (points - points.mean(axis=0))[read(mesh.loop_triangles, "vertices", 3, np.int32)]
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))


def uv_problems(mesh: bpy.types.Mesh) -> Iterator[tuple[str, int, str]]:
    if not mesh.uv_layers:
        yield "UV Map", len(mesh.polygons), "there is no UV map"
        return
    layer = next((layer for layer in mesh.uv_layers if layer.active_render), mesh.uv_layers[0])
    triangles = uv_triangles(mesh, layer)
    uv, faces = triangles.uv, triangles.faces
    areas = np.bincount(faces, np.abs(triangles.uv_areas), len(mesh.polygons))
    flat = int((areas < 5e-13).sum())
    if flat:
        yield "UV Map", flat, f"{flat} faces have no place in the UV map"
    outside = (uv < -1e-4).any(axis=2) | (uv[..., 0] > 10.0001)
    beside = len(np.unique(faces[outside.any(axis=1)]))
    if beside:
        yield "UV Map", beside, f"{beside} faces lie beside all UDIM tiles"
    low, high = np.floor(uv.min(axis=1) + 1e-4), np.ceil(uv.max(axis=1) - 1e-4)
    across = len(np.unique(faces[(high - low > 1.0).any(axis=1)]))
    if across:
        yield "UV Map", across, f"{across} faces lie across the border of the picture"


def material_problems(mesh: bpy.types.Mesh) -> Iterator[tuple[str, int, str]]:
    indices = read(mesh.polygons, "material_index", 1, np.int32).ravel()
    filled = np.array([bool(material) for material in mesh.materials] or [False])
    without = int((~filled[np.minimum(indices, len(filled) - 1)]).sum())
    if without:
        yield "Materials", without, f"{without} faces have no material"


def texture_problems(source: bpy.types.Object, maximum: int, power_of_two: bool) -> Iterator[tuple[str, int, str]]:
    for image in images_of(source):
        width, height = image.size
        if not (image.has_data or width):
            yield "Textures", 1, f"{image.name} has no pixels; its file is missing"
        elif maximum and max(width, height) > maximum:
            yield "Textures", 1, f"{image.name} has {width} x {height} pixels, more than {maximum}"
        elif power_of_two and (width & (width - 1) or height & (height - 1)):
            yield "Textures", 1, f"{image.name} has {width} x {height} pixels, which are no powers of two"


def images_of(source: bpy.types.Object) -> list[bpy.types.Image]:
    """The images in its materials and in the groups of these, each once."""
    waiting = [slot.material.node_tree for slot in source.material_slots if slot.material]
    trees, images = set(), {}
    while waiting:
        tree = waiting.pop(0)
        if tree is None or tree in trees:
            continue
        trees.add(tree)
        for node in tree.nodes:
            if node.type == "GROUP":
                waiting.append(node.node_tree)
            elif node.type in ("TEX_IMAGE", "TEX_ENVIRONMENT") and node.image:
                images[node.image] = None
    return list(images)


def read(items: bpy.types.bpy_prop_collection, attribute: str, width: int, dtype=np.float32) -> np.ndarray:
    """One attribute of all items as an array with `width` columns."""
    values = np.empty(len(items) * width, dtype)
    items.foreach_get(attribute, values)
    return values.reshape(-1, width)
