# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens at Blender's own events: another file was opened, this one is saved, data-blocks are appended."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...node_tree.identity import background_trees, renew_duplicates
from ..session.current import session
from . import end_report

#: The trees whose runs were ended by the opening of another file.
_cut_off: list[str] = []


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    # Not in `load_pre`: if the file is broken, the open file stays, and its runs go on.
    _cut_off[:] = [run.tree_name for run in session.runs if not run.is_home]
    session.forget_file()
    renew_duplicates()
    if _cut_off and not bpy.app.background:
        bpy.app.timers.register(_tell_cut_off, first_interval=0.0)
    session.protect_files()  # jobs go on
    session.keep_shown()


def _tell_cut_off() -> None:
    """Report the ended runs. A timer calls this: while a file is being opened, there is no window to report in."""
    for name in _cut_off:
        end_report.say(
            "WARNING", translated('The run of "{name}" was ended: another file was opened').format(name=name)
        )
    _cut_off.clear()


@bpy.app.handlers.persistent
def _before_save(*_arguments: object) -> None:
    # Blender does not write what nobody uses, and a tree that no editor shows has no users.
    for tree in background_trees():
        if tree.library is None and tree.users == 0:
            tree.use_fake_user = True


@bpy.app.handlers.persistent
def _after_save(*_arguments: object) -> None:
    session.protect_files()


@bpy.app.handlers.persistent
def _after_import(*_arguments: object) -> None:
    renew_duplicates()


def _handlers() -> list[tuple[list[Callable[..., None]], Callable[..., None]]]:
    handlers = bpy.app.handlers
    found = [
        (handlers.save_pre, _before_save),
        (handlers.save_post, _after_save),
        (handlers.load_post, _after_load),
    ]
    if hasattr(handlers, "blend_import_post"):  # 4.5 and later; before that, ids are renewed when a tree is read
        found.append((handlers.blend_import_post, _after_import))
    return found


def register() -> None:
    for functions, function in _handlers():
        functions.insert(0, function)  # first, or it would end runs that other handlers start


def unregister() -> None:
    for functions, function in _handlers():
        functions.remove(function)
    if bpy.app.timers.is_registered(_tell_cut_off):
        bpy.app.timers.unregister(_tell_cut_off)
    _cut_off.clear()
