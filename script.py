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
import operator
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from .runtime.engine.file_names import file_name, numbered
from .runtime.engine.own_files import claim, items, own_file, written_whole
from .runtime.engine.used_files import depends_on

if TYPE_CHECKING:
    import bpy

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
    "claim",
    "convert_to_mesh",
    "depends_on",
    "file_name",
    "items",
    "log",
    "mesh_copy",
    "numbered",
    "own_file",
    "progress",
    "track",
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
