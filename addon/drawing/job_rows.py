# SPDX-License-Identifier: GPL-3.0-or-later
"""A row for a job in the panel of any add-on, drawn anew by itself. Part of the public Python API: `draw_job`."""

from __future__ import annotations

import itertools
import weakref
from typing import Final, cast

import bpy

from ..jobs.batch import Batch
from ..jobs.job import Job
from ..session.current import session

_ICONS: Final = {"QUEUED": "TIME", "ACTIVE": "PLAY", "COMPLETED": "CHECKMARK", "DROPPED": "ERROR"}

_numbers = itertools.count(1)
#: What is drawn, by number, and the number of each.
_drawn: weakref.WeakValueDictionary[int, Job | Batch] = weakref.WeakValueDictionary()
_number_of: weakref.WeakKeyDictionary[Job | Batch, int] = weakref.WeakKeyDictionary()
#: The types of the areas and regions that something is drawn in.
_places: set[tuple[str, str]] = set()
#: What was shown last.
_shown: list[tuple[object, ...]] = []


def draw_job(layout: bpy.types.UILayout, job: Job | Batch) -> None:
    """Draw a row: the name, how far it is, and a button that cancels it. Call it in the `draw` of your panel.

    The panel is drawn anew when the row would show something else.
    """
    _watch(job)
    row = layout.row(align=True)
    state = _state(job)
    row.label(text=job.name, icon=_ICONS[state], translate=False)
    if state in {"QUEUED", "ACTIVE"}:
        row.progress(factor=job.progress, text=_text(job), translate=False)
        button = row.operator(BACKGROUND_NODES_OT_cancel_job.bl_idname, text="", icon="X")
        button.number = _number_of[job]
    elif state == "DROPPED":
        reason = row.row()
        reason.alert = True
        reason.label(text=_reason(job), translate=False)


def _state(job: Job | Batch) -> str:
    """That of a job; of a batch, what most concerns the artist."""
    if isinstance(job, Job):
        return job.state
    if not job.is_over:
        return "ACTIVE"
    return "DROPPED" if any(each.state == "DROPPED" for each in job) else "COMPLETED"


def _text(job: Job | Batch) -> str:
    if isinstance(job, Batch):
        return f"{job.num_over}/{len(job)}"
    return job.text or ("" if job.state == "QUEUED" else f"{job.progress:.0%}")


def _reason(job: Job | Batch) -> str:
    if isinstance(job, Job):
        return "" if job.error is None else job.error.message.partition("\n")[0]
    dropped = [each for each in job if each.state == "DROPPED"]
    return f"{len(dropped)}/{len(job)}: {_reason(dropped[0])}"


def _watch(job: Job | Batch) -> None:
    if job not in _number_of:
        _number_of[job] = next(_numbers)
    _drawn[_number_of[job]] = job
    area, region = bpy.context.area, bpy.context.region
    if area is not None and region is not None:
        _places.add((area.type, region.type))


def _redraw(*_news: object) -> None:
    now: list[tuple[object, ...]] = [
        (number, _state(job), round(job.progress, 2), _text(job)) for number, job in sorted(_drawn.items())
    ]
    if now == _shown:
        return
    _shown[:] = now
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in _places:
                    region.tag_redraw()


class BACKGROUND_NODES_OT_cancel_job(bpy.types.Operator):
    """Ask the script to end, and end it if it does not in five seconds"""

    bl_idname = "background_nodes.cancel_job"
    bl_label = "Cancel Job"
    bl_options = {"INTERNAL"}

    number: bpy.props.IntProperty(name="Number", description="Which job it is", options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        job = _drawn.get(cast("int", self.number))
        if job is None:
            return {"CANCELLED"}
        job.cancel()
        _redraw()
        return {"FINISHED"}


classes = (BACKGROUND_NODES_OT_cancel_job,)


def register() -> None:
    session.updated.listen(_redraw)


def unregister() -> None:
    session.updated.stop_listening(_redraw)
    _places.clear()
    _shown.clear()
