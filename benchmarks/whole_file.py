"""How a worker gets from one task on a whole file to the next: opening the copy again, against Blender's undo."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import stage
from row import Row, milliseconds, spread

#: Files by their name: the number of objects and the vertices on the side of each one's grid.
_FILES = {"100 objects": (100, 4), "1,000 objects": (1000, 10), "1M vertices": (1, 1000), "4M vertices": (1, 2000)}
_QUICK_FILES = {"100 objects": (100, 4), "90,000 vertices": (1, 300)}


def start_again(quick: bool) -> Row:
    """The copy of a file opened once more, against an undo of what a script changed, for several files.

    The undo has no target: it leaves the pixels of images as the script left them, so it is not what workers do.
    """
    rounds = 3 if quick else 5
    files = _QUICK_FILES if quick else _FILES
    details: dict[str, object] = {}
    opened, undone = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, (count, side) in files.items():
            path = Path(folder, "copy.blend")
            _write_file(path, count, side)
            opening = spread(_seconds(lambda path=path: _open(path)) for _ in range(rounds))
            undoing = spread(_undo(path, change_all=True) for _ in range(rounds))
            least = spread(_undo(path, change_all=False) for _ in range(rounds))
            details[name] = {"open": opening, "undo of changes in all": undoing, "undo of a change in one": least}
            opened.append(opening["median"])
            undone.append(undoing["median"])
            path.unlink()
    details["pixels come back with the undo"] = _restores_pixels()
    return Row(
        f"file opened again ({'; '.join(files)})",
        "; ".join(map(milliseconds, opened)),
        f"{'; '.join(map(milliseconds, undone))} by undo",
        details=details,
    )


def _write_file(path: Path, count: int, side: int) -> None:
    stage.empty_file()
    item = stage.grid_object(side)
    for _ in range(count - 1):
        copy = item.copy()
        copy.data = item.data.copy()
        bpy.context.scene.collection.objects.link(copy)
    roots = {*bpy.data.scenes, *bpy.data.objects, *bpy.data.meshes}
    bpy.data.libraries.write(str(path), roots, path_remap="ABSOLUTE", compress=False)


def _open(path: Path) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _undo(path: Path, *, change_all: bool) -> float:
    """Seconds that it takes to note what a script changed, and to undo it."""
    _open(path)
    bpy.ops.ed.undo_push(message="Before")
    for item in list(bpy.data.objects) if change_all else bpy.data.objects[:1]:
        item.location.x += 1.0
        item.data.vertices[0].co.x += 1.0
        item.data.update()
    return _seconds(lambda: (bpy.ops.ed.undo_push(message="After"), bpy.ops.ed.undo()))


def _restores_pixels() -> bool:
    stage.empty_file()
    image = bpy.data.images.new("Image", 8, 8)
    before = np.empty(8 * 8 * 4, np.float32)
    image.pixels.foreach_get(before)
    bpy.ops.ed.undo_push(message="Before")
    image.pixels.foreach_set(np.full_like(before, 0.75))
    image.update()
    bpy.ops.ed.undo_push(message="After")
    bpy.ops.ed.undo()
    after = np.empty_like(before)
    bpy.data.images["Image"].pixels.foreach_get(after)
    return bool((before == after).all())
