# SPDX-License-Identifier: GPL-3.0-or-later
"""The one queue of the trees that are to run by themselves.

    events.py --add--> due --timer--> turn --> start a run, or cancel what is stale of the one that goes on

Trees run one after the other. A file from somebody else may have a mode set. So a tree runs by itself only after the
artist has run it by hand, or chosen its mode, since the file was opened. If it has run by itself here before (see
`known_trees.py`), the first save is enough, or the first other frame. This permission is not saved in the file.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import bpy
from bpy.app.translations import pgettext_rpt as translated

from ...node_tree.identity import background_trees
from ...runtime.blender import view_layers
from ...runtime.errors import BackgroundNodesError, CompileError
from ..consent.current import user_folder
from ..editor import end_report
from ..session import checks, gestures, problems
from ..session.current import session
from ..session.faults import Faults
from ..session.run import Run
from . import known_trees, what_changed
from .known_trees import KnownTrees
from .watched_files import WatchedFiles
from .what_changed import WhatChanged

#: Seconds between two looks at the trees that are due.
_INTERVAL = 0.1
#: Seconds between two looks at the files that live trees have read.
_FILES_INTERVAL = 1.0


@dataclass(slots=True)
class _Due:
    """Why a tree is to run, and not before which time, in seconds of the monotonic clock.

    `has_superseded`: what is stale of the run that goes on was cancelled.
    """

    mode: str
    time: float
    has_superseded: bool = False


class Queue:
    """The trees that are due, by `session_uid`.

    Attributes:
        known: the trees that have run by themselves before.
        changes: what was changed in the open file.
        files: those that live trees have read.
        allowed: the trees that somebody has run, or whose mode the artist has chosen, since the file was opened.
        is_ours: whether what is changed or saved now is changed or saved by Background Nodes.
        is_rendering: whether Blender renders.
        is_told_changes: whether Blender tells of changes.
        rest: seconds without a change, or on one frame, after which a tree runs.
    """

    def __init__(self) -> None:
        self.known = KnownTrees(lambda: user_folder("auto_run"))
        self.changes = WhatChanged()
        self.files = WatchedFiles()
        self.allowed: set[int] = set()
        self.is_ours = False
        self.is_rendering = self.is_told_changes = False
        self.rest = 0.5
        self._frame: tuple[int, float] | None = None
        self._due: dict[int, _Due] = {}
        self._told: set[int] = set()
        self._current: Run | None = None  # the last run that this queue has started
        self._was_clean = False
        self._faults = Faults()

    def add(self, tree: bpy.types.NodeTree, mode: str) -> None:
        """Run a tree: after a save at once, else after a rest. If it is added again before, the rest begins anew."""
        if mode != "LIVE" or tree.session_uid in self.allowed:
            self._put(tree, mode)

    def add_saved(self, tree: bpy.types.NodeTree) -> None:
        """Run a tree after a save, if its mode wants that; a live tree may run from then on if it did so before."""
        if tree.auto_run == "SAVE" or tree.session_uid not in self.allowed:
            self._put(tree, tree.auto_run)

    def _put(self, tree: bpy.types.NodeTree, mode: str) -> None:
        rest = 0.0 if mode == "SAVE" else self.rest
        self._due[tree.session_uid] = _Due(mode, time.monotonic() + rest)
        if not bpy.app.background and not bpy.app.timers.is_registered(turn):
            bpy.app.timers.register(turn, first_interval=0.0)

    def goes_to(self, frame: tuple[int, float]) -> bool:
        """Take a scene and its frame for those that the artist looks at; whether these were others before."""
        before, self._frame = self._frame, frame
        return before != frame

    def forget(self) -> None:
        """Another file was opened, or the extension is disabled."""
        self._due.clear()
        self._told.clear()
        self.allowed.clear()
        self.changes.forget()
        self.files.forget()
        self._current = self._frame = None
        for timer in (turn, look_at_files):
            if bpy.app.timers.is_registered(timer):
                bpy.app.timers.unregister(timer)

    @contextlib.contextmanager
    def our_own(self) -> Iterator[None]:
        """What happens here is no reason to run anything."""
        before, self.is_ours = self.is_ours, True
        try:
            yield
        finally:
            self.is_ours = before

    # The timer

    def turn(self) -> float | None:
        """Start what is due. Returns the seconds until the next call, None if nothing is due."""
        trees = {tree.session_uid: tree for tree in background_trees()}
        for uid, due in list(self._due.items()):
            if uid not in trees or trees[uid].auto_run != due.mode:  # it is gone, or not wanted any more
                del self._due[uid]
            elif not _must_wait(due.mode) and due.time <= time.monotonic():  # the mouse is looked at all the while
                self._faults.guard(self._take, trees[uid], due)
        return _INTERVAL if self._due else None

    def look_at_files(self) -> float | None:
        """Let live trees run whose files have changed. Returns the seconds until the next look, None for none."""
        trees = {tree.session_uid: tree for tree in what_changed.trees_of("LIVE")}
        self.files.keep(trees)
        for uid in self.files.changed():
            self.changes.note_files(uid)
            self.add(trees[uid], "LIVE")
        return _FILES_INTERVAL if self.files else None

    def _take(self, tree: bpy.types.NodeTree, due: _Due) -> None:
        run = session.run_of(tree)
        if not self._may_run(tree):
            del self._due[tree.session_uid]
        elif run is not None and not run.is_home:
            if not due.has_superseded:
                due.has_superseded = True
                self._supersede(tree, run)
        elif self._current is None or self._current.is_home or self._current.is_paused:
            del self._due[tree.session_uid]
            if run is None or due.mode != "LIVE" or self._is_stale(tree, run):
                self._start(tree, due.mode)

    def _may_run(self, tree: bpy.types.NodeTree) -> bool:
        uid = tree.session_uid
        if uid in self.allowed:
            return True
        if self._is_known(tree):
            return True
        if uid not in self._told:
            self._told.add(uid)
            message = translated('"{name}" runs by itself once you have run it in this session')
            end_report.say("INFO", message.format(name=tree.name))
        return False

    def _is_known(self, tree: bpy.types.NodeTree) -> bool:
        try:
            with self.our_own():
                return known_trees.digest(tree.auto_run, checks.compiled(tree).tasks) in self.known
        except CompileError:
            return False

    def _is_stale(self, tree: bpy.types.NodeTree, run: Run) -> bool:
        """Whether a tree would do something else than in its last run."""
        if self.changes.is_stale(run, tree.session_uid):
            return True
        if not self.changes.has_changed_itself(tree.session_uid):
            return False
        try:
            with self.our_own():
                return not what_changed.does_the_same(run, checks.compiled(tree))
        except CompileError:  # told where it is started
            return True

    def _supersede(self, tree: bpy.types.NodeTree, run: Run) -> None:
        """Cancel what is stale of the run that goes on. The rest goes on, and the tree runs again after that."""
        try:
            with self.our_own():
                plan = checks.compiled(tree)
        except CompileError:  # told where it is started
            return
        for task in self.changes.stale_tasks(run, plan):
            if not run.tasks[task.name].state.is_final:
                run.is_superseded = True
                run.cancel(task.name)

    def _start(self, tree: bpy.types.NodeTree, mode: str) -> None:
        try:
            with self.our_own():
                self._current = session.start(tree)
            self._current.started_by = mode
        except CompileError as error:  # scripts that are not allowed to run, too: no dialog opens by itself
            problems.note(tree, error.problems)
            self._tell(mode, translated('"{name}" did not run: see Problems in the Sidebar').format(name=tree.name))
        except BackgroundNodesError as error:  # such as a full disk
            self._tell(mode, str(error))

    def _tell(self, mode: str, message: str) -> None:
        if mode == "SAVE":  # the others would tell it after each change
            end_report.say("WARNING", message)

    # What runs do to the file

    def run_began(self, run: Run) -> None:
        """A run has read the file: all that was changed before is in it."""
        with self.our_own():
            self._update_view_layers()
        self.changes.run_began(run)
        tree = session.tree_of(run)
        if tree is not None and run.until is None and not run.only_brings_back:
            self.known.add(known_trees.digest(tree.auto_run, run.planned))
        if tree is not None and tree.auto_run == "LIVE":
            self.files.watch(run.tree_uid, what_changed.files_of(run))
            if self.files and not bpy.app.background and not bpy.app.timers.is_registered(look_at_files):
                bpy.app.timers.register(look_at_files, first_interval=_FILES_INTERVAL)

    def results_come(self, run: Run) -> None:
        """Results are about to come home."""
        self._update_view_layers()  # what the artist has changed counts as that
        self.is_ours = True
        if not run.is_coming_home:  # else some are there already
            self._was_clean = not bpy.data.is_dirty

    def results_came(self, _run: Run) -> None:
        self._update_view_layers()
        self.is_ours = False

    def run_ended(self, run: Run) -> None:
        """Save the file once more, if the tree wants that, and nothing else than its results would be saved."""
        tree = session.tree_of(run)
        if tree is not None and tree.auto_run == "LIVE":
            self.files.renew(run.tree_uid, what_changed.path_inputs(run))
        wants_save = tree is not None and tree.auto_run == run.started_by == "SAVE" and tree.saves_results
        if wants_save and self._was_clean and bpy.data.is_dirty and bpy.data.filepath:
            window = bpy.context.window_manager.windows[0]
            with self.our_own(), bpy.context.temp_override(window=window):
                bpy.ops.wm.save_mainfile()

    def _update_view_layers(self) -> None:
        """Let Blender tell now what was changed, if a tree wants to know: it may take long."""
        if self.is_told_changes:
            view_layers.update()


def _must_wait(mode: str) -> bool:
    """Whether a tree must not start while the artist does what they are doing."""
    if mode == "SAVE":
        return False
    windows = bpy.context.window_manager.windows
    is_playing = any(window.screen.is_animation_playing for window in windows)
    return is_playing or queue.is_rendering or bpy.app.is_job_running("RENDER") or gestures.is_going_on()


queue = Queue()


def look_at_files() -> float | None:
    """Another timer, for the same reason."""
    return queue.look_at_files()


def turn() -> float | None:
    """The timer: Blender knows a function again, and no method."""
    return queue.turn()
