"""How long reading, compiling and scheduling take: pure Python, without a process."""

from __future__ import annotations

import random
import time

import bpy
import stage
from row import Row, milliseconds

from background_nodes.node_tree import reader
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask, TaskOutput
from background_nodes.runtime.planning.sources import FromTask
from background_nodes.runtime.scheduling.events import RunStarted, StartTask, TaskStarted, TaskSucceeded
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType

NUMBERS = SocketType("INT", is_list=True)


def scheduler(quick: bool) -> Row:
    """A plan of ten thousand tasks, each needing up to three earlier ones, from start to end."""
    plan = _plan(1_000 if quick else 10_000)
    seconds, num_events = min(_carry_out(plan) for _ in range(3))
    return Row(
        f"scheduler: plan of {len(plan.tasks):,} tasks",
        f"{seconds:.3f} s",
        f"{1e6 * seconds / num_events:.1f} µs an event",
        None,
        "< 1 s",
        seconds < 1.0,
        {"seconds": seconds, "events": num_events},
    )


def _plan(count: int) -> Plan:
    chance = random.Random(1)
    script = ScriptSource("def main(): pass", "benchmark.py")
    parameter, output = Parameter("numbers", "Numbers", NUMBERS), TaskOutput("result", "Result", SocketType("INT"))
    tasks = []
    for index in range(count):
        needs = {chance.randrange(max(0, index - 200), index) for _ in range(min(3, index))}
        sources = tuple(FromTask(f"task{need}", "result", SocketType("INT")) for need in sorted(needs))
        tasks.append(PlannedTask(f"task{index}", f"Task {index}", script, (Argument(parameter, sources),), (output,)))
    return Plan("Benchmark", tuple(tasks))


def _carry_out(plan: Plan) -> tuple[float, int]:
    """Seconds of the scheduler, and how many events it was given."""
    start = time.perf_counter()
    machine = Scheduler(plan, num_workers=8)
    orders = machine.handle(RunStarted(0.0))
    num_events = 1
    while orders:
        new = []
        for order in orders:
            if isinstance(order, StartTask):
                where = float(num_events), order.task, order.item, order.attempt
                new += machine.handle(TaskStarted(*where))
                new += machine.handle(TaskSucceeded(*where, lengths={}))
                num_events += 2
        orders = new
    seconds = time.perf_counter() - start
    if machine.state != "succeeded":
        raise RuntimeError(f"the scheduler says {machine.state}")
    return seconds, num_events


def compilation(quick: bool) -> Row:
    """Reading and compiling a tree of a thousand nodes."""
    count = 100 if quick else 1000
    stage.empty_file()
    tree = _wide_tree(count)
    reading, compiling = min(_read_and_compile(tree) for _ in range(3))
    return Row(
        f"compile a tree of {count:,} nodes",
        f"{milliseconds((reading + compiling) / count)} a node",
        f"{reading:.2f} s reading, {compiling:.2f} s compiling",
        details={"reading_seconds": reading, "compiling_seconds": compiling},
    )


def _wide_tree(count: int) -> bpy.types.NodeTree:
    """Chains of ten nodes side by side."""
    tree = stage.new_tree()
    text = bpy.data.texts.new("benchmark.py")
    text.write(stage.COUNT_ON)
    nodes = [tree.nodes.new("BackgroundNodeScript") for _ in range(count)]
    for index, node in enumerate(nodes):
        node.script = text
        if index % 10:
            tree.links.new(nodes[index - 1].outputs[0], node.inputs[0])
        else:
            node.inputs[0].default_value = index
    return tree


def _read_and_compile(tree: bpy.types.NodeTree) -> tuple[float, float]:
    start = time.perf_counter()
    graph = reader.read(tree, bpy.context.scene)
    middle = time.perf_counter()
    compile_graph(graph)
    return middle - start, time.perf_counter() - middle
