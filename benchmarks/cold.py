"""One task the old way: a new Blender loads a blob, runs a script's `main` on the object in it, and writes the result.

... cold.py -- INPUT.blend OUTPUT.blend SCRIPT.py
"""

import os
import runpy
import sys

import bpy


def main(source: str, target: str, script: str) -> None:
    """Carry the task out."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(source) as (available, wanted):
        wanted.objects = available.objects
    result = runpy.run_path(script)["main"](wanted.objects[0])
    bpy.data.libraries.write(target, {result})


if __name__ == "__main__":
    main(*sys.argv[sys.argv.index("--") + 1 :])
    sys.stdout.flush()
    os._exit(0)  # the quickest exit, so that the comparison is fair to the old way
