# SPDX-License-Identifier: GPL-3.0-or-later
"""A nightly check of a library folder, by the command line.

All objects in all .blend files of a folder are checked: names, scale, mesh, normals, UV maps, materials, textures. A
table and a JSON file say what was found; the exit code is 1 if a rule is broken, and 0 once all is mended.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bpy
import pytest

from background_nodes.runtime.text_form import files

from ..library.scenes import grid, material, open_empty_file

ROOT = Path(__file__).parents[3]
#: Of each object, along each side.
CELLS = 6
#: Which rule each file breaks, by its place in the library.
FAULTS = {1: "Scale", 2: "Name", 4: "UV Map", 5: "Materials", 7: "Mesh"}


def write(path: Path, index: int, fault: str) -> None:
    """A file with an object that breaks a rule, or none."""
    open_empty_file()
    item = grid(f"Tile_{index:02}", cells=CELLS)
    item.data.materials.append(material(f"Clay_{index}"))
    match fault:
        case "Scale":
            item.scale = (2.0, 1.0, 1.0)
        case "Name":
            item.name = "tile copy"
        case "UV Map":
            item.data.uv_layers.remove(item.data.uv_layers[0])
        case "Materials":
            item.data.materials.clear()
        case "Mesh":
            item.data.vertices.add(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.data.libraries.write(str(path), {item}, fake_user=True)


def library(folder: Path, count: int, faults: dict[int, str]) -> None:
    """Files in two folders, one in the other."""
    for index in range(count):
        write(folder / ("" if index % 2 else "more") / f"tile_{index:02}.blend", index, faults.get(index, ""))


def command(job, package: Path) -> tuple[int, dict]:
    """Run the check as a nightly job does; the exit code and the report."""
    (package / "background_nodes").symlink_to(ROOT, target_is_directory=True)
    argv = ["run", str(job.folder / files.TREE_FILE), "--set", "Library.folder=//library/", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    started = time.monotonic()
    argv = [sys.executable, "-m", "background_nodes.cli", *argv, "--store", str(package / "store")]
    ended = subprocess.run(argv, capture_output=True, env=environment, timeout=1800)
    report = json.loads(ended.stdout)
    tasks = sum((task["items"] or {"total": 1})["total"] for task in report["tasks"].values())
    job.count(time.monotonic() - started, tasks)
    return ended.returncode, report


@pytest.mark.wheel_only  # the command of a real Blender is tested by itself
def test_nightly_check_fails_for_what_is_broken_and_passes_once_it_is_mended(job, tmp_path_factory):
    count = job.size(8, 40)
    folder = job.folder / "library"
    library(folder, count, FAULTS)
    shutil.copy(job.preset / files.TREE_FILE, job.folder)

    code, report = command(job, tmp_path_factory.mktemp("package"))
    assert (code, report["state"], report["problems"]) == (1, "failed", [])
    assert [name for name, task in report["tasks"].items() if task["state"] != "succeeded"] == ["Require"]
    error = report["tasks"]["Require"]["error"]["message"]
    assert f"no object of the library breaks a rule. {len(FAULTS)} of {count} fail" in error
    assert "tile copy: the name does not fit" in error
    found = json.loads((job.folder / "faults.json").read_text(encoding="utf-8"))
    assert sorted(row["rule"] for row in found) == sorted(FAULTS.values())
    with (job.folder / "checked.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["Object"]: row["Passed"] == "True" for row in csv.DictReader(file)}
    assert len(rows) == count
    names = {("tile copy" if fault == "Name" else f"Tile_{index:02}") for index, fault in FAULTS.items()}
    assert {name for name, has_passed in rows.items() if not has_passed} == names

    library(folder, count, {})
    code, report = command(job, tmp_path_factory.mktemp("package"))
    assert (code, report["state"]) == (0, "succeeded")
    assert json.loads((job.folder / "faults.json").read_text(encoding="utf-8")) == []
    if job.is_whole:  # what it takes in a Blender that is open
        job.measure(job.tree(), Library__folder="//library/")
    job.tell(
        f"{count} files, {len(FAULTS)} of which break a rule: exit code 1, and just these in table and JSON file",
        "The error of the report names them, with what is wrong",
        "All of them mended: exit code 0, and an empty list of faults",
        on=(count * CELLS**2, "faces"),
    )
