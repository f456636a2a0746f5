"""Every change that a script can make to a data-block by setting one property, found by Blender's own description.

    for change in changes.of(material, content.is_compared):
        change.make(material)

A property is a number, a switch, a menu, a text, a pointer, or which item of a collection is active; a collection can
lose its last item. Both processes find the same ones for data-blocks that are the same, and each by its label.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bpy

from .variation import other_value

#: The steps from a data-block to a struct in it: names of properties, numbers of items.
Path = tuple[str | int, ...]
#: Whether a property of a type is compared.
Filter = Callable[[type, str], bool]

#: Larger node trees are changed in parts.
_MANY_NODES = 20
#: So often is a property of one type changed in a data-block: on the first struct that has it.
_MOST_OFTEN = 1
#: Blender crashes: a number leads to no item, a view is shown that a file has not, a slot says that it is of another,
#: reading makes a layer and moves the others.
_CRASHING = frozenset(
    {
        "ActionConstraint.action_suitable_slots",
        "AnimData.action_suitable_slots",
        "AnimData.action_tweak_storage",
        "Image.views_format",
        "MovieTracking.active_object_index",
        "NlaStrip.action_suitable_slots",
        "PointCaches.active_index",
        "TimelineMarker.camera",
        "VertexGroups.active",
        "Curves.curve_offset_data",
        "GreasePencilDrawing.curve_offsets",
        "MeshEdge.select",
        "MeshEdge.vertices",
        "MeshLoop.edge_index",
        "MeshLoop.vertex_index",
        "MeshPolygon.loop_start",
        "MeshPolygon.loop_total",
        "MeshPolygon.vertices",
        "MeshUVLoopLayer.edge_selection",
        "MeshUVLoopLayer.pin",
        "MeshUVLoopLayer.vertex_selection",
    }
)
#: Attributes of a mesh that hold such numbers.
_LEADING_ATTRIBUTES = (".corner_edge", ".corner_vert", ".edge_verts")
#: No .blend holds them: they are made by evaluation, of pixels in memory, or of this session.
_NOT_KEPT = frozenset(
    {
        "Driver.is_valid",
        "FCurve.is_valid",
        "ID.use_extra_user",
        "Image.file_format",
        "Image.resolution",
        "Node.internal_links",
    }
)
#: Their items belong to the node: Blender crashes as it removes one that lacks a socket.
_KEPT_WHOLE = frozenset({"Node.inputs", "Node.outputs"})
#: What Blender raises where it refuses a change.
ERRORS = (AttributeError, LookupError, ReferenceError, RuntimeError, TypeError, ValueError)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Within the block, Blender's warnings of data that it will lose are silent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Change:
    """One change of a data-block. `make` does it; it raises, or does nothing, where Blender does not let it."""

    path: Path
    name: str

    @property
    def label(self) -> str:
        return _spelled((*self.path, self.name))

    def read(self, data_block: bpy.types.ID) -> object:
        """What it changes, to be compared with itself."""
        with _no_warnings():
            return read(resolve(data_block, self.path), self.name)

    def make(self, data_block: bpy.types.ID) -> None:
        with _no_warnings():
            self._make(data_block)

    def _make(self, data_block: bpy.types.ID) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Setting(Change):
    """Another value for a property."""

    def _make(self, data_block: bpy.types.ID) -> None:
        owner = resolve(data_block, self.path)
        prop = _described(data_block, self.path).properties[self.name]
        before = read(owner, self.name)
        for value in _others(data_block, prop, getattr(owner, self.name)):
            with contextlib.suppress(*ERRORS):
                setattr(owner, self.name, value)
            if read(owner, self.name) != before:
                return


@dataclass(frozen=True)
class Removal(Change):
    """The last item of a collection is removed."""

    def _make(self, data_block: bpy.types.ID) -> None:
        items = getattr(resolve(data_block, self.path), self.name)
        item = items[-1]
        for function, arguments in (("remove", (item,)), ("unlink", (item,)), ("pop", ()), ("remove", (item.name,))):
            if hasattr(items, function):
                with contextlib.suppress(*ERRORS):
                    getattr(items, function)(*arguments)
                    return


def subjects(data_block: bpy.types.ID) -> Iterator[bpy.types.ID]:
    """Data-blocks to be changed in the place of one: of a large node tree, one with few nodes and one for each other.

    Reading a tree with all types of nodes takes 1,000 times longer than reading a tree with one.
    """
    tree = data_block if isinstance(data_block, bpy.types.NodeTree) else getattr(data_block, "node_tree", None)
    nodes = [] if tree is None else list(tree.nodes)[_MANY_NODES:]
    kinds_of_nodes = dict.fromkeys(node.bl_idname for node in nodes)
    for node in nodes:
        tree.nodes.remove(node)
    yield data_block
    for kind in kinds_of_nodes if tree == data_block else ():
        small = bpy.data.node_groups.new("Small", tree.bl_idname)
        small.nodes.new(kind)
        yield small


def of(data_block: bpy.types.ID, is_compared: Filter, seen: Counter[str] | None = None) -> list[Change]:
    """The changes of a data-block: first the settings, then the removals, the inner ones first.

    Args:
        data_block: the data-block.
        is_compared: which properties matter.
        seen: how often each property was changed before, in data-blocks like this one.
    """
    seen = Counter() if seen is None else seen
    settings: list[Change] = []
    removals: list[Change] = []
    for path, struct in structs(data_block):
        for prop in _rna(type(struct)).properties:
            if not is_compared(type(struct), prop.identifier) or prop.identifier.startswith("bl_"):
                continue
            name = _full_name(type(struct), prop.identifier)
            seen[name] += 1
            if seen[name] > _MOST_OFTEN or name in _CRASHING | _NOT_KEPT:
                continue
            if prop.type == "COLLECTION":
                settings += _of_collection(path, struct, prop)
                removals += [Removal(path, prop.identifier)] if name not in _KEPT_WHOLE else []
            elif not prop.is_readonly:
                settings.append(Setting(path, prop.identifier))
    return [*settings, *reversed(removals)]


def _of_collection(path: Path, struct: bpy.types.bpy_struct, prop: bpy.types.Property) -> Iterator[Change]:
    if prop.srna is not None and len(getattr(struct, prop.identifier)):
        for own in prop.srna.properties:
            full_name = f"{prop.srna.identifier}.{own.identifier}"
            if own.identifier != "rna_type" and not own.is_readonly and full_name not in _CRASHING:
                yield Setting((*path, prop.identifier), own.identifier)


def structs(data_block: bpy.types.ID) -> Iterator[tuple[Path, bpy.types.bpy_struct]]:
    """A data-block and what is in it: of collections, the first and the last item of each type."""
    return _structs((), data_block, set(), {data_block.as_pointer()})


def _structs(
    path: Path, struct: bpy.types.bpy_struct, visited: set[tuple[int, str]], owners: set[int]
) -> Iterator[tuple[Path, bpy.types.bpy_struct]]:
    visit = struct.as_pointer(), type(struct).__name__
    if isinstance(struct, bpy.types.ID) and is_part(struct):
        owners.add(visit[0])
    owner = struct.id_data
    if visit in visited or owner is None or owner.as_pointer() not in owners:
        return
    visited.add(visit)
    yield path, struct
    for path_below, below in _below(path, struct):
        yield from _structs(path_below, below, visited, owners)


def is_part(data_block: bpy.types.ID) -> bool:
    """Whether a data-block is a part of another: its node tree, its shape keys."""
    return data_block.is_embedded_data or isinstance(data_block, bpy.types.Key)


def _below(path: Path, struct: bpy.types.bpy_struct) -> Iterator[tuple[Path, bpy.types.bpy_struct]]:
    for prop in _rna(type(struct)).properties:
        name = prop.identifier
        if prop.type not in {"POINTER", "COLLECTION"} or name in {"rna_type", "original", "depsgraph"}:
            continue
        if (
            _full_name(type(struct), name) in _CRASHING | _NOT_KEPT
            or getattr(struct, "name", "") in _LEADING_ATTRIBUTES
        ):
            continue
        try:
            value = getattr(struct, name)
        except ERRORS:
            continue
        if prop.type == "POINTER" and value is not None:
            yield (*path, name), value
        elif prop.type == "COLLECTION":
            yield from (((*path, name, index), value[index]) for index in _samples(value))


def _samples(items: bpy.types.bpy_prop_collection) -> list[int]:
    """The first and the last item of each type."""
    if len(items) > 1000:
        return [0, len(items) - 1]
    first: dict[type, int] = {}
    last: dict[type, int] = {}
    for index, item in enumerate(items):
        if item is not None:
            first.setdefault(type(item), index)
            last[type(item)] = index
    return sorted({*first.values(), *last.values()})


def resolve(data_block: bpy.types.ID, path: Path) -> Any:
    """What is at the end of a path: a struct or a collection."""
    found: Any = data_block
    for step in path:
        found = getattr(found, step) if isinstance(step, str) else found[step]
    return found


def _described(data_block: bpy.types.ID, path: Path) -> bpy.types.bpy_struct:
    """The RNA of what is at the end of a path."""
    found = resolve(data_block, path)
    if isinstance(found, bpy.types.bpy_prop_collection):
        return _rna(type(resolve(data_block, path[:-1]))).properties[path[-1]].srna
    return _rna(type(found))


def read(owner: Any, name: str) -> object:
    """The value of a property, to be compared with itself."""
    value = getattr(owner, name)
    if isinstance(value, bpy.types.bpy_prop_collection):
        return len(value)
    if isinstance(value, bpy.types.bpy_struct):
        return type(value).__name__, value.as_pointer()
    return _flat(value)


def _flat(value: Any) -> object:
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return value
    return [_flat(item) for item in value]


def _others(data_block: bpy.types.ID, prop: bpy.types.Property, value: Any) -> Iterator[Any]:
    """Values to try in the place of that one."""
    if prop.type == "POINTER":
        yield from _other_targets(data_block, prop.fixed_type.identifier, value)
    elif prop.type == "ENUM" and not prop.is_enum_flag:
        yield from (item.identifier for item in prop.enum_items if item.identifier != value)
    elif prop.type == "STRING" and prop.subtype in {"FILE_PATH", "DIR_PATH", "FILE_NAME"}:
        yield f"{value} other"
    elif prop.type == "STRING" and prop.subtype == "BYTE_STRING":
        yield b"other"
    else:
        yield other_value(prop, value)
        if prop.type in {"INT", "FLOAT"} and not prop.is_array:
            yield from (0, 1, value - 1)


def _other_targets(data_block: bpy.types.ID, kind: str, value: Any) -> Iterator[Any]:
    cls = getattr(bpy.types, kind)
    if issubclass(cls, bpy.types.ID):
        collections = (prop for prop in bpy.types.BlendData.bl_rna.properties if prop.type == "COLLECTION")
        names = [
            prop.identifier for prop in collections if issubclass(cls, getattr(bpy.types, prop.fixed_type.identifier))
        ]
        found = [item for name in names for item in getattr(bpy.data, name)]
    else:
        found = [struct for _path, struct in structs(data_block) if isinstance(struct, cls)]
    yield from (item for item in found if item != value and item != data_block)
    if value is not None:
        yield None


@functools.cache
def _full_name(cls: type, name: str) -> str:
    """The name of a property with the type that it is of, which may be a base of the given one."""
    rna = _rna(cls)
    while rna.base is not None and name in rna.base.properties:
        rna = rna.base
    return f"{rna.identifier}.{name}"


@functools.cache
def _rna(cls: type) -> bpy.types.bpy_struct:
    """The RNA of a type, asked for once: on 4.2, asking each struct for it now and then ends in a crash."""
    return cls.bl_rna


def _spelled(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
