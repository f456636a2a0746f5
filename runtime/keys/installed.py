# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of modules that a script imports from elsewhere: packages that are installed, modules of a studio.

A package that was installed has a version, and so has what it requires; of any other module the content counts, as of
those next to the script, and that of what it imports. Nothing is imported to find out.
"""

from __future__ import annotations

import functools
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
#: Lies beside the modules that are sources of Blender.
_OF_BLENDER: Final = "addon_utils.py"
#: Folders that packages are installed into.
_PACKAGE_FOLDERS: Final = ("site-packages", "dist-packages")
_DIGEST: Final = re.compile(r"[0-9a-f]{32}\b")
#: An import in a source, or what looks like one: that leads nowhere. The syntax of a large package takes long to read.
_NAMES: Final = r"[A-Za-z_][\w.]*(?:[ \t]+as[ \t]+\w+)?"
_IMPORT: Final = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+([A-Za-z_]\w*)[\w.]*[ \t]+import\b"
    rf"|import[ \t]+({_NAMES}(?:[ \t]*,[ \t]*{_NAMES})*))"
    r"|import(?:_module|__)\([ \t]*[\"'](\w+)",
    re.MULTILINE,
)
#: A package that another one requires, in what is told of that; what begins an option that it may have.
_REQUIREMENT: Final = re.compile(r"^Requires-Dist:[ \t]*([\w.-]+)(?!.*\bextra\b)", re.MULTILINE)


def versions(modules: Iterable[str], files: FileDigests) -> dict[str, str]:
    """The versions of top-level modules, as Python would find them now, and of what they import or require.

    Raises:
        UnknownContentError: if nobody can tell what one is.
    """
    found: dict[str, str] = {}
    waiting = set(modules) - _KNOWN
    while waiting:
        name = waiting.pop()
        found[name], uses = _version(name, files)
        waiting |= uses - found.keys() - _KNOWN
    return dict(sorted(found.items()))


def is_content(version: str) -> bool:
    """Whether a version is no number, but the digest of a module's content."""
    return _DIGEST.match(version) is not None


def _version(name: str, files: FileDigests) -> tuple[str, set[str]]:
    """The version of a module, or of a package that has no module of its name, and what it imports or requires."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        raise UnknownContentError(f"it imports {name}, and nobody can tell where that is") from None
    if spec is None:
        entry = next((entry for folder in sys.path if (entry := _package(name, Path(folder)))), None)
        return (ABSENT, set()) if entry is None else (_version_in(entry), _requirements(entry))
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    found = [_version_at(Path(place), name, files) for place in places]
    return ", ".join(version for version, _uses in found), set[str]().union(*(uses for _version, uses in found))


def _version_at(path: Path, name: str, files: FileDigests) -> tuple[str, set[str]]:
    if entry := _package(name, path.parent):
        return _version_in(entry), _requirements(entry)
    try:
        content = {name: digest for name, digest in files.content(str(path)).items() if _CACHE not in name}
    except UnknownContentError as error:
        if path.is_relative_to(sys.prefix):
            return _bundled(path.parent), set()
        raise UnknownContentError(f"it imports {name}, whose content nobody can tell: {error}") from None
    if (path.parent / _OF_BLENDER).exists():  # what it imports has Blender's version
        return combined(content), set()
    sources = ((path / inner, digest) for inner, digest in content.items() if (path / inner).suffix == ".py")
    uses = set[str]().union(*(_imports(source, digest) for source, digest in sources))
    return combined(content), uses - sys.stdlib_module_names - {name}


@functools.lru_cache(maxsize=8192)
def _imports(source: Path, _digest: str) -> frozenset[str]:
    """The top-level modules that a source may import."""
    try:
        text = source.read_text("utf-8", "replace")
    except OSError as error:
        raise UnknownContentError(f"{source} can't be read ({error.strerror})") from None
    found = (one for match in _IMPORT.findall(text) for names in match for one in names.split(","))
    return frozenset(name for one in found if (name := one.strip().partition(".")[0].partition(" ")[0]))


# Packages that were installed, each with a folder that tells of it


def _package(name: str, folder: Path) -> Path | None:
    """What tells of a package in a folder, None if it was put there otherwise."""
    try:
        return _packages(folder, folder.stat().st_mtime_ns).get(_normal(name))
    except OSError:
        return None


@functools.lru_cache(maxsize=64)
def _packages(folder: Path, _changed: int) -> dict[str, Path]:
    """What tells of the packages in a folder, by their names."""
    kinds = ["*.dist-info"]
    if folder.name in _PACKAGE_FOLDERS:  # elsewhere it lies beside a source that is being worked on
        kinds += ["*.egg-info"]
    return {_normal(entry.stem.partition("-")[0]): entry for kind in kinds for entry in folder.glob(kind)}


def _bundled(folder: Path) -> str:
    """The version of what is too large to be read, and may be of any package in a folder, by another name."""
    entries = _packages(folder, folder.stat().st_mtime_ns).values()
    return combined({entry.name: "" for entry in entries}) if entries else BUNDLED


def _version_in(entry: Path) -> str:
    return entry.stem.partition("-")[2]


def _requirements(entry: Path) -> set[str]:
    """The packages that a package requires."""
    try:
        text = (entry / "METADATA").read_text("utf-8", "replace")
    except OSError:
        return set()
    return set(map(_normal, _REQUIREMENT.findall(text.partition("\n\n")[0])))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
