# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a quick film of a scene by Workbench: shapes in the colours of their materials, to look at how they move.

A file that is there is replaced only once the new one is complete.
"""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import bpy

from background_nodes.script import (
    BlendFile,
    OutputPath,
    Percentage,
    Range,
    chosen_scene,
    is_simulating,
    log,
    look_through,
    play_frames,
    progress,
    use_workbench,
    written_whole,
)

#: What Blender must have been built with.
NEEDS = ("codec_ffmpeg",)
#: By the ending: what Blender calls the container and the codec.
FORMATS = {".mp4": ("MPEG4", "H264"), ".mov": ("QUICKTIME", "H264")}


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        film: The film.
        frames: How many frames it has.
    """

    film: Path
    frames: int


def main(
    file: BlendFile,
    filepath: OutputPath,
    scene: str = "",
    camera: str = "",
    start: Annotated[int, Range(0)] = 0,
    end: Annotated[int, Range(0)] = 0,
    resolution: Annotated[Percentage, Range(1.0, 400.0)] = 50.0,
    sound: bool = True,
    stamp: bool = True,
) -> Output:
    """Render the film.

    Args:
        file: The file to look at.
        filepath: The film to write; it ends in .mp4 or .mov.
        scene: The name of the scene, empty for the active one.
        camera: The name of the camera to look through, empty for that of the scene.
        start: First frame, 0 for that of the scene.
        end: Last frame, 0 for that of the scene.
        resolution: Size of the picture, a share of the scene's.
        sound: Have the sound of the scene in it: that of its speakers and of the sound strips of its sequencer.
        stamp: Write the number of each frame and the name of the camera into the picture.
    """
    if filepath.suffix.lower() not in FORMATS:
        raise ValueError(f"{filepath.name} has no known ending; write one of {', '.join(FORMATS)}")
    used = prepared(scene, camera, resolution)
    if sound:
        hear_strips(used)
    first, last = start or used.frame_start, end or used.frame_end
    if last < first:
        raise ValueError(f"From frame {first} to {last} there is none; set Start and End")
    stamp_frames(used.render, stamp)
    film_settings(used.render, filepath.suffix.lower(), sound)
    total = last - first + 1
    play_before(used, range(first, last + 1))
    used.frame_start, used.frame_end, used.frame_step = first, last, 1  # Geometry Nodes simulate from the start on
    used.frame_start = first  # Blender lets neither pass the other
    counted = shown_progress(used, total)
    bpy.app.handlers.render_write.append(counted)
    try:
        with written_whole(filepath) as temporary:
            used.render.filepath = str(temporary)
            bpy.ops.render.render(animation=True, scene=used.name)
    finally:
        bpy.app.handlers.render_write.remove(counted)
    found = bpy.data.movieclips.load(str(filepath))
    if found.frame_duration != total:
        raise RuntimeError(f"{filepath.name} has {found.frame_duration} frames, not {total}; the log may tell why")
    log(f"{total} frames of {used.render.resolution_x} x {used.render.resolution_y} in {filepath}")
    return Output(filepath, total)


def prepared(scene: str, camera: str, resolution: float) -> bpy.types.Scene:
    """The scene, of a size that films can have, seen through the camera."""
    used = chosen_scene(scene)
    bpy.context.window.scene = used
    look_through(used, camera)
    if used.camera is None:
        raise ValueError(f"The scene {used.name} has no camera; add one, or write the name of one to Camera")
    use_workbench(used)
    render = used.render
    render.use_compositing = render.use_sequencer = False
    render.use_border = False
    render.film_transparent = False
    for name in ("resolution_x", "resolution_y"):  # films have pixels in pairs
        setattr(render, name, max(16, round(getattr(render, name) * resolution / 200.0) * 2))
    render.resolution_percentage = 100
    return used


def hear_strips(scene: bpy.types.Scene) -> None:
    """Have the sound strips of the scene in the film, and nothing of the pictures of the others.

    Without its sequencer, Blender leaves all sound out; and it shows the sequencer as soon as a strip has a picture.
    """
    scene.render.use_sequencer = True
    for strip in strips_of(scene):
        if strip.type != "SOUND":
            if not strip.mute and has_sound(strip):
                mend = "ungroup it" if strip.type == "META" else "mute it"
                raise ValueError(
                    f"The sound in the strip {strip.name} would not be in the film; {mend}, or switch Sound off"
                )
            strip.mute = True


def strips_of(scene: bpy.types.Scene) -> list[Any]:
    editor = scene.sequence_editor
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences) if editor else []  # before 4.4


def has_sound(strip: Any) -> bool:
    """Whether a strip sounds: on its own, by the strips in it, or by those of its scene."""
    if strip.type == "META":
        inside = list(strip.strips if hasattr(strip, "strips") else strip.sequences)
    elif strip.type == "SCENE" and strip.scene:
        inside = strips_of(strip.scene)
    else:
        return strip.type == "SOUND"
    return any(not each.mute and has_sound(each) for each in inside)


def stamp_frames(render: bpy.types.RenderSettings, stamp: bool) -> None:
    render.use_stamp = stamp
    for name in render.bl_rna.properties.keys():  # noqa: SIM118 (a collection of Blender's, not a dict)
        if name.startswith("use_stamp_"):
            setattr(render, name, name in ("use_stamp_frame", "use_stamp_camera", "use_stamp_labels"))
    render.stamp_font_size = max(8, render.resolution_y // 40)


def film_settings(render: bpy.types.RenderSettings, ending: str, sound: bool) -> None:
    if hasattr(render.image_settings, "media_type"):  # from 5.0 on
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.image_settings.color_mode = "RGB"
    render.use_file_extension = True  # without it, the frame range is added to the name
    render.ffmpeg.format, render.ffmpeg.codec = FORMATS[ending]
    render.ffmpeg.constant_rate_factor, render.ffmpeg.gopsize = "MEDIUM", 12
    render.ffmpeg.audio_codec = "AAC" if sound else "NONE"
    render.ffmpeg.use_autosplit = False


def play_before(scene: bpy.types.Scene, frames: range) -> None:
    """Play what is simulated from its beginning to the end of the film, which then shows just that."""
    if not any(is_simulating(each) for item in scene.objects for each in item.modifiers) and not scene.rigidbody_world:
        return
    for frame in play_frames(scene, frames):
        progress(0.0, f"Simulating frame {frame}")


def shown_progress(scene: bpy.types.Scene, total: int):
    def show(*_unused) -> None:
        done = scene.frame_current - scene.frame_start + 1
        progress(done / total, f"Frame {scene.frame_current}")

    return show
