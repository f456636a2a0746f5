# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds the engine to Background Nodes, whichever of the two extensions Blender enables first.

What the engine is made of imports the runtime of Background Nodes by relative names, as it does where pip has
installed both. So it is loaded as a package `farm` of that extension, out of this one's folder.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

from . import ways
from .parts import part

#: The folder of this extension.
_FOLDER = Path(__file__).parents[1]

#: The package of Background Nodes that has the engine; None before.
_attached: ModuleType | None = None


def background_nodes() -> ModuleType | None:
    """The package of Background Nodes, None if it is not enabled."""
    names = [*bpy.context.preferences.addons.keys(), *([] if bpy.app.binary_path else ["background_nodes"])]
    name = next((name for name in names if name.rpartition(".")[2] == "background_nodes"), "")
    return sys.modules.get(name)


def farm() -> ModuleType | None:
    """The package `farm` of Background Nodes, None if that is not enabled. The engine is added if it was not yet."""
    global _attached
    first = background_nodes()
    if first is None:
        return None
    if _attached is first:
        return sys.modules[_name(first)]
    found = _loaded(first)
    engine = part(found, "engine")
    following = part(found, "following")
    engines = part(first, "engines")

    def make(told: str, scratch: Any) -> Any:
        ways.find(found, told)  # raises what is wrong before anything begins
        made = engine.FarmEngine(lambda: ways.find(found, told), scratch, may_wait=bpy.app.background)
        return following.Following(made)

    engines.add(engine.NAME, make, label=engine.LABEL, description=engine.DESCRIPTION)
    _attached = first
    return found


def _loaded(first: ModuleType) -> ModuleType:
    name = _name(first)
    if name not in sys.modules:
        places = [str(_FOLDER)]
        spec = importlib.util.spec_from_file_location(name, _FOLDER / "__init__.py", submodule_search_locations=places)
        assert spec is not None
        assert spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules[name] = package
        spec.loader.exec_module(package)
    return sys.modules[name]


def _name(first: ModuleType) -> str:
    return f"{first.__name__}.farm"


def _attach() -> None:
    farm()


@bpy.app.handlers.persistent
def _attach_after_load(*_arguments: object) -> None:
    farm()


def register() -> None:
    farm()
    bpy.app.timers.register(_attach, first_interval=0.0)  # Blender may enable the other one after this
    bpy.app.handlers.load_post.append(_attach_after_load)


def unregister() -> None:
    global _attached
    bpy.app.handlers.load_post.remove(_attach_after_load)
    if bpy.app.timers.is_registered(_attach):
        bpy.app.timers.unregister(_attach)
    first, _attached = _attached, None
    if first is None or sys.modules.get(first.__name__) is not first:
        return
    name = _name(first)
    part(first, "engines").remove(part(sys.modules[name], "engine").NAME)
    for each in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[each]  # the next version of this extension brings its own
