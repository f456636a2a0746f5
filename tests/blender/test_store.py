"""Runs on a store that several processes share, and on one in trouble: all results are right, and trouble is said."""

import contextlib
import dataclasses
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes import RunState
from background_nodes.addon.preferences import preferences
from background_nodes.addon.session.current import session
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

from .graphs import SCALE, new_tree, output, quad, script, socket_of

ROOT = Path(__file__).resolve().parents[2]
TALL = "def main(source: bpy.types.Object) -> float: return max(v.co.y for v in source.data.vertices)"
#: Runs the tree of a file once for each size that it is told, and says what it found. If it is to be killed, that is
#: done while it keeps the results.
OTHER_BLENDER = """
import json, os, signal, sys
report = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # for what Blender prints
import bpy, background_nodes
background_nodes.register()
from background_nodes.addon.session.current import session
from background_nodes.runtime.store.folder import StoreFolder

def killed(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)

bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
tall, scale = (bpy.data.node_groups["Tree"].nodes[name] for name in ("Tall", "Scale"))
for line in sys.stdin:
    if line == "be killed\\n":
        StoreFolder.put = killed
        continue
    scale.inputs["Size"].default_value = float(line)
    run = background_nodes.run(scale.id_data, allow_scripts=True)
    while session._runner.is_keeping_house:
        session._runner.update(10.0)
    ran = [task.name for task in run.tasks.values() if not task.cached]
    print(json.dumps([sorted(ran), tall.outputs[0].result, list(run.notes)]), file=report, flush=True)
os._exit(0)
"""


@pytest.fixture
def tree(store):
    tree = new_tree()
    scale = script(tree, "Scale", SCALE, source=quad("Rock"))
    script(tree, "Tall", TALL, source=scale)
    output(tree, "LINK", scale)
    return tree


def run(tree, size: float = 2.0) -> list:
    """Run a tree with a size. Gives which nodes ran, the height that was found, and what the run noted."""
    socket_of(tree.nodes["Scale"].inputs, "size").default_value = size
    run = background_nodes.run(tree)
    assert run.state is RunState.SUCCEEDED
    await_chores()
    ran = sorted(task.name for task in run.tasks.values() if not task.cached)
    return [ran, tree.nodes["Tall"].outputs[0].result, list(run.notes)]


def await_chores() -> None:
    while session._runner.is_keeping_house:
        session._runner.update(10.0)


def found(size: float) -> list:
    return [[], size, []]


def made(size: float, *notes: str) -> list:
    return [["Scale", "Tall"], size, list(notes)]


def being_written(store: Path) -> list[Path]:
    return list((store / "v1" / "new").iterdir())


def make_room(store: Path) -> None:
    """Remove all that no living process needs."""
    with contextlib.closing(Store(store, Limits(max_size=0, min_free=0))) as other:
        upkeep.prune(other)


# Several processes


class OtherBlender:
    """A Blender of another process that has opened a file."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-c", OTHER_BLENDER, str(file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, line: object) -> None:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def said(self) -> list:
        return json.loads(self.process.stdout.readline())

    def run(self, size: float) -> list:
        self.tell(size)
        return self.said()


@pytest.fixture
def file(tree, tmp_path, monkeypatch) -> Path:
    """The file of the tree; other Pythons can import Background Nodes."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "background_nodes").symlink_to(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shared.blend"), copy=True)
    return tmp_path / "shared.blend"


@pytest.fixture
def other(file):
    other = OtherBlender(file)
    yield other
    other.process.kill()
    other.process.communicate()


def command(file: Path, size: float) -> subprocess.Popen:
    """Start the command on a file."""
    options = ["--json", "--allow-scripts", "--set", f"Scale.size={size}"]
    argv = [sys.executable, "-m", "background_nodes.cli", "run", str(file), *options]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def ended(command: subprocess.Popen) -> list:
    """What a command found, as `run` tells it."""
    report = json.loads(command.communicate()[0])
    ran = sorted(name for name, task in report["tasks"].items() if not task["cached"])
    return [ran, report["results"]["Tall"]["result"]["value"], report["notes"]]


@pytest.mark.wheel_only
def test_two_blenders_and_the_command_share_a_store(tree, store, file, other):
    """
    1. This Blender runs a tree. Another process that has opened the file finds all, data-blocks too.
    2. All three run it at the same time, each with another value.
    3. One makes room. Both Blenders still find what they show; what the command has made is gone.
    4. The other Blender is killed while it keeps a result. Nothing half-written stays, or is found.
    """
    assert run(tree) == made(2.0)
    assert other.run(2.0) == found(2.0)

    third = command(file, 5.0)
    other.tell(4.0)
    assert run(tree, 3.0) == made(3.0)
    assert other.said() == made(4.0)
    assert ended(third) == made(5.0)
    assert (other.run(3.0), run(tree, 5.0), other.run(4.0), run(tree, 3.0)) == tuple(map(found, (3, 5, 4, 3)))

    make_room(store)
    assert (run(tree, 3.0), other.run(4.0)) == (found(3.0), found(4.0))
    assert run(tree, 5.0) == made(5.0)

    other.tell("be killed")
    other.tell(6.0)
    assert other.process.wait() < 0
    assert being_written(store)
    assert run(tree, 6.0) == made(6.0)
    assert being_written(store) == []
    assert run(tree, 6.0) == found(6.0)


# Trouble


@pytest.fixture
def small_store(store, tiny_disk):
    """The store is on a disk of 2 MB, all of which it may fill."""
    settings = dataclasses.replace(
        preferences.settings(), store_folder=str(tiny_disk / "store"), store_limits=Limits(min_free=0)
    )
    session.use_settings(lambda: settings)
    return tiny_disk / "store"


def test_full_disk_keeps_nothing_half_and_says_so(tree, small_store):
    assert run(tree) == made(2.0)
    filler = small_store.parent / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_store).free - 20_000))
    ran, height, (note,) = run(tree, 3.0)
    assert (ran, height) == (["Scale", "Tall"], 3.0)
    assert f"the disk of {small_store} has no room for " in note
    assert being_written(small_store) == []
    assert run(tree, 3.0)[:2] == [["Scale"], 3.0], "what had room is kept"
    filler.unlink()
    assert run(tree, 3.0) == [["Scale"], 3.0, []]
    assert (run(tree, 3.0), run(tree, 2.0)) == (found(3.0), found(2.0))


def test_read_only_store_is_used_and_says_that_it_keeps_nothing(tree, small_store):
    assert run(tree) == made(2.0)
    session._cache.store.close()  # or the disk is busy
    subprocess.run(["mount", "-o", "remount,ro", str(small_store.parent)], check=True)
    assert run(tree) == found(2.0)
    for _time in range(2):
        ran, height, notes = run(tree, 3.0)
        assert (ran, height) == (["Scale", "Tall"], 3.0)
        assert any("nothing can be kept in" in note and "Read-only" in note for note in notes)
    subprocess.run(["mount", "-o", "remount,rw", str(small_store.parent)], check=True)
    assert (run(tree, 3.0), run(tree, 3.0), run(tree)) == (made(3.0), found(3.0), found(2.0))


def test_store_that_is_removed_between_look_and_use_costs_its_results_only(tree, store, monkeypatch):
    assert run(tree) == made(2.0)
    place = Store.place

    def place_late(*arguments, **options):
        shutil.rmtree(store, ignore_errors=True)
        place(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "place", place_late)
        assert run(tree) == made(2.0)
    assert run(tree) == found(2.0)


@pytest.mark.parametrize("years", [-10, 10])
def test_clock_that_jumps_takes_nothing_that_is_shown(tree, store, monkeypatch, years):
    assert run(tree) == made(2.0)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + years * 365 * 24 * 3600.0)
    assert run(tree) == found(2.0)
    assert run(tree, 3.0) == made(3.0)
    make_room(store)
    assert run(tree, 3.0) == found(3.0)
    monkeypatch.undo()
    assert run(tree, 3.0) == found(3.0)
