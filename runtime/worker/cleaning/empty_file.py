# SPDX-License-Identifier: GPL-3.0-or-later
"""The empty file that a task begins with."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...blend_file import short_dna


class EmptyFile:
    """A file with one empty scene, as Blender itself starts with. Preferences stay."""

    def __init__(self, folder: Path) -> None:
        """Keep it in `folder`: reading it from there takes a quarter of the time that making it takes."""
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False, use_splash=False)
        bpy.context.scene.name = "Scene"
        self._path = folder / "empty.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(self._path), copy=True, compress=False)
        if short_dna.is_readable(bpy.app.version):
            short_dna.shorten(self._path)

    def open(self) -> None:
        bpy.ops.wm.read_homefile(filepath=str(self._path), use_splash=False)
