"""Write a .blend file with a list of files that is mapped: python make_files.py FOLDER COUNT LENGTH.

The file is `scene.blend` in the folder, the files are beside it: `0.txt` holds 0, and so on. "Read" reads the number in
each, "Repeat" makes a text of LENGTH such numbers, "Measure" takes each text, and "Total" all at once.
"""

import sys
from pathlib import Path

import bpy

import background_nodes

HEADER = "from pathlib import Path\n\n"
SCRIPTS = {
    "Read": "def main(file: Path) -> int:\n    return int(file.read_text())\n",
    "Repeat": "def main(number: int) -> str:\n    return f'{number:06} ' * LENGTH\n",
    "Measure": "def main(text: str) -> int:\n    return int(text[:6])\n",
    "Total": "def main(numbers: list[int]) -> int:\n    return sum(numbers)\n",
}


def main(folder: str, count: str, length: str) -> None:
    paths = [f"//{number}.txt" for number in range(int(count))]
    for number, path in enumerate(paths):
        Path(folder, path[2:]).write_text(str(number))
    background_nodes.register()
    tree = bpy.data.node_groups.new("Files", "BackgroundNodeTree")
    tree.use_fake_user = True
    files = tree.nodes.new("BackgroundNodeInput")
    files.name = "Files"
    files.data_type, files.is_list = "PATH", True
    files.outputs[0].default_value = paths
    last = files.outputs[0]
    for name, script in SCRIPTS.items():
        node = tree.nodes.new("BackgroundNodeScript")
        node.name = name
        text = bpy.data.texts.new(f"{name}.py")
        text.from_string(HEADER + script.replace("LENGTH", length))
        node.script = text
        tree.links.new(last, node.inputs[0])
        last = node.outputs[0]
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder, "scene.blend")))
    background_nodes.unregister()


if __name__ == "__main__":
    main(*sys.argv[1:])
