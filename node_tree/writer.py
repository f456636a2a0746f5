# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer: the results of a run -> data-blocks of the open file and `result` of the tree's output sockets."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import bpy

from ..runtime.blender import modes
from ..runtime.blender.edits import edits
from ..runtime.blender.homecoming import Homecoming, Targets
from ..runtime.blender.snapshot import Snapshot
from ..runtime.engine.active_run import ActiveRun
from ..runtime.errors import RunError, StoreError
from ..runtime.planning.graph import OutputAction, OutputMode, WhenChanged
from ..runtime.planning.node_path import ids_in, is_in_group
from ..runtime.planning.plan import Delivery, PlannedTask, TaskOutput
from ..runtime.planning.sources import Shown
from ..runtime.scheduling.states import TaskState
from ..runtime.scratch import value_files
from ..runtime.scratch.typed_values import TypedValue
from ..runtime.script.socket_types import SocketType
from . import noted_results
from .arrival import Arrival
from .baselines import baselines
from .deliveries import Nodes, mode_of, place_of, socket_of, stored_refs, use_of
from .hand_changes import Compared, Comparisons
from .identity import nodes_by_uid
from .portion_size import last_start
from .shown_values import SameValues
from .sockets import python_value
from .succession import compared, is_home

_NOT_GIVEN = "nothing in the group gives that output, so there is no result of it"


class Viewed(NamedTuple):
    """Results in the file that no node has: nothing is noted of them.

    Attributes:
        results: the data-blocks.
        came: all that was loaded for them.
        originals: the artist's data-blocks that they are versions of.
    """

    results: list[bpy.types.ID]
    came: set[bpy.types.ID]
    originals: list[bpy.types.ID]


class Writer:
    """Writes what one run brought home.

    Attributes:
        has_changed: whether anything in the file was changed.
        leaves_deleted: whether results that were brought home before and that somebody has deleted do not come again.
        notes: what could not be done, and why.
    """

    def __init__(self, run: ActiveRun, snapshot: Snapshot) -> None:
        self._run = run
        self._snapshot = snapshot
        self._home = Homecoming(snapshot)
        self._targets: Targets | None = None
        self._unread: deque[str] | None = None  # blobs; None: nobody has looked for them yet
        self._comparisons: Comparisons | None = None
        self._same_values: SameValues | None = None  # None: what is the same is found out when it is asked for
        self._is_prepared = False
        self._has_begun = False
        self._arrival: Arrival | None = None  # of what comes home
        self.has_changed = False
        self.notes: list[str] = []
        self.leaves_deleted = False

    def prepare(self, tree: bpy.types.NodeTree | None, seconds: float) -> bool:
        """Read what bringing the results home needs beside them, for about so long; whether all of that was read.

        What earlier runs brought home is compared, too, where Blender tells whether it is edited after that.
        """
        start = time.monotonic()
        while not self._is_prepared:
            self._is_prepared = self._prepare(tree, max(seconds - (time.monotonic() - start), 0.0))
            if time.monotonic() - start > seconds / 4:
                break
        return self._is_prepared

    def _prepare(self, tree: bpy.types.NodeTree | None, seconds: float) -> bool:
        if self._comparisons is not None:
            return self._comparisons.work(seconds) and self._compare_values(tree, seconds)
        start = time.monotonic()
        try:
            if self._unread is None:
                refs = (ref for item in self._coming() for ref in stored_refs(self._run, item))
                self._unread = deque(dict.fromkeys(ref.blob for ref in refs))
            if not self._home.read(self._unread, seconds):
                return False
        except StoreError:  # told when they are brought home
            return True
        if time.monotonic() - start > seconds / 4 > 0.0:
            return False
        self._comparisons = Comparisons(self._earlier(tree))
        return self._comparisons.is_done and self._compare_values(tree, 0.0)

    def _compare_values(self, tree: bpy.types.NodeTree | None, seconds: float) -> bool:
        nodes = {} if tree is None else nodes_by_uid(tree)
        if self._same_values is None:
            sources = (source for item in self._coming() for source in item.sources if isinstance(source, Shown))
            self._same_values = SameValues(self._run, self._snapshot.folder, dict.fromkeys(sources))
        try:
            return self._same_values.work(nodes, seconds)
        except StoreError:  # told when they are brought home
            return True

    def _earlier(self, tree: bpy.types.NodeTree | None) -> Iterator[Compared]:
        nodes = {} if tree is None else nodes_by_uid(tree)
        sources = (source for item in self._coming() for source in item.sources if isinstance(source, Shown))
        for source in dict.fromkeys(sources):
            place = place_of(source, nodes) if source.type.is_data_block else None
            if place is not None:
                yield from compared(noted_results.noted(place.node, place.output))

    def waits_for(self, tree: bpy.types.NodeTree | None) -> str:
        """What must happen before the results can come home, such as '"Cube" leaves Sculpt Mode'; "" if nothing."""
        if self._targets is None:
            nodes = {} if tree is None else nodes_by_uid(tree)
            coming = [item for item in self._coming() if item.node not in nodes or not self._is_home(item, nodes)]
            replacing = (item for item in coming if mode_of(item) is OutputMode.REPLACE)
            try:
                self._targets = self._home.replaced(ref for item in replacing for ref in stored_refs(self._run, item))
            except StoreError:  # told when they are brought home
                self._targets = Targets()
            self._targets |= _earlier_results(coming, nodes)
        event = modes.awaited_end(self._targets)
        if event and self._arrival is not None:
            self._arrival.forget_comparisons()
        return event

    def write(self, tree: bpy.types.NodeTree | None, seconds: float = math.inf) -> bool:
        """Bring the next portion of results home, or all if there is no limit. What they are like is read in `finish`.

        Returns:
            whether all are home.

        Raises:
            StoreError: if a blob can't be read.
        """
        start = time.monotonic()
        nodes = {} if tree is None else nodes_by_uid(tree)
        with (self._comparisons or Comparisons(())).known():
            if not self._has_begun:
                self._has_begun = True
                self._arrival = self._begin(nodes, is_gone=tree is None)
                if self._arrival is not None and time.monotonic() - start > last_start(seconds):
                    return False
            if self._arrival is not None and not self._arrival.carry_on(nodes, seconds):
                return False
        if self._arrival is not None:
            self.notes += self._arrival.notes
        return True

    def _begin(self, nodes: Nodes, *, is_gone: bool) -> Arrival | None:
        """Let nodes show what they have now. Returns what comes home; None if nothing does."""
        deliveries = self._arrived()
        if is_gone and deliveries:
            self.notes.append("The node tree is gone, so its results were dropped")
            return None
        deliveries = [item for item in deliveries if self._has_place(nodes, item)]
        coming: list[Delivery] = []
        there: list[Delivery] = []
        for item in deliveries:
            if not item.is_offered:
                (there if self._is_home(item, nodes) else coming).append(item)
        before = _shown(nodes)
        with edits.own():  # Blender tells of tooltips
            if not self._run.takes_kept_only:
                self._clear_stale(nodes, there)
            for item in deliveries:
                if item.is_offered:
                    self._offer(item, nodes)
        self.has_changed = bool(coming) or _shown(nodes) != before
        return self._new_arrival(coming) if coming else None

    def _new_arrival(self, deliveries: list[Delivery], *, only_missing: bool = False) -> Arrival:
        return Arrival(self._run, self._snapshot.folder, self._home, deliveries, only_missing=only_missing)

    def finish(self) -> None:
        """Read at once what the results are like."""
        baselines.finish()

    def _is_home(self, delivery: Delivery, nodes: Nodes) -> bool:
        """Whether the same results came home before, for the same use, and are there as they were, or left deleted."""
        if mode_of(delivery) is OutputMode.REPLACE:
            return False
        if delivery.action is not None and nodes[delivery.node].home_action != use_of(delivery):
            return False
        return all(self._is_source_home(source, nodes) for source in delivery.sources if isinstance(source, Shown))

    def _is_source_home(self, source: Shown, nodes: Nodes) -> bool:
        place = place_of(source, nodes)
        if place is None or place.socket is None:
            return False
        if source.type.is_data_block:
            contents = self._run.contents(source)
            return place.socket.shows_result and is_home(
                place.node, place.output, contents, leaves_deleted=self.leaves_deleted
            )
        known = self._same_values or SameValues(self._run, self._snapshot.folder, ())
        return known.is_same(source, place.socket)

    def _clear_stale(self, nodes: Nodes, home: Iterable[Delivery]) -> None:
        """Let the same nodes show no results of earlier runs; a node that was cancelled keeps what it had.

        So does one that succeeded before the run was retried: what it has is of this run. So do outputs whose results
        are `home`. Data-blocks stay in the file and noted: new ones will take their place.
        """
        plan, scheduler = self._run.plan, self._run.scheduler
        kept = {source.place for item in home for source in item.sources if isinstance(source, Shown)}
        ended = {
            uid
            for uid, record in scheduler.tasks.items()
            if record.state is not TaskState.CANCELLED and record.round == scheduler.round
        }
        stale = (nodes[uid] for uid in dict.fromkeys(ids_in(task)[0] for task in ended) if uid in nodes)
        for node in stale:
            for socket in node.outputs:
                if getattr(socket, "shows_result", False) and (node.uid, socket.identifier) not in kept:
                    source = plan.source_at(node.uid, socket.identifier)
                    tasks = () if source is None else Delivery(node.uid, socket.identifier, (source,)).tasks
                    if source is None or not ended.isdisjoint(tasks):
                        socket.forget_result()

    def _offer(self, delivery: Delivery, nodes: Nodes) -> None:
        """Show what comes home when somebody asks for it."""
        (source,) = delivery.sources
        assert isinstance(source, Shown)
        refs = [ref for ref in self._run.results.source(source, self._run.tasks).elements() if ref is not None]
        if refs or source.type.is_list:
            names = [ref.name for ref in refs]
            socket = socket_of(source, nodes)
            if socket is not None:
                socket.offer_result(self._run.number, names, is_list=source.type.is_list)

    def fetch(
        self, tree: bpy.types.NodeTree | None, node_id: str, output: str, action: OutputAction | None = None
    ) -> Any:
        """Bring one output of a node home and return its `result`; with an action, as an Output node does.

        A node in a group whose results no group node shows has no place for them: they are only returned.

        Raises:
            RunError: if there is none of that name, or if it must wait.
            StoreError: if it can't be read.
        """
        source = self._source(node_id, output)
        nodes = {} if tree is None else nodes_by_uid(tree)
        uid, identifier = source.place
        if is_in_group(uid):
            return self._returned(self._run.results.source(source, self._run.tasks), source.type)
        place = place_of(source, nodes)
        if place is None:
            raise RunError(f'the node "{self._run.name_of(uid)}" is gone')
        delivery = Delivery(uid, identifier, (source,), action)
        if event := modes.awaited_end(_earlier_results([delivery], nodes)):
            raise RunError(f"the result can't come home until {event}")
        self._bring([delivery], nodes, only_missing=True)
        return next(socket.result for socket in place.node.outputs if socket.identifier == identifier)

    def view(self, node_id: str, output: str) -> Viewed:
        """Load one output of a node to be looked at. Raises RunError if there is none, StoreError."""
        value = self._run.results.source(self._source(node_id, output), self._run.tasks)
        found = self._home.bring(value.refs())
        return Viewed(list(found.values()), self._home.newcomers(), list(self._home.originals.values()))

    def value(self, node_id: str, output: str) -> Any:
        """Read one output of a node that is no data-block. Raises RunError if there is none, StoreError."""
        source = self._source(node_id, output)
        value = self._run.results.source(source, self._run.tasks)
        return python_value(json.loads(value_files.json_text(value, self._snapshot.folder)), source.type.kind)

    def _source(self, node_id: str, output: str) -> Shown:
        """What gives an output of a node. Raises RunError if there is none of that name."""
        source = self._run.source_at(node_id, output)
        if source is None:
            task = self._run.tasks.get(node_id)
            raise RunError(f'"{task.name}" has no output "{output}"' if task else _NOT_GIVEN)
        return source

    def _returned(self, value: TypedValue, given: SocketType) -> Any:
        """What Python gets: a value, a data-block, or a tuple of them."""
        if not given.is_data_block:
            return python_value(json.loads(value_files.json_text(value, self._snapshot.folder)), given.kind)
        data_blocks = self._home.bring(value.refs())
        items = tuple(None if ref is None else data_blocks.get(ref) for ref in value.elements())
        return items if given.is_list else items[0]

    def _bring(self, deliveries: list[Delivery], nodes: Nodes, *, only_missing: bool = False) -> None:
        """Bring deliveries home at once, and read what they are like."""
        arrival = self._new_arrival(deliveries, only_missing=only_missing)
        arrival.carry_on(nodes)
        self.notes += arrival.notes
        self.finish()

    def bring_back(self, tree: bpy.types.NodeTree | None, node_id: str, output: str) -> None:
        """Bring one output of a node home once more, because the artist deleted it.

        Raises:
            RunError: if it must wait, or the node is gone.
            StoreError: if a blob can't be read.
        """
        nodes = {} if tree is None else nodes_by_uid(tree)
        here = tuple(item for item in self._run.plan.deliveries if item.node in nodes)
        part = dataclasses.replace(self._run.plan, deliveries=here).part_for(node_id, output)
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

    def fetch_item(self, task_id: str, output: str, index: int) -> Any:
        """Bring one output of one item of a task home and return it. Raises RunError if there is none."""
        task = self._run.tasks[task_id]
        found = _output(task, output)
        values = self._run.results.item(task_id, index)
        if values is None:
            raise RunError(f'item {index} of "{task.name}" has no result')
        return self._returned(values[found.identifier], found.type)

    def _arrived(self) -> list[Delivery]:
        """The deliveries whose tasks all succeeded, and that are not home yet."""
        return list(self._run.new_deliveries())

    def _coming(self) -> list[Delivery]:
        """Those that come home unasked."""
        return [item for item in self._arrived() if not item.is_offered]

    def _has_place(self, nodes: Nodes, delivery: Delivery) -> bool:
        """Whether the node and the output of a result still exist; if not, a note says so."""
        sources = [source for source in delivery.sources if isinstance(source, Shown)]
        names = [self._run.name_of(source.place[0]) for source in sources]
        if delivery.node not in nodes:
            self._note_once(f'The node "{names[0]}"' if delivery.action is None else "An Output node", "is gone")
            return False
        if delivery.action is None and not any(socket_of(source, nodes) for source in sources):
            is_list_node = any(delivery.node == each.id for each in self._run.plan.lists)
            what = "The node" if is_list_node else "The group"
            what = "The script of" if delivery.node in self._run.tasks else what
            self._note_once(f'{what} "{names[0]}"', "has another output now")
            return False
        return True

    def _note_once(self, what: str, reason: str) -> None:
        note = f"{what} {reason}, so its result was dropped"
        if note not in self.notes:
            self.notes.append(note)


def _earlier_results(deliveries: Iterable[Delivery], nodes: Nodes) -> Targets:
    """What earlier runs brought home for the same outputs."""
    sources = (source for item in deliveries for source in item.sources if isinstance(source, Shown))
    places = filter(None, (place_of(source, nodes) for source in sources))
    rows = (row for place in places for row in noted_results.noted(place.node, place.output))
    return Targets(frozenset(row.session_uid for row in rows))


def _shown(nodes: Nodes) -> dict[tuple[str, str], tuple[object, ...]]:
    """What the outputs of nodes show."""
    names = ("result_label", "has_result", "offered_label")
    return {
        (uid, socket.identifier): (socket.shows_result, *(getattr(socket, name, None) for name in names))
        for uid, node in nodes.items()
        for socket in node.outputs
        if hasattr(socket, "shows_result")
    }


def _output(task: PlannedTask, name: str) -> TaskOutput:
    """The output of a task by its identifier or label. Raises RunError if there is none."""
    found = next((output for output in task.outputs if name in (output.identifier, output.label)), None)
    if found is None:
        raise RunError(f'"{task.name}" has no output "{name}"')
    return found
