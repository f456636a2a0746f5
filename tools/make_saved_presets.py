# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a preset with the Blender that runs this, for tests in other versions: `make_saved_presets.py FOLDER`.

The library's file is compressed, as most of it says what Blender's structs are.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
import uuid
from pathlib import Path

import bpy

import background_nodes

ROOT = Path(__file__).resolve().parents[1]
TEXT = ROOT / "tests/blender/written_by_4_2.json"


def main(folder: Path) -> None:
    """Write the preset as FOLDER/<version>.blend.gz."""
    from background_nodes.addon.presets import saving
    from background_nodes.runtime.presets.preset import Kind, Preset
    from background_nodes.runtime.text_form.reading import from_text

    data = from_text(TEXT.read_text(encoding="utf-8"))
    said = Preset(uuid=uuid.UUID(int=42).hex, version=1, kind=Kind.TREE, name=data["tree"]["name"], author="Ann")
    with tempfile.TemporaryDirectory() as library:
        preset = saving.write(data, saving.rebuilt(said, data), library)
        content = Path(preset.file).read_bytes()
    folder.mkdir(exist_ok=True)
    name = ".".join(map(str, bpy.app.version[:2]))
    (folder / f"{name}.blend.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    background_nodes.register()
    main(Path(sys.argv[1]).resolve())
    sys.stdout.flush()
    os._exit(0)  # a regular exit crashes (4.2) or hangs (4.5) while classes are registered
