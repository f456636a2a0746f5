# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of colour management (OpenColorIO) that Blender reads as it starts: workers read it, too."""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from ..keys import files


def configuration() -> str:
    """A digest of the configuration if it is not Blender's own, "" if it is."""
    path = _path()
    own = bpy.utils.system_resource("DATAFILES", path="colormanagement")
    # Blender 5.2 sets OCIO for what it starts, too. That may know its own folder by another name, through a link.
    if not path or Path(path).resolve() == Path(own, "config.ocio").resolve():
        return ""
    around = Path(path).parent if path.endswith(".ocio") else Path(path)  # tables lie beside it; an archive is alone
    return files.combined({"": path, "files": files.outline(around)})


def _path() -> str:
    """Where the configuration is; a name that OpenColorIO knows; or ""."""
    if chosen := os.environ.get("OCIO"):
        return chosen
    folder = bpy.utils.user_resource("DATAFILES", path="colormanagement")
    return str(Path(folder) / "config.ocio") if folder and Path(folder).is_dir() else ""
