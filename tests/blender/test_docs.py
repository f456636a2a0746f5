"""Code in the documentation that says it runs as it stands."""

import re
import shutil
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).parents[2]


def test_page_on_jobs_runs_from_top_to_bottom(registered_extension, enabled_name, capsys):
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


def test_readmes_lines_for_add_ons_work_when_pasted(enabled_name, capsys):
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## For add-ons\n")[2]
    snippet = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    bpy.ops.mesh.primitive_cube_add()
    space = {"__name__": "__main__"}
    exec(snippet, space)
    manager = space["manager"]
    try:
        assert manager.get_job("remesh").wait(200.0) == "COMPLETED", manager.get_issue_string("remesh")
        assert "<Job 'remesh' COMPLETED>" in capsys.readouterr().out
        assert bpy.data.objects["Cube.001"].modifiers["Remesh"].voxel_size == pytest.approx(0.1)
    finally:
        manager.kill_all()


@pytest.mark.wheel_only
def test_program_of_the_readme_ends_well(tmp_path, run_program):
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## For pipelines\n")[2]
    snippet = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    shutil.copy(ROOT / "addon" / "adding" / "examples" / "levels_of_detail.blend", tmp_path / "scene.blend")
    program = run_program(snippet)
    assert program.returncode == 0, program.stderr
    assert "Decimate LOD1 succeeded" in program.stdout
