"""Write a .blend file with two nodes, "First" and "Second": python make_chain.py FILE.

Each writes its name to `notes.txt` in the folder that "First" is given, and waits for a file of its name in `gates`.
"""

import sys

import bpy

import background_nodes

SCRIPT = """\
import os, time
from background_nodes.script import progress

def main(given: TYPE) -> dict:
    folder = FOLDER
    with open(os.path.join(folder, "notes.txt"), "a") as notes: notes.write("NODE\\n")
    progress(0.5, "at NODE")
    while not os.path.exists(os.path.join(folder, "gates", "NODE")): time.sleep(0.01)
    return {"folder": folder}
"""
NODES = {"First": ("str", "given"), "Second": ("dict", 'given["folder"]')}


def main(file: str) -> None:
    background_nodes.register()
    tree = bpy.data.node_groups.new("Chain", "BackgroundNodeTree")
    tree.use_fake_user = True
    last = None
    for name, (kind, folder) in NODES.items():
        node = tree.nodes.new("BackgroundNodeScript")
        node.name = name
        node.script = bpy.data.texts.new(f"{name}.py")
        node.script.from_string(SCRIPT.replace("TYPE", kind).replace("FOLDER", folder).replace("NODE", name))
        node.script = node.script
        if last is not None:
            tree.links.new(last.outputs[0], node.inputs[0])
        last = node
    bpy.ops.wm.save_as_mainfile(filepath=file)
    background_nodes.unregister()


if __name__ == "__main__":
    main(*sys.argv[1:])
