# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written beside a blob, in NAME.json: which data-blocks are in it, and where they are from.

The *origin* of a data-block is the place where it was first written: (blob, kind, name, library). A material that went
out with an object and came back as it was still has its origin, and so finds the artist's own one again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..errors import StoreError
from ..reach import reached
from ..script.socket_types import StoredRef


class DataBlockName(NamedTuple):
    """The name of a data-block within one file, with its kind and library."""

    kind: str
    name: str
    library: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a data-block of a blob was first written, and whether it is still what it was there."""

    ref: StoredRef
    is_unchanged: bool


@dataclass(frozen=True, slots=True)
class PixelFile:
    """Where the unsaved pixels of an image are: the name of a file beside the blob, and the image's size in pixels."""

    name: str
    width: int
    height: int


class PartTarget(NamedTuple):
    """A target of a driver that reads a part of a data-block. In the blob, it reads that data-block itself.

    Attributes:
        of: what of a data-block has the driver: "" for itself, or the name of a part, such as "node_tree".
        driver: its number there.
        variable: the number of the variable in it.
        target: the number of the target in that.
        part: the name of the part that is read.
    """

    of: str
    driver: int
    variable: int
    target: int
    part: str


@dataclass(slots=True)
class Contents:
    """What is stored beside a blob: its roots, origins, files of pixels, and fake users, which appending removes.

    A data-block without an entry in `origins` was first written to this blob; or, if several blobs were written from
    one file, its origin is in `birthplace`, which is the same for all of them.

    Attributes:
        part_targets: the targets of a data-block's drivers that read parts of others, which a blob can't hold.
        uses: if there are several roots, what each data-block uses itself: without it, nobody knows which of the others
            come along with a root.
    """

    birthplace: str = ""
    roots: set[DataBlockName] = field(default_factory=set)
    origins: dict[DataBlockName, Origin] = field(default_factory=dict)
    pixels: dict[DataBlockName, PixelFile] = field(default_factory=dict)
    fake_users: set[DataBlockName] = field(default_factory=set)
    part_targets: dict[DataBlockName, list[PartTarget]] = field(default_factory=dict)
    holder: str = ""
    uses: dict[DataBlockName, tuple[DataBlockName, ...]] = field(default_factory=dict)

    def origin(self, name: DataBlockName, blob: str) -> Origin:
        """The origin of a data-block of that blob."""
        return self.origins.get(name) or Origin(StoredRef(*name, self.birthplace or blob), True)

    def used_by(self, roots: Iterable[DataBlockName]) -> set[DataBlockName]:
        """The roots, and all that comes along with them."""
        if len(self.roots) < 2:
            return {*roots, *self.origins}
        return reached(roots, self.uses)

    @property
    def holders(self) -> list[DataBlockName]:
        """What must be loaded to have the packed linked data-blocks among the roots: see `release`."""
        return [DataBlockName("Collection", self.holder, "")] if self.holder else []

    def renamed(self, stem: str, new: str) -> Contents:
        """The same beside a blob with another stem."""
        pixels = {
            name: dataclasses.replace(file, name=f"{new}{file.name.removeprefix(stem)}")
            for name, file in self.pixels.items()
        }
        return dataclasses.replace(self, pixels=pixels)

    def save(self, blob: Path) -> None:
        """Write it beside a blob. It may be renamed with the blob and the other files beside it."""
        names = list({*self.uses}.union(*self.uses.values()))
        number_of = {name: number for number, name in enumerate(names)}
        record = {
            "birthplace": self.birthplace,
            "roots": list(self.roots),
            "origins": [
                [*name, *dataclasses.astuple(origin.ref), origin.is_unchanged] for name, origin in self.origins.items()
            ],
            "pixels": [
                [*name, file.name.removeprefix(blob.stem), file.width, file.height]
                for name, file in self.pixels.items()
            ],
            "fake_users": list(self.fake_users),
            "part_targets": [[*name, *target] for name, targets in self.part_targets.items() for target in targets],
            "holder": self.holder,
            "names": names,
            "uses": [[number_of[name], *(number_of[each] for each in used)] for name, used in self.uses.items()],
        }
        blob.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")

    @classmethod
    def load(cls, blob: Path) -> Contents:
        """Read what is beside a blob. Raises StoreError if it is missing or can't be read."""
        try:
            record = json.loads(blob.with_suffix(".json").read_text(encoding="utf-8"))
            names = [DataBlockName(*row) for row in record["names"]]
            part_targets: dict[DataBlockName, list[PartTarget]] = {}
            for row in record["part_targets"]:
                part_targets.setdefault(DataBlockName(*row[:3]), []).append(PartTarget(*row[3:]))
            return cls(
                record["birthplace"],
                {DataBlockName(*row) for row in record["roots"]},
                {DataBlockName(*row[:3]): Origin(StoredRef(*row[3:7]), row[7]) for row in record["origins"]},
                {DataBlockName(*row[:3]): PixelFile(blob.stem + row[3], *row[4:]) for row in record["pixels"]},
                {DataBlockName(*row) for row in record["fake_users"]},
                part_targets,
                record["holder"],
                {names[user]: tuple(names[number] for number in used) for user, *used in record["uses"]},
            )
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise StoreError(f"the contents of {blob} can't be read: {error}") from error
