"""Code in the documentation that says it runs as it stands."""

import re
from pathlib import Path

import bpy

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
