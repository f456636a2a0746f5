"""Code in the documentation that says it runs as it stands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).parents[2]


def test_page_on_jobs_runs_from_top_to_bottom(registered_extension, capsys):
    page = (ROOT / "docs" / "job_manager.md").read_text(encoding="utf-8")
    space = {"__name__": "page"}
    try:
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
            exec(compile(block, f"block {number}", "exec"), space)
    finally:
        registered_extension.JobManager.get_instance().kill_all()
    printed = capsys.readouterr().out
    assert "it went well\n{'vertices': 3}\n[bpy.data.objects['Triangle.001']]\n" in printed
    assert "once more COMPLETED {'vertices': 3}" in printed
    assert bpy.data.objects["Triangle"].data.vertices[1].co.x == 0.5
    assert sorted(bpy.data.objects.keys()) == ["Triangle", "Triangle.001"]


@pytest.mark.wheel_only
def test_program_of_the_readme_ends_well(tmp_path):
    """4.2 and 4.5 crash or hang at Python's exit, with a tree of ours in the open file."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## For pipelines\n")[2]
    snippet = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    (tmp_path / "program.py").write_text(snippet, encoding="utf-8")
    shutil.copy(ROOT / "addon" / "adding" / "examples" / "levels_of_detail.blend", tmp_path / "scene.blend")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "background_nodes").symlink_to(ROOT)
    program = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "modules"), "PWD": str(tmp_path)},  # Blender goes by PWD
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert program.returncode == 0, program.stderr
    assert "Decimate LOD1 succeeded" in program.stdout
