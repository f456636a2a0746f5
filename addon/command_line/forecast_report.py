# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command `plan` reports: what a run would do, for people or as one JSON object."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Final

from ...runtime.engine.forecast import Forecast, Outlook, TaskForecast
from ...runtime.store.limits import shown
from .terminal_text import name_width, one_line

#: Increased with each change that readers of the JSON must follow.
_VERSION: Final = 1


class ForecastReport:
    """The forecast of one tree."""

    def __init__(self, file: str, tree: str, forecast: Forecast) -> None:
        self._file = file
        self._tree = tree
        self._forecast = forecast

    def as_text(self) -> str:
        forecast = self._forecast
        seconds = "" if forecast.seconds is None or not forecast.running else f", about {forecast.seconds:.1f} s"
        waits = f", {len(forecast.waiting)} wait for these" if forecast.waiting else ""
        lines = [f'"{self._tree}": {len(forecast.running)} of {len(forecast.tasks)} nodes would run{seconds}{waits}']
        width = name_width(forecast.tasks)
        lines += [f"  {name:<{width}}  {', '.join(_words(task))}" for name, task in forecast.tasks.items()]
        return "".join(f"{one_line(line)}\n" for line in lines)

    def as_json(self) -> str:
        forecast = self._forecast
        content = {
            "version": _VERSION,
            "state": "told",
            "exit_code": 0,
            "file": self._file,
            "tree": self._tree,
            "num_run": len(forecast.running),
            "num_wait": len(forecast.waiting),
            "num_cached": len(forecast.cached),
            "seconds": forecast.seconds,
            "most_seconds": forecast.most_seconds,
            "peak_memory": forecast.peak_memory,
            "tasks": {name: _task(task) for name, task in forecast.tasks.items()},
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _task(task: TaskForecast) -> dict[str, Any]:
    fields = dataclasses.asdict(task)
    return {name: fields[name] for name in fields if name not in ("name", "node_id")}


def _words(task: TaskForecast) -> Iterator[str]:
    match task.state:
        case Outlook.RUNS | Outlook.NEVER_CACHED:
            yield f"runs: {'; '.join(task.reasons)}" if task.reasons else "runs"
        case Outlook.WAITS:
            yield f"cached unless it gets something new from {', '.join(task.waits_for)}"
        case Outlook.CACHED:
            yield "cached"
        case Outlook.NOT_NEEDED:
            yield "not needed: a switch takes another input"
        case Outlook.FAILS:
            yield f"can't start: {'; '.join(task.reasons)}"
    if task.num_items is not None and task.num_items != 1 and task.is_sure_to_run:
        yield f"{task.num_run} of {task.num_items} items"
    if task.is_sure_to_run and task.seconds is not None:
        yield f"{task.seconds:.1f} s"
    if task.is_sure_to_run and task.peak_memory is not None:
        yield shown(task.peak_memory)
