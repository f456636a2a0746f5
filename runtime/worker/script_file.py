# SPDX-License-Identifier: GPL-3.0-or-later
"""The script as a file that processes which it starts can import: `multiprocessing` names functions by their module.

The script runs as a module that is in no file. A process that it spawns imports this file under the name of that
module instead, and finds the script's functions there. Where the script can't be imported (the Python that Blender
brings has no bpy), each of its names is an error to whoever calls it: the pool hands that on at once. Without it, the
process would end at each function that it is sent, and the pool would start it again for ever.
"""

from __future__ import annotations

import importlib.machinery
import os
import shutil
import sys
import types
from pathlib import Path

from ..script.signature import ScriptSource

_ROOT = Path(__file__).resolve().parents[2]

_TEXT = """
import importlib.util
import sys

_spec = importlib.util.spec_from_file_location("background_nodes", {init!r}, submodule_search_locations=[{root!r}])
sys.modules["background_nodes"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["background_nodes"])
__file__ = {filename!r}
try:
    exec(compile({text!r}, __file__, "exec", dont_inherit=True), globals())
except BaseException as error:
    _reason = f"{{type(error).__name__}}: {{error}}"

    def __getattr__(name):
        if name.startswith("__"):
            raise AttributeError(name)

        def fail(*_arguments, **_keywords):
            raise RuntimeError(
                f"{{name}} can't be called in another process, as the script can't be imported there ({{_reason}}). "
                "Import bpy in the functions that need it, or put it into a file beside the script"
            )

        return fail
"""


def offer(script: ScriptSource, module: types.ModuleType, name: str, folder: Path) -> None:
    """Write the script to a folder, and let processes that it spawns find it there.

    Args:
        script: the script.
        module: what it is about to run as.
        name: the name of the module that other processes import.
        folder: where only this function writes. If the last script was the same, it stays as it is.

    Raises:
        OSError: if it can't be written.
    """
    text = _TEXT.format(init=str(_ROOT / "__init__.py"), root=str(_ROOT), filename=script.filename, text=script.text)
    content, file = text.encode("utf-8", "surrogatepass"), folder / f"{name}.py"
    if not _is_there_alone(file, content):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        file.write_bytes(content)
    sys.path.append(str(folder))
    if module.__name__ == "__main__":  # else a process would look for a file of the text's name, and find none
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)


def _is_there_alone(file: Path, content: bytes) -> bool:
    """Whether a file has that content, and its folder nothing else, such as what Python has compiled of another one."""
    try:
        return [entry.name for entry in os.scandir(file.parent)] == [file.name] and file.read_bytes() == content
    except OSError:
        return False
