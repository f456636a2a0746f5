# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run takes over from earlier ones: which items need no worker, why the others run, and what is kept of them."""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final

from ..errors import StoreError
from ..keys.files import MISSING, FileState, NotReadYetError, UnknownContentError, combined, without
from ..keys.key import Content, Element, InputPart, KeyParts
from ..keys.own_reasons import own_reasons
from ..keys.reasons import Cause, Reason, file_changed, reasons
from ..keys.script_digest import text_digest
from ..planning.lists import ListError
from ..planning.plan import Plan, PlannedTask
from ..planning.sources import Source
from ..scratch.scratch import Scratch
from ..scratch.typed_values import TypedValue
from ..store.records import Record
from . import kept_results
from .cache import Cache
from .item_keys import ItemKey, ItemKeys
from .keeping import BLOB, Gave, GivenFiles, Keep, Remember, paths_of
from .kept_results import STEM, KeptResult, found_origins, place, subject
from .messages import Succeeded
from .own_files import Owner
from .preparation import Checking, Digesting, Keeping, LookupWork, Reading
from .results import Results, Tasks
from .run_files import RunFiles

#: Bytes of a kept result that are read without a pause, the first time that a session finds it.
_LARGE: Final = 1024**2

_NOTHING_TOLD: Final = "it has no outputs, and says of no file that it wrote it"


@dataclass(frozen=True, slots=True)
class Found:
    """The result of an item from an earlier run."""

    values: Mapping[str, TypedValue]


@dataclass(frozen=True, slots=True)
class NotFound:
    """A worker has to run an item, and why."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing can be said of an item before something is done."""

    works: tuple[LookupWork, ...]


class RunCache:
    """What one run takes over from earlier ones, and what is kept of it.

    Attributes:
        shared: what it has in common with other runs.
        reasons: why each item ran, by task and item.
        same: the items that ran and gave what they gave the last time that they ran, by task.
        keys: what each item depends on.
        has_kept: whether it gave the store anything.
        shown: the keys of the results that its nodes show once it is over, by the nodes' ids.
    """

    def __init__(
        self,
        cache: Cache,
        plan: Plan,
        scratch: Scratch,
        results: Results,
        *,
        is_forced: bool,
        files: RunFiles | None = None,
    ) -> None:
        """If it `is_forced`, all items run, whatever is in the store. `files` are the run's.

        Without these it is a forecast, which leaves the store as it is.
        """
        self.shared = cache
        self.has_kept = False
        self.shown: dict[str, set[str]] = {}
        self._scratch = scratch
        self._results = results
        self._is_forced = is_forced
        self._files = files
        self._is_forecast = files is None
        self._asked: dict[tuple[str, int], ItemKey] = {}  # by task and item
        self._not_by_others: set[tuple[str, int]] = set()  # tasks and items that this run does itself
        self._copies: dict[str, str] = {}  # blobs with the files of large results, by key; "" if there is none
        self._since: dict[tuple[str, int], int] = {}  # when it was first looked for an item that waits for files
        self.keys = ItemKeys(cache.known, cache.environment(plan), scratch, results)
        self.reasons: dict[tuple[str, int], tuple[Reason, ...]] = {}
        self.same: defaultdict[str, set[int]] = defaultdict(set)

    def forget_items(self, tasks: Collection[str]) -> None:
        """Forget the items of tasks, as a retry makes others."""
        for task in tasks:
            self.same.pop(task, None)
        for known in (self.reasons, self._asked, self._since):
            for key in [key for key in known if key[0] in tasks]:
                del known[key]

    def look_up(self, task: PlannedTask, item: int, tasks: Tasks) -> Found | NotFound | NotYet:
        """The result of an item, if there is one."""
        try:
            if unknown := self.keys.undigested(task, item, tasks):
                return NotYet(tuple(map(Digesting, unknown)))
            self._begin(task, item)
            answer = self._look_up(task, item, tasks)
        except NotReadYetError as unread:
            return NotYet((Reading(unread.paths),))
        except (UnknownContentError, ListError) as error:  # if lists don't fit together, it fails when it starts
            answer = NotFound((Reason(Cause.UNKNOWN, str(error)),))
        if isinstance(answer, NotYet):
            return answer
        self._since.pop((task.id, item), None)
        if isinstance(answer, NotFound):
            self.reasons[task.id, item] = answer.reasons
        else:
            self.shown.setdefault(task.id, set()).add(self._asked[task.id, item].key)
        return answer

    def asked_key(self, task: str, item: int) -> str:
        """The key under which the result of an item was looked for last; "" if it was not, or it has none."""
        asked = self._asked.get((task, item))
        return "" if asked is None else asked.key

    def key_for_others(self, task: str, item: int) -> str:
        """The same, "" too if the item is to run whatever others have kept."""
        return "" if self._is_forced or (task, item) in self._not_by_others else self.asked_key(task, item)

    def forget_key(self, task: str, item: int) -> None:
        """Note that what another process has kept of an item is of no use to this run."""
        self._not_by_others.add((task, item))

    def _begin(self, task: PlannedTask, item: int) -> None:
        """Begin to look at the files of an item, as they were at any time since it was first looked for it."""
        quick = self.shared.known.quick
        quick.begin(self._since.setdefault((task.id, item), quick.mark()))

    # Looking up

    def _look_up(self, task: PlannedTask, item: int, tasks: Tasks) -> Found | NotFound | NotYet:
        if task.settings.is_never_cached or self.keys.script(task).is_never_kept:
            return NotFound((Reason(Cause.NEVER_CACHED),))
        self._asked[task.id, item] = asked = self._key_of(task, item, tasks)
        key = asked.key
        if self._is_forced:
            return NotFound((Reason(Cause.FORCED),))
        for name in (key, subject(task, item)):
            if self.shared.pending[name]:
                return NotYet((Keeping(name),))
        record = self.shared.store.peek(key)
        if record is None:
            return self._why(task, item, asked.parts)
        if record.size > _LARGE and not self._is_ready(key):
            return NotYet((Checking(key),))
        if not self._is_forecast:
            self.shared.store.mark_as_used(key)
        return self._checked(record, task, item, tasks)

    def _is_ready(self, key: str) -> bool:
        """Whether a large result can be taken at once, because `checking` was done, or need not be."""
        if self._is_forecast or self._is_on_one_disk:
            is_ready = key in self.shared.checked
            self.shared.checked.add(key)
            return is_ready
        return key in self._copies

    @functools.cached_property
    def _is_on_one_disk(self) -> bool:
        """Whether the files of the store get second names in the scratch folder, and need not be copied."""
        try:
            return self.shared.store.folder.path.stat().st_dev == self._scratch.path.stat().st_dev
        except OSError:
            return False

    def checking(self, key: str) -> Callable[[], str]:
        """What reads a large result, to be done on another thread; `note_checked` takes what it returns.

        If its files have to be copied, they are: to a blob of the scratch folder.
        """
        blob = "" if self._is_on_one_disk else self._scratch.new_blob()
        self._results.files += [blob] if blob else []
        path = self._scratch.file(blob)

        def check() -> str:
            record = self.shared.store.check(key)
            if record is None or not blob or BLOB not in record.blobs:
                return ""
            self.shared.store.place(record, BLOB, path.parent, path.stem)
            return blob

        return check

    def note_checked(self, key: str, blob: str) -> None:
        """A large result was read, and may have been copied to a blob."""
        self._copies[key] = blob

    def _key_of(self, task: PlannedTask, item: int, tasks: Tasks) -> ItemKey:
        """The key of an item, without the files that it wrote itself the last time."""
        key = self.keys.key(task, item, tasks)
        if any(_paths(key.parts)):
            last = self._last(place(key.parts))
            if last is not None and last.written:
                written = frozenset(state.path for state in last.written)
                return ItemKey.of(self.keys.parts(task, item, tasks, written))
        return key

    def _checked(self, record: Record, task: PlannedTask, item: int, tasks: Tasks) -> Found | NotFound:
        """A kept result, if it still holds."""
        kept = self.shared.results.read(record)
        if kept is None:
            return NotFound((Reason(Cause.REMOVED),))
        if kept.obstacle:
            raise UnknownContentError(kept.obstacle)
        if changed := list(self._changed_files(kept)):
            return NotFound(tuple(changed))
        try:
            if kept.files and (moved := set(kept.files) - paths_of(self.keys.files(task, item, tasks))):
                return NotFound(tuple(Reason(Cause.FILE_MOVED, PurePath(path).name) for path in sorted(moved)))
            owner = Owner(task.id, item, task.name)
            if kept.claimed and self._files is not None and not self._files.claim(owner, kept.claimed):
                return NotFound((Reason(Cause.OUTPUT_CLAIMED),))
            return Found(self._taken(record, kept, task, item, tasks))
        except (StoreError, IndexError):  # damaged, or removed by somebody just now
            return NotFound((Reason(Cause.REMOVED),))

    def _why(self, task: PlannedTask, item: int, parts: KeyParts) -> NotFound:
        """Why there is no result of an item."""
        last = self._last(subject(task, item))
        try:
            old = None if last is None or not last.parts else KeyParts.from_json(last.parts)
        except (TypeError, ValueError):  # kept by another version of Background Nodes, which had other parts
            return NotFound((Reason(Cause.ENGINE_CHANGED),))
        texts = {text_digest(task.script.text): task.script.text}
        if last is not None:
            texts[text_digest(last.script)] = last.script
        return NotFound(reasons(old, parts, texts.get) or (Reason(Cause.REMOVED),))

    def _last(self, subject: str) -> KeptResult | None:
        """The newest result of a subject."""
        return kept_results.last(self.shared.store, subject)

    def _changed_files(self, kept: KeptResult) -> Iterator[Reason]:
        """Why the result does not hold any more."""
        for states, is_output in ((kept.written, True), (kept.read, False)):
            for state in states:
                if not self.shared.known.quick.is_as_it_was(state):
                    is_there = os.path.exists(state.path)  # noqa: PTH110 (it never raises)
                    yield file_changed(state.path, "" if is_there else MISSING, is_output=is_output)
        for named in kept.named:
            if not self.shared.known.quick_outside.is_as_it_was(named, may_trust_times=True):
                yield file_changed(named.path, "", is_output=False)

    def _taken(
        self, record: Record, kept: KeptResult, task: PlannedTask, item: int, tasks: Tasks
    ) -> Mapping[str, TypedValue]:
        """The values of a kept result, with their files in the scratch folder.

        Raises:
            StoreError: if they can't be put there.
            IndexError: if the item's inputs don't hold what a data-block was made from.
        """
        if BLOB not in record.blobs:
            return kept.values
        blob = self._scratch.new_blob()
        path = self._scratch.file(blob)
        origins = found_origins(kept.origins, self.keys.sources(task, item, tasks)) if kept.origins else {}
        self._results.files.append(blob)
        copied = self._copies.get(record.key)
        copy = self._scratch.file(copied) if copied else None
        found = self.shared.results.place(
            self.shared.store, record, BLOB, path, origins, copy=copy, is_only_read=self._is_forecast
        )
        if found is not None:
            self.keys.know(blob, *found)
        return {name: value.renamed(STEM, path.stem) for name, value in kept.values.items()}

    # Foreseeing

    def foresee(
        self, task: PlannedTask, item: int, tasks: Tasks, is_unknown: Callable[[Source], bool]
    ) -> NotFound | NotYet | None:
        """Why an item runs whatever it is given by the sources that are unknown yet; None if it hangs on these."""
        known = _known_part(task, is_unknown)
        try:
            self._begin(known, item)
            found = self._foresee(task, known, item, tasks)
        except NotReadYetError as unread:
            return NotYet((Reading(unread.paths),))
        except (UnknownContentError, ListError) as error:
            found = NotFound((Reason(Cause.UNKNOWN, str(error)),))
        if not isinstance(found, NotYet):
            del self._since[known.id, item]
        return found

    def _foresee(self, task: PlannedTask, known: PlannedTask, item: int, tasks: Tasks) -> NotFound | NotYet | None:
        if task.settings.is_never_cached or self.keys.script(task).is_never_kept:
            return NotFound((Reason(Cause.NEVER_CACHED),))
        if self._is_forced:
            return NotFound((Reason(Cause.FORCED),))
        if blobs := self.keys.undigested(known, item, tasks):
            return NotYet(tuple(map(Digesting, blobs)))
        if self.shared.pending[subject(task, item)]:
            return NotYet((Keeping(subject(task, item)),))
        found = tuple(self._own_reasons(task, known, item, tasks))
        return NotFound(found) if found else None

    def _own_reasons(self, task: PlannedTask, known: PlannedTask, item: int, tasks: Tasks) -> Iterable[Reason]:
        """Why the last result of an item does not hold, by what is known of what it is given: the part `known`."""
        last = self._last(subject(task, item))
        if last is None or not last.parts:
            return [Reason(Cause.NEVER_RAN)]
        if last.obstacle:
            return [Reason(Cause.UNKNOWN, last.obstacle)]
        try:
            old = KeyParts.from_json(last.parts)
        except (TypeError, ValueError):
            return [Reason(Cause.ENGINE_CHANGED)]
        new = self.keys.parts(known, item, tasks, frozenset(state.path for state in last.written), whole=task)
        texts = {text_digest(task.script.text): task.script.text, text_digest(last.script): last.script}
        identifiers = {argument.parameter.identifier for argument in task.arguments}
        if found := own_reasons(old, new, identifiers, texts.get):
            return found
        if changed := tuple(self._changed_files(last)):
            return changed
        return [] if self.shared.store.peek(old.key()) else [Reason(Cause.REMOVED)]

    # Keeping

    def _to_keep(
        self, task: PlannedTask, item: int, written: frozenset[str]
    ) -> tuple[ItemKey, list[GivenFiles]] | None:
        """What the result of an item depends on, now that it has run, without the files that it wrote.

        Returns:
            it, and the files that have to be read to see whether they are as they were; None if a file or module has
            changed since it was asked for.
        """
        asked = self._asked[task.id, item]
        before = asked.parts
        if not before.script.modules and not before.script.installed and not any(_paths(before)):
            return asked, []
        quick = self.shared.known.quick
        quick.begin(quick.mark())
        unread = []
        try:
            if not self.keys.is_as_it_was(before.script, task):
                return None
            for element in _elements(before):
                given = GivenFiles(element.name, element.parts, written)
                try:
                    if not given.are_as_they_were(quick):
                        return None
                except NotReadYetError:
                    unread.append(given)
        except (NotReadYetError, UnknownContentError):
            return None
        return ItemKey.of(_without(before, written)), unread

    def _written(self, task: PlannedTask, item: int, succeeded: Succeeded) -> tuple[FileState, ...] | None:
        """The files that an item wrote, now or the last time. One of its inputs that it only passed on is none of them.

        Returns:
            None if it passed one on that has changed since, whoever did that: it may have read what was there before.
        """
        written, given = [], dict(_given_files(self._asked[task.id, item].parts))
        last = self._last(subject(task, item))
        known = {*succeeded.claimed, *(state.path for state in (last.written if last else ()))}
        for state in succeeded.written:
            if state.path in known or state.path not in given:
                written.append(state)
            elif state.digest != given[state.path]:
                return None
        return tuple(written)

    def keep(
        self, task: PlannedTask, item: int, tasks: Tasks, succeeded: Succeeded, blob: str, log: str, num_items: int
    ) -> Keep | Remember | None:
        """What keeps the result of an item, to be done on another thread; None if nothing can be kept.

        Of a result that can't be kept at all, only what it took and a digest of it are.
        """
        gave = Gave(succeeded, num_items, self._scratch.file(blob), self._scratch.folder)
        is_asked = (task.id, item) in self._asked
        written = self._written(task, item, succeeded) if is_asked else None
        if written is None:
            self.shared.begin_keeping(subject(task, item))
            return Remember(self.shared.store, subject(task, item), gave)
        to_keep = self._to_keep(task, item, frozenset(state.path for state in written))
        if to_keep is None:
            return None
        asked, given = to_keep
        has_data_blocks = any(output.type.is_data_block for output in task.outputs)
        try:
            sources = self.keys.sources(task, item, tasks) if has_data_blocks else ()
            files = self.keys.files(task, item, tasks)
        except StoreError:
            return None
        self.has_kept = True
        self.shown.setdefault(task.id, set()).add(asked.key)
        self.shared.begin_keeping(asked.key, subject(task, item))
        stem = PurePath(blob).stem
        obstacle = succeeded.obstacle
        if not task.outputs and not succeeded.written:
            obstacle = obstacle or _NOTHING_TOLD
        kept = KeptResult(
            asked.parts.to_json(),
            task.script.text,
            {name: value.renamed(stem, STEM) for name, value in succeeded.values.items()},
            read=succeeded.read,
            written=written,
            claimed=succeeded.claimed,
            peak_memory=succeeded.peak_memory,
            num_items=num_items,
            obstacle=obstacle,
        )
        return Keep(
            self.shared.store,
            asked.parts,
            asked.key,
            subject(task, item),
            kept,
            gave,
            self._scratch.file(log),
            sources,
            files,
            given,
            self.shared.known.outside,
        )


def _known_part(task: PlannedTask, is_unknown: Callable[[Source], bool]) -> PlannedTask:
    """A task with those of its arguments only that are known; by another id, as all is remembered by ids.

    It is in no loop: what is not the same in each pass is not known, and which element an item takes may not be.
    """
    in_passes = bool(task.loops)
    known = tuple(
        argument
        for argument in task.arguments
        if not any(map(is_unknown, argument.sources)) and not (in_passes and argument.is_mapped)
    )
    return replace(task, id=f"known of {task.id}", arguments=known, loops=())


def _given_files(parts: KeyParts) -> Iterator[tuple[str, str]]:
    """The files that inputs name or that are in folders that they name, by their paths, and their digests."""
    for each in _elements(parts):
        yield from ((str(Path(each.name, inner)), digest) for inner, digest in each.parts.items())


def _elements(parts: KeyParts) -> Iterator[Element]:
    """The files and folders that inputs name."""
    return (each for part in _paths(parts) for content in part.contents for each in content.elements)


def _without(parts: KeyParts, written: frozenset[str]) -> KeyParts:
    """What a result depends on, without the files that were `written`."""

    def element_without(element: Element) -> Element:
        left = without(element.parts, element.name, written)
        return replace(element, digest=combined(left), parts=left)

    def content_without(content: Content) -> Content:
        return replace(content, elements=tuple(map(element_without, content.elements)))

    def input_without(part: InputPart) -> InputPart:
        if part.type.kind != "PATH":
            return part
        return replace(part, contents=tuple(map(content_without, part.contents)))

    return replace(parts, inputs=tuple(map(input_without, parts.inputs)))


def _paths(parts: KeyParts) -> Iterator[InputPart]:
    """The inputs that are paths."""
    return (part for part in parts.inputs if part.type.kind == "PATH")
