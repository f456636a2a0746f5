"""How long a run takes in which nothing has changed, so that all results are in the store; beside a build of ninja."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import bpy
import stage
from row import Row

from background_nodes.addon.preferences import preferences
from background_nodes.addon.session.current import session
from background_nodes.addon.session.run import Run

#: Seconds that the second run may take.
_TARGET = 0.5
_LAYERS = 20
#: One node of so many works on an object.
_SHARE = 10
_ROUNDS = 5
_REOPENED = Path(__file__).with_name("reopened.py")
_NINJA_ROUNDS = 20

_HEAD = "def main(first: float = 1.0, second: float = 1.0"
_SCRIPTS = [
    f"{_HEAD}) -> float:\n    return (first + second) / 2.0\n",
    f"{_HEAD}, scale: float = 0.5) -> float:\n    return scale * first - second\n",
    f"import math\n\n\n{_HEAD}) -> float:\n    return math.hypot(first, second)\n",
]
_LIFT = """\
import bpy


def main(source: bpy.types.Object, height: float = 1.0) -> bpy.types.Object:
    for vertex in source.data.vertices:
        vertex.co.z += height
    return source
"""


class _Spent(NamedTuple):
    """Seconds of the processors, and by the clock."""

    processor: float
    wall: float


def second_run(quick: bool) -> Row:
    """A tree in layers, run again; the same in a new process; and ninja that finds nothing to do."""
    count = 100 if quick else 1000
    stage.empty_file()
    tree = _layered_tree(count)
    with _own_store() as store:
        first = _measured(lambda: stage.carry_out(tree, workers=2, cache=True))
        reopened = _in_a_new_process(count, store)
        again = min(_measured(lambda: _find_all(tree)) for _ in range(_ROUNDS))
        changed = _change_one(tree)
        session.close()
    ninja = _ninja(count)
    return Row(
        f"second run of {count:,} nodes, nothing changed",
        f"{again.processor:.3f} s",
        f"{reopened.processor:.3f} s in a new process; "
        + ("ninja is not installed" if ninja is None else f"{ninja.processor:.3f} s ninja, as large a build"),
        None if ninja is None else again.processor / ninja.processor,
        f"< {_TARGET} s of the processor; one change runs what depends on it",
        again.processor < _TARGET,
        {
            "first": first._asdict(),
            "reopened": reopened._asdict(),
            "again": again._asdict(),
            "one_changed": changed._asdict(),
            "ninja": None if ninja is None else ninja._asdict(),
        },
    )


@contextlib.contextmanager
def _own_store() -> Iterator[str]:
    """Let runs keep results in a folder of their own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        session.use_settings(lambda: dataclasses.replace(preferences.settings(), uses_store=True, store_folder=folder))
        try:
            yield folder
        finally:
            session.use_settings(preferences.settings)


def _measured(function: Callable[[], object]) -> _Spent:
    processor, wall = time.process_time(), time.perf_counter()
    function()
    return _Spent(time.process_time() - processor, time.perf_counter() - wall)


# The tree


def _layered_tree(count: int) -> bpy.types.NodeTree:
    """Nodes in layers, each with two links from the layer before; every tenth passes a small object on."""
    tree = stage.new_tree()
    lift, *texts = map(_text, (_LIFT, *_SCRIPTS))
    width = count // _LAYERS
    objects = stage.scene_objects(width)
    nodes = [tree.nodes.new("BackgroundNodeScript") for _ in range(count)]
    for index, node in enumerate(nodes):
        place = index % width
        node.script = lift if place % _SHARE == 0 else texts[index % len(texts)]
        if place % _SHARE == 0:
            _take_object(tree, node, nodes[index - width] if index >= width else objects[place])
        elif index >= width:
            layer = nodes[index - place - width : index - place]
            numbers = [each for each in layer[place:] + layer[:place] if each.script != lift]
            for socket, source in zip(node.inputs, numbers[:2], strict=False):
                tree.links.new(source.outputs[0], socket)
        else:
            node.inputs[0].default_value = float(index)
    return tree


def _text(source: str) -> bpy.types.Text:
    text = bpy.data.texts.new("benchmark.py")
    text.write(source)
    return text


def _take_object(tree: bpy.types.NodeTree, node: bpy.types.Node, source: bpy.types.Node | bpy.types.Object) -> None:
    if isinstance(source, bpy.types.Object):
        node.inputs[0].default_value = source
    else:
        tree.links.new(source.outputs[0], node.inputs[0])


def _find_all(tree: bpy.types.NodeTree) -> None:
    run = stage.carry_out(tree, workers=2, cache=True)
    if ran := [task.name for task in run.tasks.values() if not task.cached]:
        raise RuntimeError(f"{len(ran)} nodes ran again, {ran[0]} among them")


def _in_a_new_process(count: int, store: str) -> _Spent:
    """Save the file, open it in a new process, and run the tree there. Raises RuntimeError if not all is cached."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "reopened.blend"))
        bpy.ops.wm.save_as_mainfile(filepath=file, copy=True)
        ended = subprocess.run(
            [sys.executable, str(_REOPENED), file],
            env=os.environ | {"BACKGROUND_NODES_STORE": store},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    report = json.loads(ended.stdout.splitlines()[-1])
    if report["num_tasks"] != count or report["ran"]:
        raise RuntimeError(f"{len(report['ran'])} of {report['num_tasks']} nodes ran again in a new process")
    return _Spent(report["processor"], report["wall"])


def _change_one(tree: bpy.types.NodeTree) -> _Spent:
    """Change one value of the first layer that is a number. Raises RuntimeError if not just its dependents run."""
    changed = tree.nodes[1]
    changed.inputs[0].default_value += 0.25
    wanted, waiting = {changed.name}, [changed]
    while waiting:
        new = [link.to_node for link in waiting.pop().outputs[0].links if link.to_node.name not in wanted]
        wanted.update(node.name for node in new)
        waiting += new
    runs: list[Run] = []
    spent = _measured(lambda: runs.append(stage.carry_out(tree, workers=2, cache=True)))
    ran = {task.name for task in runs[0].tasks.values() if not task.cached}
    if ran != wanted:
        raise RuntimeError(f"{len(ran)} nodes ran, not the {len(wanted)} that depend on what was changed")
    return spent


# Ninja


def _ninja(count: int) -> _Spent | None:
    """What ninja takes for a build of the same shape in which nothing has changed; None if it is not installed."""
    program = shutil.which("ninja", path=sysconfig.get_path("scripts"))
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "source").touch()
        Path(folder, "build.ninja").write_text("\n".join(_build_lines(count)) + "\n", encoding="ascii")
        subprocess.run([program], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        before, start = os.times(), time.perf_counter()
        for _ in range(_NINJA_ROUNDS):
            subprocess.run([program], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        wall, after = time.perf_counter() - start, os.times()
    processor = sum(after[2:4]) - sum(before[2:4])  # of child processes
    return _Spent(processor / _NINJA_ROUNDS, wall / _NINJA_ROUNDS)


def _build_lines(count: int) -> Iterator[str]:
    width = count // _LAYERS
    yield "rule make"
    yield "  command = touch $out"
    for index in range(count):
        first = index - index % width - width
        inputs = ["source"] if first < 0 else [f"out{first + (index + step) % width}" for step in range(2)]
        yield f"build out{index}: make {' '.join(inputs)}"
