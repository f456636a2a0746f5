"""The extension Background Nodes Farm: what is in its zip, and runs that Blender starts on a farm by it."""

import contextlib
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import background_nodes.farm
from background_nodes import engines
from background_nodes.farm.blender_version import version_of
from background_nodes.runtime.blender import online_access
from background_nodes.runtime.errors import EngineError
from background_nodes.runtime.scratch.scratch import Scratch

from .conftest import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
USE = Path(__file__).with_name("use_extension.py")


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """The names of the files of both."""
    folder = tmp_path_factory.mktemp("zips")
    found = []
    for source in (ROOT, ROOT / "farm"):
        build = ("build", "--source-dir", str(source), "--output-filepath", str(folder / "extension.zip"))
        subprocess.run([sys.executable, str(ROOT / "tools" / "extension.py"), *build], check=True, capture_output=True)
        with zipfile.ZipFile(folder / "extension.zip") as package:
            found.append({name.rstrip("/") for name in package.namelist()})
    return found


def test_nothing_of_the_farm_is_in_the_zip_of_the_first_extension(zips):
    names = zips[0]
    assert {"engines.py", "runtime/engine/kinds.py"} <= names
    assert not [name for name in names if name.split("/")[0] == "farm" or "dask" in name]


def test_zip_of_the_farm_has_what_runs_in_blender_and_nothing_of_dask(zips):
    names = {name for name in zips[1] if name.endswith(".py")}
    own = {f"extension/{path.name}" for path in (ROOT / "farm" / "extension").glob("*.py")}
    shared = {"address.py", "credentials.py", "detaching.py", "engine.py", "following.py", "records.py"}
    assert names == {"__init__.py", *shared, *own}


def test_both_extensions_have_one_version():
    versions = [
        tomllib.loads((folder / "blender_manifest.toml").read_text())["version"] for folder in (ROOT, ROOT / "farm")
    ]
    assert versions[0] == versions[1]


def used(tmp_path, **settings) -> dict:
    told = tmp_path / "told.json"
    argv = [sys.executable, str(USE), json.dumps(settings), str(told)]
    # Nothing is cached, and nobody's trust is changed.
    own = {"BACKGROUND_NODES_STORE": str(tmp_path / "store"), "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    environment = os.environ | own
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert told.exists(), ended.stdout + ended.stderr
    return json.loads(told.read_text())


def test_blender_runs_a_graph_on_the_farm_and_sees_its_machines(farm, tmp_path):
    told = used(tmp_path, python=sys.executable, address=farm.address, watch=True)
    assert told["engines_before"] == ["pool"]
    assert told["engines"] == ["pool", "dask"]
    assert told["run"] == {"state": "succeeded", "error": "", "height": 5.0}
    assert told["machines"] == [["worker", 1, version_of("")]]
    assert told["engines_after"] == ["pool"]
    assert '"Raise" of ' in farm.said("worker")


def test_detached_run_is_begun_in_blender_and_followed_there(farm, tmp_path):
    before = farm.said("worker").count('"Raise" of ')
    told = used(tmp_path, python=sys.executable, address=farm.address, file=str(tmp_path / "scene.blend"))
    assert told["run"] == {"state": "succeeded", "error": "", "height": 5.0, "shown": "Tree"}
    assert farm.said("worker").count('"Raise" of ') == before + 1, "it ran once, and was followed"


def test_python_without_dask_is_told_with_what_to_install(tmp_path):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    told = used(tmp_path, python=str(bare), address="127.0.0.1:1")
    assert f"{bare} lacks what a farm needs" in told["run"]["error"]
    assert 'pip install "background-nodes[farm]"' in told["run"]["error"]


def test_blender_that_is_not_to_go_online_speaks_with_this_machine_only(farm, tmp_path):
    told = used(tmp_path, python=sys.executable, address="192.0.2.1:8786", online=False)
    assert "Blender is not to go online, and 192.0.2.1 is another machine" in told["run"]["error"]
    assert "Switch on Allow Online Access" in told["run"]["error"]


@pytest.mark.parametrize(("host", "is_refused"), [("192.0.2.1", True), ("127.0.0.1", False), ("[::1]", False)])
def test_engine_that_is_typed_in_a_real_blender_obeys_its_setting_too(
    environment, monkeypatch, tmp_path, host, is_refused
):
    """Where Python finds the farm by pip, and Blender started that Python."""
    blender = SimpleNamespace(binary_path="/opt/blender", online_access=False)
    monkeypatch.setattr(online_access, "bpy", SimpleNamespace(app=blender))
    made = {}
    monkeypatch.setattr(engines, "add", lambda name, make, **_words: made.update({name: make}))
    background_nodes.farm.add_engine()
    with contextlib.closing(Scratch(tmp_path / "scratch")) as scratch:
        if is_refused:
            with pytest.raises(EngineError, match=f"Blender is not to go online, and {host} is another machine"):
                made["dask"](f"{host}:8786", scratch)
        else:
            made["dask"](f"{host}:8786", scratch).close()
