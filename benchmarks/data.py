"""How long data-blocks take to a worker and back."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bpy
import stage
from row import Row, milliseconds, spread

COLD = Path(__file__).with_name("cold.py")


def round_trip(quick: bool) -> Row:
    """A small object through one node, against a new Blender for the same script."""
    warm_rounds, cold_rounds = (20, 2) if quick else (200, 8)
    stage.empty_file()
    item = stage.grid_object(8)
    tree = stage.object_tree(item)
    stage.carry_out(tree)  # the worker starts
    warm, cold = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(cold_rounds):
            warm += [stage.timed_run(tree) for _ in range(warm_rounds // cold_rounds)]
            cold.append(_new_blender(item, Path(folder)))
    ours, theirs = spread(warm), spread(cold)
    ratio = theirs["median"] / ours["median"]
    return Row(
        "warm task round trip",
        milliseconds(ours["median"]),
        f"{milliseconds(theirs['median'])} with a new Blender",
        ratio,
        ">= 30 times faster, < 25 ms",
        ratio >= 30.0 and ours["median"] < 0.025,
        {"warm": ours, "cold": theirs},
    )


def _new_blender(item: bpy.types.Object, folder: Path) -> float:
    """Seconds of the same task in a process of its own."""
    source, target, script = folder / "input.blend", folder / "output.blend", folder / "script.py"
    script.write_text(stage.PASS_ON, encoding="utf-8")
    options = ["--background", "--factory-startup", "-noaudio", "--python"]
    program = [bpy.app.binary_path, *options] if bpy.app.binary_path else [sys.executable]
    start = time.perf_counter()
    stage.write(source, item)
    command = [*program, str(COLD), "--", str(source), str(target), str(script)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    result = stage.append_objects(target)
    seconds = time.perf_counter() - start
    stage.remove(result)
    return seconds


def large_mesh(quick: bool) -> Row:
    """A mesh of a million vertices through one node, against writing and loading it twice in this process."""
    side, rounds = (300, 3) if quick else (1000, 9)
    stage.empty_file()
    item = stage.grid_object(side)
    tree = stage.object_tree(item)
    stage.timed_run(tree)
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        _bare_both_ways(item, Path(folder))
        for _ in range(rounds):
            ours.append(stage.timed_run(tree))
            bare.append(_bare_both_ways(item, Path(folder)))
    mine, theirs = spread(ours), spread(bare)
    ratio = mine["median"] / theirs["median"]
    return Row(
        f"mesh of {side * side:,} vertices in and out",
        milliseconds(mine["median"]),
        f"{milliseconds(theirs['median'])} bare write, load, write, load",
        ratio,
        "" if quick else "<= 1.5 times",
        None if quick else ratio <= 1.5,
        {"run": mine, "bare": theirs},
    )


def _bare_both_ways(item: bpy.types.Object, folder: Path) -> float:
    time.sleep(0.06)  # as long as the run is given
    start = time.perf_counter()
    stage.write(folder / "there.blend", item)
    there = stage.append_objects(folder / "there.blend")
    stage.write(folder / "back.blend", there[0])
    back = stage.append_objects(folder / "back.blend")
    seconds = time.perf_counter() - start
    stage.remove([*there, *back])
    for name in ("there.blend", "back.blend"):
        (folder / name).unlink()
    return seconds


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
