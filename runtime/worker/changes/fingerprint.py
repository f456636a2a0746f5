# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a script changed a data-block: a hash of all that its RNA shows, before and after.

Compared within one process only, so pointers to other data-blocks may count by their `session_uid`; or by their name,
where the file is opened again in between.

What can't be read, and what Blender shows nobody, counts as changed: a data-block that comes home twice is a nuisance,
a change that does not come home is a wrong result.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bpy
import numpy

from ...blend_file.chunks import is_long, shortened
from .left_out import counted, counted_attributes

#: Their RNA is too large, can't be read without a side effect (a volume loads its file), or lacks a part of them (the
#: shape keys of masks): they count as changed.
_NOT_READ = (bpy.types.Brush, bpy.types.CacheFile, bpy.types.Mask, bpy.types.Scene, bpy.types.Volume)
#: Collections of plain numbers are read as arrays from this length on, or if their items can't have custom properties.
_BULK = 32
#: Longer collections of other things take too long; the data-block counts as changed.
_LONGEST_WALK = 5000
#: The most vertices that are searched for weights, which takes 0.4 s; or whose weights are compared in blobs.
_MOST_WEIGHTS = 300_000
#: So many faces are worth to look where Blender has them.
_MANY_FACES = 1000
_DTYPES = {"BOOLEAN": numpy.bool_, "ENUM": numpy.int32, "FLOAT": numpy.float32, "INT": numpy.int32}
#: What is raised where RNA can't be read.
_ERRORS = (AttributeError, LookupError, RecursionError, ReferenceError, RuntimeError, TypeError, ValueError)


class _HiddenError(ValueError):
    """A data-block holds what no RNA shows."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash of a data-block, and the session uids of the data-blocks it uses."""

    digest: bytes
    references: frozenset[int]

    def using(self, uids: Iterable[int]) -> Fingerprint:
        """That of a data-block that uses some more."""
        return Fingerprint(self.digest, self.references.union(uids))


class Users:
    """The objects of each mesh and the like. Valid as long as no object is added, removed or given other data."""

    def __init__(self) -> None:
        self._by_uid: dict[int, list[bpy.types.Object]] | None = None

    def of(self, data: bpy.types.ID) -> list[bpy.types.Object]:
        if self._by_uid is None:
            self._by_uid = {}
            for item in bpy.data.objects:
                if item.data is not None:
                    self._by_uid.setdefault(item.data.session_uid, []).append(item)
        return self._by_uid.get(data.session_uid, [])


def by_uid(data_block: bpy.types.ID) -> object:
    """What stands for a data-block in the fingerprint of another: good as long as the file is open."""
    return data_block.session_uid


def by_name(data_block: bpy.types.ID) -> object:
    """What stands for a data-block in the fingerprint of another: good for the same file opened twice."""
    library = data_block.library
    return type(data_block).__name__, data_block.name, None if library is None else library.name


def fingerprint(
    data_block: bpy.types.ID,
    identify: Callable[[bpy.types.ID], object] = by_uid,
    *,
    with_names: bool = True,
    of_result: bool = False,
    with_arrays: bool = True,
    users: Users | None = None,
) -> Fingerprint | None:
    """The fingerprint of a data-block, None if it must count as changed because its RNA can't be read whole.

    Args:
        data_block: the data-block.
        identify: what stands for those that it uses: `by_uid`, `by_name`, or the like.
        with_names: whether its own name counts.
        of_result: whether how an artist arranges it does not count: where an object is, what is hidden.
        with_arrays: whether the attributes of a mesh count, what it has for each vertex, edge and so on.
        users: the objects of meshes and the like, if many fingerprints are taken at once.
    """
    if isinstance(data_block, _NOT_READ):
        return None
    walk = _Walk(identify, with_names, of_result, with_arrays)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Blender is about to lose
            walk.visit(data_block)
        users = users or Users()
        for part in _beside_rna(data_block, users, of_result, with_arrays):
            walk.add(part)
        if of_result:
            walk.add(_vertex_groups(users.of(data_block)))
    except _ERRORS:
        return None
    return Fingerprint(walk.digest(), frozenset(walk.references))


def struct_digest(structs: Iterable[bpy.types.bpy_struct], identify: Callable[[bpy.types.ID], object]) -> bytes | None:
    """A hash of parts of a data-block, such as some of its modifiers; None if they can't be read whole."""
    walk = _Walk(identify, with_names=True, of_result=True, with_arrays=True)
    try:
        for struct in structs:
            walk.owners.add(struct.id_data.as_pointer())
            walk.visit(struct)
    except _ERRORS:
        return None
    return walk.digest()


@dataclass
class _Walk:
    """Reads a data-block, with the trees and shape keys that are parts of it."""

    identify: Callable[[bpy.types.ID], object]
    with_names: bool
    of_result: bool
    with_arrays: bool
    #: All that counts, but arrays: these go into the hash at once.
    values: list[object] = field(default_factory=list)
    hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    references: set[int] = field(default_factory=set)
    #: By address and type, in the order of the visits.
    visited: dict[tuple[int, str], int] = field(default_factory=dict)
    #: Addresses of the data-block and of its parts.
    owners: set[int] = field(default_factory=set)

    def add(self, value: object) -> None:
        if isinstance(value, memoryview):
            self.values.append(len(value))
            for content in shortened([value]) if is_long(value) else (value,):
                self.hash.update(content)
        else:
            self.values.append(value)

    def digest(self) -> bytes:
        self.hash.update(repr(self.values).encode("utf-8", "surrogatepass"))  # much faster than one by one
        return self.hash.digest()

    def visit(self, struct: bpy.types.bpy_struct) -> None:
        layout = _layout(type(struct), self.of_result, self.with_names)
        # With its type: `Object.display` is at the address of the object itself.
        place = struct.as_pointer(), layout.identifier
        if (number := self.visited.get(place)) is not None:
            self.add(("again", number))  # which one it is: a link may lead from another node now
            return
        if place[0]:
            self.visited[place] = len(self.visited)
        if layout.is_data_block:
            self.owners.add(place[0])
        if layout.hides is not None and layout.hides(struct):
            raise _HiddenError(layout.identifier)
        self.values.append(layout.identifier)
        for read in layout.plain:
            self.values.append(read(struct))
        if layout.columns:
            if self.with_arrays:  # only to look at the data makes Blender 5.2 give each element one value's copy
                self._visit_columns(struct.data, layout.columns)
        elif layout.others and (self.with_arrays or not isinstance(struct, bpy.types.Attribute)):
            self._visit_properties(layout.read_others(struct), layout.others)
        if type(struct) not in _without_custom_properties:
            self._visit_custom_properties(struct)

    def _visit_properties(self, values: Sequence[Any], props: Sequence[_Property]) -> None:
        for value, prop in zip(values, props, strict=True):
            if value is None:
                self.values.append(None)
            elif prop.kind == "POINTER":
                self._visit_pointer(value)
            elif prop.kind == "COLLECTION":
                self._visit_collection(value, prop.of_collection)
            else:
                self._visit_property(value, prop)

    def _visit_property(self, value: Any, prop: _Property) -> None:
        if prop.kind == "POINTER":
            self._visit_pointer(value)
        elif prop.kind == "PATH" and self.of_result:  # saving a file may spell its paths in another way
            self.add(bpy.path.abspath(value))
        elif isinstance(value, set):
            self.add(sorted(value))
        else:
            self.add(_flat(value))

    def _visit_pointer(self, value: bpy.types.bpy_struct | None) -> None:
        if value is None:
            self.add(None)
        elif isinstance(value, bpy.types.ID):
            self._visit_data_block(value)
        elif (owner := value.id_data) is None or owner.as_pointer() in self.owners or owner.is_embedded_data:
            self.visit(value)
        else:  # the bone of a pose, the slot of an action
            self._refer(owner)
            self.add((type(value).__name__, value.path_from_id()))

    def _visit_data_block(self, data_block: bpy.types.ID) -> None:
        if isinstance(data_block, bpy.types.Library):
            self.add(data_block.filepath)
        elif data_block.as_pointer() in self.owners or not _is_part(data_block):
            self._refer(data_block)
        else:
            self.visit(data_block)

    def _refer(self, data_block: bpy.types.ID) -> None:
        if isinstance(data_block, bpy.types.Key):
            data_block = data_block.user
        self.references.add(data_block.session_uid)
        self.add(self.identify(data_block))

    def _visit_collection(self, items: bpy.types.bpy_prop_collection, of_collection: tuple[_Property, ...]) -> None:
        if not len(items):
            self.values.append(0)
        elif self.of_result and isinstance(items[0], bpy.types.Attribute):
            for attribute in counted_attributes(items):
                self.visit(attribute)
        else:
            self._visit_items(items, of_collection)
        for prop in of_collection:  # which item is the active one
            self._visit_property(getattr(items, prop.name), prop)

    def _visit_items(self, items: bpy.types.bpy_prop_collection, of_collection: tuple[_Property, ...]) -> None:
        if columns := self._columns(items, of_collection):
            self._visit_columns(items, columns)
            return
        self.values.append(len(items))
        if len(items) > _LONGEST_WALK:
            raise ValueError(f"{len(items)} items to walk")
        for item in items:
            self._visit_item(item)

    def _visit_columns(self, items: bpy.types.bpy_prop_collection, columns: _Columns) -> None:
        self.values.append(len(items))
        for name, length, dtype in columns:
            self.add(_array(items, name, length * len(items), dtype))

    def _columns(self, items: bpy.types.bpy_prop_collection, of_collection: tuple[_Property, ...]) -> _Columns:
        """What to read of items as arrays; nothing if they must be visited, as one that is pointed to must be."""
        if items[0] is None or any(prop.kind == "POINTER" for prop in of_collection):
            return ()
        if len(items) < _BULK and (len(list(items)) != len(items) or _keys(items[0]) is not None):
            return ()  # on 4.2 some collections without an item say that they have one
        return _numeric_columns(type(items[0]), self.of_result)

    def _visit_item(self, item: bpy.types.bpy_struct | None) -> None:
        if item is None or isinstance(item, bpy.types.ID):
            self._visit_pointer(item)
        else:
            self.visit(item)

    def _visit_custom_properties(self, struct: bpy.types.bpy_struct) -> None:
        for key in sorted(_keys(struct) or ()):
            self.add(key)
            self._visit_custom(struct[key])
            self.add(_ui_data(struct, key))

    def _visit_custom(self, value: Any) -> None:
        """A custom property, with its type: 1, 1.0 and True are three different values."""
        if isinstance(value, bpy.types.bpy_struct):
            self._visit_pointer(value)
        elif hasattr(value, "to_dict"):
            self.add(list(value.keys()))
            for item in value.values():
                self._visit_custom(item)
        elif isinstance(value, list):
            self.add(len(value))
            for item in value:
                self._visit_custom(item)
        else:
            self.add((getattr(value, "typecode", ""), _flat(value)))


def _is_part(data_block: bpy.types.ID) -> bool:
    """Whether a data-block belongs to another one, as the node tree of a material does."""
    return data_block.is_embedded_data or isinstance(data_block, bpy.types.Key)


#: Types of structs that can have no custom properties; RNA does not say which.
_without_custom_properties: set[type] = set()


def _keys(struct: bpy.types.bpy_struct) -> list[str] | None:
    """The names of its custom properties; None if it can have none."""
    try:
        return struct.keys()
    except TypeError:
        _without_custom_properties.add(type(struct))
        return None


def _ui_data(struct: bpy.types.bpy_struct, key: str) -> object:
    """What the field of a custom property is made of: its limits, its description."""
    try:
        return sorted((name, _flat(value)) for name, value in struct.id_properties_ui(key).as_dict().items())
    except TypeError:  # a group has none
        return None


def _flat(value: object) -> object:
    """Arrays of one or more dimensions as nested tuples, the rest as it is."""
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return value
    return tuple(_flat(item) for item in value)


@functools.cache
def _rna(cls: type) -> bpy.types.bpy_struct:
    """The RNA of a type, asked for once: on 4.2, asking each struct for it now and then ends in a crash."""
    return cls.bl_rna


class _Property(NamedTuple):
    """A property that is read in a way of its own. A collection has some, too, such as which item is active."""

    name: str
    kind: str
    of_collection: tuple[_Property, ...]


#: Of items whose properties are all numbers and menus: what is read of them as an array each, with how many numbers
#: there are for each item, and of which type.
_Columns = tuple[tuple[str, int, type], ...]


class _Layout(NamedTuple):
    """How structs of a type are read.

    Attributes:
        plain: functions that read properties of which the value itself counts, several at once.
        others: all other properties.
        read_others: reads these in one call.
        columns: what is read of the data of an attribute, which has nothing else beside `plain`; () if it is visited.
        hides: whether a struct holds what no RNA shows.
    """

    identifier: str
    is_data_block: bool
    hides: Callable[[Any], bool] | None
    plain: tuple[Callable[[Any], object], ...]
    others: tuple[_Property, ...]
    read_others: Callable[[Any], Sequence[Any]]
    columns: _Columns


@functools.cache
def _layout(cls: type, of_result: bool, with_names: bool) -> _Layout:
    rna = _rna(cls)
    is_data_block = issubclass(cls, bpy.types.ID)
    left_out = {"name"} if is_data_block and not with_names else set()
    props = [prop for prop in counted(rna, of_result=of_result) if prop.identifier not in left_out]
    others = [prop for prop in props if not _is_plain(prop) and not _is_row(prop)]
    return _Layout(
        rna.identifier,
        is_data_block,
        _HIDES.get(rna.identifier),
        _readers(props),
        _of_rna(others, of_result),
        _reader_of_all(others),
        _columns_of_attribute(cls, others, of_result),
    )


def _reader_of_all(props: Sequence[bpy.types.Property]) -> Callable[[Any], Sequence[Any]]:
    """A function that reads properties in one call."""
    names = [prop.identifier for prop in props]
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda struct: [getattr(struct, name) for name in names]


def _columns_of_attribute(cls: type, others: Sequence[bpy.types.Property], of_result: bool) -> _Columns:
    """The columns of the data of attributes of a type. What its items are is known without a look at one."""
    if not issubclass(cls, bpy.types.Attribute) or [prop.identifier for prop in others] != ["data"]:
        return ()
    return _numeric_columns(getattr(bpy.types, others[0].fixed_type.identifier), of_result)


def _readers(props: Sequence[bpy.types.Property]) -> tuple[Callable[[Any], object], ...]:
    """Functions that read all plain properties in one call, and all rows of numbers in another one."""
    plain = [prop.identifier for prop in props if _is_plain(prop)]
    rows = [prop.identifier for prop in props if _is_row(prop)]
    readers: list[Callable[[Any], object]] = [operator.attrgetter(*plain)] if plain else []
    if len(rows) == 1:
        readers.append(lambda struct, name=rows[0]: tuple(getattr(struct, name)))
    elif rows:
        read = operator.attrgetter(*rows)
        readers.append(lambda struct: list(map(tuple, read(struct))))
    return tuple(readers)


def _is_plain(prop: bpy.types.Property) -> bool:
    """Whether its value is a number, a switch, an item of a menu or a short text."""
    if prop.type == "STRING":
        return _kind(prop) == "STRING" and prop.subtype != "BYTE_STRING"
    return not prop.is_enum_flag if prop.type == "ENUM" else prop.type in _DTYPES and not prop.is_array


def _is_row(prop: bpy.types.Property) -> bool:
    """Whether it is an array of numbers of one dimension."""
    return prop.type in _DTYPES and prop.type != "ENUM" and prop.is_array and not any(prop.array_dimensions[1:])


def _kind(prop: bpy.types.Property) -> str:
    return "PATH" if prop.type == "STRING" and prop.subtype in ("FILE_PATH", "DIR_PATH") else prop.type


def _of_rna(props: Iterable[bpy.types.Property], of_result: bool) -> tuple[_Property, ...]:
    return tuple(
        _Property(
            prop.identifier,
            _kind(prop),
            _of_rna(counted(prop.srna, of_result=of_result), of_result)
            if prop.type == "COLLECTION" and prop.srna is not None
            else (),
        )
        for prop in props
    )


@functools.cache
def _numeric_columns(cls: type, of_result: bool) -> _Columns:
    """The columns of items whose properties are all numbers and menus, else nothing."""
    columns = []
    for prop in counted(_rna(cls), of_result=of_result):
        if prop.type not in _DTYPES or getattr(prop, "is_enum_flag", False):
            return ()
        columns.append((prop.identifier, max(1, getattr(prop, "array_length", 0)), _DTYPES[prop.type]))
    return tuple(columns)


def _array(items: Any, name: str, length: int, dtype: type) -> memoryview:
    values = numpy.empty(length, dtype)
    items.foreach_get(name, values)
    return _bytes(values)


def _loop_starts(polygons: bpy.types.MeshPolygons) -> memoryview:
    """Where the corners of each face begin.

    Blender has an array of that, whose items it shows as the faces. It fills an array of ours face by face, which takes
    30 ns for each. So that of many is copied, if it is where the faces seem to be.
    """
    count, size = len(polygons), numpy.dtype(numpy.int32).itemsize
    if count >= _MANY_FACES:
        start, end = polygons[0].as_pointer(), polygons[count - 1].as_pointer()
        if end - start == (count - 1) * size:
            values = numpy.frombuffer(ctypes.string_at(start, count * size), numpy.int32)
            if all(values[number] == polygons[number].loop_start for number in (0, 1, count // 2, count - 1)):
                return _bytes(values)
    return _array(polygons, "loop_start", count, numpy.int32)


def _bytes(values: Any) -> memoryview:
    """The bytes of an array, where they are."""
    return memoryview(values.view(numpy.uint8))


# What RNA does not show


def _is_baked(modifier: Any) -> bool:
    """Whether geometry nodes may keep a bake in the file. On 4.2 none can."""
    targets = [bake.bake_target for bake in modifier.bakes] if hasattr(modifier, "bake_target") else []
    return any((modifier.bake_target if target == "INHERIT" else target) == "PACKED" for target in targets)


#: By type of struct, whether one holds what RNA does not show: to what it is bound, what is baked.
_HIDES: Mapping[str, Callable[[Any], bool]] = {
    "CorrectiveSmoothModifier": lambda modifier: modifier.is_bind,
    "LaplacianDeformModifier": lambda modifier: modifier.is_bind,
    "MeshDeformModifier": lambda modifier: modifier.is_bound,
    "NodesModifier": _is_baked,
    "PointCache": lambda cache: cache.is_baked and not cache.use_disk_cache,
    "SurfaceDeformModifier": lambda modifier: modifier.is_bound,
}


def _beside_rna(data_block: bpy.types.ID, users: Users, of_result: bool, with_arrays: bool) -> Iterator[object]:
    """What a data-block holds that is read in other ways, because these are faster or the only ones."""
    preview = data_block.preview
    if preview is not None and preview.is_image_custom:
        yield tuple(preview.image_size), tuple(preview.image_pixels)
    if isinstance(data_block, bpy.types.Mesh):
        yield from _beside_attributes(data_block, users.of(data_block), of_result)
        if with_arrays:
            yield from _beside_columns(data_block, users.of(data_block))
    elif isinstance(data_block, bpy.types.Text):
        yield data_block.as_string()
    elif isinstance(data_block, bpy.types.Image) and data_block.is_dirty:
        if data_block.source in {"TILED", "SEQUENCE"} or data_block.is_multiview:
            raise _HiddenError("scripts see the first tile, frame and view only")
        values = numpy.empty(len(data_block.pixels), numpy.float32)
        data_block.pixels.foreach_get(values)
        yield _bytes(values)


def _beside_attributes(mesh: bpy.types.Mesh, users: Sequence[bpy.types.Object], of_result: bool) -> Iterator[object]:
    """What a mesh holds that is no attribute of it, as far as this Blender shows it at all."""
    if mesh.is_editmode:
        raise _HiddenError("attributes have no items in Edit Mode")
    if any(modifier.type == "MULTIRES" and modifier.total_levels for item in users for modifier in item.modifiers):
        raise _HiddenError("sculpted levels")
    if len(mesh.vertices) > _MOST_WEIGHTS and any(item.vertex_groups for item in users):
        raise ValueError(f"{len(mesh.vertices)} vertices with weights")
    yield [(layer.name, layer.active, layer.active_render, layer.active_clone) for layer in mesh.uv_layers]
    yield [layer and layer.name for layer in (mesh.uv_layer_clone, mesh.uv_layer_stencil)]
    yield mesh.uv_layers.active_index
    if not of_result:
        yield mesh.polygons.active


def _beside_columns(mesh: bpy.types.Mesh, users: Sequence[bpy.types.Object]) -> Iterator[object]:
    """What a mesh has for each of its faces, and so on, that is no attribute."""
    yield _loop_starts(mesh.polygons)
    for items in (mesh.edges, mesh.polygons):
        if items and _has_freestyle_marks(type(items[0])):
            yield _array(items, "use_freestyle_mark", len(items), numpy.bool_)
    if mesh.has_custom_normals and "custom_normal" not in mesh.attributes:  # one since 4.5
        yield _array(mesh.corner_normals, "vector", 3 * len(mesh.corner_normals), numpy.float32)
    if any(item.vertex_groups for item in users):
        yield from _weights(mesh)


@functools.cache
def _has_freestyle_marks(cls: type) -> bool:
    """Whether its items have them. Since 5.0 there is an attribute of them."""
    return "use_freestyle_mark" in _rna(cls).properties


def _vertex_groups(users: Sequence[bpy.types.Object]) -> list[object]:
    """The vertex groups of a mesh, lattice or drawing. It is they that have them; RNA shows them as its objects'."""
    groups = next((item.vertex_groups for item in users if item.vertex_groups), ())
    return [(group.name, group.lock_weight) for group in groups]


def _weights(mesh: bpy.types.Mesh) -> Iterator[object]:
    """Vertex weights can't be read as arrays; so they are looked for only where an object has names for them."""
    for vertex in mesh.vertices:
        if vertex.groups:
            yield vertex.index, [(element.group, element.weight) for element in vertex.groups]
