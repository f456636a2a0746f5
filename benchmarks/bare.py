"""A Blender that knows nothing of Background Nodes and carries tasks out: what we are measured against.

... bare.py -- SCRIPT

Each line of its input names two blobs, separated by a tab: it appends the objects of the first, calls the script's
`main` with them, and writes what that gives to the second. It answers with "done" and the seconds that the script took,
among what Blender prints, and empties its file for the next.
"""

import os
import runpy
import sys
import time

import bpy


def main(script: str) -> None:
    """Carry tasks out until the input ends."""
    function = runpy.run_path(script)["main"]
    _empty_file()
    for line in sys.stdin:
        source, target = line.rstrip("\n").split("\t")
        with bpy.data.libraries.load(source) as (available, wanted):
            wanted.objects = available.objects
        objects = list(wanted.objects)
        start = time.perf_counter()
        result = function(objects if len(objects) > 1 else objects[0])
        seconds = time.perf_counter() - start
        found = {item for item in (result if isinstance(result, list) else [result]) if isinstance(item, bpy.types.ID)}
        bpy.data.libraries.write(target, found)
        print(f"\ndone {seconds}", flush=True)
        _empty_file()


def _empty_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


if __name__ == "__main__":
    main(*sys.argv[sys.argv.index("--") + 1 :])
    os._exit(0)  # the quickest exit, so that the comparison is fair
