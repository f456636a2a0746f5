# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a scene: rendered in chunks, kept or rendered again, and as a playblast."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import bpy
import numpy as np
import pytest

import background_nodes
from background_nodes.script import BlendFile

from ..graphs import add, give, new_tree
from .scenes import files_in, grid, material, pixels, run, saved_picture
from .test_simulation import raising

needs_films = pytest.mark.skipif(not bpy.app.build_options.codec_ffmpeg, reason="this Blender makes no films")
needs_sound = pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this Blender was built without sound")


def strip(*, simulated: bool = False) -> bpy.types.Object:
    """A scene of 32 x 8 pixels in which a white square moves from left to right, two pixels in each frame from 1 on."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 10
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = 32, 8
    scene.render.film_transparent = True
    scene.display.shading.light = "FLAT"
    scene.display.shading.show_cavity = False
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.camera.data.type, scene.camera.data.ortho_scale = "ORTHO", 32.0
    scene.camera.location.z = 50.0
    scene.collection.objects.link(scene.camera)
    square = grid("Square", cells=1)
    square.data.materials.append(material("White", (1.0, 1.0, 1.0, 1.0)))
    square.location.x = -16.0
    if simulated:
        square.rotation_euler.y = np.pi / 2.0  # what is raised goes to the right
        square.scale.z = 20.0  # ten steps of a tenth are two pixels
        square.modifiers.new("Raise", "NODES").node_group = raising()
        thick = square.modifiers.new("Thick", "SOLIDIFY")
        thick.thickness, thick.offset = 0.1, 0.0
    else:
        for frame in (1, 11):
            square.location.x = -14.0 + 2.0 * (frame - 1)
            square.keyframe_insert("location", frame=frame)
        action = square.animation_data.action
        bags = [action] if hasattr(action, "fcurves") else action.layers[0].strips[0].channelbags
        for point in (point for bag in bags for curve in bag.fcurves for point in curve.keyframe_points):
            point.interpolation = "LINEAR"
    return square


def place_in(path: Path) -> float:
    """In which column the middle of the square is."""
    image = bpy.data.images.load(str(path), check_existing=False)
    covered = pixels(image)[..., 3].sum(axis=0)
    bpy.data.images.remove(image)
    assert covered.sum() > 1.0, "the picture is empty"
    return float((covered * np.arange(len(covered))).sum() / covered.sum())


def wanted(frame: int) -> float:
    return 2.0 * frame - 0.5


class TestRenderFrames:
    def test_each_frame_shows_its_own_time_whichever_chunk_it_is_in(self, awkward_path, reports):
        strip()
        for chunk in ("5-7", "1-4"):
            paths = run("render/render_frames", BlendFile(), awkward_path / "shot_###.png", chunk)
            assert len(paths) == {"5-7": 3, "1-4": 4}[chunk]
        assert files_in(awkward_path) == [f"shot_{frame:03}.png" for frame in range(1, 8)]
        for frame in range(1, 8):
            assert place_in(awkward_path / f"shot_{frame:03}.png") == pytest.approx(wanted(frame), abs=0.4)
        assert reports.steps("Frame") == 6  # both begin at 0

    def test_simulation_is_played_before_a_chunk_that_begins_later(self, tmp_path):
        strip(simulated=True)
        whole = run("render/render_frames", BlendFile(), tmp_path / "whole.png")
        places = [place_in(path) for path in whole]
        assert np.diff(places) == pytest.approx([2.0] * 9, abs=0.3)
        bpy.context.scene.frame_set(1)
        late = run("render/render_frames", BlendFile(), tmp_path / "late.png", "7-9x2")
        assert [path.name for path in late] == ["late_0007.png", "late_0009.png"]
        assert [place_in(path) for path in late] == pytest.approx([places[6], places[8]], abs=0.01)

    def test_only_what_is_missing_broken_or_of_another_size_is_rendered_if_asked_for(self, tmp_path, capsys):
        strip()
        first = run("render/render_frames", BlendFile(), tmp_path / "f.png")
        first[1].unlink()
        first[4].write_bytes(first[4].read_bytes()[:-20])
        first[6].write_bytes(b"")
        bpy.data.objects["Square"].animation_data_clear()
        bpy.context.scene.render.resolution_percentage = 50
        small = run("render/render_frames", BlendFile(), tmp_path / "small.png", "9")[0]
        bpy.context.scene.render.resolution_percentage = 100
        small.replace(first[8])
        capsys.readouterr()
        again = run("render/render_frames", BlendFile(), tmp_path / "f.png", overwrite=False)
        assert again == first
        assert "Rendered 4 frames, kept 6" in capsys.readouterr().out
        moved = [frame for frame in range(1, 11) if abs(place_in(first[frame - 1]) - wanted(frame)) < 0.3]
        assert moved == [1, 3, 4, 6, 8, 10]
        run("render/render_frames", BlendFile(), tmp_path / "f.png")
        assert len({round(place_in(path)) for path in first}) == 1

    def test_jpeg_without_its_end_is_no_frame(self, tmp_path):
        """Blender reads what is there of it, and greys the rest."""
        strip()
        (path,) = run("render/render_frames", BlendFile(), tmp_path / "f.jpg", "3")
        whole = path.read_bytes()
        run("render/render_frames", BlendFile(), tmp_path / "f.jpg", "3", overwrite=False)
        assert path.read_bytes() == whole
        path.write_bytes(whole[:-20])
        run("render/render_frames", BlendFile(), tmp_path / "f.jpg", "3", overwrite=False)
        assert path.read_bytes().endswith(b"\xff\xd9")

    def test_kept_frames_that_are_older_than_the_file_are_told(self, tmp_path, capsys):
        strip()
        run("render/render_frames", BlendFile(), tmp_path / "f.png", "1-2")
        (tmp_path / "shot.blend").write_bytes(b"newer")
        os.utime(tmp_path / "f_0002.png", (1.0, 1.0))
        os.utime(tmp_path / "f_0001.png", (2e9 * 2, 2e9 * 2))
        run("render/render_frames", BlendFile(str(tmp_path / "shot.blend")), tmp_path / "f.png", "1-2", overwrite=False)
        assert "1 of them are older than shot.blend" in capsys.readouterr().out

    def test_camera_engine_size_and_format_are_as_asked_for(self, tmp_path):
        strip()
        other = bpy.data.objects.new("Other", bpy.context.scene.camera.data)
        other.location = (0.0, 0.0, 50.0)
        other.location.x = 4.0
        bpy.context.scene.collection.objects.link(other)
        marker = bpy.context.scene.timeline_markers.new("Cut", frame=1)
        marker.camera = bpy.context.scene.camera
        (path,) = run("render/render_frames", BlendFile(), tmp_path / "f.png", "8", camera="Other", resolution=200.0)
        assert place_in(path) == pytest.approx(2.0 * (wanted(8) - 4.0) + 0.5, abs=0.4)
        assert bpy.context.scene.render.engine == "BLENDER_WORKBENCH"
        (path,) = run("render/render_frames", BlendFile(), tmp_path / "f.exr", "8", engine="Cycles", samples=1)
        assert path.read_bytes()[:4] == b"\x76\x2f\x31\x01"
        assert place_in(path) == pytest.approx(2.0 * (wanted(8) - 4.0) + 0.5, abs=0.6)
        assert bpy.context.scene.render.engine == "CYCLES"
        (path,) = run("render/render_frames", BlendFile(), tmp_path / "f.jpg", "8")
        assert path.read_bytes()[:2] == b"\xff\xd8"

    def test_what_cannot_be_rendered_is_a_clear_error(self, tmp_path):
        strip()
        with pytest.raises(ValueError, match=r"first names no frames; write 7, 1-8, or 1-15x2"):
            run("render/render_frames", BlendFile(), tmp_path / "f.png", "first")
        with pytest.raises(ValueError, match="9-3 names no frames: it ends before it begins"):
            run("render/render_frames", BlendFile(), tmp_path / "f.png", "9-3")
        with pytest.raises(ValueError, match=r"f\.mp4 has no known ending; write one of \.png"):
            run("render/render_frames", BlendFile(), tmp_path / "f.mp4")
        with pytest.raises(ValueError, match="There is no scene Nowhere, but Scene"):
            run("render/render_frames", BlendFile(), tmp_path / "f.png", scene="Nowhere")
        with pytest.raises(ValueError, match="There is no camera Nowhere in Scene, but Camera"):
            run("render/render_frames", BlendFile(), tmp_path / "f.png", camera="Nowhere")
        bpy.context.scene.camera = None
        with pytest.raises(ValueError, match="Scene has no camera; add one"):
            run("render/render_frames", BlendFile(), tmp_path / "f.png")

    def test_chunks_are_rendered_by_several_blenders_and_joined_and_a_lost_frame_again(self, tmp_path, store):
        strip()
        path = tmp_path / "scene.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        tree = new_tree()
        chunks, render = (add(tree, "BackgroundNodeScript", name) for name in ("Frame Chunks", "Render Frames"))
        for node in (chunks, render):
            node.source, node.library_script = "LIBRARY", f"render/{node.name.lower().replace(' ', '_')}"
            give(node, file=str(path))
        give(chunks, frames_in_each=3)
        give(render, chunk=chunks.outputs["Chunks"], filepath=str(tmp_path / "out" / "f_####.png"))

        def times() -> dict[int, int]:
            found = background_nodes.run(tree)
            assert (found.state, found.tasks["Render Frames"].num_items) == ("succeeded", 4)
            paths = [Path(each) for each in found.fetch("Render Frames", "result")]
            assert [each.name for each in paths] == [f"f_{frame:04}.png" for frame in range(1, 11)]
            for frame, each in enumerate(paths, start=1):
                assert place_in(each) == pytest.approx(wanted(frame), abs=0.4)
            return {frame: each.stat().st_mtime_ns for frame, each in enumerate(paths, start=1)}

        before = times()
        (tmp_path / "out" / "f_0005.png").unlink()
        after = times()
        assert [frame for frame in before if before[frame] != after[frame]] == [4, 5, 6]


class TestFrameChunks:
    def test_all_frames_are_in_one_chunk_each(self):
        bpy.context.scene.frame_start, bpy.context.scene.frame_end = 3, 12
        result = run("render/frame_chunks", BlendFile(), frames_in_each=4)
        assert result.chunks == ["3-6", "7-10", "11-12"]
        assert result.frames == list(range(3, 13))
        result = run("render/frame_chunks", BlendFile(), start=1, end=10, step=3, frames_in_each=3)
        assert (result.chunks, result.frames) == (["1-7x3", "10-10x3"], [1, 4, 7, 10])
        with pytest.raises(ValueError, match="From frame 9 to 2 there is none"):
            run("render/frame_chunks", BlendFile(), start=9, end=2)
        with pytest.raises(ValueError, match="There is no scene Other, but Scene"):
            run("render/frame_chunks", BlendFile(), scene="Other")


def strips_of(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences  # before 4.4


def frames_of_film(path: Path, folder: Path, frames: range) -> list[np.ndarray]:
    """Pictures of a film, as Blender's sequencer shows them."""
    bpy.context.window.scene = scene = bpy.data.scenes.new("Film")  # of another one, Blender shows one frame always
    shown = strips_of(scene).new_movie("Film", str(path), 1, 1)
    width, height = shown.elements[0].orig_width, shown.elements[0].orig_height
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    found = []
    for frame in frames:
        scene.frame_set(frame)
        scene.render.filepath = str(folder / f"shown_{frame}.png")
        bpy.ops.render.render(write_still=True, scene=scene.name)
        image = bpy.data.images.load(scene.render.filepath, check_existing=False)
        found.append(pixels(image)[..., :3].copy())
    return found


def tone(path: Path, *, seconds: float) -> Path:
    """A file of sound: a tone of half the loudness that a file can hold."""
    times = np.arange(int(seconds * 48000)) / 48000.0
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes((np.sin(times * 440.0 * 2.0 * np.pi) * 0.5 * 32767).astype("<i2").tobytes())
    return path


@needs_films
class TestPlayblast:
    @pytest.mark.parametrize("simulated", [False, True])
    def test_film_has_each_frame_at_its_time(self, simulated, tmp_path):
        strip(simulated=simulated)
        bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 256, 64
        result = run("render/playblast", BlendFile(), tmp_path / "film.mp4", start=3, end=9, stamp=False)
        assert (result.film, result.frames) == (tmp_path / "film.mp4", 7)
        assert files_in(tmp_path) == ["film.mp4"]
        assert bpy.data.movieclips.load(str(result.film)).frame_duration == 7
        places = []
        for picture in frames_of_film(result.film, tmp_path, range(1, 8)):
            assert picture.shape == (32, 128, 3)
            bright = np.abs(picture.mean(axis=2) - np.median(picture))
            bright = np.where(bright > 0.3 * bright.max(), bright, 0.0).sum(axis=0)
            places.append((bright * np.arange(128)).sum() / bright.sum() / 4.0)
        assert np.diff(places) == pytest.approx([2.0] * 6, abs=0.4)
        assert places[0] == pytest.approx(wanted(3) + 0.4, abs=0.4)

    def test_stamp_is_in_the_picture_and_odd_sizes_become_even(self, tmp_path):
        strip()
        render = bpy.context.scene.render
        render.resolution_x, render.resolution_y = 255, 101
        options = {"start": 1, "end": 2, "resolution": 100.0}
        plain = run("render/playblast", BlendFile(), tmp_path / "plain.mov", stamp=False, **options).film
        stamped = run("render/playblast", BlendFile(), tmp_path / "stamped.mov", stamp=True, **options).film
        one, other = (frames_of_film(path, tmp_path, range(1, 2))[0] for path in (plain, stamped))
        assert one.shape == other.shape == (100, 256, 3)
        assert np.abs(one - other).max() > 0.3

    @needs_sound
    def test_sound_of_the_scene_is_in_the_film_at_its_time_if_asked_for(self, tmp_path):
        strip()
        strips = strips_of(bpy.context.scene)
        strips.new_sound("Tone", str(tone(tmp_path / "tone.wav", seconds=0.5)), 1, 15)  # half a second after the start
        saved_picture(tmp_path / "title.png", (1.0, 0.0, 0.0, 1.0))
        strips.new_image("Title", str(tmp_path / "title.png"), 2, 3)
        options = {"start": 3, "end": 26, "stamp": False}
        film = run("render/playblast", BlendFile(), tmp_path / "film.mp4", **options).film
        import aud  # here, as there is none before Blender's module is

        heard = aud.Sound(str(film))
        rate = int(heard.specs[0])
        samples = np.abs(heard.data()[:, 0])
        assert samples[: int(0.4 * rate)].max() < 0.05
        assert samples[int(0.6 * rate) : int(0.9 * rate)].max() == pytest.approx(0.35, abs=0.1)  # of two channels
        silent = run("render/playblast", BlendFile(), tmp_path / "silent.mp4", sound=False, **options).film
        assert b"soun" in film.read_bytes()  # the kind of a track
        assert b"soun" not in silent.read_bytes()
        shown, wanted = (pixels(bpy.data.images.load(str(path))) for path in (film, silent))
        assert np.allclose(shown, wanted, atol=0.1)  # the scene, not the strip

    @needs_sound
    def test_sound_in_a_strip_that_has_a_picture_is_a_clear_error(self, tmp_path):
        strip()
        scene = bpy.context.scene
        other = bpy.data.scenes.new("Other")
        meta, shown = strips_of(scene).new_meta("Intro", 1, 1), strips_of(scene).new_scene("Shot", other, 2, 1)
        shown.mute = True
        (meta.strips if hasattr(meta, "strips") else meta.sequences).new_sound("In", str(tmp_path / "in.wav"), 1, 1)
        strips_of(other).new_sound("There", str(tmp_path / "in.wav"), 1, 1)
        with pytest.raises(ValueError, match="The sound in the strip Intro would not be in the film; ungroup it, or"):
            run("render/playblast", BlendFile(), tmp_path / "film.mp4")
        meta.mute, shown.mute = True, False
        with pytest.raises(ValueError, match="The sound in the strip Shot would not be in the film; mute it, or"):
            run("render/playblast", BlendFile(), tmp_path / "film.mp4")
        assert files_in(tmp_path) == []
        assert run("render/playblast", BlendFile(), tmp_path / "film.mp4", sound=False, end=1).frames == 1

    def test_what_makes_no_film_is_a_clear_error(self, tmp_path):
        strip()
        with pytest.raises(ValueError, match=r"film\.gif has no known ending; write one of \.mp4"):
            run("render/playblast", BlendFile(), tmp_path / "film.gif")
        with pytest.raises(ValueError, match="From frame 8 to 2 there is none"):
            run("render/playblast", BlendFile(), tmp_path / "film.mp4", start=8, end=2)
        bpy.context.scene.camera = None
        with pytest.raises(ValueError, match="has no camera"):
            run("render/playblast", BlendFile(), tmp_path / "film.mp4")
