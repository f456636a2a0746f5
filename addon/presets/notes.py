# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted on nodes and trees that came from presets: which preset, which version, so that they can be updated.

It is a custom property, so it goes wherever the node or tree goes, and is no part of what either does.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import Any, Final

import bpy

from ...node_tree.node_contents import PRESET_NOTE
from ...runtime import wire
from ...runtime.presets.preset import Preset

_MAX_SIZE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """Which preset a node or a tree came from.

    Attributes:
        uuid: of the preset.
        version: of it.
        name: of it, when it was used.
        digest: of the preset's graph: what is other now was changed by hand.
        library: the folder of its library, "" if it was in this file.
        declined: the newest version that the artist does not want to update to, 0 for none.
    """

    uuid: str
    version: int
    name: str
    digest: str = ""
    library: str = ""
    declined: int = 0


def note_of(preset: Preset) -> Note:
    return Note(preset.uuid, preset.version, preset.name, preset.graph_digest, preset.library)


def read(owner: bpy.types.Node | bpy.types.NodeTree) -> Note | None:
    """What is noted on a node or a tree; None if it came from no preset."""
    found: Any = owner.get(PRESET_NOTE)
    return _decoded(found) if isinstance(found, str) and len(found) <= _MAX_SIZE else None


@functools.lru_cache(maxsize=1024)  # nodes that are drawn are asked
def _decoded(text: str) -> Note | None:
    try:
        return wire.decode(Note, json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None


def write(owner: bpy.types.Node | bpy.types.NodeTree, note: Note) -> None:
    owner[PRESET_NOTE] = json.dumps(wire.encode(note))


def decline(owner: bpy.types.Node | bpy.types.NodeTree, version: int) -> None:
    """Ask no more about this version, nor about earlier ones."""
    note = read(owner)
    if note is not None:
        write(owner, replace(note, declined=version))
