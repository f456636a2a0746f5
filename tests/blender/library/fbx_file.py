# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads binary FBX files by the format alone, with nothing of Blender: what an engine finds in them.

A file is a tree of records: name, properties, records. `Objects` holds models (what stands in the scene), geometries,
materials, videos (images); `Connections` says what belongs to what; `GlobalSettings` has axes and unit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_NUMBERS = {b"Y": "<h", b"I": "<i", b"L": "<q", b"F": "<f", b"D": "<d", b"C": "<?", b"B": "<b"}
_ARRAYS = {b"f": "<f4", b"d": "<f8", b"l": "<i8", b"i": "<i4", b"b": "<i1", b"c": "<i1"}


@dataclass
class Record:
    name: str
    properties: list[Any]
    records: list[Record]

    def all(self, name: str) -> list[Record]:
        return [record for record in self.records if record.name == name]

    def one(self, name: str) -> Record:
        (found,) = self.all(name)
        return found

    def settings(self) -> dict[str, list[Any]]:
        """The entries of `Properties70`."""
        return {
            entry.properties[0]: entry.properties[4:] for each in self.all("Properties70") for entry in each.records
        }


@dataclass
class Model:
    """What stands in the scene.

    Attributes:
        kind: "Mesh", "Null", "LimbNode" ...
        matrix: its place in the file's scene.
        parent: the name of its parent.
        points, num_triangles, uv: of its geometry; points are in the file's scene.
        materials: their names.
        rotation, scale: of it, against its parent, degrees.
    """

    name: str
    kind: str
    matrix: np.ndarray
    parent: str
    rotation: list[float]
    scale: list[float]
    points: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    num_triangles: int = 0
    uv: np.ndarray | None = None
    materials: list[str] = field(default_factory=list)


@dataclass
class File:
    up_axis: int
    centimetres: float
    models: dict[str, Model]
    images: dict[str, bytes]


def read(path: Path) -> File:
    root = _read_records(path.read_bytes())
    objects = {record.properties[0]: record for record in root.one("Objects").records}
    parents: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for link in root.one("Connections").all("C"):
        _, child, parent = link.properties[:3]
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    settings = root.one("GlobalSettings").settings()
    models = {}
    for uid, record in objects.items():
        if record.name == "Model":
            model = _model(uid, objects, parents)
            for child in children.get(uid, ()):
                _add(model, objects[child])
            models[model.name] = model
    videos = [record for record in objects.values() if record.name == "Video"]
    images = {_name(each): each.one("Content").properties[0] for each in videos if each.all("Content")}
    return File(settings["UpAxis"][0], settings["UnitScaleFactor"][0], models, images)


def _model(uid: int, objects: dict[int, Record], parents: dict[int, list[int]]) -> Model:
    record, matrix, above = objects[uid], np.eye(4), uid
    while above in objects:
        matrix = _local(objects[above]) @ matrix
        above = next((each for each in parents.get(above, ()) if each in objects and objects[each].name == "Model"), 0)
    parent = next((each for each in parents.get(uid, ()) if each in objects and objects[each].name == "Model"), 0)
    settings = record.settings()
    return Model(
        _name(record),
        record.properties[2],
        matrix,
        _name(objects[parent]) if parent else "",
        settings.get("Lcl Rotation", [0.0] * 3),
        settings.get("Lcl Scaling", [1.0] * 3),
    )


def _add(model: Model, record: Record) -> None:
    if record.name == "Material":
        model.materials.append(_name(record))
    if record.name != "Geometry" or not record.all("Vertices"):
        return
    points = record.one("Vertices").properties[0].reshape(-1, 3)
    model.points = points @ model.matrix[:3, :3].T + model.matrix[:3, 3]
    corners = record.one("PolygonVertexIndex").properties[0]
    sizes = np.diff(np.flatnonzero(corners < 0), prepend=-1)  # the last corner of a face is negative
    model.num_triangles = int((sizes - 2).sum())
    for layer in record.all("LayerElementUV"):
        model.uv = layer.one("UV").properties[0].reshape(-1, 2)


def _local(record: Record) -> np.ndarray:
    settings = record.settings()
    x, y, z = np.radians(settings.get("Lcl Rotation", [0.0] * 3))
    turns = [
        [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]],
        [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]],
        [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]],
    ]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(turns[2]) @ turns[1] @ turns[0] @ np.diag(settings.get("Lcl Scaling", [1.0] * 3))
    matrix[:3, 3] = settings.get("Lcl Translation", [0.0] * 3)
    return matrix


def _name(record: Record) -> str:
    return record.properties[1].partition("\x00\x01")[0]


def _read_records(content: bytes) -> Record:
    assert content.startswith(b"Kaydara FBX Binary  \x00"), "it is no binary FBX file"
    (version,) = struct.unpack_from("<I", content, 23)
    return Record("", [], list(_records(content, 27, len(content), "<3QB" if version >= 7500 else "<3IB")))


def _records(content: bytes, place: int, end: int, head: str) -> Iterator[Record]:
    size = struct.calcsize(head)
    while place + size <= end:
        next_place, num_properties, length, name_length = struct.unpack_from(head, content, place)
        if not next_place:
            return
        place += size
        name = content[place : place + name_length].decode()
        place += name_length
        properties = list(_properties(content, place, num_properties))
        place += length
        yield Record(name, properties, list(_records(content, place, next_place, head)))
        place = next_place


def _properties(content: bytes, place: int, count: int) -> Iterator[Any]:
    for _property in range(count):
        kind = content[place : place + 1]
        place += 1
        if kind in _NUMBERS:
            yield struct.unpack_from(_NUMBERS[kind], content, place)[0]
            place += struct.calcsize(_NUMBERS[kind])
        elif kind in _ARRAYS:
            length, is_packed, size = struct.unpack_from("<3I", content, place)
            place += 12
            size = size if is_packed else length * np.dtype(_ARRAYS[kind]).itemsize
            data = content[place : place + size]
            yield np.frombuffer(zlib.decompress(data) if is_packed else data, _ARRAYS[kind], length)
            place += size
        else:  # S: a text, R: bytes
            (size,) = struct.unpack_from("<I", content, place)
            data = content[place + 4 : place + 4 + size]
            yield data.decode("utf-8", "replace") if kind == b"S" else data
            place += 4 + size
