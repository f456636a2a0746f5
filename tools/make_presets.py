"""Write the presets that ship with the extension. For Blender 4.2: what it writes, all versions read whole.

python tools/make_presets.py examples/presets addon/presets/shipped

Each folder in the first one that has a preset.json is a preset as text, as `presets dump` writes it.
tools/measure_presets.py brings what it costs and its picture up to date; of the ten jobs, `make jobs` does.
"""

import sys
from pathlib import Path

import bpy

import background_nodes
from background_nodes.addon.presets import saving
from background_nodes.runtime.presets import catalogs, dump_folder


def write(source: Path, target: Path) -> Path:
    """Write the preset in a folder to a library. Returns its file."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preset, data, picture = dump_folder.read(source)
    return Path(saving.write(data, saving.rebuilt(preset, data), str(target), picture).file)


def main(sources: Path, target: Path) -> None:
    """Write all of them; what was written before goes, but for the catalogs: those keep their ids."""
    if bpy.app.version[:2] != (4, 2):
        sys.exit(f"this is Blender {bpy.app.version_string}: older ones could not read all of what it writes")
    background_nodes.register()
    target.mkdir(exist_ok=True)
    for file in target.iterdir():
        if file.name != catalogs.FILE_NAME:
            file.unlink()
    for source in sorted(file.parent for file in sources.rglob(dump_folder.PRESET_FILE)):
        file = write(source, target)
        print(f"{file}  {file.stat().st_size / 1000:.0f} kB")


main(Path(sys.argv[1]), Path(sys.argv[2]))
