# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of an item in the form in which the store keeps it, which holds in any run and any session.

What lies in files is named by what comes after the stem of the item's blob. What its data-blocks were made from is
named by its place among what the item was given: see `KeptOrigin`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from .. import wire
from ..blend_file import blob_digests
from ..blend_file.blob_digests import Digests
from ..blend_file.fields.named_files import NamedState
from ..errors import StoreError
from ..keys.files import FileState
from ..keys.key import KeyParts
from ..planning.plan import PlannedTask
from ..scratch.contents import Contents, DataBlockName, Origin
from ..scratch.typed_values import TypedValue
from ..script.socket_types import StoredRef
from ..store.records import Record
from ..store.store import Store, place_file

#: Stands for the stem of the blob's name.
STEM: Final = "~"
#: What ends the names of the files beside a blob.
_CONTENTS, _DIGESTS, _VALUE = ".json", ".digests.json", ".value"
_BESIDE: Final = (_CONTENTS, _DIGESTS)
#: How many of each kind a session remembers.
_MAX_KNOWN: Final = 10_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


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
        named: files that its data-blocks name, and not those given to it, as they were.
        read: files that it depends on beside its inputs, as they were.
        written: files that it wrote, as they were at its end.
        claimed: the paths that it claimed, so that no other task wrote to them.
        peak_memory: bytes that it took.
        num_items: how many items its task had then.
        given: as `given.given_digest`.
        obstacle: why it can't be used again, "" if it can.
    """

    parts: str
    script: str
    values: Mapping[str, TypedValue] = field(default_factory=dict)
    origins: tuple[KeptOrigin, ...] = ()
    files: tuple[str, ...] = ()
    named: tuple[NamedState, ...] = ()
    read: tuple[FileState, ...] = ()
    written: tuple[FileState, ...] = ()
    claimed: tuple[str, ...] = ()
    peak_memory: int | None = None
    num_items: int = 1
    given: str = ""
    obstacle: str = ""

    def encode(self) -> dict[str, Any]:
        """Plain JSON."""
        encoded: dict[str, Any] = wire.encode(self)
        return encoded

    @classmethod
    def decode(cls, data: Any) -> KeptResult:
        """Raises TypeError or ValueError if `data` is no kept result."""
        return wire.decode(cls, data)


@dataclass(frozen=True, slots=True)
class _Blob:
    """What is written beside a kept blob, and the stem under which it was read."""

    stem: str
    contents: Contents
    digests: Digests


class KeptResults:
    """Kept results that were found in this session: each is made of its record once."""

    def __init__(self) -> None:
        self._results: dict[str, tuple[Record, KeptResult]] = {}  # by key
        self._blobs: dict[tuple[str, str], _Blob] = {}  # by the digests of the files beside the blob

    def read(self, record: Record) -> KeptResult | None:
        """As the function `read`, at once for the very record of the last time."""
        known = self._results.get(record.key)
        if known is not None and known[0] is record:
            return known[1]
        kept = read(record)
        if kept is not None:
            _add(self._results, record.key, (record, kept))
        return kept

    def last_keys(self, store: Store, task: str) -> Iterator[str]:
        """The keys of the last results of all items of a task."""
        num_items = item = 1
        while item <= num_items:
            record = store.last(subject_of(task, item - 1))
            kept = None if record is None else self.read(record)
            if record is not None and kept is not None:
                num_items = kept.num_items
                yield record.key
            item += 1

    def place(
        self,
        store: Store,
        record: Record,
        name: str,
        path: Path,
        origins: dict[DataBlockName, Origin],
        *,
        copy: Path | None = None,
        is_only_read: bool = False,
    ) -> tuple[Contents, Digests] | None:
        """Make the blob at `path` of the kept one with a name; its data-blocks have the given origins.

        Its files are taken from a `copy` of the kept one, if there is one. If it `is_only_read`, there are only those
        that tell what is in it, and large values.

        Returns:
            what is in it, None if it holds no data-blocks.

        Raises:
            StoreError: if that can't be done.
        """
        digests = {file.suffix: file.digest for file in record.blobs[name]}
        beside = digests.get(_CONTENTS, ""), digests.get(_DIGESTS, "")
        known = self._blobs.get(beside)
        but: tuple[str, ...] = () if known is None else (_CONTENTS,)
        if is_only_read:
            but = tuple(suffix for suffix in digests if _VALUE not in suffix and (known or suffix not in _BESIDE))
        if copy is None:
            store.place(record, name, path.parent, path.stem, but=but)
        else:
            _take_copy(copy, path, [suffix for suffix in digests if suffix not in but])
        if path.suffix not in digests:
            return None
        if known is None:
            known = _Blob(path.stem, Contents.load(path), blob_digests.read(path))
            _add(self._blobs, beside, known)
        contents = known.contents.renamed(known.stem, path.stem)
        made = known.contents.origins.keys() & known.digests.keys() - origins.keys()  # by the item itself
        own = {each: Origin(StoredRef(*each, path.name), True) for each in made if not each.library}
        contents.origins = own | origins
        if is_only_read:
            return contents, known.digests
        try:
            path.with_suffix(_CONTENTS).unlink(missing_ok=True)  # it is the store's own
            contents.save(path)
        except OSError as error:
            raise StoreError(f"a kept result can't be put into {path.parent}: {error}") from error
        return contents, known.digests


def _take_copy(copy: Path, path: Path, suffixes: Iterable[str]) -> None:
    try:
        for suffix in suffixes:
            place_file(str(copy.with_name(f"{copy.stem}{suffix}")), str(path.with_name(f"{path.stem}{suffix}")))
    except OSError as error:
        raise StoreError(f"a kept result can't be put into {path.parent}: {error}") from error


def _add(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(known) >= _MAX_KNOWN:
        known.clear()
    known[key] = value


def read(record: Record) -> KeptResult | None:
    """What a record holds; None if nobody can read it any more."""
    try:
        return KeptResult.decode(record.content)
    except (TypeError, ValueError):
        return None


def last(store: Store, subject: str) -> KeptResult | None:
    """The newest result of a subject; None if there is none, or nobody can read it any more."""
    record = store.last(subject)
    return None if record is None else read(record)


def subject(task: PlannedTask, item: int) -> str:
    """What the last result of an item is found by."""
    return subject_of(task.id, item)


def subject_of(task: str, item: int) -> str:
    """As `subject`, of a task by its id."""
    return f"{task} {item}"


def place(parts: KeyParts) -> str:
    """What the last result of a task with these inputs is found by, whatever is in their files."""
    return f"place {parts.place()}"


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
