"""The shapes of the demo's objects: plain meshes made of formulas, the same each time."""

import math
from collections.abc import Callable, Iterable, Sequence

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector

#: Radius and height of points of a profile, from the bottom up.
Profile = Sequence[tuple[float, float]]


def new_mesh(name: str, points: np.ndarray, faces: Iterable[Sequence[int]]) -> bpy.types.Mesh:
    """A smooth mesh of these points (rows of x, y, z) and faces (rows of indices)."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(map(float, point)) for point in points], [], [tuple(map(int, face)) for face in faces])
    mesh.validate()
    mesh.shade_smooth()
    return mesh


def grid(rows: int, columns: int, *, closed_rows: bool = False) -> list[tuple[int, int, int, int]]:
    """The faces of a grid of points whose columns go round; whose rows do too, if they are closed."""
    faces = []
    for row in range(rows if closed_rows else rows - 1):
        below, above = row * columns, (row + 1) % rows * columns
        faces += [
            (below + index, below + (index + 1) % columns, above + (index + 1) % columns, above + index)
            for index in range(columns)
        ]
    return faces


def lathe(
    name: str, profile: Profile, segments: int, radius: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
) -> bpy.types.Mesh:
    """Turn a profile around the z axis, open at both ends.

    Args:
        name: Name of the mesh.
        profile: The points that are turned.
        segments: Points all around.
        radius: Takes angles and heights of all points, gives factors of their radius: flutes, ribs, threads.
    """
    radii, heights = (column[:, None] for column in np.array(profile, dtype=float).T)
    angles = np.linspace(0.0, math.tau, segments, endpoint=False)[None, :]
    radii = radii * (np.ones_like(angles) if radius is None else radius(angles, heights))
    points = np.stack((radii * np.cos(angles), radii * np.sin(angles), heights + 0.0 * angles), axis=-1)
    return new_mesh(name, points.reshape(-1, 3), grid(len(profile), segments))


def smooth_profile(corners: Profile, count: int) -> Profile:
    """`count` points on a Catmull-Rom curve through these."""
    known = np.array([corners[0], *corners, corners[-1]], dtype=float)
    result = []
    for place in np.linspace(0.0, len(corners) - 1.0, count):
        index = min(int(place), len(corners) - 2)
        t = place - index
        a, b, c, d = known[index : index + 4]
        cubic = (-a + 3 * b - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2 + (c - a) * t + 2 * b
        result.append(tuple(cubic / 2.0))
    return result


def tube(
    name: str, path: np.ndarray, radius: np.ndarray, up: tuple[float, float, float] = (0.0, 0.0, 1.0)
) -> bpy.types.Mesh:
    """A tube along a closed path.

    Args:
        name: Name of the mesh.
        path: Rows of x, y, z.
        radius: A row for each point of the path, a column for each side of the tube.
        up: A direction that the path nowhere takes.
    """
    count, sides = radius.shape
    tangents = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normals = np.cross(tangents, up)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    binormals = np.cross(tangents, normals)
    angles = np.linspace(0.0, math.tau, sides, endpoint=False)
    around = np.cos(angles)[None, :, None] * normals[:, None] + np.sin(angles)[None, :, None] * binormals[:, None]
    points = path[:, None] + radius[..., None] * around
    return new_mesh(name, points.reshape(-1, 3), grid(count, sides, closed_rows=True))


def sphere(name: str, subdivisions: int, scale: Sequence[float] = (1.0, 1.0, 1.0)) -> bpy.types.Mesh:
    """A sphere of triangles that are all about the same size."""
    return _from_bmesh(
        name, lambda built: bmesh.ops.create_icosphere(built, subdivisions=subdivisions, radius=1.0), scale
    )


def monkey(name: str) -> bpy.types.Mesh:
    """Suzanne; her eyes are the second material slot's."""

    def fill(built: bmesh.types.BMesh) -> None:
        bmesh.ops.create_monkey(built)
        faces = set(built.faces)
        while faces:
            island = _island(faces.pop())
            faces -= island
            for face in island:
                face.material_index = int(len(island) < 100)

    return _from_bmesh(name, fill)


def _island(face: bmesh.types.BMFace) -> set[bmesh.types.BMFace]:
    """All faces that can be reached from one over edges."""
    found, new = {face}, [face]
    while new:
        neighbours = {other for edge in new.pop().edges for other in edge.link_faces} - found
        found |= neighbours
        new.extend(neighbours)
    return found


def _from_bmesh(
    name: str, fill: Callable[[bmesh.types.BMesh], object], scale: Sequence[float] = (1.0, 1.0, 1.0)
) -> bpy.types.Mesh:
    built = bmesh.new()
    fill(built)
    bmesh.ops.scale(built, vec=Vector(scale), verts=built.verts)
    mesh = bpy.data.meshes.new(name)
    built.to_mesh(mesh)
    built.free()
    mesh.shade_smooth()
    return mesh


def box(name: str, size: Sequence[float], cuts: int) -> bpy.types.Mesh:
    """A box whose longest edges are cut so often that a wave of its surface has points to move."""

    def fill(built: bmesh.types.BMesh) -> None:
        bmesh.ops.create_cube(built, size=1.0, matrix=Matrix.Diagonal((*size, 1.0)))
        if cuts:
            longest = max(size)
            edges = [edge for edge in built.edges if edge.calc_length() > 0.6 * longest]
            bmesh.ops.subdivide_edges(built, edges=edges, cuts=cuts, use_grid_fill=True)

    return _from_bmesh(name, fill)


def gear(name: str, teeth: int, outer: float, inner: float, bore: float, height: float) -> bpy.types.Mesh:
    """A gear wheel, lying flat: a ring of teeth around a bore."""
    steps = np.arange(teeth * 4)
    angles = (steps // 4 + np.array((0.10, 0.28, 0.60, 0.78))[steps % 4]) * math.tau / teeth
    radii = np.where(np.isin(steps % 4, (1, 2)), outer, inner)
    rim = np.stack((radii * np.cos(angles), radii * np.sin(angles)), axis=-1)
    web = np.stack((np.cos(angles), np.sin(angles)), axis=-1)
    # From the bore's lower edge, over the upper side, round the rim and back below.
    half = height / 2.0
    rings = [
        (web * bore, -half * 1.5),
        (web * bore, half * 1.5),
        (web * bore * 1.7, half * 1.5),
        (web * bore * 1.8, half * 0.5),
        (web * inner * 0.80, half * 0.5),
        (web * inner * 0.84, half),
        (rim, half),
        (rim, -half),
        (web * inner * 0.84, -half),
        (web * inner * 0.80, -half * 0.5),
        (web * bore * 1.8, -half * 0.5),
        (web * bore * 1.7, -half * 1.5),
    ]
    points = np.concatenate([np.column_stack((ring, np.full(len(ring), z))) for ring, z in rings])
    return new_mesh(name, points, grid(len(rings), len(steps), closed_rows=True))


def joined(name: str, parts: Iterable[tuple[bpy.types.Mesh, Matrix, int | None]]) -> bpy.types.Mesh:
    """One mesh of several, each put in its place and given a material slot; None keeps those it has."""
    built = bmesh.new()
    for part, matrix, slot in parts:
        before = len(built.faces)
        part.transform(matrix)
        built.from_mesh(part)
        built.faces.ensure_lookup_table()
        for face in built.faces[before:] if slot is not None else ():
            face.material_index = slot
        bpy.data.meshes.remove(part)
    mesh = bpy.data.meshes.new(name)
    built.to_mesh(mesh)
    built.free()
    return mesh


def paint(mesh: bpy.types.Mesh, choose: Callable[[np.ndarray], np.ndarray]) -> bpy.types.Mesh:
    """Give each face the material slot that `choose` says for its centre (rows of x, y, z)."""
    centres = np.empty(len(mesh.polygons) * 3, np.float32)
    mesh.polygons.foreach_get("center", centres)
    slots = np.asarray(choose(centres.reshape(-1, 3))).astype(np.int32)
    mesh.polygons.foreach_set("material_index", slots)
    return mesh


def at(x: float = 0.0, y: float = 0.0, z: float = 0.0, *, turn: tuple[float, str] | None = None) -> Matrix:
    """The matrix that turns (degrees, axis) and then moves."""
    rotation = Matrix.Rotation(math.radians(turn[0]), 4, turn[1]) if turn else Matrix.Identity(4)
    return Matrix.Translation((x, y, z)) @ rotation
