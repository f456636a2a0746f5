# SPDX-License-Identifier: GPL-3.0-or-later
"""A turntable of 48 frames, in parallel, as film and as sheet.

Each frame is a task of its own. The frames are files, a film that plays without a jump at its end, and one sheet.
"""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from ..graphs import link, value
from ..library.scenes import cube, material
from .reading import needs_other_programs, pictures

pytestmark = needs_other_programs


def model() -> bpy.types.Object:
    """A box with a red face in front and a green one at its back."""
    box = cube("Asset", size=2.0, centre=(0.0, 0.0, 1.0))
    for name, color in (("Grey", (0.5, 0.5, 0.5, 1)), ("Red", (1.0, 0.02, 0.02, 1)), ("Green", (0.02, 0.8, 0.02, 1))):
        box.data.materials.append(material(name, color))
    for face in box.data.polygons:
        y = sum(box.data.vertices[index].co.y for index in face.vertices)
        face.material_index = 1 if y < -3.9 else 2 if y > 3.9 else 0
    return box


def test_turntable_is_a_film_and_a_sheet_of_all_its_frames(job):
    model()
    count = job.size(6, 48)
    side = job.size(48, 288)
    tree = job.tree()
    turntable = tree.nodes["Turntable"]
    link(value(tree, "Object", [bpy.data.objects["Asset"]], is_list=True), turntable.inputs["Objects"])
    run = job.run(
        tree,
        Turntable__Frames=count,
        Turntable__Width=side,
        Turntable__Height=side,
        Turntable__Samples=job.size(4, 16),
    )
    frames = sorted((job.folder / "turntable").iterdir())
    assert len(frames) == count
    shown = [colors(frame, (side, side)) for frame in frames]
    red, green = np.array(shown).T
    assert red.argmax() == 0, "it begins at the front"
    assert green.argmax() == count // 2, "and shows the back after half a turn"
    assert min(red[count // 2], green[0]) < 0.005
    assert abs(red[1] - red[-1]) < 0.03, "it turns as far from the last frame to the first as from this to the next"

    film = job.folder / "turntable.mp4"
    assert film.read_bytes()[4:8] == b"ftyp", "the first box of an MPEG-4 file"
    clip = bpy.data.movieclips.load(str(film))
    assert (clip.frame_duration, *clip.size) == (count, side, side)
    assert clip.fps == pytest.approx(24.0)
    with pictures.open(job.folder / "turntable.png") as sheet:
        columns = int(np.ceil(np.sqrt(count)))
        assert sheet.size == (4 + columns * 164, 4 + -(-count // columns) * 164)
    starts = {item.index: item.seconds for item in run.tasks["Turntable / Turntable"].items}
    assert len(starts) == count
    job.show(job.folder / "turntable.png")
    job.tell(
        f"{count} frames of {side} x {side} pixels: the red front is in the first one, the green back in the "
        "middle one (Pillow)",
        f"The film has {clip.frame_duration} frames at {clip.fps:g} a second, {film.stat().st_size / 1000:.0f} kB",
        f"The frames took {sum(starts.values()):.0f} s together, the whole {job.seconds:.0f} s",
        on=(count * side * side, "pixels"),
    )


def colors(frame, size: tuple[int, int]) -> tuple[float, float]:
    """How much of a frame is red, and how much green."""
    with pictures.open(frame) as picture:
        assert picture.size == size
        pixels = np.asarray(picture.convert("RGB")) / 255.0
    r, g, b = np.moveaxis(pixels, 2, 0)
    return float((r > 2.0 * np.maximum(g, b)).mean()), float((g > 2.0 * np.maximum(r, b)).mean())
