# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of modules that a script imports from elsewhere: packages that are installed, modules of a studio.

A package that was installed has a version; of any other module the content counts, as of those next to the script.
Nothing is imported to find out.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .files import FileDigests, UnknownContentError, combined

#: Where Python keeps what it has compiled: it may be older or newer than the source.
_CACHE: Final = "__pycache__/"
#: Blender's own that are in no file: they have its version.
_BLENDERS: Final = frozenset({"_bpy", "aud", "bl_math", "blf", "bmesh", "bpy", "gpu", "idprop", "imbuf", "mathutils"})
#: Those of which the key holds the version anyway.
_KNOWN: Final = _BLENDERS | {"background_nodes"}
#: The version of a module that is nowhere, and of one that came with Python or Blender and is too large to be read.
ABSENT, BUNDLED = "absent", "bundled"


def versions(modules: Iterable[str], files: FileDigests) -> dict[str, str]:
    """The versions of top-level modules, as Python would find them now.

    Raises:
        UnknownContentError: if nobody can tell what one is.
    """
    return {name: _version(name, files) for name in modules if name not in _KNOWN}


def _version(name: str, files: FileDigests) -> str:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        raise UnknownContentError(f"it imports {name}, and nobody can tell where that is") from None
    if spec is None:
        return ABSENT
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return ", ".join(_version_at(Path(place), name, files) for place in places)


def _version_at(path: Path, name: str, files: FileDigests) -> str:
    if version := _version_of_package(name, path.parent):
        return version
    try:
        return combined({name: digest for name, digest in files.content(str(path)).items() if _CACHE not in name})
    except UnknownContentError as error:
        if path.is_relative_to(sys.prefix):
            return BUNDLED
        raise UnknownContentError(f"it imports {name}, whose content nobody can tell: {error}") from None


def _version_of_package(name: str, folder: Path) -> str:
    """The version of what was installed into a folder under that name, "" if it was put there otherwise."""
    for entry in (*folder.glob("*.dist-info"), *folder.glob("*.egg-info")):
        package, _, version = entry.stem.partition("-")
        if re.sub(r"[-_.]+", "_", package).lower() == name.lower():
            return version
    return ""
