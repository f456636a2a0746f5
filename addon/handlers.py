# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens at Blender's own events: another file is opened, this one is saved, data-blocks are appended."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..node_tree.identity import background_trees, renew_duplicates
from .session import session


@bpy.app.handlers.persistent
def _before_load(*_arguments: object) -> None:
    session.forget_file()


@bpy.app.handlers.persistent
def _before_save(*_arguments: object) -> None:
    # Blender does not write what nobody uses, and a tree that no editor shows has no users.
    for tree in background_trees():
        if tree.library is None and tree.users == 0:
            tree.use_fake_user = True


@bpy.app.handlers.persistent
def _after_import(*_arguments: object) -> None:
    renew_duplicates()


def _handlers() -> list[tuple[list[Callable[..., None]], Callable[..., None]]]:
    handlers = bpy.app.handlers
    found = [(handlers.load_pre, _before_load), (handlers.save_pre, _before_save), (handlers.load_post, _after_import)]
    if hasattr(handlers, "blend_import_post"):  # 4.5 and later; before that, ids are renewed when a tree is read
        found.append((handlers.blend_import_post, _after_import))
    return found


def register() -> None:
    for functions, function in _handlers():
        functions.append(function)


def unregister() -> None:
    for functions, function in _handlers():
        functions.remove(function)
