# SPDX-License-Identifier: GPL-3.0-or-later
"""Render frames of a scene, each to a file. With the list of *Frame Chunks*, several Blenders render at once.

All is as in the file: camera, world, compositing, colours. Simulations that are not baked are played from their
beginning before a chunk is rendered. A frame is there whole or not at all.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

import bpy

from background_nodes.script import (
    BlendFile,
    OutputPath,
    Percentage,
    Range,
    chosen_scene,
    log,
    look_through,
    play_frames,
    progress,
    use_workbench,
    written_whole,
)

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".exr": "OPEN_EXR", ".tif": "TIFF", ".tiff": "TIFF"}
CHUNK = re.compile(r"(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?")


def main(
    file: BlendFile,
    filepath: OutputPath,
    chunk: str = "",
    scene: str = "",
    camera: str = "",
    engine: Literal["From File", "Cycles", "Workbench"] = "From File",
    samples: Annotated[int, Range(0, 65536)] = 0,
    resolution: Annotated[Percentage, Range(0.0, 400.0)] = 0.0,
    overwrite: bool = True,
) -> list[Path]:
    """Render the frames of `chunk`.

    Args:
        file: The file to render.
        filepath: Where to, as //render/shot_####.png: # stands for the digits of the frame, which else are added. The
            ending says the format: .png, .jpg, .exr or .tif.
        chunk: Which frames: 7, 1-8, or 1-15x2 for every other one. Empty for all of the scene.
        scene: The name of the scene to render, empty for the active one.
        camera: The name of the camera to look through, empty for that of the scene.
        engine: What renders. Workbench is quick: shapes in the colours of their materials.
        samples: Cycles only: light paths in each pixel, 0 for what the file says.
        resolution: Size of the pictures, a share of the scene's. 0 for what the file says.
        overwrite: Render frames whose files are there, too. Off, only those that are missing, broken or of another size
            are rendered: the others stay, whatever the scene looks like now.

    Returns:
        The files of all frames, rendered now or before, in order.
    """
    used = prepared(scene, camera, engine, samples, resolution)
    frames = frames_of(chunk, used)
    paths = {frame: path_of(filepath, frame) for frame in frames}
    set_format(used, next(iter(paths.values())))
    size = picture_size(used)
    kept = [] if overwrite else [frame for frame in frames if is_whole(paths[frame], size)]
    tell_kept(kept, paths, Path(file.filepath) if file.filepath else None)
    missing = [frame for frame in frames if frame not in kept]
    for done, frame in enumerate(play_frames(used, missing)):
        progress(done / len(missing), f"Frame {frame}")
        with written_whole(paths[frame]) as temporary:
            used.render.filepath = str(temporary)
            bpy.ops.render.render(write_still=True, scene=used.name)
        if not is_whole(paths[frame], size):
            raise RuntimeError(f"Frame {frame} is not whole in {paths[frame].name}; is the disk full?")
    log(f"Rendered {len(missing)} frames, kept {len(kept)}")
    return list(paths.values())


def prepared(scene: str, camera: str, engine: str, samples: int, resolution: float) -> bpy.types.Scene:
    """The scene, with what the inputs say of it."""
    used = chosen_scene(scene)
    bpy.context.window.scene = used
    look_through(used, camera)
    if used.camera is None and not shows_strips(used):
        raise ValueError(f"The scene {used.name} has no camera; add one, or write the name of one to Camera")
    if engine == "Workbench":
        use_workbench(used)
    elif engine == "Cycles":
        used.render.engine = "CYCLES"
    if samples:
        used.cycles.samples = samples
    if resolution:
        used.render.resolution_percentage = round(resolution)
    used.render.use_file_extension = False
    return used


def shows_strips(scene: bpy.types.Scene) -> bool:
    """Whether what is rendered comes from the sequencer."""
    editor = scene.sequence_editor
    strips = getattr(editor, "strips", None) or getattr(editor, "sequences", None)  # the second before 4.4
    return bool(scene.render.use_sequencer and editor and strips)


def frames_of(chunk: str, scene: bpy.types.Scene) -> list[int]:
    if not chunk.strip():
        return list(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))
    match = CHUNK.fullmatch(chunk.strip())
    if not match:
        raise ValueError(f"{chunk} names no frames; write 7, 1-8, or 1-15x2 for every other one")
    first = int(match[1])
    frames = list(range(first, int(match[2] or first) + 1, max(1, int(match[3] or 1))))
    if not frames:
        raise ValueError(f"{chunk} names no frames: it ends before it begins")
    return frames


def path_of(filepath: Path, frame: int) -> Path:
    if filepath.suffix.lower() not in FORMATS:
        raise ValueError(f"{filepath.name} has no known ending; write one of {', '.join(FORMATS)}")
    hashes = re.findall("#+", filepath.name)
    if not hashes:
        return filepath.with_name(f"{filepath.stem}_{frame:04}{filepath.suffix}")
    head, _, tail = filepath.name.rpartition(hashes[-1])
    return filepath.with_name(f"{head}{frame:0{len(hashes[-1])}}{tail}")


def set_format(scene: bpy.types.Scene, path: Path) -> None:
    """The format of the ending, as deep as the file has it, if it has just that format."""
    settings, wanted = scene.render.image_settings, FORMATS[path.suffix.lower()]
    if settings.file_format != wanted:
        if hasattr(settings, "media_type"):  # from 5.0 on
            settings.media_type = "IMAGE"
        settings.file_format = wanted
    if wanted == "JPEG" and settings.color_mode == "RGBA":
        settings.color_mode = "RGB"


def picture_size(scene: bpy.types.Scene) -> tuple[int, int]:
    render = scene.render
    width, height = (
        int(length * render.resolution_percentage / 100) for length in (render.resolution_x, render.resolution_y)
    )
    if render.use_border and render.use_crop_to_border:
        return (0, 0)
    return width, height


def is_whole(path: Path, size: tuple[int, int]) -> bool:
    """Whether a picture is there, can be read to its end, and has the size."""
    if not path.is_file() or not path.stat().st_size:
        return False
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        found, has_pixels = tuple(image.size), bool(len(image.pixels))
    finally:
        bpy.data.images.remove(image)
    return has_pixels and is_ended(path) and (found == size or size == (0, 0))


def is_ended(path: Path) -> bool:
    """Whether the end of a file is there, of formats that Blender reads without it, too."""
    if path.suffix.lower() == ".png":
        return path.read_bytes()[-8:-4] == b"IEND"
    if path.suffix.lower() in (".jpg", ".jpeg"):  # other programs may fill the file up
        return path.read_bytes().rstrip(b"\0").endswith(b"\xff\xd9")
    return True


def tell_kept(kept: list[int], paths: dict[int, Path], file: Path | None) -> None:
    if not kept:
        return
    log(f"Kept {len(kept)} frames that were there: {kept[0]} ... {kept[-1]}")
    if file and file.is_file():
        old = [frame for frame in kept if paths[frame].stat().st_mtime < file.stat().st_mtime]
        if old:
            log(f"{len(old)} of them are older than {file.name}; switch Overwrite on to render them as it is now")
