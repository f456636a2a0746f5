# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of an item in the form in which the store keeps it, which holds in any run and any session.

What lies in files is named by what comes after the stem of the item's blob. What its data-blocks were made from is
named by its place among what the item was given: see `KeptOrigin`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .. import wire
from ..blend_file.blob_digests import Digests
from ..errors import StoreError
from ..keys.files import FileState
from ..scratch.contents import Contents, DataBlockName, Origin
from ..scratch.typed_values import TypedValue
from ..script.socket_types import StoredRef

#: Stands for the stem of the blob's name.
STEM: Final = "~"


@dataclass(frozen=True, slots=True)
class KeptOrigin:
    """Where a data-block of a blob is from: from one of the origins of what the item was given.

    In a run that finds the result, the item has the same key, so its inputs have as many origins, in the same order.

    Attributes:
        kind, name, library: the data-block, by its name in the blob.
        source: the place of its origin among those of the inputs.
        is_unchanged: whether it is still what it was there.
    """

    kind: str
    name: str
    library: str
    source: int
    is_unchanged: bool

    @property
    def data_block(self) -> DataBlockName:
        return DataBlockName(self.kind, self.name, self.library)


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What an item gave.

    Attributes:
        parts: of the key under which it is kept, as JSON.
        script: the text of its script.
        values: by the output's identifier.
        origins: of what is in its blob, and was not made by the item.
        files: of the paths that its data-blocks name, those that the data-blocks given to it named.
        read: files that it depends on beside its inputs, as they were.
        written: files that it wrote, as they were at its end.
        peak_memory: bytes that it took.
        obstacle: why it can't be used again, "" if it can.
    """

    parts: str
    script: str
    values: Mapping[str, TypedValue] = field(default_factory=dict)
    origins: tuple[KeptOrigin, ...] = ()
    files: tuple[str, ...] = ()
    read: tuple[FileState, ...] = ()
    written: tuple[FileState, ...] = ()
    peak_memory: int | None = None
    obstacle: str = ""

    def encode(self) -> dict[str, Any]:
        """Plain JSON."""
        encoded: dict[str, Any] = wire.encode(self)
        return encoded

    @classmethod
    def decode(cls, data: Any) -> KeptResult:
        """Raises TypeError or ValueError if `data` is no kept result."""
        return wire.decode(cls, data)


def kept_origins(contents: Contents, blob: str, digests: Digests, sources: Sequence[StoredRef]) -> Iterator[KeptOrigin]:
    """The origins of what is in a blob, by their places among `sources`.

    Args:
        contents: what is written beside the blob; it may tell of more than is in it.
        blob: its name.
        digests: of what is in it.
        sources: the origins of what the item was given.

    Raises:
        StoreError: if an origin is none of these.
    """
    places = {source: place for place, source in enumerate(sources)}
    for name in contents.origins.keys() & digests.keys():
        origin = contents.origins[name]
        if origin.ref in places:
            yield KeptOrigin(*name, places[origin.ref], origin.is_unchanged)
        elif origin.ref.blob != blob and not name.library:  # what is linked is found by its library
            raise StoreError(f'nobody knows where {name.kind} "{name.name}" is from')


def found_origins(kept: Iterable[KeptOrigin], sources: Sequence[StoredRef]) -> dict[DataBlockName, Origin]:
    """The origins of kept data-blocks in this run. Raises IndexError if `sources` are those of another key."""
    return {each.data_block: Origin(sources[each.source], each.is_unchanged) for each in kept}
