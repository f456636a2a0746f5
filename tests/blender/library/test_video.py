# SPDX-License-Identifier: GPL-3.0-or-later
"""Images to Video: what another program finds in the film."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from . import mp4_file
from .scenes import files_in, picture, pixels, run, saved_picture, tiled_picture

COLORS = [(1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)]


def frames() -> list[bpy.types.Image]:
    return [picture(f"Frame {index}", color, 64, 32) for index, color in enumerate(COLORS)]


def test_film_has_all_frames_at_the_rate_and_size_that_were_asked_for(tmp_path):
    path = run("image/images_to_video", frames(), tmp_path / "sub" / "film", fps=12.0)
    assert path == tmp_path / "sub" / "film.mp4"
    assert files_in(tmp_path) == ["sub/film.mp4"]
    film = mp4_file.read(path)
    assert (film.frames, film.size, film.codec) == (3, (64, 32), "avc1")
    assert film.seconds == pytest.approx(0.25, abs=0.001)


@pytest.mark.parametrize("fps", [23.976, 0.5])
def test_rate_may_be_any(fps, tmp_path):
    film = mp4_file.read(run("image/images_to_video", frames(), tmp_path / "film.mp4", fps=fps))
    assert film.seconds == pytest.approx(3 / fps, rel=0.01)


def test_rate_is_the_scene_s_if_none_is_set_and_images_are_repeated(tmp_path):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.0
    film = mp4_file.read(run("image/images_to_video", frames(), tmp_path / "film.mp4", repeat=4))
    assert (film.frames, film.seconds) == (12, pytest.approx(0.4, abs=0.001))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov", "webm"])
@pytest.mark.parametrize("order", [1, -1])
def test_film_begins_with_the_first_image_in_its_colors(order, ending, tmp_path):
    path = run("image/images_to_video", frames()[::order], tmp_path / f"film.{ending}", quality="Lossless")
    film = bpy.data.images.load(str(path))
    assert (film.source, film.frame_duration) == ("MOVIE", 3)
    assert pixels(film)[16, 32] == pytest.approx(COLORS[::order][0], abs=0.03)


def test_packed_floats_are_in_the_film_as_a_screen_shows_them(tmp_path):
    image = bpy.data.images.new("Light", 64, 32, float_buffer=True)
    image.pixels.foreach_set(np.tile(np.float32((0.5, 0.0, 0.0, 1.0)), 64 * 32))  # linear
    image.pack()
    film = bpy.data.images.load(str(run("image/images_to_video", [image], tmp_path / "film.mp4", quality="Lossless")))
    assert pixels(film)[16, 32] == pytest.approx((0.735, 0.0, 0.0, 1.0), abs=0.03)


def test_odd_size_gets_a_line_more(tmp_path):
    odd = [picture("Odd", (1, 1, 1, 1), 65, 33)]
    assert mp4_file.read(run("image/images_to_video", odd, tmp_path / "film.mp4")).size == (66, 34)


def test_films_that_can_t_be_are_clear_errors_and_no_file(tmp_path):
    with pytest.raises(ValueError, match="nothing to show; link images"):
        run("image/images_to_video", [], tmp_path / "film.mp4")
    with pytest.raises(ValueError, match=r"Small 48 x 32, Frame 0 64 x 32|Frame 0 64 x 32, Small 48 x 32"):
        run("image/images_to_video", [frames()[0], picture("Small", COLORS[0], 48, 32)], tmp_path / "film.mp4")
    with pytest.raises(ValueError, match="Tiny is 64 x 8 pixels, and no side of a film has less than 16; resize it"):
        run("image/images_to_video", [picture("Tiny", COLORS[0], 64, 8)], tmp_path / "film.mp4")
    with pytest.raises(ValueError, match=r"No video is known for \.gif; choose a name that ends in \.mp4"):
        run("image/images_to_video", frames(), tmp_path / "film.gif")
    with pytest.raises(ValueError, match="has UDIM tiles"):
        run(
            "image/images_to_video",
            [tiled_picture(tmp_path / "in" / "a.<UDIM>.png", {1001: COLORS[0], 1002: COLORS[1]})],
            tmp_path / "film.mp4",
        )
    lost = saved_picture(tmp_path / "in" / "lost.png", COLORS[0])
    (tmp_path / "in" / "lost.png").unlink()
    with pytest.raises(ValueError, match=r"lost\.png has no pixels; is its file missing\?"):
        run("image/images_to_video", [lost], tmp_path / "film.mp4")
    assert not [name for name in files_in(tmp_path) if "film" in name]
