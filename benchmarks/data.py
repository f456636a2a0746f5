"""How long data-blocks take to a worker and back, against warm Blenders that know nothing of us, and against new ones.

Trips are made in turns, one after the other without a pause: what a worker does between two tasks counts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import bpy
import stage
from floor import Floor
from row import Row, milliseconds, spread

#: How many nodes a chain has, and bytes of what is kept of some of them.
_HOPS = 10
_STORE_SIZE = 4 * 1024**3


def round_trip(quick: bool) -> Row:
    """A small object through one node."""
    stage.empty_file()
    item = stage.grid_object(8)
    measured = _measure(stage.object_tree(item), [[item]], num_turns=2 if quick else 8, in_a_turn=25, has_new=True)
    return _row("tiny object", measured, 0.8, is_much_faster_than_new=True)


def rich_object(quick: bool) -> Row:
    """An object with node trees and packed images through one node."""
    stage.empty_file()
    item = stage.rich_object(256 if quick else 2048)
    measured = _measure(stage.object_tree(item), [[item]], **_turns(quick), has_new=True)
    return _row("3 materials, 4 packed images", measured, 1.5)


def object_list(quick: bool) -> Row:
    """Many small objects through one node as one list."""
    objects = _small_objects(20 if quick else 200)
    tree = stage.list_tree(objects, stage.PASS_ALL_ON)
    measured = _measure(tree, [objects], stage.PASS_ALL_ON, **_turns(quick), has_new=True)
    return _row(f"{len(objects)} objects as a list", measured, 1.3)


def object_items(quick: bool) -> Row:
    """Many small objects through one node, one item each."""
    objects = _small_objects(20 if quick else 200)
    parcels = [[item] for item in objects]
    tree = stage.list_tree(objects, stage.PASS_ON)
    measured = _measure(tree, parcels, num_turns=2, in_a_turn=1, workers=2)
    return _row(f"{len(objects)} objects, an item each, 2 workers", measured, parts=len(objects))


def object_crowd(quick: bool) -> Row:
    """Many objects into one task that gives nothing of them back."""
    objects = _small_objects(100 if quick else 2_000)
    tree = stage.list_tree(objects, stage.COUNT_OBJECTS)
    measured = _measure(tree, [objects], stage.COUNT_OBJECTS, num_turns=2, in_a_turn=1)
    return _row(f"{len(objects):,} objects into a task", measured)


def large_mesh(quick: bool) -> Row:
    """A mesh of a million vertices through one node."""
    item = _large_object(quick)
    measured = _measure(stage.object_tree(item), [[item]], **_turns(quick), has_new=True)
    return _row(f"{len(item.data.vertices):,} vertices", measured, 1.0)


def chain(quick: bool) -> Row:
    """The same through ten nodes, one after the other, each of which moves the vertices."""
    item = _large_object(quick)
    measured = _measure(_chain(item), [[item]], stage.MOVE_VERTICES, hops=_HOPS, num_turns=2, in_a_turn=1)
    return _row(f"{len(item.data.vertices):,} vertices, each of {_HOPS} nodes", measured, parts=_HOPS, times_script=5.0)


def kept_chain(quick: bool) -> Row:
    """The same if all results are kept. Each time the object is at another place, so that all nodes run."""
    item = _large_object(quick)
    with stage.own_store(_STORE_SIZE, _STORE_SIZE):
        options = {"hops": _HOPS, "num_turns": 2, "in_a_turn": 1, "is_kept": True}
        measured = _measure(_chain(item), [[item]], stage.MOVE_VERTICES, **options)
    name = f"{len(item.data.vertices):,} vertices, each of {_HOPS} nodes, kept"
    return _row(name, measured, parts=_HOPS, times_script=5.0)


def _chain(item: bpy.types.Object) -> bpy.types.NodeTree:
    tree = stage.object_tree(item, stage.MOVE_VERTICES)
    for _ in range(_HOPS - 1):
        stage.add_after(tree, stage.MOVE_VERTICES)
    return tree


def _turns(quick: bool) -> dict[str, int]:
    return {"num_turns": 1 if quick else 3, "in_a_turn": 2 if quick else 5}


def _small_objects(count: int) -> list[bpy.types.Object]:
    stage.empty_file()
    return stage.scene_objects(count)


def _large_object(quick: bool) -> bpy.types.Object:
    stage.empty_file()
    return stage.grid_object(100 if quick else 1000)


class _Times(NamedTuple):
    """Seconds of one trip each, with us, with warm Blenders and with a new one; and of each call of the script."""

    ours: list[float]
    bare: list[float]
    new: list[float]
    script: list[float]


def _measure(
    tree: bpy.types.NodeTree,
    parcels: Sequence[list[bpy.types.Object]],
    script: str = stage.PASS_ON,
    *,
    num_turns: int,
    in_a_turn: int,
    workers: int = 1,
    hops: int = 1,
    has_new: bool = False,
    is_kept: bool = False,
) -> _Times:
    def carry() -> None:
        if is_kept:
            parcels[0][0].location.x += 1.0
        stage.carry_out(tree, workers, cache=is_kept)

    stage.bring_home(tree)
    ours: list[float] = []
    theirs: list[float] = []
    new: list[float] = []
    with Floor(script, workers) as floor:
        for is_warm in (False, *[True] * num_turns):
            mine = _seconds(carry, in_a_turn)
            other = _seconds(lambda: floor.carry(parcels, hops), in_a_turn)
            if is_warm:
                ours.append(mine)
                theirs.append(other)
            if is_warm and has_new:
                new.append(_seconds(lambda: floor.carry_anew(parcels[0]), 1))
        script_seconds = floor.script_seconds
    return _Times(ours, theirs, new, script_seconds)


def _seconds(trip: Callable[[], object], count: int) -> float:
    """Seconds of each of several trips. What came back is removed afterwards."""
    before = set(bpy.data.objects)
    start = time.perf_counter()
    for _ in range(count):
        trip()
    seconds = (time.perf_counter() - start) / count
    stage.remove(set(bpy.data.objects) - before)
    return seconds


def _row(
    name: str,
    times: _Times,
    aim: float | None = None,
    *,
    parts: int = 1,
    is_much_faster_than_new: bool = False,
    times_script: float | None = None,
) -> Row:
    """The figures of each of `parts`.

    Args:
        name: what was carried.
        times: what was measured.
        aim: the most that we may take, as a multiple of the floor.
        parts: how many of them a trip has.
        is_much_faster_than_new: whether a new Blender is to take 35 times as long.
        times_script: the most that we may take, as a multiple of what the script takes.
    """
    mine, floor = spread(each / parts for each in times.ours), spread(each / parts for each in times.bare)
    script = spread(times.script)
    ratio = mine["median"] / floor["median"]
    against, targets, are_met = [f"{milliseconds(floor['median'])} with warm bare Blenders"], [], []
    if aim is not None:
        targets.append(f"<= {aim} times")
        are_met.append(ratio <= aim)
    if times.new:
        as_new = statistics.median(times.new) / mine["median"]
        against.append(f"a new one {as_new:.0f} times")
        if is_much_faster_than_new:
            targets.append("new >= 35")
            are_met.append(as_new >= 35.0)
    if times_script is not None:
        as_script = mine["median"] / script["median"]
        against.append(f"the script {milliseconds(script['median'])}")
        targets.append(f"<= {times_script:.0f} times the script ({as_script:.1f})")
        are_met.append(as_script <= times_script)
    details = {"run": mine, "bare": floor, "new": times.new, "script": script}
    is_met = all(are_met) if are_met else None
    return Row(
        f"trip: {name}", milliseconds(mine["median"]), ", ".join(against), ratio, ", ".join(targets), is_met, details
    )


def homecoming(quick: bool) -> Row:
    """The time from the last of many results to their being in the file, against appending as many files."""
    count = 40 if quick else 200
    stage.empty_file()
    tree = stage.mapped_tree(stage.MAKE_OBJECT, count)
    stage.add_output(tree, "LINK")
    times: dict[str, float] = {}

    def hear(event: object) -> None:
        times[event.name] = time.perf_counter()

    stage.carry_out(tree, workers=2, on_event=hear)
    ours = times["finished"] - times["task"]
    objects = list(bpy.data.objects)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{index}.blend") for index in range(count)]
        for path, item in zip(paths, objects, strict=True):
            stage.write(path, item)
        stage.remove(objects)
        start = time.perf_counter()
        for path in paths:
            stage.append_objects(path)
        bare = time.perf_counter() - start
    return Row(
        f"{count} results home",
        milliseconds(ours),
        f"{milliseconds(bare)} bare append of {count} files",
        ours / bare,
        details={"seconds": ours, "bare_seconds": bare},
    )
