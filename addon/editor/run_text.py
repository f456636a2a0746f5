# SPDX-License-Identifier: GPL-3.0-or-later
"""What header, Sidebar and status bar say of a run: the same words in each."""

from __future__ import annotations

import re
from typing import Final

from bpy.app.translations import pgettext_iface as translated

from ...runtime.scheduling.events import TaskError
from ...runtime.scheduling.states import RunState
from ..drawing.quantities import countdown
from ..session.run import Run

#: The types of errors that scripts raise with words for the artist.
_OWN_WORDS = re.compile(r"\b(?:ValueError|RuntimeError): (?=\S)")

#: The most notes of a run that are told where it is drawn.
_MAX_NOTES: Final = 12


def beside(so_far: str, run: Run) -> str:
    """How far a run is, as `43%` or `7/24`, with what there is to be said of it beside."""
    if run.is_coming_home:
        return translated("Loading Results")
    if run.state.is_final:
        return translated("Waits for Edit Mode")
    if run.is_paused:
        return translated("{so_far} · Paused").format(so_far=so_far)
    if run.is_finishing:
        return translated("{so_far} · Stopping").format(so_far=so_far)
    time_left = run.time_left
    if time_left is None:
        return so_far
    return translated("{so_far} · {time} left").format(so_far=so_far, time=countdown(time_left))


def error_text(error: TaskError) -> str:
    """Why a task failed, for an artist: what a script's author says needs no name of a type in front."""
    return _OWN_WORDS.sub("", error.message, count=1)


def retry_label(run: Run) -> str:
    """What trying again means after a run: fixing what failed, or going on with what was cancelled."""
    return translated("Run the Rest") if run.state is RunState.CANCELLED else translated("Retry Failed")


def notes(run: Run) -> list[str]:
    """What could not be done in a run, as far as there is room: thousands of results may each have something to say."""
    found, more = run.notes, len(run.notes) - _MAX_NOTES
    if more <= 0:
        return list(found)
    return [*found[:_MAX_NOTES], translated("{count} more: Copy Report has all of them").format(count=more)]
