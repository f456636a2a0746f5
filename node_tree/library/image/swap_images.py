# SPDX-License-Identifier: GPL-3.0-or-later
"""Let data-blocks use other images in place of theirs: smaller ones, converted ones, those of another season."""

import bpy

from background_nodes.script import log


def main(
    data: list[bpy.types.ID], images: list[bpy.types.Image], replacements: list[bpy.types.Image]
) -> list[bpy.types.ID]:
    """Swap images, wherever `data` uses them: in materials, in groups of nodes, in worlds.

    Args:
        data: What uses the images: scenes, objects, materials ... Link Data and Images of one List Textures node: what
            comes another way is a copy.
        images: The images that they use now.
        replacements: The image that takes the place of each, in the same order. It gets its name.

    Returns:
        The same data-blocks.
    """
    if not data:
        raise ValueError("There is nothing to change; link what uses the images to Data")
    if len(images) != len(replacements):
        raise ValueError(
            f"There are {len(images)} images and {len(replacements)} replacements; link lists of one length"
        )
    pairs = [(old, new) for old, new in zip(images, replacements, strict=True) if old != new]
    unused = [old.name for old, _ in pairs if not old.users - old.use_fake_user]
    if unused:
        mend = "link Data and Images of one List Textures node, and save images that were painted"
        raise ValueError(f"Nothing of Data uses {unused[0]}; {mend}")
    for old, new in pairs:
        name = old.name
        old.user_remap(new)
        if old.users - old.use_fake_user:
            raise ValueError(
                f"{name} is used by something of a library, which can't be changed; link a local copy of it"
            )
        if not old.library:
            old.name = f"{name} before"
        new.name = name
    log(f"Swapped {len(pairs)} images")
    return data
