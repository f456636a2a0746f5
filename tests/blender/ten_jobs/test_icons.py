# SPDX-License-Identifier: GPL-3.0-or-later
"""Icons for every material of a file.

Each material of a .blend file, whether something uses it or not, is rendered on a ball, several at a time, with a clear
background, into a file of its name; all of them are on one sheet.
"""

from __future__ import annotations

import colorsys
from pathlib import Path

import bpy
import numpy as np

from background_nodes.runtime.engine.file_names import file_name

from ..library.scenes import material, open_empty_file
from .reading import needs_other_programs, pictures

pytestmark = needs_other_programs

#: How far the colour of an icon may be from that of its material, of a turn around the circle of hues.
HUE_SLACK = 0.06


def library(path: Path, count: int) -> dict[str, float]:
    """A file of materials of all hues, nothing of which is used; their hues by their names."""
    hues = {f"Paint/{index:02} matt" if index % 2 else f"Paint {index:02}": index / count for index in range(count)}
    for index, (name, hue) in enumerate(hues.items()):
        made = material(name, (*colorsys.hsv_to_rgb(hue, 1.0, 0.8), 1.0))
        shader = made.node_tree.nodes["Principled BSDF"]
        shader.inputs["Roughness"].default_value = 0.9 if index % 2 else 0.2
        shader.inputs["Metallic"].default_value = float(index % 3 == 2)
    bpy.data.libraries.write(str(path), set(bpy.data.materials), fake_user=True)
    return hues


def test_each_material_of_a_file_has_an_icon_of_its_own_color(job):
    hues = library(job.folder / "materials.blend", job.size(3, 24))
    open_empty_file()
    side = job.size(32, 192)
    tree = job.tree()
    job.run(
        tree,
        Materials__filepath="//materials.blend",
        Render_Icons__width=side,
        Render_Icons__height=side,
        Render_Icons__samples=job.size(4, 32),
    )

    written = {path.name for path in (job.folder / "icons").iterdir()}
    assert written == {f"{file_name(name)}.png" for name in hues}
    distances = []
    for name, hue in hues.items():
        with pictures.open(job.folder / "icons" / f"{file_name(name)}.png") as icon:
            assert (icon.size, icon.mode) == ((side, side), "RGBA")
            pixels = np.asarray(icon) / 255.0
        covered = pixels[..., 3] > 0.9
        assert 0.4 < covered.mean() < 0.8, "a ball that fills the picture"
        assert pixels[0, 0, 3] == 0.0
        found = colorsys.rgb_to_hsv(*pixels[covered][:, :3].mean(axis=0))
        distances.append(abs((found[0] - hue + 0.5) % 1.0 - 0.5))
    assert max(distances) < HUE_SLACK
    with pictures.open(job.folder / "icons.png") as sheet:
        assert sheet.size == sheet_size(len(hues))
        width, height = sheet.size
    job.show(job.folder / "icons.png", (0, 0, width, height))
    job.tell(
        f"{len(hues)} materials, {len(written)} icons of {side} x {side} pixels, each with the name of its material",
        f"Read by Pillow, each has the hue of its material: {max(distances):.3f} of a circle away at most",
        on=(len(hues) * side * side, "pixels"),
    )


def sheet_size(count: int) -> tuple[int, int]:
    columns = int(np.ceil(np.sqrt(count)))
    return tuple(8 + number * 168 for number in (columns, int(np.ceil(count / columns))))
