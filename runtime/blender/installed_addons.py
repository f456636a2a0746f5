# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-ons that this Blender can enable, as it finds them itself: of the artist's machine, and of one of a farm."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import addon_utils
import bpy

from ..engine.workers import InstalledAddon


def installed(*, refresh: bool = False) -> tuple[InstalledAddon, ...]:
    """All that are there, by their modules: looked for anew, or as far as they were found before."""
    own = [folder for folder in map(bpy.utils.system_resource, ("SCRIPTS", "EXTENSIONS")) if folder]
    found = [
        InstalledAddon(each.__name__, _version(each), any(map(Path(each.__file__).is_relative_to, own)))
        for each in addon_utils.modules(refresh=refresh)
    ]
    return tuple(sorted(found, key=lambda each: each.module))


def versions(*, refresh: bool = False) -> dict[str, str]:
    """The versions of the same, by their modules: what each run asks for, without looking at where add-ons are."""
    return {each.__name__: _version(each) for each in addon_utils.modules(refresh=refresh)}


def files() -> list[str]:
    """What is another one, or has another stamp, once an add-on was installed, removed or changed."""
    found = [Path(module.__file__) for module in addon_utils.modules(refresh=False)]
    places = [*addon_utils.paths(), *(each.directory for each in bpy.context.preferences.extensions.repos)]
    return sorted({*map(str, found), *(str(file.with_name("blender_manifest.toml")) for file in found), *places})


def _version(module: ModuleType) -> str:
    """As the add-on says it itself: three numbers, for most."""
    version = addon_utils.module_bl_info(module)["version"]
    return version if isinstance(version, str) else ".".join(map(str, version))
