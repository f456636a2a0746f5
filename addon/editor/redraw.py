# SPDX-License-Identifier: GPL-3.0-or-later
"""Redraws what shows a run, when there is something new to be seen, and lets bars move smoothly.

It listens to the session's timer, which ticks while something runs, and to what looks for problems. Only editors that
show a tree with news are redrawn. While a run goes on, that is not done so often that it holds the window, and the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

import bpy

from ...runtime.scheduling.states import TaskState
from ..session import forecasts, problems
from ..session.current import session
from ..session.group import Group
from ..session.keeper import BUSY_INTERVAL
from ..session.run import Run, Status

#: In each tick a bar moves by this share of the distance to the real progress.
_EASING = 0.35
#: A bar that is nearer than this shows the real progress.
_NEAR = 0.004

#: After a redraw that took long, the next one waits for so many times as long.
_REST_SHARE = 2.0


class _Pace:
    """When a run that goes on is redrawn. How long a redraw takes is told by the tick after it, which it delays."""

    def __init__(self) -> None:
        self._tagged: float | None = None
        self._rest_end = 0.0

    def may_redraw(self) -> bool:
        """Whether it is time for another redraw. To be asked once in each tick."""
        now = time.monotonic()
        if self._tagged is not None:
            late = now - self._tagged - BUSY_INTERVAL
            self._rest_end = now + max(0.0, _REST_SHARE * late - BUSY_INTERVAL)
            self._tagged = None
        return now >= self._rest_end

    def redrawn(self) -> None:
        self._tagged = time.monotonic()


_pace = _Pace()
#: What is on the screen, by tree: the version and the seconds of its run, and whether that is home; the progress that
#: each running task shows.
_drawn: dict[int, tuple[int, int, bool]] = {}
_bars: dict[int, dict[str, float]] = {}
#: The groups that were drawn while they ran, by the ids of their paths: to ask all of them would take long.
_groups: set[str] = set()


def shown_progress(task: Status) -> float:
    """What the bar of a running task or group shows: it is on its way to its progress."""
    if isinstance(task, Group):
        _groups.add(task.node_id)
    found = (bars[task.node_id] for bars in _bars.values() if task.node_id in bars)
    return next(found, task.progress)


def update(runs: Iterable[Run]) -> None:
    """Redraw what shows a run with news; the end of a run at once."""
    may_redraw = _pace.may_redraw()
    changed = {run.tree_uid for run in runs if (may_redraw or run.is_home) and _has_news(run)}
    if changed:
        _pace.redrawn()
        tag(changed)
        _redraw_preferences()


def tag(tree_uids: AbstractSet[int]) -> None:
    """Redraw the editors that show one of these trees."""
    for area, shown in editors():
        if shown & tree_uids:
            area.tag_redraw()


def tag_all() -> None:
    """Redraw all editors of background node trees."""
    for area, _shown in editors():
        area.tag_redraw()


def _has_news(run: Run) -> bool:
    news = run.version, int(run.seconds), run.is_home
    has_news = _drawn.get(run.tree_uid) != news
    if run.is_home and not has_news:
        return False
    _drawn[run.tree_uid] = news
    return _move_bars(run) or has_news


def _move_bars(run: Run) -> bool:
    """Move the bars of a run towards the real progress. Returns whether one moved."""
    groups = (run.at(group) for group in _groups)
    running = [each for each in (*run.tasks.values(), *groups) if each is not None and each.state is TaskState.RUNNING]
    before = _bars.get(run.tree_uid, {})
    _bars[run.tree_uid] = bars = {
        each.node_id: _eased(before.get(each.node_id, 0.0), each.progress) for each in running
    }
    return bars != before


def _eased(shown: float, progress: float) -> float:
    if progress - shown < _NEAR:  # a task that begins anew goes back at once
        return progress
    return shown + (progress - shown) * _EASING


def _redraw_preferences() -> None:
    """Redraw the preferences, which list the workers."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


def editors() -> Iterator[tuple[bpy.types.Area, set[int]]]:
    """Each editor of background node trees, with the trees it shows: the one in view, and those that lead to it."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "NODE_EDITOR" and space.tree_type == "BackgroundNodeTree":
                yield area, {part.node_tree.session_uid for part in space.path if part.node_tree is not None}


def register() -> None:
    session.updated.listen(update)
    problems.found.listen(tag)
    forecasts.found.listen(tag)


def unregister() -> None:
    forecasts.found.stop_listening(tag)
    problems.found.stop_listening(tag)
    session.updated.stop_listening(update)
    _drawn.clear()
    _bars.clear()
    _groups.clear()
