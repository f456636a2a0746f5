# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrival of results in the open file, a portion at a time: into it, into each other's place, into collections.

    begin -> compare earlier -> bring -> compare originals -> replace originals -> put results -> place -> finish, show
                   ^                                                                                |
                   +------------------------------- the next portion -------------------------------+

Each of these steps is short. Other add-ons' timers come between two of them, and may remove or edit anything: see
`Arrival._look_again`.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import bpy
from mathutils import Vector

from ..runtime.blender import data_block_kinds, remapping
from ..runtime.blender.edits import edits
from ..runtime.blender.homecoming import Homecoming
from ..runtime.engine.active_run import ActiveRun
from ..runtime.planning.graph import OutputAction, OutputMode, WhenChanged
from ..runtime.planning.plan import Delivery
from ..runtime.planning.sources import Shown, Source
from ..runtime.scratch import value_files
from ..runtime.scratch.scratch import ScratchFolder
from ..runtime.script.socket_types import LiveRef, StoredRef
from . import linking, noted_results
from .baselines import baselines
from .deliveries import Nodes, Place, live_refs, place_of, use_of
from .hand_changes import Compared, Comparisons
from .meanwhile import Originals
from .pairing import paired
from .portion_size import PortionSize, last_start
from .shown_values import ShownValue
from .succession import Succession, compared

#: What is done with results that come home without an Output node.
_OWN = OutputAction(OutputMode.KEEP)
#: The most results in a portion, unless there were more than so many portions then: each looks through the whole file.
_PORTION = 8
_NUM_PORTIONS = 32

#: A step: it is called with the nodes of the tree and the seconds that it may take, and returns the next one.
_Step = Callable[[Nodes, float], Any]


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
        self._sources = [source for source in sources if isinstance(source, Shown)]
        self._placed = {
            source: dict(run.results.placed(source, run.tasks)) for source in self._sources if source.type.is_data_block
        }
        refs = [ref for _delivery, refs in self._deliveries for ref in refs if isinstance(ref, StoredRef)]
        self._left = deque(home.portions(refs))
        self._size = PortionSize(max(_PORTION, len(refs) // _NUM_PORTIONS))
        self._next: _Step | None = self._begin
        self._comparisons: Comparisons | None = None  # of what the next portion takes the place of
        self._originals = Originals(home)
        self._has_brought = False
        self._earlier: dict[Shown, set[str]] = {}  # places of earlier results that are still to be looked at
        self._pairs: dict[Shown, dict[str, str]] = {}  # the place of the earlier one, by that of the new one
        self._shown: set[Shown] = set()  # what has a result
        self._numbers = self._numbered(refs)
        self._left_to_show: deque[Shown] = deque()
        self._value: ShownValue | None = None  # the one that is being shown
        self._hidden: list[int] = []  # uids of originals
        self._came: set[int] = set()  # uids of all that came or was changed
        self._kept: dict[str, set[int]] = {}  # uids of what stays, by Output node
        self._old_places: dict[str, tuple[str, int] | None] = {}  # where results of Output nodes have been until now
        self.notes: list[str] = []
        self._noted: set[str] = set()
        # Of the portion that is under way:
        self._now: list[tuple[Delivery, list[StoredRef | LiveRef]]] = []
        self._found: dict[StoredRef, bpy.types.ID] = {}
        self._handles: dict[StoredRef, data_block_kinds.Handle] = {}  # of what was found, between two calls
        self._in_place: set[StoredRef] = set()  # what is in the place of an original now
        self._heirs: set[bpy.types.ID] = set()  # what is in the place of an earlier result now
        self._heir_handles: set[data_block_kinds.Handle] = set()  # of these, between two calls
        self._beside: set[StoredRef] = set()  # what does not replace its original, because that was edited
        self._is_last = False

    def carry_on(self, nodes: Nodes, seconds: float = math.inf) -> bool:
        """Bring results home, for about so long and by a step at least. Returns whether all are home.

        Without a limit, all that is left comes as one portion. The artist must not do anything between two calls.

        Raises:
            StoreError: if a blob can't be read.
        """
        self._look_again(nodes)
        start = time.monotonic()
        while self._next is not None:
            self._next = self._next(nodes, seconds)
            if time.monotonic() - start > last_start(seconds):
                break
        self._let_go()
        return self._next is None

    def _let_go(self) -> None:
        """Others have their turn, who may remove or undo anything: no data-block of the portion is held."""
        handle = data_block_kinds.Handle.of
        self._handles = {ref: handle(item) for ref, item in self._found.items()}
        self._heir_handles = {handle(item) for item in self._heirs}
        self._found, self._heirs = {}, set()

    def _look_again(self, nodes: Nodes) -> None:
        """Look up what is still there of the portion."""
        live = data_block_kinds.Index()
        found = ((ref, live.find(*handle)) for ref, handle in self._handles.items())
        self._found = {ref: item for ref, item in found if item is not None}
        self._heirs = {item for handle in self._heir_handles if (item := live.find(*handle)) is not None}
        self._in_place &= self._found.keys()
        self._beside &= self._found.keys()
        self._home.look_again()
        self._now = [(item, self._of_portion(refs)) for item, refs in self._now if item.node in nodes]

    def forget_comparisons(self) -> None:
        """The artist had a turn: what was compared may have been edited since."""
        self._comparisons = None
        self._originals.forget()

    # The steps

    def _begin(self, nodes: Nodes, seconds: float) -> _Step:
        if not baselines.work(seconds):  # of earlier results, before they are replaced
            return self._begin
        self._pair(nodes)
        return self._compare_earlier

    def _compare_earlier(self, nodes: Nodes, seconds: float) -> _Step:
        """Compare what the next portion takes the place of; without a limit, that is done when it does so."""
        if math.isinf(seconds):
            return self._bring
        if self._comparisons is None:
            self._comparisons = Comparisons(self._earlier_results(nodes, self._size.now), awaits_artist=True)
        return self._bring if self._comparisons.work(seconds) else self._compare_earlier

    def _bring(self, nodes: Nodes, seconds: float) -> _Step:
        """Load a portion."""
        self._deliveries = [(item, refs) for item, refs in self._deliveries if item.node in nodes]
        wanted = {ref for _delivery, refs in self._deliveries for ref in refs}
        size = sum(map(len, self._left)) if math.isinf(seconds) else self._size.now
        refs: list[StoredRef] = []
        while self._left and len(refs) < size:
            refs += [ref for ref in self._left.popleft() if ref in wanted]
        self._is_last = not self._left
        self._size.begin(len(refs))
        with self._timed():
            self._found = self._home.bring(refs, only_missing=self._only_missing, is_more=self._has_brought)
            self._has_brought = True
        self._in_place, self._beside, self._heirs = set(), set(), set()
        self._now = [(item, self._of_portion(refs)) for item, refs in self._deliveries]
        return self._compare_originals

    def _compare_originals(self, _nodes: Nodes, _seconds: float) -> _Step:
        results = self._replaced_unless_edited()
        if results and not self._originals.prepare():
            return self._compare_originals
        with self._timed():
            self._originals.compare(results)
        return self._replace_originals

    def _replace_originals(self, _nodes: Nodes, _seconds: float) -> _Step:
        """Move results apart, and put them in the place of what they were made of."""
        results = self._replaced_unless_edited()
        are_compared = self._originals.are_compared(results)
        with self._timed():
            if not are_compared:
                self._originals.compare(results)
            self._move_apart()
            self._put_in_place_of_originals(self._originals.edited(results))
        return self._put_results

    def _put_results(self, nodes: Nodes, _seconds: float) -> _Step:
        """Put results in the place of earlier ones, and note them."""
        with (self._comparisons or Comparisons(())).known(), self._timed():
            self._heirs = self._put_in_place_of_earlier(nodes)
        return self._place

    def _place(self, nodes: Nodes, _seconds: float) -> _Step:
        """Put results into the collections where they are to be."""
        with self._timed():
            self._link_results(nodes)
            self._keep_unused()
        brought = {*self._home.newcomers(), *self._found.values(), *self._heirs}
        self._came.update(item.session_uid for item in brought)
        self._size.end()
        self._comparisons = None
        return self._finish if self._is_last else self._compare_earlier

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """A step that changes the file: how long it takes counts for the size of the next portion."""
        start, loading = time.monotonic(), self._loading_time
        try:
            with edits.own():
                yield
        except Exception:
            edits.doubt()  # nobody knows how far it got
            raise
        loading = self._loading_time - loading
        self._size.note(loading, time.monotonic() - start - loading)

    @property
    def _loading_time(self) -> float:
        return self._home.loading_time + self._originals.loading_time

    def _finish(self, _nodes: Nodes, _seconds: float) -> _Step:
        """Note what has come, once for all portions."""
        with edits.own():
            came = {item for _kind, item in data_block_kinds.all_data_blocks() if item.session_uid in self._came}
            edits.note_items(came)
        self._left_to_show = deque(self._sources)
        return self._show

    def _show(self, nodes: Nodes, _seconds: float) -> _Step:
        """Let the next output show its result, or a piece of it: a value may be long."""
        if not self._left_to_show:
            return self._show_uses
        source = self._left_to_show[0]
        place = place_of(source, nodes)
        socket = None if place is None else place.socket
        is_shown = True
        with edits.own():
            if place is None or socket is None:  # an Output node in Save mode has none
                pass
            elif source.type.is_data_block:
                has_result = source.type.is_list or source in self._shown
                noted_results.put_contents(place.node, place.output, self._run.contents(source))
                socket.show_result(has_result=has_result, is_list=source.type.is_list)
            else:
                if self._value is None or not self._value.is_in(socket):
                    value = self._run.results.source(source, self._run.tasks)
                    self._value = ShownValue(value_files.json_pieces(value, self._folder))
                is_shown = self._value.show_more(socket)
        if is_shown:
            self._left_to_show.popleft()
            self._value = None
        return self._show

    def _show_uses(self, nodes: Nodes, _seconds: float) -> None:
        """Let Output nodes show what they did, and hide originals."""
        with edits.own():
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
        if isinstance(source, Shown):
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
            place = place_of(source, nodes)
            if place is not None and place.socket is not None:
                earlier = noted_results.make_earlier(place.node, place.output)
                new = {index: (ref.kind, self._given_name(ref)) for index, ref in placed.items() if ref is not None}
                self._earlier[source] = {*earlier}
                self._pairs[source] = paired(new, earlier)

    def _given_name(self, ref: StoredRef) -> str:
        """What the script called it. In a blob that was gathered of many it may be called otherwise."""
        return self._run.results.first_place(ref).name

    def _earlier_results(self, nodes: Nodes, size: int) -> Iterator[Compared]:
        """What the next portion takes the place of; with the last one, all that is left."""
        refs = set()
        for portion in self._left:
            refs.update(portion)
            if len(refs) >= size:
                break
        is_last = len(refs) == sum(map(len, self._left))
        for source, pairs in self._pairs.items():
            action, where = self._action_of(source), place_of(source, nodes)
            if where is not None and not action.keep_earlier and action.when_changed is not WhenChanged.RESULT:
                heirs = {pairs[place] for place, ref in self._placed[source].items() if ref in refs and place in pairs}
                places = self._earlier[source] if is_last else heirs
                yield from compared(noted_results.earlier(where.node, where.output, places))

    def _action_of(self, source: Shown) -> OutputAction:
        """What the first Output node of a result does with it."""
        actions = (item.action for item, _refs in self._deliveries if source in item.sources)
        return next(filter(None, actions), _OWN)

    def _put_in_place_of_earlier(self, nodes: Nodes) -> set[bpy.types.ID]:
        """Put results in the place of earlier ones, and note them. Returns those that are in such a place."""
        succession = Succession(self._home, set(self._found.values()), {self._found[ref] for ref in self._in_place})
        results: dict[Shown, dict[str, bpy.types.ID]] = {}
        places: dict[Shown, set[str]] = {}
        where: dict[Shown, Place] = {}
        for source, placed in self._placed.items():
            found_place = place_of(source, nodes)
            if source not in self._pairs or found_place is None or found_place.socket is None:
                continue
            where[source] = found_place
            node, output = found_place.node, found_place.output
            found = {place: self._found[ref] for place, ref in placed.items() if ref in self._found}
            heirs = {self._pairs[source][place]: item for place, item in found.items() if place in self._pairs[source]}
            left = self._earlier[source].difference(heirs)
            places[source] = {*heirs, *left} if self._is_last else {*heirs}
            results[source], self._earlier[source] = found, left
            action = self._action_of(source)
            if action.keep_earlier:
                continue
            if self._is_last and source.type.is_list:
                succession.let_stay(node, output, set(filter(self._run.has_failed(source), left)))
            succession.add(node, output, heirs, places[source], action.when_changed)
        if self._is_last:
            for uid in dict.fromkeys(place.node.uid for place in where.values()):
                succession.drop_other_outputs(nodes[uid])
        self._tell_kept(succession)
        self._found = {ref: succession.kept.get(item, item) for ref, item in self._found.items()}
        for found in results.values():
            found.update((place, succession.kept.get(item, item)) for place, item in found.items())
        succession.carry_out()
        for source, found in results.items():
            names = {place: self._given_name(self._placed[source][place]) for place in found}
            noted_results.put(where[source].node, where[source].output, succession.noted(found, names), places[source])
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
        new = [note for note in notes if note not in self._noted]
        self._noted.update(new)
        self.notes += new

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

    def _policies(self) -> dict[StoredRef, WhenChanged]:
        """By each result that is to replace its original, what becomes of that if it was edited meanwhile."""
        policies: dict[StoredRef, WhenChanged] = {}
        for _delivery, action, refs in self._delivered(OutputMode.REPLACE):
            for ref in refs:
                if isinstance(ref, StoredRef):
                    policies.setdefault(ref, action.when_changed)
        return policies

    def _replaced_unless_edited(self) -> dict[bpy.types.ID, bpy.types.ID]:
        """Results, by the originals that they take the place of if these were not edited while the run went on."""
        return {original: self._found[ref] for original, ref in self._refs_of_originals().items()}

    def _refs_of_originals(self) -> dict[bpy.types.ID, StoredRef]:
        policies = self._policies().items()
        return self._home.replaceable(
            {ref: self._found[ref] for ref, each in policies if each is not WhenChanged.RESULT}
        )

    def _put_in_place_of_originals(self, edited_originals: Iterable[bpy.types.ID]) -> None:
        """Put results in the place of what they were made of, where that is known and of this file.

        An original that was edited while the run went on stays, unless the Output node says otherwise.
        """
        policies = self._policies()
        if not policies:
            return
        refs_of = self._refs_of_originals()
        edited = {refs_of[item]: item for item in edited_originals}
        self._note(sorted(f'"{item.name}" was changed while the run went on, so it stays' for item in edited.values()))
        self._beside = {ref for ref in edited if policies[ref] is WhenChanged.BOTH}
        in_place = self._home.replace_originals({ref: self._found[ref] for ref in policies}, edited.values())
        in_place |= {ref: item for ref, item in edited.items() if ref not in self._beside}
        for delivery, _action, refs in self._delivered(OutputMode.REPLACE):
            uids = {edited[ref].session_uid for ref in refs if ref in edited}
            self._kept.setdefault(delivery.node, set()).update(uids)
        self._found |= in_place
        self._in_place = {*in_place}
        remapping.remove(self._home.unused(self._found.values()))

    def _link_results(self, nodes: Nodes) -> None:
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
                settled = self._heirs if old == where else set()
                data_blocks = [item for item in data_blocks if item not in settled]
                data_blocks += [item for item in companions if item in homeless]
                is_linked = self._link(data_blocks, linking.collection_of(where), homeless)
                if is_linked and old is not None and old != where:
                    linking.unlink(self._heirs.intersection(data_blocks), linking.collection_of(old))

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
