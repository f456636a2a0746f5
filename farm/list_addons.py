# SPDX-License-Identifier: GPL-3.0-or-later
"""Started in a fresh Blender (or the wheel's Python): writes into a file, as JSON, which add-ons it can enable.

... list_addons.py -- FILE
"""

import json
import os
import runpy
import sys
import traceback
from pathlib import Path

_BOOTSTRAP = Path(__file__).resolve().parents[1] / "runtime" / "worker" / "bootstrap.py"


def _main(file: str) -> None:
    import bpy  # noqa: F401 (`addon_utils` can be imported only then)

    runpy.run_path(str(_BOOTSTRAP))["alias_package"]()
    from background_nodes.farm.machine_addons import Listing
    from background_nodes.runtime import wire
    from background_nodes.runtime.blender import installed_addons
    from background_nodes.runtime.keys.files import stamp_of

    installed_addons.installed(refresh=True)
    stamps = {file: stamp_of(file) for file in installed_addons.files()}
    listing = Listing(installed_addons.installed(refresh=True), stamps)
    Path(file).write_text(json.dumps(wire.encode(listing)), encoding="utf-8")


if __name__ == "__main__":
    code = 1
    try:
        _main(sys.argv[-1])
        code = 0
    except Exception:  # noqa: BLE001 (whatever it is, it is told, and this ends)
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)  # in a regular exit Blender 4.5 as a module hangs for ever
