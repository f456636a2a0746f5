# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of OBJ and glTF files, cleaned, decimated to a budget and converted, with a report.

Half of the models are OBJ files, half glTF files. All have double vertices, and more triangles than the budget allows,
but for one. Each file is a task of its own: it is read by the importer that its ending asks for, its objects are
joined, mended and reduced, and it is written as a .glb file. A table says what was done.
"""

from __future__ import annotations

import csv
from itertools import pairwise
from typing import Any

import bpy
import numpy as np
import pytest

import background_nodes

from ..library.scenes import grid, material, open_empty_file, run
from .job import Job
from .reading import needs_other_programs, trimesh

pytestmark = needs_other_programs


def bumpy(name: str, cells: int, height: float) -> bpy.types.Object:
    """A wavy sheet whose faces share no vertices, as many programs write them."""
    item = grid(name, cells, lambda x, y: height * float(np.sin(3.0 * x) * np.cos(2.0 * y)))
    points = np.array([item.data.vertices[loop.vertex_index].co for loop in item.data.loops])
    sizes = [polygon.loop_total for polygon in item.data.polygons]
    starts = np.cumsum([0, *sizes])
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], [range(*each) for each in pairwise(starts)])
    mesh.uv_layers.new(name="UVMap")
    item.data = mesh
    return item


def fill(job: Job, names: list[str], cells: int) -> None:
    """Files of two objects each, by the exporters of Blender. The last model is small."""
    (job.folder / "models").mkdir()
    for number, name in enumerate(names):
        open_empty_file()
        divided = 4 if name == names[-1] else cells
        sheet, side = bumpy(name, divided, 0.2 + number / 100.0), bumpy(f"{name} Side", 3, 0.1)
        side.location = (0.0, 0.0, 1.0 + number)
        sheet.data.materials.append(material(f"Paint{number}", (1.0, 0.0, 0.0, 1.0)))
        ending = ".obj" if number % 2 else (".glb", ".gltf")[number // 2 % 2]
        path = job.folder / "models" / f"{name}{ending}"
        run(f"import_export/export_{'obj' if ending == '.obj' else 'gltf'}", [sheet, side], path)
    open_empty_file()


def names_of(count: int) -> list[str]:
    return [f"model {number:02}" for number in range(count)]


def materials_of(scene: Any) -> set[str]:
    """The names of the materials in a scene of trimesh. What has none has colours."""
    found = (getattr(part.visual, "material", None) for part in scene.geometry.values())
    return {each.name for each in found if each}


def paths_of(job: Job) -> dict[str, str]:
    """The folder, and where the new files go: in a text, // is the folder of the open file, and that was not saved."""
    return {"List_Files__folder": "//models/", "Convert_Model__Save As": f"{job.folder}/converted/{{name}}.glb"}


def test_each_model_of_a_folder_is_within_its_budget(job):
    names, cells, budget = names_of(job.size(4, 50)), job.size(12, 60), job.size(100, 2000)
    fill(job, names, cells)
    job.run(job.tree(), **{**paths_of(job), "Convert_Model__Triangles at Most": str(budget)})

    assert sorted(path.name for path in (job.folder / "converted").iterdir()) == [f"{name}.glb" for name in names]
    with (job.folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["Model"]: row for row in csv.DictReader(file)}
    assert list(rows) == names
    num_before = num_after = 0
    for number, name in enumerate(names):
        row, divided = rows[name], 4 if name == names[-1] else cells
        assert int(row["Triangles Before"]) == 2 * (divided**2 + 9)
        assert int(row["Vertices Merged"]) > divided**2, "each inner vertex was there four times"
        scene = trimesh.load_scene(row["File"])
        mesh = scene.to_mesh()
        assert len(mesh.faces) == int(row["Triangles After"]) <= max(budget * 1.02, 50)
        assert len(mesh.faces) >= min(0.9 * budget, 2 * (divided**2 + 9)), "and not reduced by more than that"
        # Y is up: both sheets are from -1 to 1, one about the ground, one as high as it was put.
        assert np.allclose(mesh.bounds[:, [0, 2]], [(-1, -1), (1, 1)], atol=0.02)
        assert mesh.bounds[1][1] == pytest.approx(1.0 + number + 0.1, abs=0.05)
        assert f"Paint{number}" in materials_of(scene)
        num_before, num_after = num_before + int(row["Triangles Before"]), num_after + len(mesh.faces)
    job.tell(
        f"{len(names)} files with {num_before:,} triangles, half of them OBJ and half glTF; {num_after:,} triangles "
        f"after, {budget:,} in each at most",
        "Read by trimesh, each has its size, place and material, and as many triangles as the table says; the model "
        "that was small already kept all of its own",
        on=(num_before, "faces"),
    )


def test_a_broken_model_of_a_folder_leaves_the_others_to_be_converted(job):
    names = names_of(3)
    fill(job, names, 4)
    broken = job.folder / "models" / f"{names[1]}.obj"
    broken.write_text("this is no model", encoding="utf-8")
    tree = job.tree()
    job.set(tree, **paths_of(job))
    run = background_nodes.run(tree)
    assert run.state == "failed"
    assert sorted(path.stem for path in (job.folder / "converted").iterdir()) == [names[0], names[2]]
    failed = run.groups["Convert Model"].failed
    assert failed is not None
    assert failed.name == "Convert Model / Import OBJ"
    assert f'"{broken}": ValueError: {broken.name} holds no object' in failed.error.message
    export = run.tasks["Convert Model / Export glTF"]
    assert [str(item.state) for item in export.items] == ["succeeded", "skipped", "succeeded"]
    assert export.error.message == f'1 of 3 items skipped: "{broken}" of "Convert Model / Import OBJ" failed'
    assert (run.tasks["Report"].state, (job.folder / "report.csv").exists()) == ("skipped", False)
