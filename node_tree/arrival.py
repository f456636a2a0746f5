# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrival of results in the open file, a portion at a time: into it, into each other's place, into collections."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

import bpy
from mathutils import Vector

from ..runtime.blender import data_block_kinds, remapping
from ..runtime.blender.edits import edits
from ..runtime.blender.homecoming import Homecoming
from ..runtime.engine.active_run import ActiveRun
from ..runtime.planning.graph import OutputAction, OutputMode, WhenChanged
from ..runtime.planning.plan import Delivery, FromTask, Source
from ..runtime.scratch import value_files
from ..runtime.scratch.scratch import ScratchFolder
from ..runtime.script.socket_types import LiveRef, StoredRef
from . import linking, meanwhile, noted_results
from .baselines import baselines
from .deliveries import Nodes, live_refs, socket_of, use_of
from .hand_changes import Compared, Comparisons
from .pairing import paired
from .portion_size import PortionSize
from .succession import Succession, compared, item_of

#: What is done with results that come home without an Output node.
_OWN = OutputAction(OutputMode.KEEP)
#: The most results in a portion, unless there were more than so many portions then: each looks through the whole file.
_PORTION = 8
_NUM_PORTIONS = 32


class Arrival:
    """Deliveries that are coming home. `notes` tells what could not be done, and why."""

    def __init__(
        self,
        run: ActiveRun,
        folder: ScratchFolder,
        home: Homecoming,
        deliveries: Sequence[Delivery],
        *,
        only_missing: bool = False,
    ) -> None:
        """With `only_missing`, what the same run brought home before is not loaded again. Raises StoreError."""
        self._run = run
        self._folder = folder
        self._home = home
        self._only_missing = only_missing
        self._deliveries = [
            (item, [ref for source in item.sources for ref in self._refs(source)]) for item in deliveries
        ]
        sources = dict.fromkeys(source for item in deliveries for source in item.sources)
        self._sources = [source for source in sources if isinstance(source, FromTask)]
        self._placed = {
            source: dict(run.results.placed(run.tasks[source.task], source.output))
            for source in self._sources
            if source.type.is_data_block
        }
        refs = [ref for _delivery, refs in self._deliveries for ref in refs if isinstance(ref, StoredRef)]
        self._left = deque(home.portions(refs))
        self._size = PortionSize(max(_PORTION, len(refs) // _NUM_PORTIONS))
        self._comparisons: Comparisons | None = None  # of what the next portion takes the place of
        self._has_begun = False
        self._earlier: dict[FromTask, set[str]] = {}  # places of earlier results that are still to be looked at
        self._pairs: dict[FromTask, dict[str, str]] = {}  # the place of the earlier one, by that of the new one
        self._shown: set[FromTask] = set()  # what has a result
        self._numbers = self._numbered(refs)
        self._hidden: list[int] = []  # uids of originals
        self._came: set[int] = set()  # uids of all that came or was changed
        self._kept: dict[str, set[int]] = {}  # uids of what stays, by Output node
        self._old_places: dict[str, tuple[str, int] | None] = {}  # where results of Output nodes have been until now
        self.notes: list[str] = []
        # Of the portion that is under way:
        self._now: list[tuple[Delivery, list[StoredRef | LiveRef]]] = []
        self._found: dict[StoredRef, bpy.types.ID] = {}
        self._in_place: dict[StoredRef, bpy.types.ID] = {}  # what is in the place of an original now
        self._beside: set[StoredRef] = set()  # what does not replace its original, because that was edited
        self._is_last = False

    def carry_on(self, nodes: Nodes, seconds: float = math.inf) -> bool:
        """Bring the next portion home, or all that is left if there is no limit. Returns whether all is home.

        What the portion takes the place of is compared before, for about so many seconds a call. The artist must not do
        anything between two calls.

        Raises:
            StoreError: if a blob can't be read.
        """
        end = time.monotonic() + seconds
        if not self._has_begun:
            baselines.finish()  # of earlier results, before they are replaced
            self._pair(nodes)
        if not self._is_last:
            size = sum(map(len, self._left)) if math.isinf(seconds) else self._size.now
            if not math.isinf(seconds) and not self._compare(nodes, size, seconds):
                return False
            self._bring(nodes, size)
            if not self._is_last or time.monotonic() > end:
                return False
        with edits.own():
            self._finish(nodes)
        return True

    def _compare(self, nodes: Nodes, size: int, seconds: float) -> bool:
        """Compare what the next portion takes the place of. Returns whether that was done before."""
        if self._comparisons is None:
            self._comparisons = Comparisons(self._earlier_results(nodes, size), awaits_artist=True)
        if self._comparisons.is_done:
            return True
        self._comparisons.work(seconds)
        return False

    def _bring(self, nodes: Nodes, size: int) -> None:
        """Bring a portion of about so many results home."""
        start = time.monotonic()
        self._deliveries = [(item, refs) for item, refs in self._deliveries if item.node in nodes]
        wanted = {ref for _delivery, refs in self._deliveries for ref in refs}
        refs: list[StoredRef] = []
        while self._left and len(refs) < size:
            refs += [ref for ref in self._left.popleft() if ref in wanted]
        self._is_last = not self._left
        try:
            with (self._comparisons or Comparisons(())).known(), edits.own():
                self._found = self._home.bring(refs, only_missing=self._only_missing, is_more=self._has_begun)
                self._now = [(item, self._of_portion(refs)) for item, refs in self._deliveries]
                self._has_begun = True
                self._place(nodes)
        except Exception:
            edits.doubt()  # nobody knows how far it got
            raise
        self._comparisons = None
        loading = self._home.loading_time
        self._size.note(max(len(refs), 1), loading, time.monotonic() - start - loading)

    def _place(self, nodes: Nodes) -> None:
        self._move_apart()
        self._replace_originals()
        heirs = self._put_results(nodes)
        self._link_results(nodes, heirs)
        self._keep_unused()
        self._came.update(item.session_uid for item in {*self._home.newcomers(), *self._found.values(), *heirs})

    def _finish(self, nodes: Nodes) -> None:
        """Do what is done once for all portions."""
        edits.note_items({item for _kind, item in data_block_kinds.all_data_blocks() if item.session_uid in self._came})
        for source in self._sources:
            socket = socket_of(nodes.get(source.task), source)
            if socket is None:  # an Output node in Save mode has none
                continue
            if source.type.is_data_block:
                socket.show_result(has_result=source.type.is_list or source in self._shown, is_list=source.type.is_list)
                noted_results.put_contents(nodes[source.task], source.output, self._run.contents(source))
            else:
                value = self._run.results.source(source, self._run.tasks)
                socket.set_result_json(value_files.json_text(value, self._folder))
        for delivery, _refs in self._deliveries:
            node = nodes.get(delivery.node)
            if delivery.action is None or node is None:
                continue
            node.home_action = use_of(delivery)
            if hasattr(node, "num_kept"):
                is_asked = delivery.action.when_changed is WhenChanged.ASK
                node.num_kept = len(self._kept.get(delivery.node, ())) if is_asked else 0
        if self._hidden:
            live = data_block_kinds.Index()
            linking.hide(filter(None, (live.find("Object", uid) for uid in self._hidden)), self._scene(live))
            edits.note(self._hidden)

    # What is in a portion

    def _refs(self, source: Source) -> Iterable[StoredRef | LiveRef]:
        """What names the data-blocks of a source."""
        if isinstance(source, FromTask):
            return self._run.results.source(source, self._run.tasks).refs()
        return live_refs(source)

    def _numbered(self, refs: Iterable[StoredRef]) -> dict[StoredRef, int]:
        """Which of the results of its original each is, from 1 on."""
        counts: Counter[int] = Counter()
        numbers = {}
        for ref in dict.fromkeys(refs):
            uid = self._home.original_uid(ref)
            counts[uid] += 1
            numbers[ref] = counts[uid]
        return numbers

    def _delivered(self, *modes: OutputMode) -> Iterator[tuple[Delivery, OutputAction, list[StoredRef | LiveRef]]]:
        """What Output nodes of these modes take: results of this portion, and with the last one what is here."""
        for delivery, refs in self._now:
            if delivery.action is not None and delivery.action.mode in modes:
                yield delivery, delivery.action, refs

    def _of_portion(self, refs: Iterable[StoredRef | LiveRef]) -> list[StoredRef | LiveRef]:
        return [ref for ref in refs if (self._is_last if isinstance(ref, LiveRef) else ref in self._found)]

    def _data_blocks(self, refs: Iterable[StoredRef | LiveRef], live: data_block_kinds.Index) -> list[bpy.types.ID]:
        found = (
            live.find(ref.kind, ref.session_uid) if isinstance(ref, LiveRef) else self._found.get(ref) for ref in refs
        )
        return [item for item in found if item is not None]

    # In the place of earlier results

    def _pair(self, nodes: Nodes) -> None:
        """Find out which earlier result each new one takes the place of."""
        for source, placed in self._placed.items():
            if socket_of(nodes.get(source.task), source) is not None:
                earlier = noted_results.make_earlier(nodes[source.task], source.output)
                new = {place: (ref.kind, ref.name) for place, ref in placed.items() if ref is not None}
                self._earlier[source] = {*earlier}
                self._pairs[source] = paired(new, earlier)

    def _earlier_results(self, nodes: Nodes, size: int) -> Iterator[Compared]:
        """What the next portion takes the place of; with the last one, all that is left."""
        refs = set()
        for portion in self._left:
            refs.update(portion)
            if len(refs) >= size:
                break
        is_last = len(refs) == sum(map(len, self._left))
        for source, pairs in self._pairs.items():
            action = self._action_of(source)
            if source.task in nodes and not action.keep_earlier and action.when_changed is not WhenChanged.RESULT:
                heirs = {pairs[place] for place, ref in self._placed[source].items() if ref in refs and place in pairs}
                places = self._earlier[source] if is_last else heirs
                rows = noted_results.noted(nodes[source.task], source.output) if places else ()
                yield from compared(row for row in rows if row.is_earlier and row.place in places)

    def _action_of(self, source: FromTask) -> OutputAction:
        """What the first Output node of a result does with it."""
        actions = (item.action for item, _refs in self._deliveries if source in item.sources)
        return next(filter(None, actions), _OWN)

    def _put_results(self, nodes: Nodes) -> set[bpy.types.ID]:
        """Put results in the place of earlier ones, and note them. Returns those that are in such a place."""
        succession = Succession(self._home, set(self._found.values()), self._in_place.values())
        results: dict[FromTask, dict[str, bpy.types.ID]] = {}
        places: dict[FromTask, set[str]] = {}
        for source, placed in self._placed.items():
            node = nodes.get(source.task)
            if source not in self._pairs or socket_of(node, source) is None:
                continue
            found = {place: self._found[ref] for place, ref in placed.items() if ref in self._found}
            heirs = {self._pairs[source][place]: item for place, item in found.items() if place in self._pairs[source]}
            left = self._earlier[source].difference(heirs)
            places[source] = {*heirs, *left} if self._is_last else {*heirs}
            results[source], self._earlier[source] = found, left
            action = self._action_of(source)
            if action.keep_earlier:
                continue
            if self._is_last and self._run.tasks[source.task].mapped:
                failed = self._run.failed_items(source.task)
                succession.let_stay(node, source.output, {place for place in left if item_of(place) in failed})
            succession.add(node, source.output, heirs, places[source], action.when_changed)
        if self._is_last:
            for uid in dict.fromkeys(source.task for source in results):
                succession.drop_other_outputs(nodes[uid])
        self._tell_kept(succession)
        self._found = {ref: succession.kept.get(item, item) for ref, item in self._found.items()}
        for found in results.values():
            found.update((place, succession.kept.get(item, item)) for place, item in found.items())
        succession.carry_out()
        for source, found in results.items():
            names = {place: self._placed[source][place].name for place in found}
            noted_results.put(nodes[source.task], source.output, succession.noted(found, names), places[source])
            if found:
                self._shown.add(source)
        return succession.heirs

    def _tell_kept(self, succession: Succession) -> None:
        """Say what the artist changed by hand, and note it for Output nodes, which may ask what shall become of it."""
        stays = {*succession.kept.values(), *succession.beside}
        self._note(sorted(f'"{item.name}" was changed by hand, so it stays' for item in stays))
        for delivery, refs in self._now:
            if delivery.action is not None:
                items = {self._found[ref] for ref in refs if isinstance(ref, StoredRef)}
                kept = succession.kept_of(items)
                self._kept.setdefault(delivery.node, set()).update(item.session_uid for item in kept)

    def _note(self, notes: Iterable[str]) -> None:
        self.notes += [note for note in notes if note not in self.notes]

    # What Output nodes do

    def _move_apart(self) -> None:
        """Move results away from what they were made of, each further than the one before it of the same original."""
        moved: set[StoredRef | LiveRef] = set()
        for _delivery, action, refs in self._delivered(OutputMode.LINK):
            for ref in refs:
                if not isinstance(ref, StoredRef) or ref in moved:
                    continue
                moved.add(ref)
                original = self._home.originals.get(ref)
                if any(action.offset):
                    offset = self._numbers[ref] * Vector(action.offset)
                    linking.move_apart(self._found[ref], offset, self._home.has_brought)
                if action.hides_original and original is not None:
                    self._hidden.append(original.session_uid)

    def _replace_originals(self) -> None:
        """Put results in the place of what they were made of, where that is known and of this file.

        An original that was edited while the run went on stays, unless the Output node says otherwise.
        """
        policies: dict[StoredRef, WhenChanged] = {}
        for _delivery, action, refs in self._delivered(OutputMode.REPLACE):
            for ref in refs:
                if isinstance(ref, StoredRef):
                    policies.setdefault(ref, action.when_changed)
        self._in_place, self._beside = {}, set()
        if not policies:
            return
        found = {ref: self._found[ref] for ref in policies}
        compared = {ref: result for ref, result in found.items() if policies[ref] is not WhenChanged.RESULT}
        first = self._home.replaceable(compared)
        pairs = {original: found[ref] for original, ref in first.items()}
        edited = {first[item]: item for item in meanwhile.edited(pairs, self._home.snapshot, self._home.versions)}
        self._note(sorted(f'"{item.name}" was changed while the run went on, so it stays' for item in edited.values()))
        self._beside = {ref for ref in edited if policies[ref] is WhenChanged.BOTH}
        self._in_place = self._home.replace_originals(found, edited.values())
        self._in_place |= {ref: item for ref, item in edited.items() if ref not in self._beside}
        for delivery, _action, refs in self._delivered(OutputMode.REPLACE):
            uids = {edited[ref].session_uid for ref in refs if ref in edited}
            self._kept.setdefault(delivery.node, set()).update(uids)
        self._found |= self._in_place
        remapping.remove(self._home.unused(self._found.values()))

    def _link_results(self, nodes: Nodes, heirs: set[bpy.types.ID]) -> None:
        """Put results into the collections where they are to be. What is in the place of an earlier one is there."""
        live = data_block_kinds.Index()
        homeless = None
        for delivery, action, refs in self._delivered(OutputMode.LINK, OutputMode.REPLACE):
            companions = self._home.companions(self._data_blocks(refs, live))
            is_replacing = action.mode is OutputMode.REPLACE
            data_blocks = self._data_blocks(
                (ref for ref in refs if not is_replacing or ref not in self._in_place), live
            )
            if is_replacing:
                beside = {self._found[ref] for ref in self._beside}
                self._note(
                    f'"{item.name}" has no original to replace, so it was linked instead'
                    for item in data_blocks
                    if item not in beside
                )
            if data_blocks or companions:
                homeless = linking.homeless_objects() if homeless is None else homeless
                where = self._place_of(action.collection, live)
                old = self._old_place(nodes[delivery.node], where, live)
                settled = heirs if old == where else set()
                data_blocks = [item for item in data_blocks if item not in settled]
                data_blocks += [item for item in companions if item in homeless]
                is_linked = self._link(data_blocks, linking.collection_of(where), homeless)
                if is_linked and old is not None and old != where:
                    linking.unlink(heirs.intersection(data_blocks), linking.collection_of(old))

    def _old_place(
        self, node: bpy.types.Node, where: bpy.types.ID, live: data_block_kinds.Index
    ) -> bpy.types.ID | None:
        """Where the results of an Output node have been before they are put to another place now."""
        if node.uid not in self._old_places:
            old = linking.change_place(node, where)
            known = None if old is None else (data_block_kinds.kind_of(old), old.session_uid)
            self._old_places[node.uid] = known
        known = self._old_places[node.uid]
        return None if known is None else live.find(*known)

    def _link(
        self, data_blocks: list[bpy.types.ID], collection: bpy.types.Collection, homeless: set[bpy.types.Object]
    ) -> bool:
        try:
            linking.link(data_blocks, collection, homeless)
            return True
        except RuntimeError:  # it is linked from another file
            self._note([f'Nothing can be put into the collection "{collection.name}", so results were only kept'])
            return False

    def _place_of(self, ref: LiveRef | None, live: data_block_kinds.Index) -> bpy.types.Collection | bpy.types.Scene:
        """Where results are linked: the collection, or else the scene that the run began in."""
        found = None if ref is None else live.find(ref.kind, ref.session_uid)
        if ref is not None and found is None:
            self._note([f'The collection "{ref.name}" is gone, so results were linked to the scene'])
        return found or self._scene(live)

    def _scene(self, live: data_block_kinds.Index) -> bpy.types.Scene:
        """The scene that the run began in."""
        home = self._run.plan.home
        return (None if home is None else live.find(home.kind, home.session_uid)) or bpy.context.scene

    def _keep_unused(self) -> None:
        """Give what was asked for, and nothing uses, a fake user: Blender would not save it."""
        live = data_block_kinds.Index()
        for delivery, refs in self._now:
            if not self._is_asked_for(delivery):
                continue
            data_blocks = self._data_blocks(refs, live)
            for item in [*data_blocks, *self._home.companions(data_blocks)]:
                if item.users == 0 and item.library is None:
                    item.use_fake_user = True

    def _is_asked_for(self, delivery: Delivery) -> bool:
        """Whether there is an Output node for it, or its node keeps its result."""
        return delivery.action is not None or any(self._run.tasks[uid].settings.keep_result for uid in delivery.tasks)
