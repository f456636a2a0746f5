# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Blender a worker has: results of another version are others, and would be kept as if they were not."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from typing import Final

from ..runtime.errors import EngineError

_TIMEOUT: Final = 120.0


def version_of(blender: str) -> str:
    """The version of the Blender at a path, "5.2.3"; of the module of this Python if that is "".

    Raises:
        EngineError: if there is none, or it does not say.
    """
    if not blender:
        try:
            return importlib.metadata.version("bpy")
        except importlib.metadata.PackageNotFoundError:
            fix = 'Install it with: pip install "background-nodes[bpy]". Or give --blender PATH'
            raise EngineError("there is no Blender in this Python", fix) from None
    try:
        told = subprocess.run([blender, "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{blender} can't be used: {error}", "Give the path of Blender itself") from error
    found = re.search(r"^Blender (\d+\.\d+\.\d+)", told.stdout, re.MULTILINE)
    if found is None:
        raise EngineError(f"{blender} does not say which Blender it is", "Give the path of Blender itself")
    return found[1]
