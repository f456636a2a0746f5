# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the ten jobs shows each graph as it is, and graphs are of shipped nodes alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from background_nodes.runtime.text_form import files

ROOT = Path(__file__).resolve().parents[2]
GRAPHS = sorted((ROOT / "examples" / "ten_jobs").glob("*.json"))
TESTS = ROOT / "tests" / "blender" / "ten_jobs"
pytestmark = pytest.mark.any_python


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_ten_jobs", ROOT / "tools" / "write_ten_jobs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_graph_has_its_test_and_its_section():
    names = {graph.stem for graph in GRAPHS}
    assert {file.stem.removeprefix("test_") for file in TESTS.glob("test_*.py")} == names


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.stem)
def test_section_of_a_job_shows_its_graph(graph, writer):
    found = writer.sections(writer.PAGE.read_text(encoding="utf-8"))
    assert graph.stem in found, f"run `make jobs`, or `nox --session jobs -- {graph.stem}`"
    assert writer.drawing(graph.stem) in found[graph.stem], f"run `nox --session jobs -- {graph.stem}`"


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.stem)
def test_graph_has_no_scripts_and_paths_of_its_own_folder(graph):
    data = files.read_file(graph)
    assert data["texts"] == {}
    trees = [data["tree"], *data["groups"].values()]
    sockets = [socket for tree in trees for node in tree["nodes"].values() for socket in node.get("inputs", [])]
    paths = [socket["value"] for socket in sockets if socket.get("type") == "Path" and socket.get("value")]
    assert [path for path in paths if not path.startswith("//")] == []


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


def test_sections_that_did_not_run_stay_on_the_page(writer, tmp_path, monkeypatch):
    told = {"title": "T", "story": "S", "facts": ["f"], "tasks": 3, "seconds": 1.6, "cores": 2, "blender": "5.2"}
    name = GRAPHS[0].stem
    text = writer.section(name, told, has_picture=False)
    assert "3 tasks, 2 s on 2 cores" in text
    page = f"head\n<!-- other -->\nkept\n\n<!-- {name} -->\n{text}"
    assert writer.sections(page) == {"other": "kept\n\n", name: text}
