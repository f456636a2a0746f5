"""Write the example files that ship with the extension. For Blender 4.2: what it writes, all versions read whole.

python tools/make_examples.py addon/adding/examples
"""

import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "examples")]

import example_graphs  # noqa: E402 (the path above leads to it)
import example_scene  # noqa: E402

import background_nodes  # noqa: E402


def write(example: example_graphs.Example, folder: Path) -> None:
    """Build an example in a new file, and save it."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    example_scene.build(example.makers, example.num_rows)
    example.build(example.name)
    path = folder / f"{example.name.lower().replace(' ', '_')}.blend"
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    """Write all of them to `folder`."""
    if bpy.app.version[:2] != (4, 2):
        sys.exit(f"this is Blender {bpy.app.version_string}: older ones could not read all of what it writes")
    folder.mkdir(exist_ok=True)
    background_nodes.register()
    for example in example_graphs.EXAMPLES:
        write(example, folder)


main(Path(sys.argv[1]))
