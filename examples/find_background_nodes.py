# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the extension Background Nodes. Copy this file into your add-on.

Ask when you need it, not when your add-on is imported:

from .find_background_nodes import background_nodes
manager = background_nodes().JobManager.get_instance(__package__)
"""

import sys

import addon_utils
import bpy


def background_nodes(at_least=(0, 1, 0)):
    """The package of Background Nodes. Raises RuntimeError with what the artist can do, if it can't be used."""
    enabled = [add_on.module for add_on in bpy.context.preferences.addons]
    names = [name for name in enabled if name.split(".")[-1] == "background_nodes"]
    package = next((sys.modules[name] for name in names if name in sys.modules), None)
    if package is None:
        is_there = any(module.__name__.split(".")[-1] == "background_nodes" for module in addon_utils.modules())
        state = "enabled" if is_there else "installed"
        raise RuntimeError(f"Background Nodes is not {state}: see Preferences > Add-ons")
    if tuple(map(int, package.__version__.split(".")[:3])) < at_least:
        needed = ".".join(map(str, at_least))
        raise RuntimeError(f"Background Nodes {package.__version__} is too old: update it to {needed}")
    return package
