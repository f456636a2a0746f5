# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the ten jobs shows each graph as it is; each is a preset of shipped nodes, without data of a test."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from background_nodes.runtime.presets import dump_folder

ROOT = Path(__file__).resolve().parents[2]
PRESETS = sorted(file.parent for file in ROOT.glob("examples/presets/jobs/*/preset.json"))
TESTS = ROOT / "tests" / "blender" / "ten_jobs"
pytestmark = pytest.mark.any_python


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_ten_jobs", ROOT / "tools" / "write_ten_jobs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_job_has_its_preset_and_its_test():
    names = {folder.name for folder in PRESETS}
    assert len(names) == 10
    assert {file.stem.removeprefix("test_") for file in TESTS.glob("test_*.py")} == names


@pytest.mark.parametrize("folder", PRESETS, ids=lambda folder: folder.name)
def test_section_of_a_job_names_its_preset_and_shows_its_graph(folder, writer):
    found = writer.sections(writer.PAGE.read_text(encoding="utf-8"))
    assert folder.name in found, f"run `make jobs`, or `nox --session jobs -- {folder.name}`"
    assert writer.preset(folder.name) in found[folder.name]
    assert writer.drawing(folder.name) in found[folder.name], f"run `nox --session jobs -- {folder.name}`"


@pytest.mark.parametrize("folder", PRESETS, ids=lambda folder: folder.name)
def test_preset_of_a_job_has_no_scripts_no_data_and_writes_beside_the_open_file(folder):
    preset, data, _picture = dump_folder.read(folder)
    assert preset.catalog == "Jobs"
    assert data["texts"] == {}
    trees = [data["tree"], *data["groups"].values()]
    nodes = [node for tree in trees for node in tree["nodes"].values()]
    items = [item for tree in trees for found in tree.get("interface", []) for item in found.get("items", [found])]
    sockets = [*items, *(socket for node in nodes for side in ("inputs", "outputs") for socket in node.get(side, []))]
    given = [socket for socket in sockets if socket.get("value")]
    paths = [socket["value"] for socket in given if socket["type"] in ("Path", "BlendFile")]
    assert [path for path in paths if not path.startswith("//")] == []
    values = [
        *(socket["value"] for socket in given),
        *(value for node in nodes for value in node.get("settings", {}).values()),
    ]
    assert [value for value in values if is_data_block(value)] == []


def is_data_block(value: object) -> bool:
    """Whether a value stands for data-blocks, as the text form names them."""
    return any(isinstance(each, dict) and "kind" in each for each in (value if isinstance(value, list) else [value]))


def test_drawing_leads_links_through_dots(writer):
    nodes = {
        "A": {"type": "BackgroundNodeInput", "looks": {"label": 'The "A"'}},
        "Dot": {"type": "NodeReroute"},
        "Frame": {"type": "NodeFrame"},
        "B": {"type": "BackgroundNodeScript"},
    }
    links = [{"from": ["A", "x"], "to": ["Dot", "i"]}, {"from": ["Dot", "o"], "to": ["B", "i"]}]
    lines = list(writer.drawn_tree({"nodes": nodes, "links": links}))
    assert lines == ["n0([\"The 'A'\"])", 'n3["B"]', "n0 --> n3"]


def test_sections_that_did_not_run_stay_on_the_page(writer):
    told = {"title": "T", "story": "S", "facts": ["f"], "tasks": 3, "seconds": 1.6, "cores": 2, "blender": "5.2"}
    name = PRESETS[0].name
    text = writer.section(name, told, has_picture=False)
    assert "3 tasks, 2 s on 2 cores" in text
    page = f"head\n<!-- other -->\nkept\n\n<!-- {name} -->\n{text}"
    assert writer.sections(page) == {"other": "kept\n\n", name: text}


def test_cost_of_a_job_goes_into_the_text_of_its_preset(writer, tmp_path):
    folder = tmp_path / "preset"
    folder.mkdir()
    shutil.copy(PRESETS[0] / "preset.json", folder)
    picture = tmp_path / "job.png"
    picture.write_bytes(b"a picture")
    before = json.loads((folder / "preset.json").read_text(encoding="utf-8"))
    cost = {"cost_seconds": 2.5, "cost_memory": 3e6, "cost_amount": 4.0, "cost_unit": "faces", "runs": 1}
    writer.note_cost(folder, cost, picture)
    assert json.loads((folder / "preset.json").read_text(encoding="utf-8")) == before | cost
    assert (folder / "picture.png").read_bytes() == b"a picture"
