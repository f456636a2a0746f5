# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node script may import.

A script is a Python file (or a text in Blender) with one typed function `main`. Its parameters are the node's inputs,
its return annotation the outputs:

    from typing import Annotated

    import bpy
    from background_nodes.script import Range, progress


    def main(source: bpy.types.Object, ratio: Annotated[float, Range(0.0, 1.0)] = 0.5) -> bpy.types.Object:
        progress(0.1, "Decimating")
        ...

Everything here also works outside a worker, where progress is reported to nobody.
"""

from __future__ import annotations

import contextlib
import enum
import operator
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from .runtime.engine.file_names import file_name, numbered
from .runtime.engine.own_files import claim, items, own_file, written_whole
from .runtime.engine.used_files import depends_on

if TYPE_CHECKING:
    import bmesh
    import bpy
    import numpy as np
    from mathutils import Matrix

    from .runtime.scratch.partial_data import PartialDataFile

__all__ = (
    "Angle",
    "Area",
    "BlendFile",
    "Factor",
    "Length",
    "OutputPath",
    "Percentage",
    "Pixels",
    "Range",
    "RigActions",
    "Time",
    "Unit",
    "Volume",
    "bake_target",
    "baked_image",
    "chosen_scene",
    "claim",
    "convert_to_mesh",
    "depends_on",
    "edit_mode",
    "editable",
    "edited_mesh",
    "file_name",
    "flip_faces",
    "frame_camera",
    "high_to_low",
    "image_files",
    "image_node",
    "imported_objects",
    "is_cancelled",
    "is_simulating",
    "items",
    "lettering",
    "light_studio",
    "log",
    "look_through",
    "mesh_copy",
    "new_image",
    "numbered",
    "objects_to_export",
    "output_folder",
    "own_file",
    "partial_data",
    "place_at_origin",
    "place_object",
    "play_frames",
    "progress",
    "read_pixels",
    "render_image",
    "run_program",
    "stage",
    "taking_part",
    "tile_in_front",
    "track",
    "use_cycles",
    "use_workbench",
    "uv_coverage",
    "uv_map_to_bake",
    "uv_tiles",
    "write_alembic",
    "write_fbx",
    "write_ply",
    "write_stl",
    "write_usd",
    "written_whole",
)

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Range:
    """The inclusive range of a number: `Annotated[float, Range(0.0, 1.0)]`. None leaves an end open."""

    minimum: float | None = None
    maximum: float | None = None


class Unit(enum.Enum):
    """What a number measures: `Annotated[float, Unit.LENGTH]`, or `Length` for short."""

    LENGTH = "LENGTH"  # Blender units, shown in the scene's
    AREA = "AREA"  # square Blender units
    VOLUME = "VOLUME"  # cubic Blender units
    ANGLE = "ANGLE"  # radians, shown in the scene's
    TIME = "TIME"  # seconds
    PERCENTAGE = "PERCENTAGE"  # 0 to 100
    FACTOR = "FACTOR"  # 0 to 1, shown as a slider
    PIXELS = "PIXELS"  # a whole number


@dataclass(frozen=True)
class BlendFile:
    """A whole .blend file: `def main(file: BlendFile)`. While main runs, the worker has a copy of it open.

    `bpy.data` holds what is in the file then, and the active scene is the file's own. Nothing a script does to the copy
    changes the file itself, not even saving.

    Attributes:
        filepath: where the file is; "" for an open file that was never saved.
    """

    filepath: str = ""


Length = Annotated[float, Unit.LENGTH]
Area = Annotated[float, Unit.AREA]
Volume = Annotated[float, Unit.VOLUME]
Angle = Annotated[float, Unit.ANGLE]
Time = Annotated[float, Unit.TIME]
Percentage = Annotated[float, Unit.PERCENTAGE]
Factor = Annotated[float, Unit.FACTOR]
Pixels = Annotated[int, Unit.PIXELS]

#: A path that a script writes to. What is there already does not count as an input: a result is kept whatever it is.
OutputPath = Annotated[Path, "is written to"]

#: A list of actions. Where nothing is linked or set, it is those of the open file that move bones of a rig in it and
#: that only a fake user holds: nothing uses them, so they come along with no rig.
RigActions = Annotated[list, "actions of rigs"]


class Reporter(Protocol):
    """What receives a script's progress. A worker sets one that limits how often reports are sent."""

    def progress(self, fraction: float, text: str) -> None: ...


class _Nobody:
    def progress(self, fraction: float, text: str) -> None:
        pass


_reporter: Reporter = _Nobody()
_output_folder: Path | None = None
_cancellation: Path | None = None
_next_look = 0.0
_partial_data: PartialDataFile | None = None
#: Seconds between two looks at whether a job was cancelled.
_LOOK_INTERVAL = 0.02


def set_reporter(reporter: Reporter | None) -> None:
    """Send reports to `reporter` from now on; None: to nobody. For workers and tests, not for scripts."""
    global _reporter  # noqa: PLW0603 (a process runs one script at a time)
    _reporter = _Nobody() if reporter is None else reporter


def progress(fraction: float, text: str = "") -> None:
    """Show on the node how far the script is. Cheap enough to be called in an inner loop.

    Args:
        fraction: 0.0 to 1.0; values outside are clamped.
        text: what is being done, a few words.
    """
    _reporter.progress(fraction, text)


def track(iterable: Iterable[_Item], total: int | None = None, text: str = "") -> Iterator[_Item]:
    """Yield the items of `iterable` and report the share of them that is done.

    Args:
        iterable: anything that can be looped over.
        total: the number of items, where `iterable` does not know it. With neither, only the text is shown.
        text: what is being done, a few words.
    """
    if total is None:
        total = operator.length_hint(iterable)
    progress(0.0, text)
    for index, item in enumerate(iterable, start=1):
        yield item
        if total > 0:
            progress(index / total, text)


def set_places(folder: Path | None, cancellation: Path | None, partial: PartialDataFile | None) -> None:
    """Set what `output_folder`, `is_cancelled` and `partial_data` use. For workers, not for scripts."""
    global _output_folder, _cancellation, _next_look, _partial_data
    _output_folder, _cancellation, _next_look, _partial_data = folder, cancellation, 0.0, partial


def is_cancelled() -> bool:
    """Whether the job was cancelled: the script is to end soon, and what it gives then still comes home.

    Cheap enough to be called in an inner loop. Nodes are ended without being asked: for them it is False.
    """
    global _next_look  # noqa: PLW0603
    now = time.monotonic()
    if _cancellation is None or now < _next_look:
        return False
    _next_look = 0.0 if _cancellation.exists() else now + _LOOK_INTERVAL
    return _next_look == 0.0


def partial_data(value: Any) -> None:
    """Hand over what a job has found so far, while it goes on: `Job.partial_data` in the add-on that sent it.

    What was handed over before is replaced. It stays if the script fails, is killed or takes too long. Each call writes
    a file: do it some times a second, not in an inner loop. For nodes, nothing becomes of it.

    Args:
        value: as it is now: anything that `python_data` may hold. No data-blocks.

    Raises:
        TypeError, ValueError: naming the part of it that can't be passed on.
    """
    from .runtime.blender import python_data

    if _partial_data is not None:
        _partial_data.write(python_data.encode(value, "partial_data"))


def output_folder() -> Path:
    """A folder for files that outlive the script: it is there, empty, and no other task has it.

    A job's lives as long as the job, whose `Job.folder` names it: until the job is forgotten, or Blender ends. A node's
    lives until its run is removed from the last runs. What lies in Python's `tempfile` folder goes with the task.
    """
    if _output_folder is None:
        return Path(tempfile.mkdtemp())
    _output_folder.mkdir(parents=True, exist_ok=True)
    return _output_folder


def log(*values: object) -> None:
    """Write a line to the node's log, as `print` does, and flush it, so that it is there at once."""
    print(*values, flush=True)


def convert_to_mesh(source: bpy.types.Object, *, keep_modifiers: bool = False) -> bpy.types.Object:
    """Make an object one with a plain mesh of its own: what viewports show of it.

    Modifiers, shape keys and instances of Geometry Nodes are applied; curves, surfaces, texts, metaballs and collection
    instances become meshes. Materials, UV maps, vertex groups, attributes, custom properties, hair and collision stay.

    Args:
        source: a mesh, curve, surface, text, metaball or collection instance.
        keep_modifiers: leave modifiers and shape keys of a mesh as they are: it only gets a mesh of its own.

    Returns:
        `source` itself. A new object for a metaball and a collection instance, which Blender can't make meshes, and for
        what is linked or an override, which no file could hold once it is changed.

    Raises:
        ValueError: if it has no surface.
    """
    from .runtime.blender import mesh_conversion  # here, as the rest of this file works without Blender

    if not keep_modifiers and getattr(source.data, "shape_keys", None):
        log(f"Each shape key of {source.name} is applied as it stands")
    name, moves = source.name, source.animation_data is not None or bool(source.constraints)
    converted = mesh_conversion.convert_to_mesh(source, keep_modifiers=keep_modifiers)
    if moves and converted.animation_data is None and not converted.constraints:
        log(f"{name} is a new object: it stays where its animation and its constraints have put it")
    return converted


def mesh_copy(source: bpy.types.Object) -> AbstractContextManager[bpy.types.Object]:
    """Within a `with` block there is a copy of `source` that is converted to a mesh. `source` stays as it is.

    Raises:
        ValueError: if it has no surface.
    """
    from .runtime.blender import mesh_conversion

    return mesh_conversion.mesh_copy(source)


def editable(item: bpy.types.ID) -> bpy.types.ID:
    """`item` itself, or a local copy if it is linked or an override: no file could hold it once it is changed."""
    from .runtime.blender import mesh_conversion

    return mesh_conversion.editable(item)


def edit_mode(*sources: bpy.types.Object) -> AbstractContextManager[None]:
    """Within a `with` block these are in Edit Mode, alone, shown, with all of their meshes selected: for operators."""
    from .runtime.blender import mesh_editing

    return mesh_editing.edit_mode(*sources)


def edited_mesh(mesh: bpy.types.Mesh) -> AbstractContextManager[bmesh.types.BMesh]:
    """Within a `with` block there is a bmesh of `mesh`; after it, `mesh` is as you left that.

    Shape keys and custom normals are kept. A face that you turn around has its custom normals turned by `flip_faces`.
    """
    from .runtime.blender import mesh_editing

    return mesh_editing.edited_mesh(mesh)


def flip_faces(shape: bmesh.types.BMesh, faces: list[bmesh.types.BMFace]) -> None:
    """Turn faces of a bmesh of `edited_mesh` around, with their custom normals."""
    from .runtime.blender import mesh_editing

    mesh_editing.flip_faces(shape, faces)


# Files of models


def objects_to_export(
    objects: Iterable[bpy.types.Object],
    held: Collection[str],
    file_format: str,
    *,
    apply_modifiers: bool = True,
    one_mesh: bool = False,
) -> list[bpy.types.Object]:
    """Select what of `objects` goes into a file, and nothing else. What has a surface and is no mesh becomes one.

    What is hidden is shown, and the log tells what the format can't hold.

    Args:
        objects: what is to be exported.
        held: the types of objects that the format holds: "MESH", "EMPTY" ...
        file_format: its name with an article, for messages: "an FBX".
        apply_modifiers: whether the file shall show what modifiers make of meshes.
        one_mesh: all becomes plain meshes, with what is instanced, for formats that hold nothing else.

    Returns:
        what was selected.

    Raises:
        ValueError: if nothing of it can be seen in such a file.
    """
    from .runtime.blender import model_files

    return model_files.objects_to_export(
        objects, held, file_format, log, apply_modifiers=apply_modifiers, one_mesh=one_mesh
    )


def write_fbx(
    path: Path,
    objects: Iterable[bpy.types.Object],
    *,
    apply_modifiers: bool = True,
    animation: bool = True,
    triangulate: bool = False,
    apply_rotation: bool = False,
) -> None:
    """Write what `objects_to_export` selected to an FBX file that engines take at a scale of 1, its images in it.

    Args:
        path: the file.
        objects: what was selected.
        apply_modifiers: write what the modifiers make of the meshes.
        animation: write what moves in the frame range of the scene as one take, or, where an object has NLA strips
            that play, a take for each strip and each action.
        triangulate: divide all faces into triangles.
        apply_rotation: turn the meshes themselves to Y up.

    Raises:
        RuntimeError: if an object with faces is not in the file: Blender leaves out without a word.
    """
    from .runtime.blender import model_writers

    model_writers.write_fbx(
        path,
        objects,
        apply_modifiers=apply_modifiers,
        animation=animation,
        triangulate=triangulate,
        apply_rotation=apply_rotation,
    )


def write_usd(
    path: Path,
    objects: Iterable[bpy.types.Object],
    *,
    animation: bool = False,
    materials: bool = True,
    triangulate: bool = False,
    up: str = "Z",
) -> None:
    """Write what `objects_to_export` selected to a USD file, in metres, with modifiers applied.

    Args:
        path: the file. A .usdz file has the images in it, the others in a folder name_textures beside them.
        objects: what was selected.
        animation: write each frame in the frame range of the scene.
        materials: write the materials, and copy their images.
        triangulate: divide all faces into triangles.
        up: the axis that points up in the file, "Z" or "Y"; the file says which.
    """
    from .runtime.blender import model_writers

    model_writers.write_usd(path, objects, animation=animation, materials=materials, triangulate=triangulate, up=up)


def write_alembic(path: Path, *, animation: bool = True, triangulate: bool = False, scale: float = 1.0) -> None:
    """Write what `objects_to_export` selected to an Alembic file, with modifiers applied.

    Args:
        path: the file.
        animation: write each frame in the frame range of the scene, else the current one.
        triangulate: divide all faces into triangles.
        scale: multiplies the size.
    """
    from .runtime.blender import model_writers

    model_writers.write_alembic(path, animation=animation, triangulate=triangulate, scale=scale)


def write_stl(
    path: Path, *, apply_modifiers: bool = True, up: str = "Z", scale: float = 1.0, as_text: bool = False
) -> None:
    """Write what `objects_to_export` selected as one mesh to an STL file.

    Args:
        path: the file.
        apply_modifiers: write what the modifiers make of it.
        up: the axis that points up in the file, "Z" or "Y".
        scale: multiplies the size.
        as_text: write text rather than binary data.

    Raises:
        ValueError: if it has no faces: Blender writes an empty file without a word.
    """
    from .runtime.blender import model_writers

    model_writers.write_stl(path, apply_modifiers=apply_modifiers, up=up, scale=scale, as_text=as_text)


def write_ply(
    path: Path,
    mesh: bpy.types.Object,
    *,
    apply_modifiers: bool = True,
    triangulate: bool = False,
    up: str = "Z",
    scale: float = 1.0,
    colors: str = "sRGB",
    as_text: bool = False,
) -> None:
    """Write what `objects_to_export` selected as one mesh to a PLY file, with normals, colours, UV map and attributes.

    Args:
        path: the file.
        mesh: what was selected. Its attributes and vertex groups get names of one word, as the log tells: with
            another, no program can read the file.
        apply_modifiers: write what the modifiers make of it.
        triangulate: divide all faces into triangles.
        up: the axis that points up in the file, "Z" or "Y".
        scale: multiplies the size.
        colors: how its active colour attribute is written, "sRGB", "Linear" or "None".
        as_text: write text rather than binary data.
    """
    from .runtime.blender import model_writers

    renamed = model_writers.write_ply(
        path,
        mesh,
        apply_modifiers=apply_modifiers,
        triangulate=triangulate,
        up=up,
        scale=scale,
        colors=colors,
        as_text=as_text,
    )
    for name, word in renamed:
        log(f"{name} is called {word} in the file")


def image_files(objects: Iterable[bpy.types.Object], folder: Path) -> None:
    """Copy the images of materials of `objects` into `folder`, each under its own name, and let these use the copies.

    So an exporter finds a file for each, whether it was packed, painted or generated.
    """
    from .runtime.blender import model_files

    model_files.image_files(objects, folder)


def imported_objects(path: Path) -> AbstractContextManager[list[bpy.types.Object]]:
    """A list that holds the objects which came in, after a `with` block that imports a file. Parents come first.

    The result depends on the images and caches that they use, too.

    Raises:
        ValueError: if there is no such file, or Blender can't read it, or there is no object in it.
    """
    from .runtime.blender import model_files

    return model_files.imported_objects(path, depends_on, log)


def run_program(
    command: Sequence[str],
    *,
    folder: str | os.PathLike[str],
    seconds: float = 0.0,
    on_line: Callable[[str], None] = log,
) -> int:
    """Run a program and wait for its end. What it has started ends with it, where the system tells of that.

    No shell reads the command. The program gets no input.

    Args:
        command: the program, and its arguments.
        folder: where it works.
        seconds: how long it may take; 0 is as long as it likes.
        on_line: hears each line that it prints, and each state of a bar that it draws anew on one line.

    Returns:
        its exit code; below 0 the number of the signal that ended it.

    Raises:
        TimeoutError: if it takes longer.
        OSError: if it can't be started.
    """
    from .runtime.worker import programs

    return programs.run_program(command, folder=folder, seconds=seconds, on_line=on_line)


# Pictures


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """The pixels of an image: rows from the bottom up, columns, RGBA, as floats of 32 bits.

    They are as the image holds them: in the colours of the screen where it has 8 bits a channel, linear and multiplied
    by alpha where it has floats, and data as it is.

    Raises:
        ValueError: if it has none, or several tiles.
    """
    from .runtime.blender import image_pixels

    return image_pixels.read_pixels(image)


def new_image(
    pixels: np.ndarray, name: str, *, non_color: bool = False, floats: bool = False, alpha: bool = True
) -> bpy.types.Image:
    """A new image with these pixels, packed.

    Args:
        pixels: rows from the bottom up, columns, RGBA, as the image shall hold them: see `read_pixels`.
        name: its name.
        non_color: they are data, no colours.
        floats: keep floats of 32 bits rather than 8 bits a channel.
        alpha: the fourth channel counts. Without it, it is 1.
    """
    from .runtime.blender import image_pixels

    return image_pixels.new_image(pixels, name, non_color=non_color, floats=floats, alpha=alpha)


def lettering(text: str, height: int) -> np.ndarray:
    """A line of text in Blender's own font: how far its letters cover each pixel, rows from the bottom up, columns.

    Args:
        text: what it says.
        height: of the line, in pixels. How wide it is follows from the text; it may be 0.
    """
    from .runtime.blender import lettering as module

    return module.lettering(text, height)


def stage(
    shown: Iterable[bpy.types.Object | bpy.types.Collection],
    world: bpy.types.World | None = None,
    settings: bpy.types.Scene | None = None,
) -> bpy.types.Scene:
    """A new scene with these objects and collections alone, shown even if they were hidden, at the artist's frame.

    Args:
        shown: what is in it.
        world: its world, else that of `settings`.
        settings: a scene whose other settings it has: Simplify, colour management, those of renders.

    Raises:
        ValueError: if there is nothing to see of them, whatever a camera looks at.
    """
    from .runtime.blender import staging

    return staging.stage(shown, world, settings)


def frame_camera(
    scene: bpy.types.Scene, direction: Sequence[float], *, turns: bool = False, angle: float = 0.0
) -> bpy.types.Object:
    """Add a camera to a scene that sees all of its objects, and make it the scene's.

    Args:
        scene: one of `stage`, whose picture has its size already.
        direction: from where it looks, seen from the objects: (0, -1, 0) is the front.
        turns: keep as far away as is needed to see them from all sides, for pictures that go around them.
        angle: how far to go around them, in radians.
    """
    from .runtime.blender import staging

    return staging.frame_camera(scene, direction, turns=turns, angle=angle)


def light_studio(scene: bpy.types.Scene, *, angle: float = 0.0) -> None:
    """Add three lights, as large as what they light, and a grey world, unless the scene has lights or a world.

    Args:
        scene: one of `stage`.
        angle: how far to turn the lights around the objects, in radians.
    """
    from .runtime.blender import staging

    staging.light_studio(scene, angle=angle)


def use_cycles(scene: bpy.types.Scene, samples: int, *, denoise: bool = True) -> None:
    """Have a scene whose picture has its size already rendered by Cycles, in tiles that show progress."""
    from .runtime.blender import staging

    staging.use_cycles(scene, samples, denoise=denoise)


def use_workbench(scene: bpy.types.Scene) -> None:
    """Have a scene rendered by Workbench: shapes in the colours of their materials, quickly."""
    from .runtime.blender import staging

    staging.use_workbench(scene)


def render_image(scene: bpy.types.Scene, name: str) -> bpy.types.Image:
    """Render a scene, and return the picture as a packed image. Raises RuntimeError if there is none."""
    from .runtime.blender import staging

    return staging.render_image(scene, name, progress)


# Scenes


def chosen_scene(name: str) -> bpy.types.Scene:
    """The scene of a name, the active one without. Raises ValueError if there is none of that name."""
    from .runtime.blender import chosen_scene

    return chosen_scene.chosen_scene(name)


def look_through(scene: bpy.types.Scene, camera: str) -> None:
    """Have a scene seen through the camera of a name, at all frames; nothing is done without a name.

    Raises:
        ValueError: if the scene has no camera of that name.
    """
    from .runtime.blender import chosen_scene

    chosen_scene.look_through(scene, camera)


def place_object(item: bpy.types.Object, place: Matrix, *, free: bool = True) -> bool:
    """Have an object at a place in the scene.

    Args:
        item: the object.
        place: its matrix there.
        free: take its animation and constraints from it if these hold it elsewhere.

    Returns:
        whether these were taken.

    Raises:
        ValueError: if it can't be there.
    """
    from .runtime.blender import placing

    return placing.place_object(item, place, free=free)


def place_at_origin(objects: list[bpy.types.Object], *, turned: bool = True, apply_modifiers: bool = True) -> None:
    """Have the origin of the first object at that of the scene. The others keep their places to it, all their size.

    Animation and constraints that would hold them elsewhere are taken from them, as the log tells. Modifiers that would
    make another shape of a mesh there, as they look where objects are that stay, are applied before.

    Args:
        objects: those that move.
        turned: the first one stays turned as it is.
        apply_modifiers: whether it matters what modifiers make of meshes.

    Raises:
        ValueError: if one of them would be sheared, or have another shape, which its armature moves.
    """
    from .runtime.blender import placing

    placing.place_at_origin(objects, log, turned=turned, apply_modifiers=apply_modifiers)


# Time


def play_frames(scene: bpy.types.Scene, frames: Iterable[int]) -> Iterator[int]:
    """Bring a scene to each of these frames, in order, by way of all the frames that its simulations need.

    Caches that end before the last frame are made longer, so that nothing stands still behind their end.

    Args:
        scene: a scene.
        frames: the frames to stop at, in order.

    Yields:
        each of them, with the scene there.
    """
    from .runtime.blender import simulating

    return simulating.play_frames(scene, frames)


def is_simulating(modifier: bpy.types.Modifier) -> bool:
    """Whether what a modifier makes of a frame depends on the frames before it, as cloth does, or a simulation zone."""
    from .runtime.blender import simulating

    return simulating.is_simulating(modifier)


# Bakes


def uv_map_to_bake(source: bpy.types.Object, name: str = "") -> bpy.types.MeshUVLoopLayer:
    """The UV map of `source` of a name, or that which renders use.

    Raises:
        ValueError: if it has none, is no mesh or has no faces.
    """
    from .runtime.blender import baking

    return baking.uv_map_to_bake(source, name)


def uv_tiles(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, name: str, *, all_tiles: bool = True) -> list[int]:
    """The numbers of the UDIM tiles to bake, of the first alone if there are no others.

    What lies beside the tiles is logged, and so are faces that lie on others: they can't both have their own pixels.

    Args:
        mesh: a mesh.
        layer: its UV map.
        name: the name of the object, for the log.
        all_tiles: all that the UV map has faces in, rather than the first alone.
    """
    from .runtime.blender import baking

    found, beside = baking.uv_tiles(mesh, layer, all_tiles=all_tiles)
    if beside:
        log(f"{beside:.0%} of the UV map of {name} lie beside what is baked")
    shared = baking.shared_pixels(mesh, layer, found)
    if shared > 0.001:
        log(
            f"{shared:.1%} of what the UV map of {name} covers is shared by several faces: each pixel shows one of them"
        )
    return found


def uv_coverage(mesh: bpy.types.Mesh, layer: bpy.types.MeshUVLoopLayer, resolution: int) -> np.ndarray:
    """How many faces lie on the middle of each pixel of a texture: rows from the bottom up, columns, whole numbers.

    Args:
        mesh: a mesh.
        layer: its UV map. What lies in another UDIM tile than the first does not count: see `tile_in_front`.
        resolution: width and height of the picture.
    """
    from .runtime.blender import uv_coverage

    return uv_coverage.uv_coverage(mesh, layer, resolution)


def tile_in_front(layer: bpy.types.MeshUVLoopLayer, number: int) -> AbstractContextManager[None]:
    """Within a `with` block, a tile of a UV map is where Blender bakes: at the first one."""
    from .runtime.blender import baking

    return baking.tile_in_front(layer, number)


def taking_part(*objects: bpy.types.Object, active: bpy.types.Object) -> AbstractContextManager[None]:
    """Within a `with` block, objects are shown and selected, no others are, and Cycles bakes, on the processor."""
    from .runtime.blender import baking

    return baking.taking_part(*objects, active=active)


def high_to_low(
    source: bpy.types.Object,
    high: bpy.types.Object | None,
    cage: bpy.types.Object | None = None,
    *,
    cage_extrusion: float = 0.0,
    uv_map: str = "",
) -> AbstractContextManager[tuple[bpy.types.Object, dict[str, Any]]]:
    """Within a `with` block there is the mesh that is baked from, and what `bpy.ops.object.bake` has to be told of it.

    Args:
        source: the object to bake to.
        high: the object to bake from, whatever has a surface; None for `source` itself.
        cage: a copy of `source` whose points were moved outwards: rays start from it. Parts of it that lie inside of
            `source` are logged.
        cage_extrusion: how far outside of `source` rays start without one, in the scene's units; 0 for 2 % of its size.
        uv_map: the UV map that is baked to.

    Raises:
        ValueError: if there is nothing to bake from, or the cage has other faces than `source`.
    """
    from .runtime.blender import baking

    @contextlib.contextmanager
    def told() -> Iterator[tuple[bpy.types.Object, dict[str, Any]]]:
        with baking.high_to_low(source, high, cage, cage_extrusion, uv_map) as (shown, options, inside):
            if cage and inside:
                log(f"{inside:.0%} of the points of {cage.name} lie inside of {source.name}: what is outside is missed")
            yield shown, options

    return told()


def bake_target(
    source: bpy.types.Object, image: bpy.types.Image, uv_map: str = ""
) -> dict[bpy.types.Material, bpy.types.Node]:
    """Give `source` copies of its materials, each with an active image node to bake to: material -> node.

    With a UV map named, the image goes by that; otherwise by that which renders use.
    """
    from .runtime.blender import baking

    return baking.bake_target(source, image, uv_map)


def image_node(tree: bpy.types.NodeTree, image: bpy.types.Image, uv_map: str = "") -> bpy.types.Node:
    """A new image node in a material's tree, which goes by a UV map if one is named."""
    from .runtime.blender import baking

    return baking.image_node(tree, image, uv_map)


def baked_image(
    tiles: Mapping[int, np.ndarray],
    name: str,
    *,
    replaces: bpy.types.Image,
    non_color: bool = False,
    floats: bool = False,
) -> bpy.types.Image:
    """An image, packed, with pixels for each tile; without tiles if there is the first one only.

    Args:
        tiles: by their numbers, rows from the bottom up, columns, RGBA.
        name: its name.
        replaces: the image that was baked to, which goes: what uses it uses the new one.
        non_color: they are data, no colours.
        floats: keep floats of 32 bits rather than 8 bits a channel.
    """
    from .runtime.blender import baking

    return baking.baked_image(tiles, name, non_color=non_color, floats=floats, replaces=replaces)
