# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer: the results of a run -> data-blocks of the open file and `result` of the tree's output sockets."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import bpy

from ..runtime.blender import data_block_kinds, modes
from ..runtime.blender.edits import edits
from ..runtime.blender.homecoming import Homecoming, Targets
from ..runtime.blender.snapshot import Snapshot
from ..runtime.engine.active_run import ActiveRun
from ..runtime.errors import RunError, StoreError
from ..runtime.planning.graph import OutputAction, OutputMode, WhenChanged
from ..runtime.planning.plan import Constant, Delivery, FromTask, PlannedTask, Source, TaskOutput
from ..runtime.scheduling.states import TaskState
from ..runtime.scratch import value_files
from ..runtime.scratch.typed_values import TypedValue
from ..runtime.script.socket_types import LiveRef, SocketType, StoredRef
from . import linking, noted_results
from .baselines import baselines
from .hand_changes import Compared, Comparisons
from .identity import nodes_by_uid
from .sockets import python_value
from .succession import Succession, earlier, is_home

#: What is done with results that come home without an Output node.
_OWN = OutputAction(OutputMode.KEEP)

#: The nodes of the tree, by their ids.
Nodes = Mapping[str, bpy.types.Node]


class Writer:
    """Writes what one run brought home. `notes` tells what could not be done, and why.

    With `leaves_deleted`, results that were brought home before and that somebody has deleted do not come again.
    """

    def __init__(self, run: ActiveRun, snapshot: Snapshot) -> None:
        self._run = run
        self._snapshot = snapshot
        self._home = Homecoming(snapshot)
        self._found: dict[StoredRef, bpy.types.ID] = {}
        self._targets: Targets | None = None
        self._comparisons: Comparisons | None = None
        self._in_place: dict[StoredRef, bpy.types.ID] = {}  # what is in the place of an original now
        self.notes: list[str] = []
        self.leaves_deleted = False

    def prepare(self, tree: bpy.types.NodeTree | None, seconds: float) -> bool:
        """Read what bringing the results home needs beside them, for about so long; whether all of that was read.

        What earlier runs brought home is compared, too, where Blender tells whether it is edited after that.
        """
        end = time.monotonic() + seconds
        try:
            if not self._home.read((ref for item in self._coming() for ref in self._stored_refs(item)), seconds):
                return False
        except StoreError:  # told when they are brought home
            return True
        if self._comparisons is None:
            self._comparisons = Comparisons(list(self._earlier(tree)))
        return self._comparisons.work(end - time.monotonic())

    def _earlier(self, tree: bpy.types.NodeTree | None) -> Iterator[Compared]:
        nodes = {} if tree is None else nodes_by_uid(tree)
        sources = (source for item in self._coming() for source in item.sources if isinstance(source, FromTask))
        for source in dict.fromkeys(sources):
            if source.type.is_data_block and source.task in nodes:
                yield from earlier(nodes[source.task], source.output)

    def waits_for(self, tree: bpy.types.NodeTree | None) -> str:
        """What must happen before the results can come home, such as '"Cube" leaves Sculpt Mode'; "" if nothing."""
        if self._targets is None:
            nodes = {} if tree is None else nodes_by_uid(tree)
            coming = [item for item in self._coming() if item.node not in nodes or not self._is_home(item, nodes)]
            replacing = (item for item in coming if _mode(item) is OutputMode.REPLACE)
            try:
                self._targets = self._home.replaced(ref for item in replacing for ref in self._stored_refs(item))
            except StoreError:  # told when they are brought home
                self._targets = Targets()
            self._targets |= _earlier_results(coming, nodes)
        return modes.awaited_end(self._targets)

    def write(self, tree: bpy.types.NodeTree | None) -> bool:
        """Bring the results home. What they are like is yet to be read: see `finish`.

        Returns:
            whether anything in the file was changed.

        Raises:
            StoreError: if a blob can't be read.
        """
        with (self._comparisons or Comparisons([])).known():
            return self._write(tree)

    def _write(self, tree: bpy.types.NodeTree | None) -> bool:
        deliveries = self._arrived()
        if tree is None and deliveries:
            self.notes.append("The node tree is gone, so its results were dropped")
            return False
        nodes = {} if tree is None else nodes_by_uid(tree)
        deliveries = [item for item in deliveries if self._has_place(nodes, item)]
        coming = [item for item in deliveries if not item.is_offered and not self._is_home(item, nodes)]
        before = _shown(nodes)
        if not self._run.takes_kept_only:
            self._clear_stale(nodes, [item for item in deliveries if not item.is_offered and item not in coming])
        for item in deliveries:
            if item.is_offered:
                self._offer(item, nodes[item.node])
        if coming:
            self._bring(coming, nodes)
        return bool(coming) or _shown(nodes) != before

    def finish(self) -> None:
        """Read at once what the results are like."""
        baselines.finish()

    def _is_home(self, delivery: Delivery, nodes: Nodes) -> bool:
        """Whether the same results came home before, for the same use, and are there as they were, or left deleted."""
        if _mode(delivery) is OutputMode.REPLACE:
            return False
        if delivery.action is not None and nodes[delivery.node].home_action != _use(delivery):
            return False
        return all(self._is_source_home(source, nodes) for source in delivery.sources if isinstance(source, FromTask))

    def _is_source_home(self, source: FromTask, nodes: Nodes) -> bool:
        socket = _socket(nodes.get(source.task), source)
        if socket is None:
            return False
        if source.type.is_data_block:
            contents = self._run.contents(source)
            return socket.shows_result and is_home(
                nodes[source.task], source.output, contents, leaves_deleted=self.leaves_deleted
            )
        value = self._run.results.source(source, self._run.tasks)
        return socket.shows_result and socket.result_json == value_files.json_text(value, self._snapshot.folder)

    def _clear_stale(self, nodes: Nodes, home: Iterable[Delivery]) -> None:
        """Let the same nodes show no results of earlier runs; a node that was cancelled keeps what it had.

        So does one that succeeded before the run was retried: what it has is of this run. So do outputs whose results
        are `home`. Data-blocks stay in the file and noted: new ones will take their place.
        """
        sources = (source for item in home for source in item.sources if isinstance(source, FromTask))
        kept = {(source.task, source.output) for source in sources}
        scheduler = self._run.scheduler
        ended = {
            uid
            for uid, record in scheduler.tasks.items()
            if record.state is not TaskState.CANCELLED and record.round == scheduler.round
        }
        stale = (node for uid, node in nodes.items() if uid in ended)
        for node in stale:
            for socket in node.outputs:
                if socket.shows_result and (node.uid, socket.identifier) not in kept:
                    socket.forget_result()

    def _offer(self, delivery: Delivery, node: bpy.types.Node) -> None:
        """Show what comes home when somebody asks for it."""
        (source,) = delivery.sources
        assert isinstance(source, FromTask)
        refs = [ref for ref in self._run.results.source(source, self._run.tasks).elements() if ref is not None]
        if refs or source.type.is_list:
            names = [ref.name for ref in refs]
            _socket(node, source).offer_result(self._run.number, names, is_list=source.type.is_list)

    def fetch(
        self, tree: bpy.types.NodeTree | None, task_id: str, output: str, action: OutputAction | None = None
    ) -> Any:
        """Bring one output of a task home and return its `result`; with an action, as an Output node does.

        Raises:
            RunError: if there is none of that name, or if it must wait.
            StoreError: if it can't be read.
        """
        task = self._run.tasks[task_id]
        found = _output(task, output)
        nodes = {} if tree is None else nodes_by_uid(tree)
        if task_id not in nodes:
            raise RunError(f'the node "{task.name}" is gone')
        delivery = Delivery(task_id, found.identifier, (task.source(found),), action)
        if event := modes.awaited_end(_earlier_results([delivery], nodes)):
            raise RunError(f"the result can't come home until {event}")
        self._bring([delivery], nodes, only_missing=True)
        self.finish()
        return next(socket.result for socket in nodes[task_id].outputs if socket.identifier == found.identifier)

    def _bring(self, deliveries: Sequence[Delivery], nodes: Nodes, *, only_missing: bool = False) -> None:
        baselines.finish()  # of earlier results, before they are replaced
        with edits.own():
            self._bring_and_note(deliveries, nodes, only_missing=only_missing)

    def _bring_and_note(self, deliveries: Sequence[Delivery], nodes: Nodes, *, only_missing: bool) -> None:
        refs = (ref for item in deliveries for ref in self._stored_refs(item))
        self._found = self._home.bring(refs, only_missing=only_missing)
        originals = self._move_apart(deliveries)
        self._replace_originals(deliveries)
        heirs = self._set_results(deliveries, nodes)
        self._link_results(deliveries, nodes, heirs)
        self._keep_unused(deliveries)
        for item in deliveries:
            if item.action is not None and item.node in nodes:
                nodes[item.node].home_action = _use(item)
        if originals:
            live = data_block_kinds.Index()
            scene = self._scene(live)
            linking.hide(filter(None, (live.find("Object", uid) for uid in originals)), scene)
        edits.note(originals)
        edits.note_items({*self._home.newcomers(), *self._found.values(), *heirs})

    def bring_back(self, tree: bpy.types.NodeTree | None, task_id: str, output: str) -> None:
        """Bring one output of a task home once more, because the artist deleted it.

        Raises:
            RunError: if it must wait, or the node is gone.
            StoreError: if a blob can't be read.
        """
        nodes = {} if tree is None else nodes_by_uid(tree)
        here = tuple(item for item in self._run.plan.deliveries if item.node in nodes)
        part = dataclasses.replace(self._run.plan, deliveries=here).part_for(task_id, output)
        self._bring_again(part.deliveries, nodes)

    def settle_changed(self, tree: bpy.types.NodeTree, node_id: str, when_changed: WhenChanged) -> None:
        """Bring the results of an Output node home once more, now that the artist says what becomes of their changes.

        Raises:
            RunError: if they must wait, or are gone.
            StoreError: if a blob can't be read.
        """
        nodes = nodes_by_uid(tree)
        deliveries = (
            dataclasses.replace(item, action=dataclasses.replace(item.action, when_changed=when_changed))
            for item in self._arrived()
            if item.node == node_id and item.action is not None
        )
        self._bring_again(deliveries, nodes)

    def _bring_again(self, deliveries: Iterable[Delivery], nodes: Nodes) -> None:
        found = [item for item in deliveries if item.node in nodes]
        if not found:
            raise RunError("the run has no results for the node")
        if event := modes.awaited_end(_earlier_results(found, nodes)):
            raise RunError(f"the results can't come home until {event}")
        self._bring(found, nodes)
        self.finish()

    def fetch_item(self, task_id: str, output: str, index: int) -> Any:
        """Bring one output of one item of a task home and return it. Raises RunError if there is none."""
        task = self._run.tasks[task_id]
        found = _output(task, output)
        values = self._run.results.item(task_id, index)
        if values is None:
            raise RunError(f'item {index} of "{task.name}" has no result')
        value = values[found.identifier]
        if not found.type.is_data_block:
            return python_value(json.loads(value_files.json_text(value, self._snapshot.folder)), found.type.kind)
        self._found = self._home.bring(value.refs())
        data_blocks = self._resolved(value)
        return _result(data_blocks, found.type)

    def _arrived(self) -> list[Delivery]:
        """The deliveries whose tasks all succeeded, and that are not home yet."""
        return list(self._run.new_deliveries())

    def _coming(self) -> list[Delivery]:
        """Those that come home unasked."""
        return [item for item in self._arrived() if not item.is_offered]

    def _has_place(self, nodes: Nodes, delivery: Delivery) -> bool:
        """Whether the node and the output of a result still exist; if not, a note says so."""
        task = self._run.tasks.get(delivery.node)
        if delivery.node not in nodes:
            self._note_once(f'The node "{task.name}"' if task else "An Output node", "is gone")
            return False
        sources = [source for source in delivery.sources if isinstance(source, FromTask)]
        if delivery.action is None and not any(_socket(nodes.get(source.task), source) for source in sources):
            self._note_once(f'The script of "{task.name}"', "has another output now")
            return False
        return True

    def _note_once(self, what: str, reason: str) -> None:
        note = f"{what} {reason}, so its result was dropped"
        if note not in self.notes:
            self.notes.append(note)

    def _stored_refs(self, delivery: Delivery) -> Iterable[StoredRef]:
        for source in delivery.sources:
            if isinstance(source, FromTask) and source.type.is_data_block:
                yield from self._run.results.source(source, self._run.tasks).refs()

    def _set_results(self, deliveries: Sequence[Delivery], nodes: Nodes) -> set[bpy.types.ID]:
        """Put results in the place of earlier ones, and onto the sockets. Returns those that are in such a place."""
        results: dict[FromTask, dict[str, bpy.types.ID | None]] = {}
        for source in dict.fromkeys(source for item in deliveries for source in item.sources):
            socket = _socket(nodes.get(source.task), source) if isinstance(source, FromTask) else None
            if socket is None:  # an Output node in Save mode has none
                continue
            if source.type.is_data_block:
                placed = self._run.results.placed(self._run.tasks[source.task], source.output)
                results[source] = {place: None if ref is None else self._found.get(ref) for place, ref in placed}
            else:
                value = self._run.results.source(source, self._run.tasks)
                socket.set_result_json(value_files.json_text(value, self._snapshot.folder))
        succession = Succession(self._home, set(self._found.values()), self._in_place.values())
        actions = {source: item.action for item in reversed(deliveries) for source in item.sources if item.action}
        for source, items in results.items():
            action = actions.get(source, _OWN)
            if not action.keep_earlier:
                failed = self._run.failed_items(source.task) if self._run.tasks[source.task].mapped else ()
                succession.add(nodes[source.task], source.output, items, action.when_changed, failed)
        for uid in dict.fromkeys(source.task for source in results):
            succession.drop_other_outputs(nodes[uid])
        self._tell_kept(succession, deliveries, nodes)
        self._found = {ref: succession.kept.get(item, item) for ref, item in self._found.items()}
        for items in results.values():
            items.update((place, succession.kept.get(item, item)) for place, item in items.items())
        succession.carry_out()
        for source, items in results.items():
            socket = _socket(nodes[source.task], source)
            noted = succession.noted(nodes[source.task], source.output, items)
            socket.note_result(_result(list(items.values()), source.type), noted)
            noted_results.put_contents(nodes[source.task], source.output, self._run.contents(source))
        return succession.heirs

    def _tell_kept(self, succession: Succession, deliveries: Iterable[Delivery], nodes: Nodes) -> None:
        """Say what the artist changed by hand, and let Output nodes ask what shall become of it."""
        stays = {*succession.kept.values(), *succession.beside}
        self.notes += sorted(f'"{item.name}" was changed by hand, so it stays' for item in stays)
        for delivery in deliveries:
            action = delivery.action
            if action is not None and delivery.node in nodes and hasattr(nodes[delivery.node], "num_kept"):
                refs = set(self._delivered(delivery))
                items = {self._found[ref] for ref in refs if ref in self._found}
                is_asked = action.when_changed is WhenChanged.ASK
                nodes[delivery.node].num_kept = succession.num_kept(items) if is_asked else 0

    def _resolved(self, value: TypedValue) -> list[bpy.types.ID | None]:
        """The data-blocks of a value; None for those that did not arrive."""
        return [None if ref is None else self._found.get(ref) for ref in value.elements()]

    def _refs(self, source: Source) -> Iterable[StoredRef | LiveRef]:
        """What names the data-blocks of a source."""
        if isinstance(source, FromTask):
            return self._run.results.source(source, self._run.tasks).refs()
        return _live_refs(source)

    # What Output nodes do

    def _replace_originals(self, deliveries: Iterable[Delivery]) -> None:
        """Put results in the place of what they were made of, where that is known and of this file."""
        refs = (ref for item in deliveries if _mode(item) is OutputMode.REPLACE for ref in self._delivered(item))
        found = {ref: self._found[ref] for ref in refs if ref in self._found}
        if found:
            self._in_place = self._home.replace_originals(found)
            self._found |= self._in_place
            bpy.data.batch_remove(self._home.unused(self._found.values()))

    def _move_apart(self, deliveries: Iterable[Delivery]) -> list[int]:
        """Move results away from what they were made of. Returns the uids of what is to be hidden of that."""
        moved: set[StoredRef | LiveRef] = set()
        hidden = []
        for delivery in deliveries:
            action = delivery.action
            refs = [ref for ref in self._delivered(delivery) if ref in self._found and ref not in moved]
            if action is None or action.mode is not OutputMode.LINK:
                continue
            moved.update(refs)
            if any(action.offset):
                newcomers = self._home.newcomers()
                for results in self._by_original(refs):
                    linking.move_apart(results, action.offset, newcomers)
            if action.hides_original:
                originals = (self._home.originals.get(ref) for ref in refs)
                hidden += [item.session_uid for item in originals if item is not None]
        return hidden

    def _by_original(self, refs: Iterable[StoredRef | LiveRef]) -> Iterable[list[bpy.types.ID]]:
        """The results of each original, in order; and those that are made of none."""
        found: dict[bpy.types.ID | None, list[bpy.types.ID]] = {}
        for ref in refs:
            found.setdefault(self._home.originals.get(ref), []).append(self._found[ref])
        return found.values()

    def _link_results(self, deliveries: Iterable[Delivery], nodes: Nodes, heirs: set[bpy.types.ID]) -> None:
        """Put results into the collections where they are to be. What is in the place of an earlier one is there."""
        live = data_block_kinds.Index()
        homeless = None
        for delivery in deliveries:
            action = delivery.action
            if action is None or action.mode is OutputMode.KEEP:
                continue
            refs = self._delivered(delivery)
            companions = self._home.companions(self._data_blocks(refs, live))
            if action.mode is OutputMode.REPLACE:
                refs = [ref for ref in refs if ref not in self._in_place]
                self._note_without_place(self._data_blocks(refs, live))
            data_blocks = self._data_blocks(refs, live)
            if data_blocks or companions:
                homeless = linking.homeless_objects() if homeless is None else homeless
                where = self._place(action.collection, live)
                old = linking.change_place(nodes[delivery.node], where)
                settled = heirs if old == where else set()
                data_blocks = [item for item in data_blocks if item not in settled]
                data_blocks += [item for item in companions if item in homeless]
                is_linked = self._link(data_blocks, linking.collection_of(where), homeless)
                if is_linked and old is not None and old != where:
                    linking.unlink(heirs.intersection(data_blocks), linking.collection_of(old))

    def _keep_unused(self, deliveries: Iterable[Delivery]) -> None:
        """Give what was asked for, and nothing uses, a fake user: Blender would not save it."""
        live = data_block_kinds.Index()
        for delivery in filter(self._is_asked_for, deliveries):
            data_blocks = self._data_blocks(self._delivered(delivery), live)
            for item in [*data_blocks, *self._home.companions(data_blocks)]:
                if item.users == 0 and item.library is None:
                    item.use_fake_user = True

    def _is_asked_for(self, delivery: Delivery) -> bool:
        """Whether there is an Output node for it, or its node keeps its result."""
        return delivery.action is not None or any(self._run.tasks[uid].settings.keep_result for uid in delivery.tasks)

    def _delivered(self, delivery: Delivery) -> list[StoredRef | LiveRef]:
        return [ref for source in delivery.sources for ref in self._refs(source)]

    def _data_blocks(self, refs: Iterable[StoredRef | LiveRef], live: data_block_kinds.Index) -> list[bpy.types.ID]:
        found = (
            live.find(ref.kind, ref.session_uid) if isinstance(ref, LiveRef) else self._found.get(ref) for ref in refs
        )
        return [item for item in found if item is not None]

    def _note_without_place(self, data_blocks: Iterable[bpy.types.ID]) -> None:
        self.notes += [f'"{item.name}" has no original to replace, so it was linked instead' for item in data_blocks]

    def _link(
        self, data_blocks: list[bpy.types.ID], collection: bpy.types.Collection, homeless: set[bpy.types.Object]
    ) -> bool:
        try:
            linking.link(data_blocks, collection, homeless)
            return True
        except RuntimeError:  # it is linked from another file
            self.notes.append(f'Nothing can be put into the collection "{collection.name}", so results were only kept')
            return False

    def _place(self, ref: LiveRef | None, live: data_block_kinds.Index) -> bpy.types.Collection | bpy.types.Scene:
        """Where results are linked: the collection, or else the scene that the run began in."""
        found = None if ref is None else live.find(ref.kind, ref.session_uid)
        if ref is not None and found is None:
            self.notes.append(f'The collection "{ref.name}" is gone, so results were linked to the scene')
        return found or self._scene(live)

    def _scene(self, live: data_block_kinds.Index) -> bpy.types.Scene:
        """The scene that the run began in."""
        home = self._run.plan.home
        return (None if home is None else live.find(home.kind, home.session_uid)) or bpy.context.scene


def _earlier_results(deliveries: Iterable[Delivery], nodes: Nodes) -> Targets:
    """What earlier runs brought home for the same outputs."""
    sources = (source for item in deliveries for source in item.sources if isinstance(source, FromTask))
    found = (noted_results.noted(nodes[source.task], source.output) for source in sources if source.task in nodes)
    return Targets(frozenset(row.session_uid for rows in found for row in rows))


def _result(items: Sequence[bpy.types.ID | None], result_type: SocketType) -> Any:
    """What an output gives in Python."""
    return tuple(items) if result_type.is_list else items[0]


def _shown(nodes: Nodes) -> dict[tuple[str, str], tuple[object, ...]]:
    """What the outputs of nodes show."""
    names = ("result_json", "has_result", "offered_label")
    return {
        (uid, socket.identifier): (socket.shows_result, *(getattr(socket, name, None) for name in names))
        for uid, node in nodes.items()
        for socket in node.outputs
        if hasattr(socket, "shows_result")
    }


def _use(delivery: Delivery) -> str:
    """What an Output node does with the results of a delivery; "" if they are a node's own."""
    action = delivery.action
    if action is None:
        return ""
    sources = [
        [source.task, source.output] if isinstance(source, FromTask) else [ref.name for ref in _live_refs(source)]
        for source in delivery.sources
    ]
    collection = None if action.collection is None else action.collection.name
    return repr((sources, collection, dataclasses.replace(action, collection=None)))


def _live_refs(source: Constant) -> list[LiveRef]:
    refs = source.value if isinstance(source.value, tuple) else (source.value,)
    return [ref for ref in refs if isinstance(ref, LiveRef)]


def _mode(delivery: Delivery) -> OutputMode | None:
    return None if delivery.action is None else delivery.action.mode


def _socket(node: bpy.types.Node | None, source: FromTask) -> bpy.types.NodeSocket | None:
    """The output that a result belongs to; None if the script was edited meanwhile and has none of that type."""
    sockets = () if node is None else node.outputs
    found = next((socket for socket in sockets if socket.identifier == source.output), None)
    return found if found is not None and found.socket_type.kind == source.type.kind else None


def _output(task: PlannedTask, name: str) -> TaskOutput:
    """The output of a task by its identifier or label. Raises RunError if there is none."""
    found = next((output for output in task.outputs if name in (output.identifier, output.label)), None)
    if found is None:
        raise RunError(f'"{task.name}" has no output "{name}"')
    return found
