# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of data-blocks by content: the same after saving and opening, in another place, beside other data-blocks.

Each is made of a data-block's own content, the files it names, and the digests of all that it uses. Data-blocks that
use each other (a mesh and its shape keys, an armature and what its bones show) have one digest together, and each has
its place in it, by kind and name.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import BlendFileError
from ..keys.files import MISSING, UnknownContentError
from ..scratch.contents import Contents, DataBlockName
from .anatomy import Anatomy, DataBlock, anatomy
from .blocks import mapped
from .components import components
from .fields import kinds
from .fields.named_files import Form, NamedFile, NamedState
from .long_contents import LongContents
from .outside import DIGEST_SIZE, Outside, absolute


@dataclass(frozen=True, slots=True)
class Digest:
    """What a data-block is, with all that it uses.

    Attributes:
        content: equal for what is equal; "" if it can't be told.
        reason: why it can't; "" if it can.
        is_timed: whether it may look different at another frame.
        own: equal for what is equal, with its shape keys, without what it uses; "" if that can't be told.
        arrangement: equal if an editor shows its own nodes and modifiers alike, which `content` leaves out.
        sees_arrangement: whether it looks different if something that it uses is arranged in another way.
        uses: what it uses itself.
        files: the files that it names itself, as they were; of what is linked, its library and all that is named there.
            Their paths don't count.
    """

    content: str
    reason: str
    is_timed: bool
    own: str = ""
    arrangement: str = ""
    sees_arrangement: bool = False
    uses: tuple[DataBlockName, ...] = ()
    files: tuple[NamedState, ...] = field(default=(), compare=False)


def digests(blob: Path, outside: Outside, long: LongContents | None = None) -> dict[DataBlockName, Digest]:
    """The digest of each data-block of a blob, with its unsaved pixels and its fake user.

    Linked data-blocks that are its roots, and that nothing in it uses, are not in it; they are digested all the same.

    Args:
        blob: a .blend file that nobody changes meanwhile.
        outside: looks at the files that data-blocks name.
        long: finds and notes the digests of its long contents.

    Raises:
        StoreError: if what is beside the blob can't be read.
        BlendFileError: if the blob can't be read.
    """
    contents, libraries = Contents.load(blob), _Libraries(outside)
    file = _File(anatomy(mapped(blob), long), blob.parent, libraries, dict(_beside(blob, contents, outside)))
    found = {name: file.digest(place) for name, place in file.places.items()}
    linked = sorted(name for name in contents.roots if name.library and name not in found)
    return found | {name: libraries.digest(name) for name in linked}


def _beside(blob: Path, contents: Contents, outside: Outside) -> Iterator[tuple[DataBlockName, bytes]]:
    """What lies beside a blob and counts, by data-block."""
    for name in contents.pixels.keys() | contents.fake_users | contents.part_targets.keys():
        found = repr(name in contents.fake_users).encode()
        if name in contents.part_targets:
            found += repr(list(map(tuple, contents.part_targets[name]))).encode()
        if name in contents.pixels:
            file = contents.pixels[name]
            found += repr((file.width, file.height)).encode()
            state = outside.state(NamedFile(str(blob.with_name(file.name)), Form.TILES), blob.parent)
            found += bytes.fromhex(state.digest)
        yield name, found


def whole_digest(file: Path, outside: Outside) -> Digest:
    """The digest of all that is in a .blend file, and of the files that it names. Its bytes count.

    Raises:
        BlendFileError: if the file can't be read.
    """
    try:
        state = outside.state(NamedFile(str(file), Form.FILE), file.parent)
    except UnknownContentError as error:
        raise BlendFileError(str(error)) from error
    found = outside.library(file)
    content = _File(found, file.parent, _Libraries(outside), {})
    each = [content.digest(place) for place in range(len(found.data_blocks))]
    reason = next((digest.reason for digest in each if digest.reason), "")
    if reason:
        return Digest("", reason, True)
    whole = _hash([state.digest.encode(), *(digest.content.encode() for digest in each)]).hex()
    files = dict.fromkeys([state, *(state for digest in each for state in digest.files)])
    return Digest(whole, "", True, whole, files=tuple(files))


class _File:
    """One .blend file, in a folder. `more` is what counts and is not in it."""

    def __init__(
        self, found: Anatomy, folder: Path, libraries: _Libraries, more: Mapping[DataBlockName, bytes]
    ) -> None:
        self._version = found.version
        self._found = found.data_blocks
        self._folder = folder
        self._libraries = libraries
        self._more = more
        self._digests: dict[int, Digest] = {}
        self._states: dict[int, tuple[NamedState, ...]] = {}
        self._names = [self._name(data_block) for data_block in self._found]
        self._num_names = Counter(self._names)
        self._packed = next((item for item in found.data_blocks if item.code == kinds.LIBRARY and item.reason), None)
        self.places = {name: place for place, name in enumerate(self._names) if name.kind}

    def digest(self, place: int) -> Digest:
        for component in components(place, lambda node: self._found[node].uses, self._digests):
            self._digests.update(self._digests_of(component))
        return self._digests[place]

    def _name(self, data_block: DataBlock) -> DataBlockName:
        library = ""
        if data_block.library is not None:
            library = str(absolute(self._found[data_block.library].path, self._folder))
        return DataBlockName(kinds.kind_of(data_block.code, self._version[0]), data_block.name, library)

    def _digests_of(self, component: list[int]) -> Iterator[tuple[int, Digest]]:
        """The digests of data-blocks that use each other; of one, if it uses no other that uses it."""
        blocks = self._found
        if blocks[component[0]].is_linked:
            yield component[0], self._linked(component[0])
            return
        members = sorted(component, key=lambda place: (blocks[place].code, blocks[place].name, blocks[place].own))
        ranks = {place: rank for rank, place in enumerate(members)}
        used = [self._digests[use] for place in members for use in blocks[place].uses if use not in ranks]
        is_timed = any(blocks[place].is_timed for place in members) or any(digest.is_timed for digest in used)
        sees_arrangement = any(blocks[place].sees_arrangement for place in members)
        sees_arrangement = sees_arrangement or any(digest.sees_arrangement for digest in used)
        try:
            owns = {place: _hash(self._own_parts(place)) for place in members}
            whole = _hash(part for place in members for part in (owns[place], *self._used_parts(place, ranks)))
            reason = next((digest.reason for digest in used if digest.reason), "")
        except BlendFileError as error:
            owns, whole, reason = {}, b"", str(error)
        for place in members:
            if reason:
                yield place, Digest("", reason, is_timed)
                continue
            content = whole if len(members) == 1 else _hash([whole, ranks[place].to_bytes(8, "little")])
            parts, uses = self._with_parts(place)
            own = owns[place] if len(parts) == 1 else _hash(part for each in parts for part in self._own_parts(each))
            files = self._states_of(place)
            yield (
                place,
                Digest(
                    content.hex(),
                    "",
                    is_timed,
                    own.hex(),
                    blocks[place].arrangement.hex(),
                    sees_arrangement,
                    tuple(uses),
                    files,
                ),
            )

    def _with_parts(self, place: int) -> tuple[list[int], list[DataBlockName]]:
        """A data-block with its parts, such as its shape keys, which have no kind; and what all of them use."""
        members, uses, met = [place], list[DataBlockName](), {place}
        queue = [place]
        while queue:
            for use in self._found[queue.pop()].uses:
                if use in met:
                    continue
                met.add(use)
                if self._names[use].kind:
                    uses.append(self._names[use])
                else:
                    members.append(use)
                    queue.append(use)
        return members, uses

    def _used_parts(self, place: int, ranks: Mapping[int, int]) -> Iterator[bytes]:
        """All that a data-block uses."""
        for use in self._found[place].uses:
            yield ranks[use].to_bytes(8, "little") if use in ranks else bytes.fromhex(self._digests[use].content)

    def _own_parts(self, place: int) -> Iterator[bytes]:
        """All that a data-block is, without what it uses. Raises BlendFileError if something of it can't be known."""
        data_block = self._found[place]
        name = self._names[place]
        where = f'{name.kind or "data-block"} "{data_block.name}": '
        if data_block.reason:
            raise BlendFileError(where + data_block.reason)
        if name.kind and self._num_names[name] > 1:
            raise BlendFileError(where + "several versions of it, of one library, are in the file")
        yield repr((self._version, data_block.code, data_block.name)).encode("utf-8", "surrogateescape")
        yield data_block.own
        yield self._more.get(name, b"")
        try:
            for named, state in zip(data_block.files, self._states_of(place), strict=True):
                yield f"{named.place}\0{state.digest}".encode()
        except UnknownContentError as error:
            raise BlendFileError(where + str(error)) from error

    def _states_of(self, place: int) -> tuple[NamedState, ...]:
        """The files that a data-block names, as they were when they were first looked at."""
        if place not in self._states:
            outside = self._libraries.outside
            self._states[place] = tuple(outside.state(named, self._folder) for named in self._found[place].files)
        return self._states[place]

    def files(self, place: int) -> Iterator[NamedState]:
        """The files that a data-block and all that it uses name."""
        for component in components(place, lambda node: self._found[node].uses, ()):
            for each in component:
                yield from self._digests[each].files

    def _linked(self, place: int) -> Digest:
        if self._found[place].library is None:
            return Digest("", f'{self._names[place].kind} "{self._names[place].name}": its library is not known', True)
        if self._packed is not None:  # any other library may link it
            return Digest("", f'library "{self._packed.name}": {self._packed.reason}', True)
        return self._libraries.digest(self._names[place])


class _Libraries:
    """The libraries that a file links, and those that they link."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self._files: dict[str, _File] = {}
        self._open: set[tuple[str, DataBlockName]] = set()

    def digest(self, name: DataBlockName) -> Digest:
        """The digest of a data-block of a library, which counts with all of that file."""
        path = os.path.normpath(name.library)
        file_name, own_name = Path(path).name, name._replace(library="")
        if (path, own_name) in self._open:
            return Digest("", f'library "{file_name}": it links to itself, by way of others', True)
        self._open.add((path, own_name))
        try:
            state = self.outside.state(NamedFile(path, Form.FILE), Path())
            content = self.outside.files.file(path)
            if content == MISSING:
                missing = _hash([b"missing", file_name.encode("utf-8", "surrogateescape")]).hex()
                return Digest(missing, "", False, files=(state,))
            file = self._file(path)
            if own_name not in file.places:
                return Digest("", f'library "{file_name}": it has no {name.kind} "{name.name}"', True)
            found = file.digest(file.places[own_name])
        except (BlendFileError, UnknownContentError) as error:
            return Digest("", f'library "{file_name}": {error}', True)
        finally:
            self._open.remove((path, own_name))
        if found.reason:
            return found
        whole = _hash([content.encode(), bytes.fromhex(found.content)]).hex()
        files = dict.fromkeys([state, *file.files(file.places[own_name])])
        return replace(found, content=whole, uses=(), files=tuple(files))

    def _file(self, path: str) -> _File:
        if path not in self._files:
            self._files[path] = _File(self.outside.library(Path(path)), Path(path).parent, self, {})
        return self._files[path]


def _hash(parts: Iterable[bytes]) -> bytes:
    """A digest of parts, each with its length."""
    joined = b"".join(piece for part in parts for piece in (len(part).to_bytes(8, "little"), part))
    return hashlib.blake2b(joined, digest_size=DIGEST_SIZE).digest()
