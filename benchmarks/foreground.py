"""How long a run blocks the artist's window: the longest call of its timer, and of other calls that a run needs.

What is drawn is not part of it (see `frame_times.py`), and what Blender itself takes to load results and to note an
undo step is told apart. Where the system tells it, time in which another program had the processor does not count.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from unittest import mock

import bpy
import stage
from row import Row, milliseconds, spread
from stopwatch import Span, Stopwatch

from background_nodes.addon.session import undo
from background_nodes.addon.session.current import session
from background_nodes.addon.session.keeper import FINISHING_INTERVAL
from background_nodes.addon.session.run import Run
from background_nodes.runtime.blender import blobs, remapping, replacing
from background_nodes.runtime.engine.results import Results
from background_nodes.runtime.pool.pool import Pool

#: Milliseconds that a call may take.
_AIM = 8.0
#: Seconds after which a stopped worker goes on: without that, a window that waits for it would hang forever.
_STANDSTILL = 10.0
#: As many numbers as 25 MB of JSON hold.
_MANY_VALUES = 1_300_000

#: What is told apart, by the kind of its calls.
_APART = {
    "load": "Blender's own load",
    "remove": "Blender's own remove",
    "undo": "Blender's own undo",
    "store": "at the start, to write constants",
}

_WAIT = """\
import time


def main(number: int) -> int:
    time.sleep(0.5)
    return number
"""
_WAIT_SHORTLY = _WAIT.replace("0.5", "0.1")
_COUNT_WITH_ALL = """\
def main(number: int, numbers: list[int]) -> int:
    return number + len(numbers)
"""
_ADD_TO_EACH = """\
def main(number: int, values: list[float]) -> float:
    return number + sum(values)
"""
_MAKE_VALUES = """\
import random


def main(count: int) -> list[float]:
    return [random.random() for _ in range(count)]
"""
_TAKE_VALUES = """\
def main(values: list[float]) -> int:
    return len(values)
"""
_HOLD_MEMORY = """\
import time

from background_nodes.script import progress


def main(megabytes: int) -> None:
    held = bytearray(megabytes * 1024**2)
    held[::4096] = b"x" * len(held[::4096])
    progress(0.5)
    time.sleep(600.0)
"""
#: None of the worker's other threads runs afterwards, as if C code hangs.
_CLOSE_CHANNEL = """\
import ctypes
import sys


def main() -> None:
    sys.setswitchinterval(600.0)
    system = ctypes.PyDLL(None)
    for descriptor in range(3, 100):
        system.shutdown(descriptor, 2)
    system.sleep(600)
"""


def short_task(quick: bool) -> Row:
    """A task of a tenth of a second in a window, which hears of its end when the timer ticks the next time."""
    stage.empty_file()
    tree = stage.new_tree()
    stage.script_node(tree, _WAIT_SHORTLY).inputs[0].default_value = 1
    _warm_up(1)
    seconds = []
    for _ in range(3 if quick else 30):
        start = time.perf_counter()
        _carry_on(_start(tree, workers=1))
        seconds.append(time.perf_counter() - start)
    found = spread(seconds)
    share = found["median"] / 0.1
    target, is_met = "<= 1.1 times", share <= 1.1
    return Row("task of 100 ms in a window", milliseconds(found["median"]), "", share, target, is_met, found)


def many_items(quick: bool) -> Row:
    """A run of two thousand items, and two hundred results that come home."""
    num_items, num_results = (60, 20) if quick else (2_000, 200)
    stage.empty_file()
    tree = stage.mapped_tree(stage.COUNT_ON, num_items)
    stage.add_mapped(tree, stage.MAKE_OBJECT, num_results)
    with _watching() as watch:
        _carry_on(_start(tree, workers=4))
    return _row(f"tick: {num_items:,} items, {num_results} results", watch, "tick")


def results_home(quick: bool) -> Row:
    """Two hundred results come home to a scene of a thousand objects."""
    num_objects, num_results = (100, 20) if quick else (1_000, 200)
    stage.empty_file()
    stage.scene_objects(num_objects)
    tree = stage.mapped_tree(stage.MAKE_OBJECT, num_results)
    stage.add_output(tree, "LINK")
    with _watching() as watch:
        _carry_on(_start(tree, workers=4))
    return _row(f"tick: {num_results} results into a scene of {num_objects:,} objects", watch, "tick")


def results_replace(quick: bool) -> Row:
    """Two hundred results take the place of as many of a thousand objects."""
    num_objects, num_results = (100, 20) if quick else (1_000, 200)
    stage.empty_file()
    objects = stage.scene_objects(num_objects)
    tree = stage.list_tree(objects[:num_results])
    stage.add_output(tree, "REPLACE")
    with _watching() as watch:
        _carry_on(_start(tree, workers=4))
    return _row(f"tick: {num_results} of {num_objects:,} objects are replaced", watch, "tick")


def results_made(quick: bool) -> Row:
    """Two hundred results of one list, each with a mesh, a material and a modifier, come home."""
    tree, count = _results_tree(quick)
    with _watching() as watch:
        _carry_on(_start(tree, workers=1))
        _finish()
    return _row(f"tick: {count} results with materials", watch, "tick")


def results_again(quick: bool) -> Row:
    """As many take their place."""
    tree, count = _results_tree(quick)
    _carry_on(_start(tree, workers=1))
    _finish()
    tree.nodes[0].inputs[1].default_value = 2.0
    with _watching() as watch:
        _carry_on(_start(tree, workers=1))
        _finish()
    return _row(f"tick: {count} results with materials take the place of earlier ones", watch, "tick")


def _results_tree(quick: bool) -> tuple[bpy.types.NodeTree, int]:
    count = 20 if quick else 200
    stage.empty_file()
    tree = stage.new_tree()
    stage.script_node(tree, stage.MAKE_OBJECTS).inputs[0].default_value = count
    stage.add_output(tree, "LINK")
    return tree, count


def whole_list(quick: bool) -> Row:
    """A node that is mapped over a list and takes the whole of it as well."""
    count = 60 if quick else 2_000
    stage.empty_file()
    tree = stage.mapped_tree(_COUNT_WITH_ALL, count)
    numbers, node = tree.nodes
    tree.links.new(numbers.outputs[0], node.inputs[1])
    with _watching() as watch:
        _carry_on(_start(tree, workers=4))
    return _row(f"tick: {count:,} items, each with all {count:,} values", watch, "tick")


def stopped_worker(quick: bool) -> Row:
    """A list of many numbers goes to each of two workers, of which one stands still (SIGSTOP)."""
    count = 4_000 if quick else 400_000
    stage.empty_file()
    _warm_up(2)
    tree = stage.mapped_tree(_ADD_TO_EACH, 2)
    tree.links.new(_values_node(tree, count).outputs[0], tree.nodes[1].inputs[1])
    with _watching() as watch, _standstill(session.worker_process_ids[0]):
        _carry_on(_start(tree, workers=2))
    return _row(f"tick: a worker stands still that is to take {count:,} numbers", watch, "tick")


def large_request(quick: bool) -> Row:
    """A task with many numbers is given to the only worker, which stands still (SIGSTOP).

    The numbers are written to a file when the run starts, which is told apart.
    """
    count = 4_000 if quick else 400_000
    stage.empty_file()
    _warm_up(1)
    tree = stage.new_tree()
    numbers = tree.nodes.new("BackgroundNodeInput")
    numbers.data_type, numbers.is_list = "FLOAT", True
    numbers.outputs[0].default_value = [index / 7.0 for index in range(count)]
    tree.links.new(numbers.outputs[0], stage.script_node(tree, _TAKE_VALUES).inputs[0])
    with (
        _watching() as watch,
        _standstill(session.worker_process_ids[-1]),
        mock.patch.object(Pool, "submit", watch.timed("submit", Pool.submit)),
        mock.patch.object(Results, "store_constants", watch.timed("store", Results.store_constants)),
    ):
        _carry_on(_start(tree, workers=1))
    return _row(f"a request with {count:,} numbers to a worker that stands still", watch, "submit")


def values_on(quick: bool) -> Row:
    """Many megabytes of numbers from one task to the next."""
    stage.empty_file()
    tree = stage.new_tree()
    values = _values_node(tree, 4_000 if quick else _MANY_VALUES)
    tree.links.new(values.outputs[0], stage.script_node(tree, _TAKE_VALUES).inputs[0])
    with _watching() as watch:
        _carry_on(_start(tree, workers=1))
    return _row("tick: 25 MB of values from node to node", watch, "tick")


def values_home(quick: bool) -> Row:
    """Many megabytes of numbers that are a result of the tree."""
    stage.empty_file()
    tree = stage.new_tree()
    _values_node(tree, 4_000 if quick else _MANY_VALUES)
    with _watching() as watch:
        _carry_on(_start(tree, workers=1))
    return _row("tick: 25 MB of values as a result", watch, "tick")


def cancelled_worker(quick: bool) -> Row:
    """The window cancels a task of a worker that holds much memory."""

    def cancel(run: Run, watch: Stopwatch) -> None:
        watch.timed("cancel", run.cancel)()

    watch = _end_worker(_HOLD_MEMORY, 100 if quick else 1500, cancel)
    return _row("cancel of a task with 1.5 GB", watch, "cancel", "tick")


def killed_worker(quick: bool) -> Row:
    """The system kills a worker that holds much memory."""
    watch = _end_worker(_HOLD_MEMORY, 100 if quick else 1500, lambda _run, _watch: _kill())
    return _row("tick: a worker with 1.5 GB is killed", watch, "tick")


def silent_worker(_quick: bool) -> Row:
    """A worker's channel is closed, and its process goes on."""
    stage.empty_file()
    _warm_up(1)
    tree = stage.new_tree()
    stage.script_node(tree, _CLOSE_CHANNEL).retries = 0
    with _watching() as watch:
        _carry_on(_start(tree, workers=1))
    return _row("tick: a worker closes its channel and goes on", watch, "tick")


def forgotten_run(quick: bool) -> Row:
    """What a run of two thousand items wrote is removed."""
    count = 60 if quick else 2_000
    stage.empty_file()
    run = stage.carry_out(stage.mapped_tree(stage.COUNT_ON, count), workers=4)
    with _watching() as watch:
        watch.timed("forget", run.forget)()
    return _row(f"removal of a run of {count:,} items", watch, "forget")


def _values_node(tree: bpy.types.NodeTree, count: int) -> bpy.types.Node:
    """A node that makes so many numbers."""
    node = stage.script_node(tree, _MAKE_VALUES)
    node.inputs[0].default_value = count
    return node


def _end_worker(script: str, megabytes: int, end: Callable[[Run, Stopwatch], None]) -> Stopwatch:
    """Let a worker be under way with a script, then end it."""
    stage.empty_file()
    tree = stage.new_tree()
    node = stage.script_node(tree, script)
    node.inputs[0].default_value, node.retries = megabytes, 0
    run = _start(tree, workers=1)
    task = run.tasks[node.name]
    while task.progress < 0.5 and not run.state.is_final:
        time.sleep(session.tick() or 0.0)
    with _watching() as watch:
        end(run, watch)
        _carry_on(run)
        for _ in range(20):  # the process leaves the system
            time.sleep(min(0.1, session.tick() or 0.0))
    return watch


def _kill() -> None:
    os.kill(session.worker_process_ids[-1], signal.SIGKILL)


def _warm_up(workers: int) -> None:
    """Let there be just so many workers, with nothing to do."""
    session.close()
    stage.carry_out(stage.mapped_tree(_WAIT, 2 * workers), workers=workers)
    while any(worker.state != "idle" for worker in session.workers):
        time.sleep(0.01)
        session.tick()
    if len(session.workers) != workers:
        raise RuntimeError(f"{len(session.workers)} workers instead of {workers}")


@contextlib.contextmanager
def _standstill(process: int) -> Iterator[None]:
    """Stop a process, and let it go on after a while."""
    os.kill(process, signal.SIGSTOP)
    timer = threading.Timer(_STANDSTILL, os.kill, (process, signal.SIGCONT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextlib.contextmanager
def _watching() -> Iterator[Stopwatch]:
    """Time the session's timer: "tick", without what is Blender's own in it: "load", "remove" and "undo"."""
    watch = Stopwatch()
    gc.collect()  # what others left behind
    with (
        mock.patch.object(session, "tick", watch.timed("tick", session.tick)),
        mock.patch.object(blobs, "load", watch.timed("load", blobs.load)),
        mock.patch.object(replacing, "_remove", watch.timed("remove", replacing._remove)),
        mock.patch.object(remapping, "remove", watch.timed("remove", remapping.remove)),
        mock.patch.object(undo, "push_undo", watch.timed("undo", undo.push_undo)),
    ):
        yield watch


def _start(tree: bpy.types.NodeTree, workers: int) -> Run:
    """Start a run as a window does: it goes on by itself, which means by `tick`."""
    return session.start(tree, workers=workers, cache=False)


def _carry_on(run: Run) -> None:
    """What Blender does: call the timer when it wants to be called."""
    interval = session.tick()
    while not run.is_home:
        time.sleep(interval or 0.0)
        interval = session.tick()


def _finish() -> None:
    """Go on until nothing is left of what came home."""
    while session.tick() == FINISHING_INTERVAL:
        time.sleep(FINISHING_INTERVAL)


def _row(name: str, watch: Stopwatch, *kinds: str) -> Row:
    """The longest of some kinds of calls against what a window can spare."""
    held = sorted(span.held for kind in kinds for span in watch.spans.get(kind, ()))
    longest, most = held[-1], held[int(0.99 * (len(held) - 1))]
    apart = [f"{most:,.1f} ms 99 % of {len(held):,}"] if len(held) > 1 else []
    apart += [
        f"{max(span.held for span in watch.spans[kind]):,.1f} ms {what}"
        for kind, what in _APART.items()
        if kind in watch.spans
    ]
    return Row(
        name,
        f"{longest:,.1f} ms",
        "; ".join(apart),
        None,
        f"< {_AIM:.0f} ms",
        longest < _AIM,
        {kind: _figures(spans) for kind, spans in watch.spans.items()},
    )


def _figures(spans: list[Span]) -> dict[str, object]:
    """Milliseconds: held, of the processor's time and by the clock."""
    series = {
        "held": sorted(span.held for span in spans),
        "processor": sorted(span.processor for span in spans),
        "wall": sorted(span.wall for span in spans),
    }
    last = len(spans) - 1
    return {"count": len(spans)} | {
        name: {"p50": values[last // 2], "p99": values[int(0.99 * last)], "max": values[-1]}
        for name, values in series.items()
    }
