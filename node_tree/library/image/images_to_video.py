# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a video of images: a film of a turntable or of rendered frames.

A file that is there is replaced only once the new one is complete.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import OutputPath, Range, as_shown, log, progress, track, written_whole

#: What Blender must have been built with.
NEEDS = ("codec_ffmpeg",)
#: By the ending: what Blender calls the container and the codec.
FORMATS = {".mp4": ("MPEG4", "H264"), ".mkv": ("MKV", "H264"), ".mov": ("QUICKTIME", "H264"), ".webm": ("WEBM", "WEBM")}
#: Pixels. Blender refuses less.
SMALLEST = 16
QUALITIES = {"Lossless": "LOSSLESS", "High": "HIGH", "Medium": "MEDIUM", "Low": "LOW"}


def main(
    images: list[bpy.types.Image],
    filepath: OutputPath,
    fps: Annotated[float, Range(0.0, 240.0)] = 0.0,
    quality: Literal["Lossless", "High", "Medium", "Low"] = "High",
    repeat: Annotated[int, Range(1, 1000)] = 1,
) -> Path:
    """Make a video.

    Args:
        images: The frames, in this order. All must be of one size.
        filepath: Where to: .mp4, .mkv and .mov have H.264, .webm has VP9. Folders that don't exist are made, and .mp4
            is added to a name without an ending.
        fps: Frames per second. 0 takes the scene's.
        quality: More of it makes a larger file. Lossless keeps colours as well as the format can.
        repeat: How often all images are shown, one time after the other.

    Returns:
        The file that was written.
    """
    path = Path(bpy.path.abspath(str(filepath)))
    if path.suffix.lower() not in FORMATS:
        if path.suffix and path.suffix[1:].isalnum() and not path.suffix[1:].isdigit():
            raise ValueError(f"No video is known for {path.suffix}; choose a name that ends in {', '.join(FORMATS)}")
        path = Path(f"{path}.mp4")
    check(images)
    scene = new_scene(images[0], path, fps, quality)
    with written_whole(path) as beside, tempfile.TemporaryDirectory() as folder:
        frames = [Path(folder, f"{number:06}.png") for number in range(len(images))]
        for image, frame in zip(track(images, text="Reading"), frames, strict=True):
            shown = as_shown(image)
            shown.file_format = "PNG"
            options = {"save_copy": True} if "save_copy" in image.bl_rna.functions["save"].parameters else {}
            shown.save(filepath=str(frame), **options)
            if shown != image:
                bpy.data.images.remove(shown)
        show(scene, frames * repeat)
        scene.render.filepath = str(beside)
        progress(0.5, "Writing")
        bpy.ops.render.render(animation=True, scene=scene.name)
    log(
        f"Wrote {scene.frame_end} frames, {scene.frame_end / scene.render.fps * scene.render.fps_base:.2f} s, to {path}"
    )
    return path


def check(images: list[bpy.types.Image]) -> None:
    if not images:
        raise ValueError("There is nothing to show; link images to Images")
    for image in images:
        if not (image.has_data or image.size[0]):
            raise ValueError(f"{image.name} has no pixels; is its file missing?")
        if image.source == "TILED":
            raise ValueError(f"{image.name} has UDIM tiles; link an image without tiles")
        if min(image.size) < SMALLEST:
            size = f"{image.size[0]} x {image.size[1]}"
            raise ValueError(
                f"{image.name} is {size} pixels, and no side of a film has less than {SMALLEST}; resize it"
            )
    sizes = {tuple(image.size): image.name for image in images}
    if len(sizes) > 1:
        told = ", ".join(f"{name} {width} x {height}" for (width, height), name in sizes.items())
        raise ValueError(f"The images are of several sizes ({told}); resize them to one before")


def new_scene(image: bpy.types.Image, path: Path, fps: float, quality: str) -> bpy.types.Scene:
    """A scene that is rendered to a video of the size of an image, and changes no colours."""
    scene, shown = bpy.data.scenes.new("Video"), bpy.context.scene.render
    render = scene.render
    # Codecs take even sizes only: what is odd gets a black line.
    render.resolution_x, render.resolution_y = (length + length % 2 for length in image.size)
    render.resolution_percentage = 100
    render.fps, render.fps_base = (round(fps * 1000), 1000.0) if fps else (shown.fps, shown.fps_base)
    if fps == int(fps) and fps:
        render.fps, render.fps_base = int(fps), 1.0
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.sequencer_colorspace_settings.name = "sRGB"
    settings = render.image_settings
    if "media_type" in settings.bl_rna.properties:  # from Blender 5.0 on
        settings.media_type = "VIDEO"
    settings.file_format, settings.color_mode = "FFMPEG", "RGB"
    render.ffmpeg.format, render.ffmpeg.codec = FORMATS[path.suffix.lower()]
    render.ffmpeg.audio_codec = "NONE"
    render.ffmpeg.constant_rate_factor = QUALITIES[quality]
    return scene


def show(scene: bpy.types.Scene, frames: list[Path]) -> None:
    """Have the scene show these files, one in each frame."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if "strips" in editor.bl_rna.properties else editor.sequences  # before Blender 4.4
    strip = strips.new_image("Frames", str(frames[0]), 1, 1, fit_method="ORIGINAL")
    for frame in frames[1:]:
        strip.elements.append(frame.name)
    scene.frame_start, scene.frame_end = 1, len(frames)
