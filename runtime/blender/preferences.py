# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's preferences for workers: all of them as a file, and where they say that add-ons are."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import bpy

from ..blend_file.blocks import read_blocks
from ..engine.workers import AddonPlaces
from ..errors import RunError

#: The variable with the folder of Blender's configuration. Blender asks for it at each use.
_FOLDER = "BLENDER_USER_CONFIG"
#: The code of the block of a .blend file that tells where that is, and how it was written.
_ABOUT_THE_FILE = b"GLOB"


def contents() -> bytes:
    """The contents of the file that Blender keeps preferences in, with the present ones.

    The artist's own file stays as it is, and the preferences as saved or as unsaved as they were. Takes 2 ms.

    Raises:
        RunError: if Blender can't write them.
    """
    preferences = bpy.context.preferences
    were_dirty = preferences.is_dirty
    folder_before = os.environ.get(_FOLDER)
    with tempfile.TemporaryDirectory(prefix="preferences-") as folder:
        os.environ[_FOLDER] = folder
        try:
            bpy.ops.wm.save_userpref()
            return next(Path(folder).rglob("userpref.blend")).read_bytes()  # an app template has a folder of its own
        except (RuntimeError, StopIteration, OSError) as error:
            raise RunError(f"Blender can't write the preferences: {error}") from error
        finally:
            if folder_before is None:
                del os.environ[_FOLDER]
            else:
                os.environ[_FOLDER] = folder_before
            preferences.is_dirty = were_dirty


def digest(contents: bytes) -> str:
    """The digest of preferences: the same as long as this Blender is open and they don't change.

    What Blender writes about the file, and not about preferences, has bytes in it that nobody has set.
    """
    found = hashlib.sha256()
    blocks = read_blocks(memoryview(contents))
    for number, code in enumerate(blocks.codes):
        if bytes(code) != _ABOUT_THE_FILE:
            found.update(bytes(code))
            found.update(blocks.bytes_of(number))
    return found.hexdigest()


def addon_places() -> AddonPlaces:
    """Where add-ons are that a Blender with factory settings would not find."""
    preferences = bpy.context.preferences
    repositories = [
        (repository.module, repository.directory)
        for repository in preferences.extensions.repos
        if repository.enabled and repository.directory
    ]
    folders = [entry.directory for entry in preferences.filepaths.script_directories if entry.directory]
    return AddonPlaces(tuple(repositories), tuple(map(bpy.path.abspath, folders)))
