# SPDX-License-Identifier: GPL-3.0-or-later
"""Forecasts of the trees that are shown: made anew by a timer once nothing has changed for a moment.

    a change --> stale         drawing --watch--> timer --> read, compile, write data-blocks --> small steps --> redraw

If nobody asks, nothing is done. The artist comes first: what would hold the window is left out, and the nodes that
take it wait, as far as the forecast knows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType

import bpy

from ...node_tree import changes
from ...node_tree.identity import background_trees
from ...runtime.engine.forecast import Forecast, Outlook
from ...runtime.engine.forecaster import Forecaster
from ...runtime.errors import BackgroundNodesError
from ...runtime.planning.node_path import groups_of, without_passes
from . import gestures, occupation
from .current import session
from .faults import Faults
from .keeper import BUSY_INTERVAL, TICK_BUDGET
from .news import News
from .run import Run

#: Seconds without a change after which a forecast is made, and how often the seconds that its start took.
_REST = 0.5
_REST_SHARE = 20.0
#: Seconds that a start may hold the window if it writes data-blocks, and the vertices that are surely written in them.
_MAX_HOLD = 0.1
_MAX_VERTICES = 250_000
#: What is to be told first of a group.
_NEWS = (Outlook.FAILS, Outlook.RUNS, Outlook.NEVER_CACHED, Outlook.WAITS, Outlook.CACHED, Outlook.NOT_NEEDED)


@dataclass(slots=True)
class _Told:
    """The last forecast of a tree.

    Attributes:
        forecast: None if there is none: the tree has problems, or is running.
        is_fresh: whether nothing has changed since.
        repeated: the nodes of which a run would take over what the last one gave, and only try again what failed.
        hold: seconds for which its start held the window.
        writing_hold: the same of the last one for which data-blocks could be written.
    """

    forecast: Forecast | None = None
    is_fresh: bool = False
    repeated: AbstractSet[str] = frozenset()
    hold: float = 0.0
    writing_hold: float = 0.0
    _outlooks: tuple[Forecast | None, Mapping[str, Outlook]] = (None, MappingProxyType({}))

    @property
    def outlooks(self) -> Mapping[str, Outlook]:
        """By the ids of paths, of group nodes, too: all nodes that are drawn ask for theirs."""
        if self._outlooks[0] is not self.forecast:
            self._outlooks = self.forecast, {} if self.forecast is None else _with_groups(self.forecast)
        return self._outlooks[1]


def _with_groups(forecast: Forecast) -> dict[str, Outlook]:
    """What would become of each node and group node; of a group the first of `_NEWS` that is so of a node in it."""
    found = {task.node_id: task.state for task in forecast.tasks.values()}
    for node_id, state in tuple(found.items()):
        repeated = without_passes(node_id)
        within = (*groups_of(repeated), repeated) if repeated != node_id else ()
        for group in dict.fromkeys((*groups_of(node_id), *within)):
            found[group] = min(found.get(group, state), state, key=_NEWS.index)
    return found


class _Making:
    """The forecast that is being made, of the tree with this `session_uid`."""

    def __init__(self) -> None:
        self.uid = 0
        self.forecaster: Forecaster | None = None

    def stop(self) -> None:
        if self.forecaster is not None:
            self.forecaster.close()
            self.forecaster = None


#: By the `session_uid` of the tree.
_told: dict[int, _Told] = {}
#: The trees that the timer is to look at, by `session_uid`.
_asked: set[int] = set()
_making = _Making()
_faults = Faults()
_last_change = 0.0
_is_ours = False

#: Tells listeners the trees, by `session_uid`, of which there is another forecast.
found: News[AbstractSet[int]] = News()


def watch(tree: bpy.types.NodeTree) -> Forecast | None:
    """The forecast of a tree; None while there is none. May be called while Blender draws.

    It is made anew soon if anything has changed; until then it is the one before.
    """
    told = _told.setdefault(tree.session_uid, _Told())
    if not told.is_fresh and not bpy.app.background:
        _asked.add(tree.session_uid)
        if not bpy.app.timers.is_registered(_turn):
            bpy.app.timers.register(_turn, first_interval=_REST)
    return told.forecast


def of(tree: bpy.types.NodeTree) -> Forecast | None:
    """The last forecast of a tree, None if there is none. Nothing is done for it."""
    told = _told.get(tree.session_uid)
    return None if told is None else told.forecast


def would_give_the_same(tree: bpy.types.NodeTree, node_id: str) -> bool:
    """Whether a run would give what the last one gave for a node, given by the id of its path, as far as is known.

    Items that failed would be tried again, with what they were given then.
    """
    told = _told.get(tree.session_uid)
    if told is None or not told.is_fresh:
        return False
    return told.outlooks.get(node_id) is Outlook.CACHED or node_id in told.repeated


def outlooks(tree: bpy.types.NodeTree) -> Mapping[str, Outlook]:
    """What would become of each node by the last forecast of a tree, by the ids of their paths.

    Of a group node, what would become first of its nodes of which something is to be told. Nothing is done for it.
    """
    told = _told.get(tree.session_uid)
    return {} if told is None else told.outlooks


# The timer


def _turn() -> float | None:
    """Go on. Returns the seconds until the next call, None if nothing is to be done."""
    if not _asked and _making.forecaster is None:
        return None
    if session.is_busy or gestures.is_going_on() or occupation.occupation():
        return _REST
    if _making.forecaster is not None:
        _go_on(_making.forecaster)
        return BUSY_INTERVAL / 2.0
    for tree in background_trees():
        told = _told.get(tree.session_uid)
        if told is None or tree.session_uid not in _asked:
            continue
        rest = _last_change + max(_REST, _REST_SHARE * told.hold) - time.monotonic()
        if rest > 0.0:
            return rest
        _asked.discard(tree.session_uid)
        _faults.guard(_begin, tree, told)
        return 0.0
    _asked.clear()  # of trees that are gone
    return None


def _begin(tree: bpy.types.NodeTree, told: _Told) -> None:
    global _is_ours  # noqa: PLW0603 (reading a tree brings its sockets up to date, which is no change)
    told.is_fresh = _is_ours = True
    started = time.monotonic()
    writes = _is_quick(told)
    try:
        _making.forecaster = session.forecaster(tree, writes=writes, takes_over=True)
        _making.uid = tree.session_uid
    except BackgroundNodesError:  # what keeps it from running is told elsewhere
        _tell(tree.session_uid, None)
    finally:
        _is_ours = False
        told.hold = time.monotonic() - started
        if writes:
            told.writing_hold = told.hold


def _is_quick(told: _Told) -> bool:
    """Whether writing the data-blocks that a tree reads does not hold the window."""
    active = bpy.context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":  # Blender would leave and enter the mode
        return False
    if told.writing_hold > _MAX_HOLD:
        return False
    return sum(len(mesh.vertices) for mesh in bpy.data.meshes) <= _MAX_VERTICES


def _go_on(forecaster: Forecaster) -> None:
    error = _faults.guard(forecaster.update, time.monotonic() + TICK_BUDGET)
    if error is not None or forecaster.result is not None:
        run = next((run for run in session.runs if run.tree_uid == _making.uid), None)
        is_told = forecaster.result is not None and run is not None
        told = _told.setdefault(_making.uid, _Told())
        told.repeated = forecaster.repeated(run.item_keys) if is_told else frozenset()
        _making.stop()
        _tell(_making.uid, forecaster.result)
    else:
        session.update_jobs()  # results that are being kept


def _tell(uid: int, forecast: Forecast | None) -> None:
    told = _told.setdefault(uid, _Told())
    if forecast is None:
        told.repeated = frozenset()
    if told.forecast is not forecast:
        told.forecast = forecast
        found.tell({uid})


# What makes a forecast stale


def _mark(tree: bpy.types.NodeTree) -> None:
    if not _is_ours:
        _mark_those({tree.session_uid})


def _mark_those(uids: AbstractSet[int]) -> None:
    global _last_change  # noqa: PLW0603 (one moment for all trees: a change may concern any of them)
    _last_change = time.monotonic()
    if _making.uid in uids:
        _making.stop()
    stale = {uid for uid in uids if uid in _told and _told[uid].is_fresh}
    for uid in stale:
        _told[uid].is_fresh = False
    if stale:
        found.tell(stale)  # whoever shows it asks again


@bpy.app.handlers.persistent
def _mark_all(*_arguments: object) -> None:
    if not _is_ours:
        _mark_those(_told.keys())


def _run_began(run: Run) -> None:
    _mark_those({run.tree_uid})
    _tell(run.tree_uid, None)


def _run_ended(run: Run) -> None:
    _mark_those({run.tree_uid})


@bpy.app.handlers.persistent
def _before_load(*_arguments: object) -> None:
    _making.stop()
    _told.clear()
    _asked.clear()


_HANDLERS = (
    (bpy.app.handlers.undo_post, _mark_all),
    (bpy.app.handlers.redo_post, _mark_all),
    (bpy.app.handlers.save_post, _mark_all),
    (bpy.app.handlers.frame_change_post, _mark_all),
    (bpy.app.handlers.depsgraph_update_post, _mark_all),
    (bpy.app.handlers.load_pre, _before_load),
)


def register() -> None:
    changes.listen(_mark)
    session.started.listen(_run_began)
    session.ended.listen(_run_ended)
    for functions, function in _HANDLERS:
        functions.append(function)


def unregister() -> None:
    for functions, function in _HANDLERS:
        functions.remove(function)
    session.ended.stop_listening(_run_ended)
    session.started.stop_listening(_run_began)
    changes.stop_listening(_mark)
    if bpy.app.timers.is_registered(_turn):
        bpy.app.timers.unregister(_turn)
    _before_load()
