# SPDX-License-Identifier: GPL-3.0-or-later
"""What Assimp, a library that many engines and viewers read models with, finds in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

try:
    import assimp_py
except ImportError:  # there is none for Python 3.11, and a real Blender's Python has nothing beside
    assimp_py = None


@dataclass
class Found:
    """What stands in the scene of a file.

    Attributes:
        parent: its name, "" for none.
        place: where its origin is in the file's scene.
        points: of its mesh, in the file's scene.
        num_triangles: of its mesh.
        materials, bones: the names of those that it uses.
    """

    parent: str
    place: np.ndarray
    points: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    num_triangles: int = 0
    materials: list[str] = field(default_factory=list)
    bones: set[str] = field(default_factory=set)

    @property
    def bounds(self) -> np.ndarray:
        return np.array([self.points.min(axis=0), self.points.max(axis=0)])


def read(path: Path) -> dict[str, Found]:
    """What is in a file, by its names."""
    scene = assimp_py.import_file(str(path), assimp_py.Process_Triangulate)
    return dict(_below(scene, scene.root_node, "", np.eye(4)))


def _below(scene: Any, node: Any, parent: str, place: np.ndarray) -> Iterator[tuple[str, Found]]:
    """What is below a node, which is at a place."""
    for child in node.children:
        matrix = place @ np.array(child.transformation).reshape(4, 4)
        found = Found(parent, matrix[:3, 3])
        for mesh in (scene.meshes[index] for index in child.mesh_indices):  # one for each material
            points = np.array(mesh.vertices).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
            found.points = np.concatenate([found.points, points])
            found.num_triangles += mesh.num_faces
            found.materials.append(scene.materials[mesh.material_index]["NAME"])
            found.bones |= {bone.name for bone in mesh.bones}
        yield child.name, found
        yield from _below(scene, child, child.name, matrix)
