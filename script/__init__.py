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

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ..runtime.engine.file_names import file_name, numbered
from ..runtime.engine.own_files import claim, items, own_file, written_whole
from ..runtime.engine.used_files import depends_on
from .bakes import (
    bake_target,
    baked_image,
    high_to_low,
    image_node,
    taking_part,
    tile_in_front,
    uv_coverage,
    uv_map_to_bake,
    uv_tiles,
    uv_triangles,
)
from .meshes import (
    convert_to_mesh,
    edit_mode,
    editable,
    edited_mesh,
    flip_faces,
    mesh_copy,
)
from .models import (
    image_files,
    imported_objects,
    objects_to_export,
    write_alembic,
    write_fbx,
    write_ply,
    write_stl,
    write_usd,
)
from .pictures import (
    as_shown,
    frame_camera,
    lettering,
    light_studio,
    new_image,
    read_pixels,
    render_image,
    scaled_pixels,
    stage,
    use_cycles,
    use_workbench,
)
from .programs import run_program
from .scenes import (
    chosen_scene,
    is_simulating,
    look_through,
    place_at_origin,
    place_object,
    play_frames,
)
from .telling import is_cancelled, log, output_folder, partial_data, progress, track

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
    "as_shown",
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
    "scaled_pixels",
    "stage",
    "taking_part",
    "tile_in_front",
    "track",
    "use_cycles",
    "use_workbench",
    "uv_coverage",
    "uv_map_to_bake",
    "uv_tiles",
    "uv_triangles",
    "write_alembic",
    "write_fbx",
    "write_ply",
    "write_stl",
    "write_usd",
    "written_whole",
)


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
