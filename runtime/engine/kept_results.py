# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of an item in the form in which the store keeps it, which holds in any run and any session.

What lies in files is named by what comes after the stem of the item's blob. What its data-blocks were made from is
named by content: see `KeptOrigin`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .. import wire
from ..blend_file.blob_digests import Digests
from ..keys.files import FileState
from ..scratch.contents import Contents, DataBlockName, Origin
from ..scratch.typed_values import TypedValue

#: Stands for the stem of the blob's name.
STEM: Final = "~"


@dataclass(frozen=True, slots=True)
class KeptOrigin:
    """Where a data-block of a blob is from: from an input that holds a data-block with a name and a content.

    In a run that finds the result, the item has inputs of the same content, as its key is the same. So the data-block
    is from that one there, whatever blob it is in.

    Attributes:
        kind, name, library: the data-block, by its name in the blob.
        from_kind, from_name, from_library: the name of its origin, where that was first written.
        from_content: the content of its origin.
        is_unchanged: whether it is still what its origin was.
    """

    kind: str
    name: str
    library: str
    from_kind: str
    from_name: str
    from_library: str
    from_content: str
    is_unchanged: bool

    @property
    def data_block(self) -> DataBlockName:
        return DataBlockName(self.kind, self.name, self.library)

    @property
    def source(self) -> tuple[DataBlockName, str]:
        """The name and content of its origin."""
        return DataBlockName(self.from_kind, self.from_name, self.from_library), self.from_content


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What an item gave.

    Attributes:
        parts: of the key under which it is kept, as JSON.
        script: the text of its script.
        values: by the output's identifier.
        origins: of what is in its blob, and was not made by the item.
        read: files that it depends on beside its inputs, as they were.
        written: files that it wrote, as they were at its end.
        peak_memory: bytes that it took.
        obstacle: why it can't be used again, "" if it can.
    """

    parts: str
    script: str
    values: Mapping[str, TypedValue] = field(default_factory=dict)
    origins: tuple[KeptOrigin, ...] = ()
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


def kept_origins(
    contents: Contents, blob: str, digests: Digests, births: Callable[[str], Digests]
) -> Iterator[KeptOrigin]:
    """The origins of what is in a blob, by content.

    Args:
        contents: what is written beside the blob; it may tell of more than is in it.
        blob: its name.
        digests: of what is in it.
        births: gives what was first written to a blob.

    Raises:
        KeyError: if the content of an origin is not known.
    """
    for name in contents.origins.keys() & digests.keys():
        origin = contents.origins[name]
        if origin.ref.blob == blob:  # it was made by the item
            continue
        source = DataBlockName(origin.ref.kind, origin.ref.name, origin.ref.library)
        yield KeptOrigin(*name, *source, births(origin.ref.blob)[source].content, origin.is_unchanged)


def found_origins(
    kept: Iterable[KeptOrigin], sources: Mapping[tuple[DataBlockName, str], Origin]
) -> dict[DataBlockName, Origin]:
    """The origins of kept data-blocks in this run.

    Args:
        kept: the origins by content.
        sources: the origins of what the item's inputs hold, by name and content.

    Raises:
        KeyError: if no input holds one of them.
    """
    return {each.data_block: Origin(sources[each.source].ref, each.is_unchanged) for each in kept}
