# SPDX-License-Identifier: GPL-3.0-or-later
"""The packer of blender-asset-tracer, without a fault of its version 1.23."""

from __future__ import annotations

from pathlib import Path, PurePath

from blender_asset_tracer import pack
from blender_asset_tracer.pack import filesystem


class _Copier(filesystem.FileCopier):
    def queue_move(self, src: Path, dst: PurePath) -> None:
        """Copy it: there, a file is asked for its size when another thread may have moved it away already."""
        self.queue_copy(src, dst)


class Packer(pack.Packer):
    """Copies a .blend file and what it uses into a folder."""

    def _create_file_transferer(self) -> filesystem.FileCopier:
        return _Copier()
