"""Opens a file in a new process and runs its tree: which nodes ran, and for how long, as JSON.

reopened.py FILE.blend
"""

import json
import os
import sys
import time

import bpy
import stage

import background_nodes


def main(file: str) -> dict[str, object]:
    """Run the tree of a file."""
    background_nodes.register()
    bpy.ops.wm.open_mainfile(filepath=file)
    (tree,) = (tree for tree in bpy.data.node_groups if tree.bl_idname == "BackgroundNodeTree")
    processor, wall = time.process_time(), time.perf_counter()
    run = stage.carry_out(tree, workers=2, cache=True, allow_scripts=True)
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    ran = [task.name for task in run.tasks.values() if not task.cached]
    background_nodes.unregister()
    return {"ran": ran, "num_tasks": len(run.tasks), "processor": processor, "wall": wall}


if __name__ == "__main__":
    report = main(sys.argv[1])
    print(f"\n{json.dumps(report)}", flush=True)  # after what Blender prints
    os._exit(0)
