"""Write a .blend file with a node tree that needs two workers: python make_scene.py FILE FOLDER.

"Thicken" takes the Cube of the file. "Left" and "Right" take what it gives, and each waits until the other has begun.
Each says how many vertices it got.
"""

import sys

import bpy

import background_nodes

THICKEN = """\
import bpy

def main(source: bpy.types.Object) -> bpy.types.Object:
    source.data.vertices[0].co.z = 5.0
    return source
"""
MEET = """\
import bpy, os, time

def main(source: bpy.types.Object) -> float:
    print("SIDE is here")
    open(os.path.join(FOLDER, "SIDE"), "w").close()
    while len(os.listdir(FOLDER)) < 2: time.sleep(0.01)
    return source.data.vertices[0].co.z
"""


def script(tree, name: str, source: str, socket=None):
    node = tree.nodes.new("BackgroundNodeScript")
    node.name = name
    node.script = bpy.data.texts.new(f"{name}.py")
    node.script.from_string(source)
    node.script = node.script
    if socket is not None:
        tree.links.new(socket, node.inputs[0])
    return node


def main(file: str, folder: str) -> None:
    background_nodes.register()
    tree = bpy.data.node_groups.new("Two Machines", "BackgroundNodeTree")
    tree.use_fake_user = True
    thicken = script(tree, "Thicken", THICKEN)
    thicken.inputs[0].default_value = bpy.data.objects["Cube"]
    for side in ("Left", "Right"):
        script(tree, side, MEET.replace("SIDE", side).replace("FOLDER", repr(folder)), thicken.outputs[0])
    bpy.ops.wm.save_as_mainfile(filepath=file)
    background_nodes.unregister()


if __name__ == "__main__":
    main(*sys.argv[1:])
