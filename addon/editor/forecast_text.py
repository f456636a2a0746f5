# SPDX-License-Identifier: GPL-3.0-or-later
"""What tooltips and the Sidebar say of a forecast: the same words in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...runtime.engine.forecast import Forecast, Outlook, TaskForecast
from ...runtime.planning.node_path import is_inside
from ..drawing.quantities import duration, memory_size
from ..preferences import preferences
from ..session import forecasts

#: Names of nodes that are listed.
_MAX_NAMES = 3
#: What takes less is not worth to be told: a background Blender takes longer to open.
_LEAST_SECONDS = 1.0


def watch(tree: bpy.types.NodeTree) -> Forecast | None:
    """The forecast of a tree, if the artist wants to see it and there is one."""
    return forecasts.watch(tree) if preferences.get("overlay_forecast") else None


def summary(forecast: Forecast) -> str:
    """What a run would do: `3 of 12 nodes would run: Scale, Count and 1 more, about 40 s`."""
    running, num_waiting, num_tasks = forecast.running, len(forecast.waiting), len(forecast.tasks)
    if not running and not num_waiting:
        return translated("Nothing would run: all is cached")
    text = translated("{count} of {total} nodes would run").format(count=len(running), total=num_tasks)
    if running:
        text = f"{text}: {_listed([task.name for task in running])}"
        if forecast.seconds is not None and forecast.seconds >= _LEAST_SECONDS:
            text = translated("{text}, about {time}").format(text=text, time=duration(forecast.seconds))
    if num_waiting:
        more = translated("{count} more if what they take changes").format(count=num_waiting)
        text = f"{text}. {more}"
    return text


def of_task(task: TaskForecast) -> str:
    """What would become of a node."""
    match task.state:
        case Outlook.CACHED:
            return translated("Cached: it would not run")
        case Outlook.WAITS:
            names = _listed(task.waits_for)
            return translated("Cached, unless it gets something new from {names}").format(names=names)
        case Outlook.FAILS:
            return "; ".join(task.reasons)
        case Outlook.NOT_NEEDED:
            return translated("Not needed: a switch takes another input")
        case _:
            return "; ".join((*task.reasons, *_last_time(task)))


def of_group(forecast: Forecast, group: str) -> str:
    """What would become of the nodes in a group, by the id of its path; "" if there are none, or nothing would run."""
    inside = [task for task in forecast.tasks.values() if is_inside(task.node_id, group)]
    faults = [of_task(task) for task in inside if task.state is Outlook.FAILS]
    if faults:
        return faults[0]
    running = sum(task.is_sure_to_run for task in inside)
    waiting = sum(task.state is Outlook.WAITS for task in inside)
    if running:
        return translated("{count} of {total} nodes would run").format(count=running, total=len(inside))
    return translated("Cached, unless it gets something new") if waiting else ""


def _last_time(task: TaskForecast) -> Iterator[str]:
    if task.seconds is not None and task.seconds >= _LEAST_SECONDS:
        yield translated("about {time}").format(time=duration(task.seconds))
    if task.peak_memory is not None:
        yield memory_size(task.peak_memory)


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names[:_MAX_NAMES])
    more = len(names) - _MAX_NAMES
    return translated("{names} and {count} more").format(names=text, count=more) if more > 0 else text
