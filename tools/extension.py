"""Blender's own extension command out of the `bpy` wheel: build and validate without a Blender.

python tools/extension.py build --output-dir build
"""

import os
import sys
from pathlib import Path

import bpy

scripts = Path(bpy.utils.system_resource("SCRIPTS"))
command = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
sys.stdout.flush()
os.execv(sys.executable, [sys.executable, str(command), *sys.argv[1:]])
