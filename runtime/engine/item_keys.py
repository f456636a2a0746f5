# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of the items of a run: what each item is given, by content, and all else that its result depends on."""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from ..blend_file import blob_digests
from ..blend_file.blob_digests import Digests
from ..blend_file.fields.named_files import NamedState
from ..blend_file.outside import Outside
from ..errors import MisfitError, StoreError
from ..keys.files import FileDigests, QuickDigests, UnknownContentError, combined
from ..keys.inputs import Contents as InputContents
from ..keys.inputs import DataBlockContent, input_parts, items_digest, value_digest
from ..keys.installed import versions
from ..keys.key import Element, Environment, KeyParts, OtherItems, ScriptPart, key_parts
from ..keys.script_digest import ScriptDigest, ScriptDigests
from ..planning.plan import PlannedTask
from ..scratch import value_files
from ..scratch.contents import Contents, DataBlockName, Origin
from ..scratch.scratch import Scratch
from ..scratch.typed_values import TypedValue
from ..script.signature import Parameter, ScriptSource
from ..script.socket_types import OPEN_FILE, StoredRef
from .results import Results, Tasks

#: What is known of a blob that can't be read.
NOTHING_KNOWN: Final[tuple[Contents, Digests]] = (Contents(), {})

#: How many keys, and how many blobs with what is in them, a session remembers.
_MAX_KEYS: Final = 10_000
_MAX_BLOBS: Final = 1000
#: How many blobs a new one is compared with: what the artist has changed may be in the last run's.
_MAX_DIGESTED: Final = 8
#: Bytes that are read at once of what is told beside a blob; more is read on another thread.
_SHORT: Final = 64 * 1024


class Known:
    """What is known of scripts, files and keys, for all runs of a session.

    Attributes:
        files, outside: what other threads ask: they may read for long.
        quick, quick_outside: the same for the foreground.
        keys: the last key of each item, by task and item.
        digested: the blobs of which the digests were found out last.
    """

    def __init__(self) -> None:
        self.files = FileDigests()
        self.outside = Outside(self.files)
        self.quick = QuickDigests(self.files)
        self.quick_outside = Outside(self.quick)
        self.scripts = ScriptDigests(self.quick)
        self.keys: dict[tuple[str, int], _KnownKey] = {}
        self.digested: deque[Path] = deque(maxlen=_MAX_DIGESTED)
        self._blobs: dict[str, tuple[Contents, Digests]] = {}

    def note_blob(self, blob: str, contents: Contents, digests: Digests) -> None:
        """Note what is in a blob that later runs may use, if that depends on no file outside."""
        if all(digest.content and not digest.files for digest in digests.values()):
            self._blobs[blob] = contents, digests
            while len(self._blobs) > _MAX_BLOBS:
                del self._blobs[next(iter(self._blobs))]

    def forget_blobs(self, names: Iterable[str]) -> None:
        """Forget blobs that are about to be removed."""
        for name in names:
            self._blobs.pop(name, None)

    def blob(self, blob: str) -> tuple[Contents, Digests] | None:
        """What is in a blob, None if it must be read."""
        return self._blobs.get(blob)


class ItemKey(NamedTuple):
    """What an item depends on, and the key that was made of it."""

    parts: KeyParts
    key: str

    @classmethod
    def of(cls, parts: KeyParts) -> ItemKey:
        return cls(parts, parts.key())


@dataclass(frozen=True, slots=True)
class _KnownKey:
    """A key of an item that is given plain values only, and all that went into it."""

    task: PlannedTask
    values: tuple[TypedValue, ...]
    surroundings: tuple[ScriptDigest, Mapping[str, str], Environment]
    key: ItemKey

    def is_of(self, task: PlannedTask, values: tuple[TypedValue, ...]) -> bool:
        """Whether it is of the very same task with the very same values: equal ones may be of other types."""
        return self.task is task and len(values) == len(self.values) and all(map(operator.is_, values, self.values))


class ItemKeys:
    """The keys of the items of one run."""

    def __init__(self, known: Known, environment: Environment, scratch: Scratch, results: Results) -> None:
        """`environment` is what results may depend on beside scripts and values."""
        self._known = known
        self._environment = environment
        self._scratch = scratch
        self._results = results
        self._digests: dict[str, Digests] = {}  # by blob
        self._contents: dict[str, Contents] = {}  # by blob
        self._scripts: dict[ScriptSource, ScriptDigest] = {}
        self._installed: dict[ScriptSource, dict[str, str]] = {}
        self._values: dict[int, tuple[TypedValue, str]] = {}  # the digests of lists, by their `id`
        self._shared_blobs: dict[str, tuple[str, ...]] = {}  # by task
        self._items: dict[str, str] = {}  # the digests of what all items of a task are given, by task
        self._arrangement_seen: set[str] | None = None

    def know(self, blob: str, contents: Contents, digests: Digests) -> None:
        """Note what is in a blob."""
        self._contents[blob] = contents
        self._digests[blob] = digests

    def know_digested(self, blob: str, contents: Contents, digests: Digests) -> None:
        """Note what `digesting` has found in a blob."""
        self.know(blob, contents, digests)
        self._known.note_blob(blob, contents, digests)

    def digesting(self, blob: str) -> Callable[[], tuple[Contents, Digests]]:
        """What finds out what is in a blob, to be done on another thread; `know` takes what it returns.

        A .blend file that a task works on is named by its whole path.
        """
        outside = self._known.outside
        if Path(blob).is_absolute():
            return lambda: (Contents(), blob_digests.of_file(Path(blob), outside))
        path, earlier = self._scratch.file(blob), list(self._known.digested)
        self._known.digested.append(path)

        def read() -> tuple[Contents, Digests]:
            return Contents.load(path), blob_digests.noted(path, outside, earlier)

        return read

    def reading(self, paths: tuple[str, ...], is_wanted: Callable[[], bool]) -> Callable[[], None]:
        """What reads files that items take, for as long as `is_wanted`, to be done on another thread."""
        return functools.partial(self._known.files.read, paths, is_wanted)

    def content_of(self, ref: StoredRef) -> str:
        """The digest of a data-block by content; "" if it is not known."""
        blob, name = self._place(ref)
        if blob not in self._digests:
            path = self._scratch.file(blob)
            try:
                self.know(blob, Contents.load(path), blob_digests.read(path))
            except StoreError:
                return ""
        digest = self._digests[blob].get(name)
        if digest is None or not digest.content:
            return ""
        return _with_arrangement(digest.content, _used_by(name, self._digests[blob]), self._digests[blob])

    def sources(self, task: PlannedTask, item: int, tasks: Tasks) -> tuple[StoredRef, ...]:
        """The origins of all that the inputs of an item are and use, in the order in which its key numbers them.

        Raises StoreError if a long list of data-blocks can't be read.
        """
        return tuple(
            dict.fromkeys(origin.ref for ref in self._given(task, item, tasks) for origin in self._origins(ref))
        )

    def files(self, task: PlannedTask, item: int, tasks: Tasks) -> set[NamedState]:
        """The files that the data-blocks given to an item name, as they were. Raises StoreError as `sources` does."""
        named = {file for ref in self._given(task, item, tasks) for file in self._files(ref)}
        whole = self._whole_file(task, item, tasks)
        return named.union(() if whole is None else blob_digests.together(self._digests.get(whole, {})).files)

    def _given(self, task: PlannedTask, item: int, tasks: Tasks) -> Iterator[StoredRef]:
        for _parameter, pieces in self._arguments(task, item, tasks):
            for value in (value for value, _conversion in pieces if value.type.is_data_block):
                yield from filter(None, value_files.elements(value, self._scratch.folder))

    def script(self, task: PlannedTask) -> ScriptDigest:
        """The digest of a task's script, as it was when the run first asked for it."""
        if task.script not in self._scripts:
            self._scripts[task.script] = self._known.scripts.digest(task.script)
        return self._scripts[task.script]

    def _installed_for(self, source: ScriptSource, script: ScriptDigest) -> dict[str, str]:
        """The versions of what a script imports from elsewhere, as they were when the run first asked for them."""
        if source not in self._installed:
            self._installed[source] = versions(script.installed, self._known.quick)
        return self._installed[source]

    def is_as_it_was(self, part: ScriptPart, task: PlannedTask) -> bool:
        """Whether all that a task's script imports is still what it was when the run first asked for it."""
        script = self._known.scripts.digest(task.script)
        try:
            return script.modules == part.modules and versions(script.installed, self._known.quick) == part.installed
        except UnknownContentError:
            return False

    def key(self, task: PlannedTask, item: int, tasks: Tasks) -> ItemKey:
        """The key of an item, made anew if anything may have changed. Raises UnknownContentError as `parts` does."""
        values = self._results.plain_values(task, tasks)
        if values is None:
            return ItemKey.of(self.parts(task, item, tasks))
        script = self.script(task)
        surroundings = script, self._installed_for(task.script, script), self._environment
        known = self._known.keys.get((task.id, item))
        if known is not None and known.is_of(task, values) and known.surroundings == surroundings:
            return known.key
        key = ItemKey.of(self.parts(task, item, tasks))
        if len(self._known.keys) >= _MAX_KEYS:
            self._known.keys.clear()
        self._known.keys[task.id, item] = _KnownKey(task, values, surroundings, key)
        return key

    def parts(
        self,
        task: PlannedTask,
        item: int,
        tasks: Tasks,
        written: frozenset[str] = frozenset(),
        whole: PlannedTask | None = None,
    ) -> KeyParts:
        """What the result of an item depends on, but for files that it wrote itself: `written`, by their whole paths.

        `whole`: the task of which `task` is a part, if it is one.

        Raises:
            UnknownContentError: if that can't be told.
            NotReadYetError: if files have to be read before.
        """
        script = self.script(task)
        contents = InputContents(
            functools.partial(
                self._content,
                sees_paths=script.sees.folder or bool(task.settings.addons),
                sees_arrangement=(whole or task).id in self._seeing_arrangement(tasks),
            ),
            functools.partial(
                self._blend_file, gives_data_blocks=any(each.type.is_data_block for each in task.outputs)
            ),
            self._known.quick,
            self._scratch.folder,
            self._whole_path,
            written,
            self._value_digest,
        )
        try:
            inputs = input_parts(self._arguments(task, item, tasks), contents)
        except StoreError as error:
            raise UnknownContentError(str(error)) from error
        is_part = whole is not None  # what the items are given is not known then
        others = self._others(task, item, tasks) if script.sees.items and not is_part else None
        installed = self._installed_for(task.script, script)
        return key_parts(script, inputs, task.outputs, task.settings, self._environment, installed, others)

    def _arguments(
        self, task: PlannedTask, item: int, tasks: Tasks
    ) -> Iterator[tuple[Parameter, list[tuple[TypedValue, str]]]]:
        for place, argument in enumerate(task.arguments):
            pieces = self._results.pieces(task, place, item, tasks)
            yield argument.parameter, [(piece.value, piece.conversion) for piece in pieces]

    def _value_digest(self, value: TypedValue) -> str:
        """The digest of a value. All items may be given a list as long as there are items: that is read once."""
        known = self._values.get(id(value))
        if known is None or known[0] is not value:
            known = value, value_digest(value, self._scratch.folder)
            if value.type.is_list:
                self._values[id(value)] = known
        return known[1]

    def _others(self, task: PlannedTask, item: int, tasks: Tasks) -> OtherItems | None:
        if not task.has_items:
            return None
        if task.id not in self._items:  # it is the same for each of them
            self._items[task.id] = items_digest(self._results.columns(task, tasks).items())
        return OtherItems(self._results.position(task, item), self._items[task.id])

    def _seeing_arrangement(self, tasks: Tasks) -> set[str]:
        """The tasks that can see how nodes and modifiers are arranged, and those whose results they take."""
        if self._arrangement_seen is None:
            seen = set[str]()
            for task in reversed(list(tasks.values())):
                sees = self.script(task).sees.sees_arrangement or bool(task.settings.addons)
                if sees or task.id in seen:
                    seen.update((task.id, *task.dependencies))
            self._arrangement_seen = seen
        return self._arrangement_seen

    def _content(self, ref: StoredRef, *, sees_paths: bool, sees_arrangement: bool) -> DataBlockContent:
        blob, name = self._place(ref)
        digests = self._digests[blob]
        digest = digests.get(name)
        if digest is None or not digest.content:
            reason = "its content can't be read" if digest is None else digest.reason
            raise UnknownContentError(reason)
        used, content = _used_by(name, digests), digest.content
        parts = {_shown(part): digests[part].own for part in used}
        if sees_arrangement or digest.sees_arrangement:
            content = _with_arrangement(content, used, digests)
            parts = {_shown(part): f"{digests[part].own}{digests[part].arrangement}" for part in used}
        files = tuple(state.path for state in self._files(ref)) if sees_paths else ()
        element = Element(_shown(name), content, parts, files=files)
        return DataBlockContent(element, digest.is_timed, self._origins(ref), self._contents[blob].birthplace)

    def _files(self, ref: StoredRef) -> Iterator[NamedState]:
        """The files that a data-block and all that it uses name, as they were."""
        blob, name = self._place(ref)
        digests = self._digests[blob]
        return (file for each in _used_by(name, digests) for file in digests[each].files)

    def _origins(self, ref: StoredRef) -> tuple[Origin, ...]:
        """Where a data-block and all that it uses are from."""
        blob, name = self._place(ref)
        return tuple(self._contents[blob].origin(each, blob) for each in _used_by(name, self._digests[blob]))

    def _place(self, ref: StoredRef) -> tuple[str, DataBlockName]:
        """The blob that a data-block was first in, and its name there."""
        place = self._results.first_place(ref)
        return place.blob, DataBlockName(place.kind, place.name, place.library)

    def _whole_path(self, path: str) -> str:
        if path.startswith("//") and self._environment.open_file:
            return str(Path(self._environment.open_file).parent / path[2:])
        return path

    def _blend_file(self, path: str, *, gives_data_blocks: bool) -> DataBlockContent:
        """The content of a .blend file that a task works on."""
        shown = "the open file" if path == OPEN_FILE else PurePath(path).name
        if gives_data_blocks:  # which may be anything that is in the file
            raise UnknownContentError(f"it works on all of {shown}, and gives data-blocks")
        digest = blob_digests.together(self._digests.get(self._place_of_file(path), {}))
        if not digest.content:
            raise UnknownContentError(digest.reason or f"it works on all of {shown}, which can't be read")
        whole = (self._environment.open_file or shown) if path == OPEN_FILE else self._whole_path(path)
        return DataBlockContent(Element(whole, digest.content, {whole: digest.content}))

    def _place_of_file(self, path: str) -> str:
        """Where the digests of a .blend file are that a task works on: under its path, or that of its copy."""
        if path != OPEN_FILE:
            return self._whole_path(path)
        copy = self._results.copies.get(OPEN_FILE)
        return "" if copy is None else copy.blob

    def _whole_file(self, task: PlannedTask, item: int, tasks: Tasks) -> str | None:
        """Where the digests of the .blend file are that an item works on, None if it works on none."""
        try:
            path = self._results.blend_file(task, item, tasks)
        except (MisfitError, StoreError):
            return None
        place = "" if path is None else self._place_of_file(path)
        if path is None or not place:
            return None
        if path != OPEN_FILE and path in self._results.copies:
            self._digests.setdefault(place, {})  # nobody knows what it was when it was copied
        return place

    def undigested(self, task: PlannedTask, item: int, tasks: Tasks) -> tuple[str, ...]:
        whole = self._whole_file(task, item, tasks)
        wanted = (*self._input_blobs(task, item, tasks), *(() if whole is None else (whole,)))
        blobs = (blob for blob in wanted if blob not in self._digests)
        return tuple(blob for blob in blobs if not self._is_known(blob))

    def _is_known(self, blob: str) -> bool:
        """Whether an earlier run has found out what is in a blob, or a worker has told it in few words."""
        found = self._known.blob(blob)
        if found is not None:
            self.know(blob, *found)
        elif (told := self._told(blob)) is not None:
            self.know_digested(blob, *told)
        return blob in self._digests

    def _told(self, blob: str) -> tuple[Contents, Digests] | None:
        """What a worker has written beside a blob, if that is short.

        Another thread would read it only after it has kept the result, which takes long if the blob is large.
        """
        path = self._scratch.file(blob)
        size = None if Path(blob).is_absolute() else blob_digests.size(path)
        if size is None or size > _SHORT:
            return None
        try:
            return Contents.load(path), blob_digests.read(path)
        except StoreError:
            return None

    def _input_blobs(self, task: PlannedTask, item: int, tasks: Tasks) -> tuple[str, ...]:
        if task.id not in self._shared_blobs:
            self._shared_blobs[task.id] = self._blobs(self._results.shared_refs(task, tasks))
        if not task.has_items:
            return self._shared_blobs[task.id]
        own = self._blobs(self._results.own_refs(task, item, tasks))
        return tuple(dict.fromkeys(self._shared_blobs[task.id] + own))

    def _blobs(self, refs: Iterable[StoredRef]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._results.first_place(ref).blob for ref in refs))

    def forget_inputs(self) -> None:
        """Read all inputs anew, because a retry has changed the tasks."""
        self._values.clear()
        self._scripts.clear()
        self._installed.clear()
        self._shared_blobs.clear()
        self._items.clear()
        self._arrangement_seen = None


def _used_by(name: DataBlockName, digests: Digests) -> list[DataBlockName]:
    """A data-block and all that it uses, in an order that is the same for all that have the same digest."""
    found, waiting = {name: None}, [name]
    while waiting:
        new = [use for use in digests[waiting.pop()].uses if use in digests and use not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return list(found)


def _with_arrangement(content: str, used: Iterable[DataBlockName], digests: Digests) -> str:
    """A digest of some content, and of how what is used is arranged."""
    arrangements = [digests[each].arrangement for each in used]
    return combined({"": content, "arrangement": " ".join(arrangements)}) if any(arrangements) else content


def _shown(name: DataBlockName) -> str:
    return f'{name.kind.lower()} "{name.name}"'
