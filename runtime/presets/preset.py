# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a preset: in its .blend file as properties of the asset, in a library's mirror as JSON.

The properties are flat (text, numbers): online libraries of Blender keep nothing else. A list is a text of lines.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import typing
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .. import wire
from ..blend_file.asset_data import Asset, Property
from ..errors import PresetError

#: What the properties of our own begin with.
PREFIX: Final = "background_nodes_"
TREE_TYPE: Final = "BackgroundNodeTree"
#: What Blender has a place of its own for, and what says where a preset lies.
_OF_BLENDER: Final = frozenset({"name", "author", "description", "licence", "catalog_id", "tags"})
_OF_PLACE: Final = frozenset({"file", "library", "blender"})
_MAX_TEXT, _MAX_LINE, _MAX_LINES = 100_000, 1000, 1000


class Kind(enum.StrEnum):
    """What a preset is."""

    NODE = "NODE"
    GROUP = "GROUP"
    TREE = "TREE"
    VALUES = "VALUES"

    def to_wire(self) -> str:
        return str(self)

    @classmethod
    def from_wire(cls, value: Any) -> Kind:
        return cls(value)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a file of a library, or with what is to be saved to one.

    Attributes:
        file: the file at fault, or what it is that is at fault if it is no file.
        message: what is wrong, a sentence without a full stop.
        fix: what to do about it, likewise.
        node: name of the node at fault, "" if none is.
        is_error: whether nothing goes on before it is mended.
    """

    file: str
    message: str
    fix: str
    node: str = ""
    is_error: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is said of a preset.

    Attributes:
        uuid: the same for all versions of it, hexadecimal digits.
        version: 1 for the first.
        change: a line on what is new in this version.
        kind: what it is.
        name: of it, and of its node tree in the file.
        catalog: path of its catalog ("Rocks/LODs"); what counts is `catalog_id`.
        script_digests: of each script in it, as the consent to run it goes by.
        graph_digest: of what its graph does.
        blender: the Blender that wrote the file, "4.2".
        needs_blender: the oldest one that may open it, "4.2".
        addons: modules of the add-ons that its nodes need.
        cost_seconds: how long runs of it took, 0 if nobody knows. So is what follows.
        cost_memory: bytes at the peak.
        cost_amount: on how much: a number of `cost_unit`, "faces" or "pixels".
        runs: how many runs these are of.
        inputs: its inputs, "identifier|label|type" each; `outputs` likewise.
        renamed: sockets that were renamed since the version before, "old=new" each, by identifiers.
        target: which script or group a set of values is for: a script by its digest or, of one that ships, by its name.
        target_name: the name of that, for people.
        file: the .blend file, "" if it is in the open file.
        library: the folder of its library, "" likewise.
    """

    uuid: str
    version: int
    kind: Kind
    name: str
    change: str = ""
    description: str = ""
    author: str = ""
    licence: str = ""
    catalog: str = ""
    catalog_id: str = ""
    tags: tuple[str, ...] = ()
    script_digests: tuple[str, ...] = ()
    graph_digest: str = ""
    blender: str = ""
    needs_blender: str = ""
    addons: tuple[str, ...] = ()
    cost_seconds: float = 0.0
    cost_memory: float = 0.0
    cost_amount: float = 0.0
    cost_unit: str = ""
    runs: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    target: str = ""
    target_name: str = ""
    file: str = ""
    library: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for what can't be: files of libraries come from anywhere."""
        if uuid.UUID(self.uuid).hex != self.uuid:
            raise ValueError(f"{self.uuid!r:.60} is no id of a preset")
        if not 1 <= self.version < 2**31:
            raise ValueError(f"{self.version!r:.20} is no version")
        if not self.name.strip():
            raise ValueError("it has no name")
        costs = (self.cost_seconds, self.cost_memory, self.cost_amount, float(self.runs))
        if not all(math.isfinite(cost) and cost >= 0 for cost in costs):
            raise ValueError("its cost is no number")
        for field in _TEXTS:
            if value := getattr(self, field):
                _check_text(field, (value,) if isinstance(value, str) else value)

    @property
    def key(self) -> tuple[str, int]:
        """What no two files of a library may have in common."""
        return self.uuid, self.version

    def sockets(self, *, is_output: bool) -> list[tuple[str, str, str]]:
        """Identifier, label and type of each input, or output."""
        rows = (row.split("|") for row in (self.outputs if is_output else self.inputs))
        return [(row[0], "|".join(row[1:-1]), row[-1]) for row in rows if len(row) >= 3]

    def renames(self) -> dict[str, str]:
        """The new identifier of each socket that was renamed."""
        return {old: new for old, _sign, new in (row.partition("=") for row in self.renamed) if old and new}


def renames_between(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """The sockets of one side that clearly were renamed, as rows "old=new", of rows "identifier|label|type".

    It is clear if no other one of that type is gone, and no other is new; or if it is in the same place. So it is when
    the script of a node is edited.
    """
    old, new = ([row.split("|") for row in rows] for rows in (before, after))
    there, wanted = {row[0] for row in old}, {row[0] for row in new}
    gone = [(row[-1], place, row[0]) for place, row in enumerate(old) if row[0] not in wanted]
    added = [(row[-1], place, row[0]) for place, row in enumerate(new) if row[0] not in there]
    found: list[str] = []
    for kind, place, identifier in gone:
        candidates = [each for each in added if each[0] == kind]
        is_only_one = len(candidates) == sum(each[0] == kind for each in gone) == 1
        match = [each for each in candidates if is_only_one or each[1] == place]
        found += [f"{identifier}={match[0][2]}"] if match else []
    return tuple(found)


def _check_text(name: str, lines: Sequence[str]) -> None:
    longest = _MAX_TEXT if name == "description" else _MAX_LINE
    if len(lines) > _MAX_LINES or any(len(line) > longest for line in lines):
        raise ValueError(f"its {name} is too long")
    if name == "description":
        lines = [line.replace("\n", "").replace("\t", "") for line in lines]
    if not all(map(str.isprintable, lines)):
        raise ValueError(f"its {name} has signs that no text has")


_HINTS: Final = typing.get_type_hints(Preset)
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Preset))
_TEXTS: Final = tuple(name for name in _FIELDS if _HINTS[name] in (str, tuple[str, ...]))


# As properties of an asset


def is_preset(asset: Asset) -> bool:
    """Whether an asset says that it is one."""
    return f"{PREFIX}uuid" in asset.properties


def properties_of(preset: Preset) -> dict[str, str | int | float]:
    """Our own properties of the asset that a preset is."""
    return dict(_properties(preset))


def _properties(preset: Preset) -> Iterator[tuple[str, str | int | float]]:
    for name, value in wire.encode(preset).items():
        if name not in _OF_BLENDER | _OF_PLACE:
            yield PREFIX + name, "\n".join(value) if isinstance(value, list) else value


def from_asset(asset: Asset, *, file: str = "", library: str = "") -> Preset:
    """The preset that an asset says it is. Raises PresetError if that can't be."""
    if asset.tree_type != TREE_TYPE:
        raise PresetError(f'"{asset.name}" says that it is a preset, and is no background node tree', REMOVE)
    own = {name.removeprefix(PREFIX): value for name, value in asset.properties.items() if name.startswith(PREFIX)}
    fields: dict[str, Any] = {
        name: _value(_HINTS[name], own[name]) for name in _FIELDS if name in own and name not in _OF_BLENDER | _OF_PLACE
    }
    fields |= {"name": asset.name, "author": asset.author, "description": asset.description}
    fields |= {"licence": asset.license, "catalog_id": asset.catalog_id, "tags": list(asset.tags)}
    fields |= {"blender": version_text(asset.version), "file": file, "library": library}
    return _decoded(fields, asset.name)


def _value(hint: Any, value: Property) -> Any:
    """A property as JSON would have it."""
    if typing.get_origin(hint) is tuple and isinstance(value, str):
        return value.split("\n") if value else []
    return value


# As JSON


def to_json(preset: Preset) -> dict[str, Any]:
    """All but where it lies."""
    return {name: value for name, value in wire.encode(preset).items() if name not in ("file", "library")}


def from_json(record: Any, *, file: str, library: str) -> Preset:
    """Raises PresetError if it is no preset."""
    if not isinstance(record, dict):
        raise PresetError("it says something of a preset that can't be read", REMOVE)
    return _decoded({**record, "file": file, "library": library}, str(record.get("name"))[:60])


def _decoded(fields: Mapping[str, Any], name: str) -> Preset:
    try:
        return wire.decode(Preset, dict(fields))
    except (TypeError, ValueError, AttributeError) as error:
        raise PresetError(f'what "{name}" says of itself can\'t be read ({error})', REMOVE) from None


#: What to do about a file that can't be trusted to be what it says.
REMOVE: Final = "Remove the file from the library, or save the preset again"


# Versions of Blender


def version_text(number: int) -> str:
    """402 as "4.2"."""
    return f"{number // 100}.{number % 100}"


def version_numbers(text: str) -> tuple[int, int]:
    """The numbers of "4.2": (4, 2); (0, 0) for what is no version."""
    parts = text.split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (ValueError, IndexError):
        return 0, 0


def readable_from(writer: tuple[int, int]) -> tuple[int, int]:
    """The oldest Blender that may open what another one wrote: those of one generation read each other's files.

    Blender 4.5 opens files of 5.0, and loses what our nodes hold.
    """
    return (4, 2) if writer[0] <= 4 else (writer[0], 0)
