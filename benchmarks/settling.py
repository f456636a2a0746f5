"""Measure what Blender takes to bring a scene of 3,000 objects up to date after each thing that results do to it.

    WHEEL/bin/python benchmarks/settling.py       by a Python that has Blender's own module

No call of ours can be split below this: after any of these calls, Blender makes the relations of the whole scene anew.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

NUM_OBJECTS = 3000


def main() -> None:
    """Print milliseconds of the processor: of each call, and of Blender's update after it."""
    mesh = bpy.data.meshes.new("Mesh")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    for number in range(NUM_OBJECTS):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(f"Object {number}", mesh))
    with tempfile.TemporaryDirectory() as folder:
        for name, call in calls(Path(folder) / "some.blend"):
            taken, settling = milliseconds(call), milliseconds(bpy.context.view_layer.update)
            print(f"{name:30}{taken:8.1f} ms{settling:8.1f} ms until the scene is up to date")


def calls(library: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is done, one after the other."""
    objects = [item for item in bpy.data.objects if item.name.startswith("Object")]
    loaded: list[bpy.types.Object] = []

    def load() -> None:
        with bpy.data.libraries.load(str(library)) as (there, here):
            here.objects = list(there.objects)
        loaded.extend(here.objects)

    yield "nothing", lambda: None
    yield "move an object", lambda: setattr(objects[0], "location", (1, 2, 3))
    bpy.data.libraries.write(str(library), set(objects[:8]))
    yield "load 8 objects", load
    yield "remap one object", lambda: objects[0].user_remap(loaded[0])
    yield "remap seven objects", lambda: [objects[index].user_remap(loaded[index]) for index in range(1, 8)]
    yield "remove one object", lambda: bpy.data.batch_remove(objects[:1])
    yield "remove seven objects", lambda: bpy.data.batch_remove(objects[1:8])


def milliseconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return (time.thread_time() - start) * 1000


if __name__ == "__main__":
    main()
