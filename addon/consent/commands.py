# SPDX-License-Identifier: GPL-3.0-or-later
"""Shipped nodes that do what only a foreign script could do: start a program, delete files.

They ship, so their scripts are harmless; what they are given is not. So they are asked for with what decides what they
do: the values that are set, and which ones links bring. What these bring is trusted with it, as it is with a script.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ...runtime.keys.own_modules import ScriptPart
from ...runtime.planning.plan import Argument, PlannedTask
from ...runtime.planning.sources import Constant, FromTask, leaves
from ...runtime.script.signature import ScriptSource

#: The inputs that decide, by the name of the shipped script.
_DECIDING: Final = {
    "pipeline/run_command": ("program", "arguments", "folder"),
    "pipeline/delete_file": ("within", "way", "dry_run"),
}
#: The input that tells such nodes apart in a list of questions.
_TELLING: Final = {"pipeline/run_command": "program", "pipeline/delete_file": "within"}


def is_asked_for(script: ScriptSource) -> bool:
    """Whether a shipped script is asked for with what it is given."""
    return _name(script.filename) in _DECIDING


@functools.lru_cache(maxsize=256)  # all tasks of a plan are asked for it, after each change of a tree
def _name(filename: str) -> str:
    return "/".join(Path(filename).with_suffix("").parts[-2:])


def title(task: PlannedTask) -> str:
    """What people call what a task is about to do: "Run Command: ffmpeg"."""
    told = next(
        (each for each in task.arguments if each.parameter.identifier == _TELLING[_name(task.script.filename)]), None
    )
    values = [leaf.value for leaf in leaves(told.sources) if isinstance(leaf, Constant)] if told is not None else []
    kind = Path(task.script.filename).stem.replace("_", " ").title()
    return f"{kind}: {values[0]}" if len(values) == 1 else kind


def part(task: PlannedTask) -> ScriptPart:
    """All that is asked for, as text. No Python script could be that text: its first line is none of Python."""
    found = {each.parameter.identifier: each for each in task.arguments}
    lines = [Path(task.script.filename).stem.replace("_", " ").title()]
    for identifier in _DECIDING[_name(task.script.filename)]:
        lines += _lines(identifier, found.get(identifier))
    for loop in task.loops:
        for each in loop.lists:
            lines += [f"each of {value}" for value in _values(leaves([each.source]))]
    return ScriptPart("", "\n".join(lines).encode("utf-8", "surrogatepass"))


def _lines(identifier: str, argument: Argument | None) -> Iterator[str]:
    values = list(_values(leaves(argument.sources))) if argument is not None else []
    yield from (f"{identifier}: {value}" for value in values or ["(nothing)"])


def _values(sources: Iterator[Constant | FromTask]) -> Iterator[str]:
    for source in sources:
        if isinstance(source, FromTask):
            yield f"whatever the output {_text(source.output)} of a node gives"
        else:
            values = source.value if isinstance(source.value, tuple) else (source.value,)
            yield from (_text(value) for value in values if value is not None)


def _text(value: Any) -> str:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=False, default=lambda each: getattr(each, "name", str(each)))
