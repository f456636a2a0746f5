# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a script changed a data-block: a hash of all that its RNA shows, before and after.

Compared within one process only, so pointers to other data-blocks may count by their `session_uid`; or by their name,
where the file is opened again in between.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy

#: Their RNA is too large, or can't be read without a side effect (a volume loads its file): they count as changed.
_NOT_READ = (bpy.types.Brush, bpy.types.CacheFile, bpy.types.Scene, bpy.types.Volume)
#: Properties that change without anyone changing the data-block, or that point back.
_IGNORED = frozenset(
    {
        "rna_type",
        "bl_rna",
        "is_evaluated",
        "use_nodes",  # deprecated in 5.0; the nodes themselves tell
        "is_library_indirect",
        "is_runtime_data",
        "matrix_local",
        "matrix_world",
        "matrix_parent_inverse",
        "name_full",
        "original",
        "preview",
        "session_uid",
        "tag",
        "type_info",
        "users",
    }
)
#: Other views on what is read already; on a mesh's attributes ten times slower ones. What they alone show of a mesh:
#: see `_beside_attributes`.
_VIEWS = {
    "Image": frozenset({"pixels"}),  # read from the file; unsaved ones are hashed by `fingerprint`
    "Mesh": frozenset(
        {
            "color_attributes",
            "corner_normals",
            "edges",
            "loop_triangle_polygons",
            "loop_triangles",
            "loops",
            "polygon_normals",
            "polygons",
            "uv_layer_clone",
            "uv_layer_stencil",
            "uv_layers",
            "vertex_colors",
            "vertex_normals",
            "vertices",
        }
    ),
    # What evaluation made of the rest:
    "Object": frozenset({"dimensions"}),
    "PoseBone": frozenset({"matrix"}),
}
#: Collections of plain numbers are read as arrays from this length on.
_BULK = 32
#: Longer collections of other things take too long; the data-block counts as changed.
_LONGEST_WALK = 5000
#: So many vertices are looked at for weights, which takes 0.4 s.
_MOST_WEIGHTS = 300_000


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash of a data-block, and the session uids of the data-blocks it uses."""

    digest: bytes
    references: frozenset[int]


def by_uid(data_block: bpy.types.ID) -> object:
    """What stands for a data-block in the fingerprint of another: good as long as the file is open."""
    return data_block.session_uid


def by_name(data_block: bpy.types.ID) -> object:
    """What stands for a data-block in the fingerprint of another: good for the same file opened twice."""
    library = data_block.library
    return type(data_block).__name__, data_block.name, None if library is None else library.name


def fingerprint(data_block: bpy.types.ID, identify: Callable[[bpy.types.ID], object] = by_uid) -> Fingerprint | None:
    """The fingerprint of a data-block, None if it must count as changed because its RNA can't be read whole.

    `identify` is `by_uid` or `by_name`.
    """
    if isinstance(data_block, _NOT_READ):
        return None
    walk = _Walk(identify)
    try:
        walk.visit(data_block)
        if isinstance(data_block, bpy.types.Mesh):
            for part in _beside_attributes(data_block):
                walk.add(part)
        if isinstance(data_block, bpy.types.Image) and data_block.is_dirty:
            walk.add(_array(data_block, "pixels", len(data_block.pixels), numpy.float32))
    except (RuntimeError, ReferenceError, TypeError, ValueError, UnicodeDecodeError, RecursionError):
        return None
    return Fingerprint(walk.hash.digest(), frozenset(walk.references))


@dataclass
class _Walk:
    identify: Callable[[bpy.types.ID], object]
    hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    references: set[int] = field(default_factory=set)
    visited: set[tuple[int, str]] = field(default_factory=set)

    def add(self, value: object) -> None:
        self.hash.update(value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass"))
        self.hash.update(b"\0")

    def visit(self, struct: bpy.types.bpy_struct) -> None:
        # With its type: `Object.display` is at the address of the object itself.
        identifier = _rna(type(struct)).identifier
        visit = struct.as_pointer(), identifier
        if visit in self.visited and visit[0]:
            return
        self.visited.add(visit)
        self.add(identifier)
        for name, kind in _properties(type(struct)):
            self.hash.update(name.encode())
            self._visit_property(struct, name, kind)
        self._visit_custom_properties(struct)

    def _visit_property(self, struct: bpy.types.bpy_struct, identifier: str, kind: str) -> None:
        value = getattr(struct, identifier)
        if kind == "POINTER":
            self._visit_pointer(value)
        elif kind == "COLLECTION":
            self._visit_collection(value)
        else:
            self.add(value if isinstance(value, bool | int | float | str | set) else _flat(value))

    def _visit_pointer(self, value: bpy.types.bpy_struct | None) -> None:
        if value is None:
            self.add(None)
        elif isinstance(value, bpy.types.ID) and not (value.is_embedded_data or isinstance(value, bpy.types.Key)):
            self.references.add(value.session_uid)
            self.add(self.identify(value))
        else:
            self.visit(value)

    def _visit_collection(self, items: bpy.types.bpy_prop_collection) -> None:
        self.add(len(items))
        if len(items) >= _BULK and (columns := _numeric_columns(type(items[0]))):
            for identifier, length, dtype in columns:
                self.add(_array(items, identifier, length * len(items), dtype))
        elif len(items) > _LONGEST_WALK:
            raise ValueError(f"{len(items)} items to walk")
        else:
            for item in items:
                self._visit_pointer(item)

    def _visit_custom_properties(self, struct: bpy.types.bpy_struct) -> None:
        try:
            keys = sorted(struct.keys())
        except TypeError:  # this type has none
            return
        for key in keys:
            self.add(key)
            value = struct.get(key)
            if isinstance(value, bpy.types.ID):
                self._visit_pointer(value)
            else:
                self.add(value.to_dict() if hasattr(value, "to_dict") else _flat(value))


def _flat(value: object) -> object:
    """Arrays of one or more dimensions as nested tuples, the rest as it is."""
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return value
    return tuple(_flat(item) for item in value)


@functools.cache
def _rna(cls: type) -> bpy.types.bpy_struct:
    """The RNA of a type, asked for once: on 4.2, asking each struct for it now and then ends in a crash."""
    return cls.bl_rna


@functools.cache
def _properties(cls: type) -> tuple[tuple[str, str], ...]:
    """Name and type of the properties to look at."""
    rna = _rna(cls)
    ignored = _IGNORED | _VIEWS.get(rna.identifier, frozenset())
    return tuple(
        (prop.identifier, prop.type)
        for prop in rna.properties
        if prop.identifier not in ignored and (not prop.is_readonly or prop.type in {"POINTER", "COLLECTION"})
    )


@functools.cache
def _numeric_columns(cls: type) -> tuple[tuple[str, int, type], ...]:
    """(property, length, dtype) of items whose properties are all numbers, else nothing."""
    dtypes = {"FLOAT": numpy.float32, "INT": numpy.int32, "BOOLEAN": numpy.bool_}
    columns = []
    for prop in _rna(cls).properties:
        if prop.identifier in _IGNORED:
            continue
        if prop.type not in dtypes:
            return ()
        if not prop.is_readonly or prop.identifier in {"vertices", "loop_total"}:
            columns.append((prop.identifier, max(1, prop.array_length), dtypes[prop.type]))
    return tuple(columns)


def _array(owner: object, identifier: str, length: int, dtype: type) -> bytes:
    values = numpy.empty(length, dtype)
    if isinstance(owner, bpy.types.Image):
        owner.pixels.foreach_get(values)
    else:
        owner.foreach_get(identifier, values)
    return values.tobytes()


# Meshes


def _beside_attributes(mesh: bpy.types.Mesh) -> Iterator[object]:
    """What a mesh holds that is no attribute of it, as far as this Blender shows it at all."""
    yield _array(mesh.polygons, "loop_start", len(mesh.polygons), numpy.int32)
    yield [(layer.name, layer.active_render) for layer in mesh.uv_layers]
    yield mesh.attributes.default_color_name
    for items in (mesh.edges, mesh.polygons):
        if items and "use_freestyle_mark" in items[0].bl_rna.properties:  # an attribute since 5.0
            yield _array(items, "use_freestyle_mark", len(items), numpy.bool_)
    if mesh.has_custom_normals and "custom_normal" not in mesh.attributes:  # one since 4.5
        yield _array(mesh.corner_normals, "vector", 3 * len(mesh.corner_normals), numpy.float32)
    yield from _weights(mesh)


def _weights(mesh: bpy.types.Mesh) -> Iterator[object]:
    """Vertex weights can't be read as arrays; so they are looked for only where an object has names for them."""
    if not any(item.vertex_groups for item in bpy.data.objects if item.data == mesh):
        return
    if len(mesh.vertices) > _MOST_WEIGHTS:
        raise ValueError(f"{len(mesh.vertices)} vertices with weights")
    for vertex in mesh.vertices:
        if vertex.groups:
            yield vertex.index, [(element.group, element.weight) for element in vertex.groups]
