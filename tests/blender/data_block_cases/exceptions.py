"""What does not travel, and the evidence: the only differences that the tests of data-blocks allow."""

from __future__ import annotations

import re
from dataclasses import dataclass

import bpy

Version = tuple[int, int]

#: Collections of `bpy.data` whose data-blocks can't be sent, and the evidence.
EXCEPTIONS = {
    "all_ids": "a view on all other collections (5.2)",
    "libraries": "Blender makes one for each linked file; linked data-blocks bring theirs",
    "paint_curves": "no script can make one: the collection has no `new`, the operator needs a window in a paint mode",
    "screens": "`bpy.data.libraries.write` leaves it out: part of a window, of which a worker has none",
    "shape_keys": "part of a mesh, curve or lattice, and travels with it; its cases are among those of meshes",
    "window_managers": "`bpy.data.libraries.write` leaves it out: there is one in each Blender, with its windows",
    "workspaces": "made of screens, part of a window",
}

#: What counts as changed although no script changed it, so that a copy of it comes home, and why.
DOUBLED = {
    "`Brush`, `Scene`": "their properties are too many to be read before and after each task",
    "`CacheFile`, `Volume`": "reading one loads its file",
    "`Mask`": "scripts can't read its shape keys",
    "`Mesh` that is in Edit Mode": "scripts can't read its attributes in that mode",
    "`Mesh` with sculpted levels of a Multiresolution modifier": "scripts can't read them",
    "`Mesh` of more than 300,000 vertices in vertex groups": "reading all weights takes too long",
    "`Mesh` of more than 10,000 vertices that is an input of a node, or the data of one": "most scripts change it",
    "`Object` with a bound Corrective Smooth, Laplacian Deform, Mesh Deform or Surface Deform modifier": (
        "scripts can't read what it is bound to"
    ),
    "`Object` with physics baked into the file, or geometry nodes with a bake that may be": (
        "scripts can't read the bake"
    ),
    "`Image` with unsaved tiles, frames or views": "scripts can read the first one only",
    "anything with more than 5,000 items that are not plain numbers": "reading them takes too long",
    "whatever uses one of these": "it must use the copy",
}

#: Cases of images that are painted and not saved.
IMAGES_WITH_UNSAVED_PIXELS = (
    "image_painted",
    "image_painted_channels",
    "image_painted_float",
    "image_painted_float_premultiplied",
    "image_painted_float_straight",
    "image_painted_over_its_file",
    "image_painted_over_what_is_packed",
    "image_painted_premultiplied",
    "image_painted_without_alpha",
    "image_scaled_unsaved",
    "image_tiles_painted",
    "image_tiles_painted_float",
)


@dataclass(frozen=True)
class Loss:
    """A property that Blender itself does not keep.

    Attributes:
        pattern: a regular expression for what the comparison says of it.
        reason: the evidence.
        cases: of which cases; none for all.
        roads: on which roads.
        since, until: in which versions.
    """

    pattern: str
    reason: str
    cases: tuple[str, ...] = ()
    roads: tuple[str, ...] = ("open", "append", "passed", "made", "changed")
    ways: tuple[str, ...] = ("there", "home")
    since: Version = (4, 2)
    until: Version = (99, 0)

    @property
    def versions(self) -> str:
        """In which versions, in words; "" for all."""
        since = f"since {self.since[0]}.{self.since[1]}" if self.since > (4, 2) else ""
        until = f"until {self.until[0]}.{self.until[1]}" if self.until < (99, 0) else ""
        return " ".join(filter(None, [since, until]))

    def matches(self, line: str) -> bool:
        return re.search(self.pattern, line) is not None


#: What tells of an image that it is packed. Its pixels are not among it.
_PACKED = r"^Image [^:]+: (source|type|file_format|is_dirty|packed_files?\b[^:]*|tiles\[0\]\.is_generated_tile): "
_TILES = r"^Image [^:]+: tiles\[.\]\.(generated_.*|use_generated_float|is_generated_tile): "

LOSSES: tuple[Loss, ...] = (
    Loss(
        r"cavity_curve|curve_random_(hue|saturation|value)",
        "Blender makes the curve where there is none yet, as it reads a scene or a brush",
    ),
    Loss(r"^Mask .*handle_(left|right|type)", "Blender aligns handles as it reads a mask"),
    Loss(r"^ParticleSettings .*trail_count: ", "new settings have 0; Blender makes it 1 as it reads them"),
    Loss(
        r"force_non_field: ",
        "the older switch for the structure Single; Blender sets it from the new one when it reads the file",
        since=(4, 5),
        until=(5, 2),
    ),
    Loss(r"\.is_override_data: ", "concerns parts of overrides only; Blender sets it when it reads the file"),
    Loss(r"_use_attribute'\]", "a switch that Blender keeps as a number in files", until=(5, 2)),
    Loss(r"modifiers\[\d+\]\.open_\w+_panel: ", "whether a part of the modifier's panel is open"),
    Loss(r"point_caches?(\[\d+\])?\.(is_outdated|info)", "what the last evaluation found"),
    Loss(
        r"^Collection [^:]+: exporters",
        "`libraries.write` writes copies since 4.5, and a copy has exporters without settings",
        since=(4, 5),
    ),
    Loss(
        r"^Object [^:]+: pose\.use_(auto_ik|mirror_\w+): ",
        "`libraries.write` writes copies since 4.5, and the copy of a pose has these switches off",
        since=(4, 5),
    ),
    Loss(
        r"^Scene [^:]+: sequence_editor\.(active_strip|\w*overlay_frame\w*): ",
        "`libraries.write` writes copies since 4.5, and the copy of a sequence has no active strip and no overlay",
        since=(4, 5),
    ),
    Loss(
        r"^Camera .*: \['cycles'\]",
        "before 5.0 Blender writes a second copy of the camera's own settings, for older versions",
        until=(5, 0),
    ),
    Loss(
        r"override_library\.properties\[.\]\.operations\[.\]\.subitem_local_(name|id): ",
        "the object's name when the collection was written; other properties say which object it is",
        cases=("override_of_collection",),
    ),
    Loss(
        r"^Text [^:]+: is_dirty: False != True",
        "`libraries.write` writes a copy, and a copy of a text from a file counts as changed",
        cases=("text_file", "text_file_missing"),
        since=(4, 5),
    ),
    Loss(r"^CacheFile [^:]+: object_paths", "read from the file when something that uses it is evaluated"),
    Loss(
        r"^MovieClip Missing[^:]*: fps: ",
        "read from the film, which is missing now",
        cases=("clip_missing",),
    ),
    Loss(
        r"^Image [^:]+: resolution: ",
        "a PNG file has whole pixels for a metre, and 4.2 rounds them down",
        until=(4, 5),
    ),
    Loss(
        r"^Image [^:]+: (tiles\[0\]\.size|size|pixels|is_dirty): ",
        "an image of this sort can't save its pixels, or its new settings give other pixels when it is read again",
        cases=("image_blank", "image_movie", "image_stereo"),
        roads=("changed",),
    ),
    Loss(
        r"\.(enabled|hide_value|is_unavailable|is_hidden): ",
        "Blender computes again which sockets a node shows, and how",
        roads=("changed",),
    ),
    Loss(
        r"^(Object Overridden|Material Their Look): ",
        "Blender keeps of an override what may be overridden, and records that when the result is written",
        cases=("override_of_material", "override_of_object"),
        roads=("changed",),
    ),
    Loss(
        r"^VectorFont Bfont[^:]*: use_fake_user: ",
        "the built-in font of the open file is used",
        roads=("changed",),
    ),
    Loss(
        r"^Object [^:]+: data: ",
        "each changed object brings its own mesh: two objects that shared one have one each",
        cases=("object_modifiers",),
        roads=("changed",),
    ),
    Loss(
        r"^(Curve|Mesh|MetaBall|TextCurve|SurfaceCurve) .*texspace_(location|size): ",
        "Blender computes an automatic one only when it is read",
        roads=("changed",),
    ),
    Loss(
        _PACKED,
        "unsaved pixels come home packed, or saving the file would lose them; `Image.pack` makes it an image of a file",
        cases=IMAGES_WITH_UNSAVED_PIXELS,
        ways=("home",),
    ),
    Loss(
        _PACKED,
        "the task before packed them",
        cases=IMAGES_WITH_UNSAVED_PIXELS,
        roads=("passed",),
        ways=("there",),
    ),
    Loss(
        f"{_PACKED}|{_TILES}",
        "`Image.pixels` shows the first tile only, so painted tiles travel as files, and are packed where they arrive",
        cases=("image_tiles_painted", "image_tiles_painted_float"),
    ),
)


def losses(case: str, road: str, way: str) -> list[Loss]:
    """What may be lost of a case in the running Blender, on its way "there" or "home"."""
    version = bpy.app.version[:2]
    return [
        loss
        for loss in LOSSES
        if (not loss.cases or case in loss.cases)
        and road in loss.roads
        and way in loss.ways
        and loss.since <= version < loss.until
    ]
