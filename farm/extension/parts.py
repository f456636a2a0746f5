# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of Background Nodes, and of the package `farm` in it: Blender gives these names only as it enables them."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


def part(package: ModuleType, name: str) -> Any:
    """The module of a package that has this name there, such as "addon.session.checks"."""
    return importlib.import_module(f"{package.__name__}.{name}")
