# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the names of data-blocks: for a table, a caption or a file."""

import bpy


def main(data: list[bpy.types.ID]) -> list[str]:
    """List the names of `data`.

    Args:
        data: Objects, materials, images ...

    Returns:
        Their names, in the same order.
    """
    return [item.name for item in data]
