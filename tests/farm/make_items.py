"""Write a .blend file with a list that is mapped: python make_items.py FILE FOLDER ITEMS SECONDS.

"Numbers" gives so many numbers, "Square" takes each, and "Total" says what all of it is together. An item sleeps for
so many seconds, unless there is a `hurry.txt` in the folder, and writes its number to `begun.txt` and `done.txt` there
when it begins and has done it.
"""

import sys

import bpy

import background_nodes

NUMBERS = """\
def main() -> list[int]:
    return list(range(ITEMS))
"""
SQUARE = """\
import os, time
from background_nodes.script import track

def main(number: int) -> int:
    with open(os.path.join(FOLDER, "begun.txt"), "a") as notes: notes.write(f"{number}\\n")
    for _ in track(range(20)): time.sleep(0.0 if os.path.exists(os.path.join(FOLDER, "hurry.txt")) else SECONDS / 20)
    with open(os.path.join(FOLDER, "done.txt"), "a") as notes: notes.write(f"{number}\\n")
    return number * number
"""
TOTAL = """\
def main(numbers: list[int]) -> int:
    print("squares", *numbers)
    return sum(numbers)
"""


def main(file: str, folder: str, items: str, seconds: str) -> None:
    background_nodes.register()
    tree = bpy.data.node_groups.new("Items", "BackgroundNodeTree")
    tree.use_fake_user = True
    last = None
    for name, script in (("Numbers", NUMBERS), ("Square", SQUARE), ("Total", TOTAL)):
        node = tree.nodes.new("BackgroundNodeScript")
        node.name = name
        node.script = bpy.data.texts.new(f"{name}.py")
        source = script.replace("ITEMS", items).replace("FOLDER", repr(folder)).replace("SECONDS", seconds)
        node.script.from_string(source)
        node.script = node.script
        if last is not None:
            tree.links.new(last, node.inputs[0])
        last = node.outputs[0]
    bpy.ops.wm.save_as_mainfile(filepath=file)
    background_nodes.unregister()


if __name__ == "__main__":
    main(*sys.argv[1:])
