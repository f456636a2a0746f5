"""Add-ons that tasks enable: a worker tells which its Blender has, and tasks go to those that have them."""

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from background_nodes.farm.engine import FarmEngine
from background_nodes.farm.machine_addons import MachineAddons
from background_nodes.runtime.engine.messages import WorkerKind
from background_nodes.runtime.engine.workers import WorkerSettings
from background_nodes.runtime.pool.launcher import Launcher
from background_nodes.runtime.scratch.scratch import Scratch

from ..engine_suite import Bench
from .conftest import PATIENCE, RUN, Farm

NAME = "background_nodes_farm_addon"
SCRIPTS = "BLENDER_USER_SCRIPTS"
ADDON = """
bl_info = {{"name": "For tests", "blender": (4, 2, 0), "version": {version}, "category": "Object"}}

def register():
    pass

def unregister():
    pass
"""
MAKE_SCENE = """
import sys
import bpy, background_nodes

background_nodes.register()
tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
tree.use_fake_user = True
node = tree.nodes.new("BackgroundNodeScript")
node.name = "Tessellate"
node.script = bpy.data.texts.new("tessellate.py")
script = "import bpy\\ndef main() -> bool:\\n    return %r in bpy.context.preferences.addons\\n"
node.script.from_string(script % sys.argv[2])
node.script = node.script
node.addons = sys.argv[2]
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
background_nodes.unregister()
"""


def installed(folder: Path, version: tuple[int, ...] = (1, 2, 0)) -> dict[str, str]:
    """The add-on, in a folder for scripts. Returns the variable of the environment that says where that is."""
    (folder / "addons").mkdir(parents=True, exist_ok=True)
    (folder / "addons" / f"{NAME}.py").write_text(ADDON.format(version=version), encoding="utf-8")
    return {SCRIPTS: str(folder)}


@pytest.fixture
def farm(environment, tmp_path):
    """A scheduler, and a worker with one slot without the add-on."""
    farm = Farm(tmp_path, environment | {SCRIPTS: str(tmp_path / "no scripts")})
    farm.scheduler()
    farm.worker("plain", "--slots", "1")
    yield farm
    farm.close()


def worker(farm: Farm, name: str, variables: dict[str, str]) -> None:
    """A worker more, with variables of its own."""
    usual, farm.environment = farm.environment, farm.environment | variables
    farm.worker(name, "--slots", "1")
    farm.environment = usual


@pytest.fixture
def bench(farm, tmp_path):
    """A foreground that has the add-on in version 1.2.0."""
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at(farm.address, scratch), scratch, tmp_path / "gate")
    bench.engine.use_settings(WorkerSettings(addons={NAME: "1.2.0"}))
    yield bench
    bench.close()


def submit(bench: Bench, key: str) -> None:
    """A task that enables the add-on."""
    request = bench.request(key, "gives")
    bench.engine.submit(replace(request, task=replace(request.task, kind=WorkerKind((NAME,)))))


def test_tasks_go_to_the_workers_that_have_their_addon_in_the_version_of_home(farm, bench, tmp_path):
    worker(farm, "old", installed(tmp_path / "old", (1, 1, 0)))
    worker(farm, "new", installed(tmp_path / "new"))
    assert bench.engine.why_not("", (NAME,)) == ""
    for key in ("a", "b"):
        submit(bench, key)
    bench.listen(lambda: {"a: gave 7", "b: gave 7"} <= {*bench.heard})
    assert farm.said("new").count('"gives" of ') == 2
    assert not any('"gives" of ' in farm.said(name) for name in ("plain", "old"))


def test_addon_that_no_worker_has_is_told_before_and_a_worker_that_brings_it_makes_it_run(farm, bench, tmp_path):
    worker(farm, "old", installed(tmp_path / "old", (1, 1, 0)))
    told = (
        f'no machine of the farm has it: old has not version 1.2.0 of the add-on "{NAME}", but 1.1.0, '
        f'plain has not the add-on "{NAME}"'
    )
    assert bench.engine.why_not("", (NAME,)) == told
    submit(bench, "a")
    bench.listen(lambda: bench.heard)
    assert bench.heard[0].startswith("a: no worker: no machine of the farm has it: ")
    assert f'plain has not the add-on "{NAME}"' in bench.heard[0]
    worker(farm, "new", installed(tmp_path / "new"))
    bench.listen(lambda: not bench.engine.why_not("", (NAME,)))
    submit(bench, "b")
    bench.listen(lambda: "b: gave 7" in bench.heard)
    assert '"gives" of ' in farm.said("new")


def test_addon_that_is_installed_changed_or_removed_while_a_worker_runs_counts_as_it_is(farm, bench, tmp_path):
    changing = tmp_path / "changing"
    (changing / "addons").mkdir(parents=True)
    worker(farm, "changing", {SCRIPTS: str(changing)})
    assert bench.engine.why_not("", (NAME,))
    installed(changing)
    bench.listen(lambda: not bench.engine.why_not("", (NAME,)))
    submit(bench, "a")
    bench.listen(lambda: "a: gave 7" in bench.heard)
    bench.heard.clear()
    installed(changing, (1, 3, 0))
    submit(bench, "b")  # at once, so that its worker has told nobody yet
    bench.listen(lambda: bench.heard)
    assert f'version 1.2.0 of the add-on "{NAME}", but 1.3.0' in bench.heard[0]
    shutil.rmtree(changing / "addons")
    bench.listen(lambda: f'changing has not the add-on "{NAME}"' in bench.engine.why_not("", (NAME,)))


def test_addons_of_a_blender_that_does_not_tell_them_are_unknown_and_it_is_not_asked_again_and_again(
    tmp_path, monkeypatch, caplog
):
    """What becomes of tasks is seen there, then."""
    began = []

    def new_folder() -> Path:
        began.append(tmp_path / str(len(began)))
        began[-1].mkdir()
        return began[-1]

    async def story() -> None:
        addons = MachineAddons("", new_folder)
        monkeypatch.setattr(addons, "_launcher", Launcher((sys.executable, "-c", "raise SystemExit('no display')")))
        await addons.look()
        await addons.look_again()
        assert addons.found is None
        assert await addons.lacks({NAME: "1.2.0"}) == ""

    asyncio.run(story())
    assert "which add-ons are here can't be found out: no display" in caplog.text
    assert len(began) == 1
    assert not began[0].exists()


def test_status_says_how_many_addons_a_worker_has_and_names_them_if_it_is_asked(farm, tmp_path):
    worker(farm, "new", installed(tmp_path / "new"))
    usual = farm.command("status", farm.address).stdout.splitlines()
    assert [line.split(" at ")[0] for line in usual] == ["new", "plain"]
    assert ", 1 add-on; idle" in usual[0]
    assert ", 0 add-ons; idle" in usual[1]
    named = farm.command("status", farm.address, "--addons").stdout.splitlines()
    assert named == [usual[0], f"  {NAME} 1.2.0", usual[1]]


def test_run_of_a_node_whose_addon_no_worker_has_does_not_begin_and_names_it(farm, tmp_path):
    scene, at_home = tmp_path / "scene.blend", farm.environment | installed(tmp_path / "home")
    made = subprocess.run([sys.executable, "-c", MAKE_SCENE, str(scene), NAME], capture_output=True, text=True)
    assert scene.exists(), made.stderr
    command = [*RUN, str(scene), "--allow-scripts", "--json", "--engine", f"dask://{farm.address}"]

    def run() -> subprocess.CompletedProcess:
        return subprocess.run(command, env=at_home, capture_output=True, text=True, timeout=PATIENCE)

    ended = run()
    assert ended.returncode == 2, ended.stderr
    told = f'what it needs can\'t be had: no machine of the farm has it: plain has not the add-on "{NAME}"'
    assert f'"Tessellate": {told}. Install them where it is to run, use another engine, or change' in ended.stderr
    assert '"Tessellate" of ' not in farm.said("plain")
    worker(farm, "new", installed(tmp_path / "new"))
    ended = run()
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["tasks"]["Tessellate"]["state"] == "succeeded"
    assert '"Tessellate" of ' in farm.said("new")
