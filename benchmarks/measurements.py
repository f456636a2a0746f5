"""What `run.py` measures, one function each. Both sides of a ratio are measured in turn, so that noise meets both."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy

import background_nodes
from background_nodes.node_tree import reader
from background_nodes.runtime.compiler import compile_graph
from background_nodes.runtime.events import RunStarted, TaskStarted, TaskSucceeded
from background_nodes.runtime.plan import Argument as PlannedArgument
from background_nodes.runtime.plan import Constant, FromTask, Plan, PlannedTask
from background_nodes.runtime.scheduler import Scheduler
from background_nodes.runtime.signature import Parameter, ScriptSource
from background_nodes.runtime.types import SocketType

MOVE = """
import bpy

def main(source: bpy.types.Object) -> bpy.types.Object:
    source.location.x += 1.0
    return source
"""

#: What a pipeline does without us: a new Blender for each task.
NEW_PROCESS = """
import sys
import bpy

source, target = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.wm.open_mainfile(filepath=source, load_ui=False, use_scripts=False)
thing = bpy.data.objects[0]
thing.location.x += 1.0
bpy.data.libraries.write(target, {thing}, path_remap="ABSOLUTE")
import os
os._exit(0)
"""


@dataclass(frozen=True)
class Figure:
    """One row: `ours` and `other` in seconds; `target` is the least (or, where `is_most`, the most) ratio asked for.

    `limit` is the most seconds that `ours` may take.
    """

    what: str
    ours: float
    compared_with: str
    other: float
    is_speed_up: bool = True
    target: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.other / self.ours if self.is_speed_up else self.ours / self.other

    @property
    def is_missed(self) -> bool:
        misses_target = self.target is not None and (
            self.ratio < self.target if self.is_speed_up else self.ratio > self.target
        )
        return misses_target or (self.limit is not None and self.ours > self.limit)

    def cells(self) -> tuple[str, ...]:
        relation = "at least" if self.is_speed_up else "at most"
        targets = [f"{relation} {self.target:g}x"] if self.target is not None else []
        targets += [f"under {shown(self.limit)}"] if self.limit is not None else []
        return (
            self.what,
            shown(self.ours),
            self.compared_with,
            shown(self.other),
            f"{self.ratio:.2f}x",
            ", ".join(targets),
        )

    def record(self) -> dict[str, object]:
        return {
            "what": self.what,
            "seconds": self.ours,
            "compared_with": self.compared_with,
            "its_seconds": self.other,
            "ratio": self.ratio,
            "ratio_is": "times faster" if self.is_speed_up else "times as long",
            "target_ratio": self.target,
            "limit_seconds": self.limit,
            "is_missed": self.is_missed,
        }


def shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1.0 else f"{seconds:.2f} s"


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternating(rounds: int, ours: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """The medians of two measurements, taken in turn."""
    pairs = [(ours(), other()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


# Graphs


def new_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def script_node(tree: bpy.types.NodeTree, source: str) -> bpy.types.Node:
    text = bpy.data.texts.new("script.py")
    text.from_string(source)
    node = tree.nodes.new("BackgroundNodeScript")
    node.script = text
    return node


def input_node(tree: bpy.types.NodeTree, data_type: str, value: object, *, is_list: bool = False) -> bpy.types.Node:
    node = tree.nodes.new("BackgroundNodeInput")
    node.data_type, node.is_list = data_type, is_list
    node.outputs[0].default_value = value
    return node


def moving_tree(value: object, *, is_list: bool = False) -> bpy.types.NodeTree:
    """A tree that moves one object, or each of a list."""
    tree = bpy.data.node_groups.new("Move", "BackgroundNodeTree")
    node = script_node(tree, MOVE)
    tree.links.new(input_node(tree, "Object", value, is_list=is_list).outputs[0], node.inputs[0])
    return tree


def remove(thing: bpy.types.Object) -> None:
    mesh = thing.data
    bpy.data.objects.remove(thing)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)


def run_and_remove(tree: bpy.types.NodeTree) -> float:
    """Seconds of one run from the call to the results at home; removing them is not counted."""
    output = tree.nodes["Script"].outputs[0]
    seconds = timed(lambda: background_nodes.run(tree))
    remove(output.result)
    return seconds


# Measurements


def round_trip(quick: bool) -> Iterator[Figure]:
    """A small object in and out through a warm worker, against a new Blender for it."""
    new_file()
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    tree = moving_tree(cube)
    run_and_remove(tree)
    per_cold = 3 if quick else 25
    warm: list[float] = []
    cold: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2 if quick else 8):
            warm += [run_and_remove(tree) for _ in range(per_cold)]
            cold.append(timed(lambda: in_new_process(cube, Path(folder))))
    yield Figure(
        "one small object in and out, warm",
        statistics.median(warm),
        "a new Blender for it",
        statistics.median(cold),
        target=30.0,
        limit=0.025,
    )


def in_new_process(thing: bpy.types.Object, folder: Path) -> None:
    script, source, target = folder / "script.py", folder / "in.blend", folder / "out.blend"
    script.write_text(NEW_PROCESS, encoding="utf-8")
    bpy.data.libraries.write(str(source), {thing}, path_remap="ABSOLUTE")
    start = [bpy.app.binary_path, "-b", "--factory-startup", "-P"] if bpy.app.binary_path else [sys.executable]
    subprocess.run([*start, str(script), "--", str(source), str(target)], check=True, stdout=subprocess.DEVNULL)
    remove(append(target))


def append(path: Path) -> bpy.types.Object:
    with bpy.data.libraries.load(str(path), link=False) as (available, request):
        request.objects = available.objects
    thing: bpy.types.Object = request.objects[0]
    return thing


def large_mesh(quick: bool) -> Iterator[Figure]:
    """A mesh of a million vertices in and out, against Blender's bare writing and reading, both ways."""
    new_file()
    side = 100 if quick else 1000
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=side - 1, y_subdivisions=side - 1)
    grid = bpy.context.object
    tree = moving_tree(grid)
    run_and_remove(tree)
    with tempfile.TemporaryDirectory() as folder:
        ours, other = alternating(
            3 if quick else 9, lambda: run_and_remove(tree), lambda: bare_round_trip(grid, Path(folder))
        )
    vertices = f"{len(grid.data.vertices):,} vertices"
    yield Figure(f"{vertices} in and out", ours, "bare write and load, twice", other, is_speed_up=False, target=1.5)


def bare_round_trip(thing: bpy.types.Object, folder: Path) -> float:
    start = time.perf_counter()
    bpy.data.libraries.write(str(folder / "there.blend"), {thing}, path_remap="ABSOLUTE")
    there = append(folder / "there.blend")
    bpy.data.libraries.write(str(folder / "back.blend"), {there}, path_remap="ABSOLUTE")
    back = append(folder / "back.blend")
    seconds = time.perf_counter() - start
    remove(there)
    remove(back)
    return seconds


def many_tasks(quick: bool) -> Iterator[Figure]:
    """A list mapped over a trivial node, with two workers and with one."""
    new_file()
    count = 50 if quick else 1000
    tree = bpy.data.node_groups.new("Double", "BackgroundNodeTree")
    node = script_node(tree, "def main(value: int) -> int:\n    return 2 * value\n")
    tree.links.new(input_node(tree, "INT", range(count), is_list=True).outputs[0], node.inputs[0])
    background_nodes.run(tree, workers=2)
    two, one = (timed(lambda number=number: background_nodes.run(tree, workers=number)) for number in (2, 1))
    yield Figure(f"{count:,} trivial tasks on 2 workers", two, "on 1 worker", one)


def many_results(quick: bool) -> Iterator[Figure]:
    """Many results brought home, against Blender's append of the same objects from one file."""
    new_file()
    count = 40 if quick else 200
    things = []
    for index in range(count):
        mesh = bpy.data.meshes.new("Thing")
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, index)], [], [(0, 1, 2)])
        things.append(bpy.data.objects.new("Thing", mesh))
    tree = moving_tree(things, is_list=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "things.blend"
        bpy.data.libraries.write(str(path), set(things), path_remap="ABSOLUTE")
        bare = timed(lambda: append(path))
    run = background_nodes.run(tree)
    home = time.monotonic() - run.finished  # that is when it began to bring them
    yield Figure(f"{count} results brought home", home, "bare append", bare, is_speed_up=False)


def scheduling(quick: bool) -> Iterator[Figure]:
    """A plan of 10,000 tasks through the scheduler alone, and the compilation of a tree."""
    size = 500 if quick else 10_000
    yield Figure(
        f"scheduling {size:,} tasks in a chain",
        timed(lambda: drive(chain(size))),
        "the second it may take",
        1.0,
        target=1.0,
    )
    new_file()
    size = 50 if quick else 500
    tree = bpy.data.node_groups.new("Chain", "BackgroundNodeTree")
    previous = script_node(tree, "def main(value: int = 1) -> int:\n    return value\n")
    for _ in range(size - 1):
        node = tree.nodes.new("BackgroundNodeScript")
        node.script = previous.script
        tree.links.new(previous.outputs[0], node.inputs[0])
        previous = node
    reading = timed(lambda: reader.read(tree, bpy.context.scene))
    graph = reader.read(tree, bpy.context.scene)
    compiling = timed(lambda: compile_graph(graph))
    yield Figure(f"compiling {size} nodes", compiling, "reading them from the tree", reading, is_speed_up=False)


def chain(size: int) -> Plan:
    number = SocketType("INT")
    parameter = Parameter("value", "Value", number)
    tasks = []
    for index in range(size):
        source = FromTask(str(index - 1), "result", number) if index else Constant(1, number)
        argument = PlannedArgument(parameter, (source,))
        tasks.append(PlannedTask(str(index), str(index), ScriptSource("", ""), (argument,), rank=size - index))
    return Plan("chain", tuple(tasks))


def drive(plan: Plan) -> None:
    """Let every task succeed as soon as it is started."""
    scheduler = Scheduler(plan, 2)
    instructions = scheduler.handle(RunStarted(0.0))
    while not scheduler.state.is_final:
        order = instructions[0]
        scheduler.handle(TaskStarted(0.0, order.task, order.item, order.attempt))
        instructions = scheduler.handle(TaskSucceeded(0.0, order.task, order.item, order.attempt, {}))


ALL = (round_trip, large_mesh, many_tasks, many_results, scheduling)
