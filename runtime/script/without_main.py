# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts without `main`: their inputs are variables, their outputs are `python_data` and `data_blocks`.

    bpy.data.objects[object_name].scale *= factor           # inputs, by name
    update_job_progress(0.5)
    python_data = {"faces": 6}                              # outputs: values by their keys,
    data_blocks = [bpy.data.objects[object_name]]           # data-blocks by type and name

They have the names in `RESERVED_NAMES` without an import or an input.
"""

from __future__ import annotations

import keyword
from typing import Final

#: The two variables a script gives its results in.
PYTHON_DATA: Final = "python_data"
DATA_BLOCKS: Final = "data_blocks"
#: The variable with all data-blocks that the script is given, and those that they use.
PASSED_DATA_BLOCKS: Final = "passed_data_blocks"

RESERVED_NAMES: Final = frozenset({PYTHON_DATA, DATA_BLOCKS, PASSED_DATA_BLOCKS, "update_job_progress", "bpy", "os"})


def name_fault(name: object) -> str:
    """Why a script can't have an input of that name, "" if it can."""
    if not isinstance(name, str) or not name.isidentifier():
        return f"{name!r} is no name of a variable: use letters, digits and _, and no digit first"
    if keyword.iskeyword(name):
        return f"{name!r} is a word of Python's own: use another"
    if name in RESERVED_NAMES or name.startswith("__"):
        return f"{name!r} is a name that each script has already: use another"
    return ""
