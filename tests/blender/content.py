"""What a data-block holds: all that Blender's RNA shows of it and of what it uses, as plain values to compare.

    dump(object) -> {"root": "Object Cube", "blocks": {"Object Cube": {"location": [0.0, 0.0, 0.0], ...}, ...}}

One flat dict per data-block, from the path of a property to its value. Another data-block is {"id": its reference};
a struct that was met before is {"at": its path}. Runs in the foreground and in a worker, which imports it as `content`.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import bpy
import numpy

#: What is not compared, by the type that has the property, and why. Nothing else is left out.
LEFT_OUT = {
    "Attribute.storage_type": "of the session: reading an attribute of one value makes an array of it (since 5.0)",
    "ID.is_evaluated": "of the session: the evaluated copy of a data-block",
    "ID.is_library_indirect": "of the file: which data-blocks are linked for their own sake",
    "ID.is_runtime_data": "of the session: whether Blender made it for itself",
    "ID.library": "part of the reference",
    "ID.library_weak_reference": "of the file: where it was appended from",
    "ID.name": "part of the reference",
    "ID.name_full": "part of the reference",
    "ID.original": "of the session: what the evaluated copy was made of",
    "ID.preview": "a picture that Blender draws by itself",
    "ID.session_uid": "of the session: a number that changes with each load",
    "ID.tag": "of the session: a flag that scripts may use for themselves",
    "ID.users": "of the file: how many data-blocks of that file use it",
    "Curves.normals": "computed; 4.2 reads memory there that was never written",
    "MeshUVLoopLayer.edge_selection": "reading creates one where there is none (until 5.0); compared as an attribute",
    "MeshUVLoopLayer.pin": "reading creates one where there is none; compared as an attribute",
    "MeshUVLoopLayer.vertex_selection": "reading creates one where there is none (until 5.0); compared as an attribute",
    "Object.bound_box": "computed by evaluation from other properties",
    "Object.dimensions": "computed by evaluation from other properties",
    "Object.matrix_local": "computed by evaluation from other properties",
    "Object.matrix_world": "computed by evaluation from other properties",
    "Paint.tool_slots": "which brush each tool had last; those of UV sculpting crash Blender (until 4.5)",
    "MaterialSlot.name": "the name of its material, which is compared",
    "PoseBone.head": "computed by evaluation from other properties",
    "PoseBone.length": "computed by evaluation from other properties",
    "PoseBone.matrix": "computed by evaluation from other properties",
    "PoseBone.matrix_channel": "computed by evaluation from other properties",
    "PoseBone.tail": "computed by evaluation from other properties",
    "Text.current_character": "where the cursor is: Blender puts it at the start when it reads a text",
    "Text.current_line": "where the cursor is: Blender puts it at the start when it reads a text",
    "Text.current_line_index": "where the cursor is: Blender puts it at the start when it reads a text",
    "Text.select_end_character": "where the cursor is: Blender puts it at the start when it reads a text",
    "Text.select_end_line": "where the cursor is: Blender puts it at the start when it reads a text",
    "Text.select_end_line_index": "where the cursor is: Blender puts it at the start when it reads a text",
    "ViewLayer.depsgraph": "computed by evaluation from other properties",
}

#: Arrays of more numbers are told by a hash, so that what travels and what a failed test prints stays small.
_LONG = 64
#: Collections of structs of plain numbers are read as arrays from this length on.
_BULK = 16
#: Types of what is no array. That is asked of millions of values: it must be quick.
_SINGLE = frozenset({bool, int, float, str, type(None)})
_DTYPES = {"FLOAT": numpy.float32, "INT": numpy.int32, "BOOLEAN": numpy.bool_}


def dump(root: bpy.types.ID) -> dict[str, Any]:
    """All of a data-block, and of what it uses directly or not."""
    blocks: dict[str, dict[str, Any]] = {}
    queue = [root]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Blender is about to lose
        while queue:
            data_block = queue.pop()
            if reference(data_block) not in blocks:
                walk = _Walk(data_block)
                blocks[reference(data_block)] = walk.found
                queue += walk.used
    return {"root": reference(root), "blocks": blocks}


def reference(data_block: bpy.types.ID) -> str:
    """What names a data-block in a dump: its type, its name and the file it is linked from."""
    library = data_block.library
    where = "" if library is None else f" <{bpy.path.abspath(library.filepath, library=library.library)}>"
    return f"{kind(data_block)} {data_block.name}{where}"


def kind(data_block: bpy.types.ID) -> str:
    """The kind of a data-block: the type below `bpy.types.ID` that it is of."""
    return next(cls for cls in type(data_block).__mro__ if bpy.types.ID in cls.__bases__).__name__


class _Walk:
    """Reads one data-block, with the trees and collections embedded in it."""

    def __init__(self, data_block: bpy.types.ID) -> None:
        self.found: dict[str, Any] = {}
        self.used: list[bpy.types.ID] = []
        self._owners = {data_block.as_pointer()}
        self._visited: dict[tuple[int, str], str] = {}
        if isinstance(data_block, bpy.types.Scene):
            for layer in data_block.view_layers:
                layer.update()  # or it has no layer collection yet, and to ask for that is a crash (4.2)
        self._struct(data_block, "")

    def _struct(self, struct: bpy.types.bpy_struct, path: str) -> None:
        cls = type(struct)
        self._visited[struct.as_pointer(), cls.__name__] = path or "/"
        self.found[f"{path}<type>"] = cls.__name__
        for name, property_type in _properties(cls):
            self._property(struct, f"{path}.{name}" if path else name, name, property_type)
        for key, value, ui_data in _custom_properties(struct):
            self._custom(f"{path}[{key!r}]", value)
            if ui_data is not None:
                self.found[f"{path}[{key!r}]<ui>"] = ui_data

    def _property(self, struct: bpy.types.bpy_struct, path: str, name: str, property_type: str) -> None:
        try:
            value = getattr(struct, name)
        except (RuntimeError, UnicodeDecodeError, ValueError, AttributeError) as error:
            self.found[path] = {"error": str(error)}
            return
        if property_type == "POINTER":
            self._pointer(path, value)
        elif property_type == "COLLECTION":
            self._collection(path, value)
        else:
            self.found[path] = plain(value)

    def _pointer(self, path: str, value: bpy.types.bpy_struct | None) -> None:
        if value is None:
            self.found[path] = None
        elif isinstance(value, bpy.types.ID) and not value.is_embedded_data:
            self.found[path] = {"id": reference(value)}
            self.used.append(value)
        elif (value.as_pointer(), type(value).__name__) in self._visited:
            self.found[path] = {"at": self._visited[value.as_pointer(), type(value).__name__]}
        elif isinstance(value, bpy.types.ID):
            self._owners.add(value.as_pointer())
            self._struct(value, path)
        elif value.id_data is not None and value.id_data.as_pointer() not in self._owners:
            self.found[path] = {"of": reference(value.id_data), "name": getattr(value, "name", "")}
        else:
            self._struct(value, path)

    def _collection(self, path: str, items: bpy.types.bpy_prop_collection) -> None:
        self.found[f"{path}<length>"] = len(items)
        if len(items) >= _BULK and items[0] is not None and (columns := _columns(type(items[0]))):
            for name, length, dtype in columns:
                self.found[f"{path}[:].{name}"] = _array(_column(items, name, length, dtype))
            return
        for index, item in enumerate(items):
            self._pointer(f"{path}[{index}]", item)

    def _custom(self, path: str, value: Any) -> None:
        """A custom property, with its type: 1, 1.0 and True are three different values."""
        if isinstance(value, bpy.types.ID):
            self._pointer(path, value)
        elif hasattr(value, "to_dict"):
            self.found[path] = {"group": list(value.keys())}
            for key, item in value.items():
                self._custom(f"{path}[{key!r}]", item)
        elif isinstance(value, list):
            self.found[f"{path}<length>"] = len(value)
            for index, item in enumerate(value):
                self._custom(f"{path}[{index}]", item)
        elif hasattr(value, "typecode"):
            self.found[path] = {f"array {value.typecode}": plain(value)}
        else:
            self.found[path] = {type(value).__name__: plain(value)}


def plain(value: Any) -> Any:
    """A value as JSON holds it, exactly: arrays flat, sets sorted, bytes as hexadecimal digits."""
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    if type(value) in _SINGLE:
        return value
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.hex()
    flat = list(_flat(value))
    if len(flat) <= _LONG:
        return [plain(item) for item in flat]
    return _array(numpy.array(flat))


def _array(values: numpy.ndarray) -> Any:
    if len(values) <= _LONG:
        return [plain(item) for item in values.tolist()]
    digest = hashlib.blake2b(values.tobytes(), digest_size=8).hexdigest()
    return {"numbers": len(values), "first": [plain(item) for item in values[:4].tolist()], "digest": digest}


def _column(items: bpy.types.bpy_prop_collection, name: str, length: int, dtype: type) -> numpy.ndarray:
    """One property of all items. The corners of a face have no fixed number, so Blender gives no array of them."""
    if isinstance(items[0], bpy.types.MeshPolygon) and name == "vertices":
        return numpy.fromiter((corner for item in items for corner in item.vertices), dtype)
    values = numpy.empty(length * len(items), dtype)
    items.foreach_get(name, values)
    return values


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if type(value) in _SINGLE or not hasattr(value, "__len__"):
            yield value
        else:
            yield from _flat(value)


@functools.cache
def _properties(cls: type) -> tuple[tuple[str, str], ...]:
    """Name and type of the properties of a struct that are compared."""
    left_out = {name for base in cls.__mro__ for name in _left_out().get(base.__name__, ())}
    names = {prop.identifier: prop.type for prop in cls.bl_rna.properties}
    return tuple((name, kind) for name, kind in names.items() if name not in left_out and name != "rna_type")


def is_compared(cls: type, name: str) -> bool:
    """Whether a property of a struct is compared."""
    return any(name == compared for compared, _kind in _properties(cls))


@functools.cache
def _left_out() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for entry in LEFT_OUT:
        cls, _, name = entry.partition(".")
        found.setdefault(cls, set()).add(name)
    return found


@functools.cache
def _columns(cls: type) -> tuple[tuple[str, int, type], ...]:
    """(property, numbers of one item, their type) for items that are plain numbers only, else nothing."""
    columns = []
    for prop in cls.bl_rna.properties:
        if prop.identifier == "rna_type":
            continue
        if prop.type not in _DTYPES:
            return ()
        columns.append((prop.identifier, max(1, prop.array_length), _DTYPES[prop.type]))
    return tuple(columns)


def _custom_properties(struct: bpy.types.bpy_struct) -> Iterator[tuple[str, Any, Any]]:
    """(key, value, what its field in the Sidebar is made of) of each custom property."""
    try:
        keys = sorted(struct.keys())
    except TypeError:  # this type has none
        return
    defined = _defined(type(struct)) if keys else ()
    for key in (key for key in keys if key not in defined):
        try:
            ui_data = struct.id_properties_ui(key).as_dict()
        except TypeError:  # a group has none
            ui_data = None
        yield key, struct[key], None if ui_data is None else {name: plain(value) for name, value in ui_data.items()}


@functools.cache
def _defined(cls: type) -> set[str]:
    """The properties that add-ons define: before 5.0 they are stored among custom ones."""
    return {prop.identifier for prop in cls.bl_rna.properties if prop.is_runtime}


# Comparing


def differences(first: dict[str, Any], second: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Compare two dumps.

    Returns:
        what differs, a line each; and those references of `first` that are another one in `second`. Which data-block is
        which follows from where they are used, and one can only be one.
    """
    pairs = _Pairs()
    pairs.match(first["root"], second["root"])
    found = []
    for here, there in pairs.new():
        one, other = first["blocks"][here], second["blocks"][there]
        for path in itertools.chain(one, (path for path in other if path not in one)):
            left, right = one.get(path, "nothing"), other.get(path, "nothing")
            if not _is_same(left, right, pairs):
                found.append(f"{here}: {path}: {left} != {right}")
    return found, {here: there for here, there in pairs.known.items() if here != there}


class _Pairs:
    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        self._new: list[str] = []

    def match(self, here: str, there: str) -> bool:
        """Whether they are, or can be, the same data-block."""
        if here not in self.known and there not in self._taken and here.split(" ")[0] == there.split(" ")[0]:
            self.known[here] = there
            self._taken[there] = here
            self._new.append(here)
        return self.known.get(here) == there

    def new(self) -> Iterator[tuple[str, str]]:
        """The pairs to be compared, those too that are found meanwhile."""
        while self._new:
            here = self._new.pop()
            yield here, self.known[here]


def _is_same(left: Any, right: Any, pairs: _Pairs) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in ("id", "of"):
            if key in left and key in right:
                return pairs.match(left[key], right[key]) and left.get("name") == right.get("name")
    return left == right and type(left) is type(right)
