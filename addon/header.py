# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of the editor: run, cancel, and how far the run is."""

from __future__ import annotations

import bpy

from .active import active_tree
from .session import session


def _draw_header(header: bpy.types.Header, context: bpy.types.Context) -> None:
    tree = active_tree(context)
    if tree is None:
        return
    row = header.layout.row(align=True)
    run = session.run_of(tree)
    if run is not None and not run.state.is_final:
        row.progress(factor=run.progress, type="BAR", text=f"{run.progress:.0%}")
        row.operator("background_nodes.cancel", icon="X")
    else:
        row.operator("background_nodes.run", icon="PLAY")


def register() -> None:
    bpy.types.NODE_HT_header.append(_draw_header)


def unregister() -> None:
    bpy.types.NODE_HT_header.remove(_draw_header)
