# SPDX-License-Identifier: GPL-3.0-or-later
"""What add-ons give jobs: checked, and copied into a request."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import bpy

from ...node_tree import reader, sources
from ...runtime.blender import python_data, sendable
from ...runtime.errors import SignatureError
from ...runtime.planning.graph import WhenChanged
from ...runtime.script.signature import ScriptSource, parse
from ...runtime.script.socket_types import LiveRef
from ...runtime.script.without_main import name_fault
from . import addon_modules
from .request import JobRequest

if TYPE_CHECKING:
    from .work import Work

#: The variable that holds the path of the open file; "" if it was never saved.
_SOURCE_FILE: Final = "source_blend_file"
#: What `add_job` takes for `when_changed`.
_POLICIES: Final = {"keep": WhenChanged.MINE, "take": WhenChanged.RESULT, "both": WhenChanged.BOTH}
#: What it takes for `preferences`.
_PREFERENCES: Final = ("factory", "artist")
#: What it takes for `other_file`.
_OTHER_FILE: Final = ("drop", "wait")


def _text(name: object) -> str:
    """The name of a job. Raises TypeError."""
    if not isinstance(name, str):
        raise TypeError(f"a job's name is a text, not {name!r:.40}")
    return name


def _when_changed(policy: object) -> WhenChanged:
    """Raises ValueError."""
    if policy not in _POLICIES:
        known = ", ".join(map(repr, _POLICIES))
        raise ValueError(f"when_changed is {policy!r:.40}: give one of {known}")
    return _POLICIES[policy]


def _waits_for_file(choice: object) -> bool:
    """Whether results wait until their file is open again. Raises ValueError."""
    if choice not in _OTHER_FILE:
        known = ", ".join(map(repr, _OTHER_FILE))
        raise ValueError(f"other_file is {choice!r:.40}: give one of {known}")
    return choice == "wait"


def _seconds(timeout: object) -> float:
    """Raises TypeError."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 <= timeout < math.inf:
        raise TypeError(f"timeout is {timeout!r:.40}: give seconds, or 0 for no limit")
    return float(timeout)


def _priority(number: object) -> float:
    """Raises TypeError."""
    if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
        raise TypeError(f"priority is {number!r:.40}: give a number, a higher one for what is to start first")
    return float(number)


def _modules(addons: object) -> tuple[str, ...]:
    """The modules of add-ons. Raises TypeError, or ValueError if one can't be found."""
    if isinstance(addons, str) or not isinstance(addons, Iterable):
        raise TypeError(f"addons is {addons!r:.40}: give a list of the names of modules")
    found = tuple(addons)
    for name in found:
        if not isinstance(name, str) or not name:
            raise TypeError(f"addons has {name!r:.40} in it: give the names of modules, as in the preferences")
    return tuple(dict.fromkeys(map(addon_modules.found, found)))


def _uses_artists(preferences: object, cache: bool) -> bool:
    """Whether the worker has the artist's preferences. Raises ValueError."""
    if preferences not in _PREFERENCES:
        known = ", ".join(map(repr, _PREFERENCES))
        raise ValueError(f"preferences is {preferences!r:.40}: give one of {known}")
    if preferences == "artist" and cache:
        raise ValueError(
            "cache=True is for results that depend on nothing but what the job is given: take "
            'preferences="factory", or no cache'
        )
    return preferences == "artist"


def _callback(function: Callable[[Any], object] | None, name: str) -> Callable[[Any], object] | None:
    """Raises TypeError."""
    if function is not None and not callable(function):
        raise TypeError(f"{name} is {function!r:.40}: give a function that takes the job")
    return function


def _source(script: object, job: str) -> ScriptSource:
    """The script, if it can be read: a path, a text data-block, or source of several lines.

    Raises:
        SignatureError, TypeError, ValueError: if it can't be, or is no Python.
    """
    if isinstance(script, bpy.types.Text):
        found = sources.from_text(script)
    elif isinstance(script, str) and "\n" in script:  # no path that anybody means
        found = ScriptSource(textwrap.dedent(script), f"<{job}>")
    elif isinstance(script, str | os.PathLike):
        found = sources.from_file(os.fspath(script))
    else:
        raise TypeError(f"script is {script!r:.40}: give the path of a Python file, a text, or source of several lines")
    try:
        parse(found)
    except (SignatureError, RecursionError, MemoryError) as error:
        raise ValueError(f"{found.filename} is no Python: {error}") from None
    return dataclasses.replace(found, is_without_main=True)


def _variables(passed: object) -> dict[str, Any]:
    """The variables in wire form. Raises TypeError or ValueError."""
    if not isinstance(passed, Mapping):
        raise TypeError(f"passed_data is of type {type(passed).__name__}: give a dict of variables")
    for name in passed:
        if fault := name_fault(name):
            raise ValueError(f"passed_data: {fault}")
    plain = ((name, value) for name, value in passed.items() if not isinstance(value, bpy.types.ID))
    values = {name: python_data.encode(value, f"passed_data[{name!r}]") for name, value in plain}
    return {_SOURCE_FILE: bpy.data.filepath, **values}


def _results(passed: object, known: Collection[str], job_of: Callable[[Any], Work | str]) -> dict[str, Work | str]:
    """The jobs whose results are variables. Raises TypeError, ValueError, or UnknownJobError."""
    if not isinstance(passed, Mapping):
        raise TypeError(f"passed_results is of type {type(passed).__name__}: give a dict of variables and jobs")
    for name in passed:
        if fault := name_fault(name):
            raise ValueError(f"passed_results: {fault}")
        if name in known:
            raise ValueError(f"passed_results: the variable {name!r} is in passed_data, too")
    return {name: job_of(job) for name, job in passed.items()}


def _blocks(passed: Mapping[str, Any]) -> dict[str, LiveRef]:
    """The variables that are data-blocks. Raises TypeError."""
    found = {}
    for name, value in passed.items():
        if isinstance(value, bpy.types.ID):
            try:
                found[name] = _live_ref(value)
            except TypeError as error:
                raise TypeError(f"passed_data[{name!r}]: {error}") from None
    return found


def _refs(passed: object) -> Iterator[LiveRef]:
    """References to data-blocks. Raises TypeError."""
    if isinstance(passed, bpy.types.ID | str | Mapping) or not isinstance(passed, Iterable):
        raise TypeError(f"passed_data_blocks is of type {type(passed).__name__}: give a set of data-blocks")
    for data_block in passed:
        try:
            yield _live_ref(data_block)
        except TypeError as error:
            raise TypeError(f"passed_data_blocks: {error}") from None


def _live_ref(data_block: object) -> LiveRef:
    """A reference to a data-block that a job is given. Raises TypeError if it can't be sent; the message says why."""
    if not isinstance(data_block, bpy.types.ID):
        raise TypeError(f"{data_block!r:.80} is no data-block")
    if (found := sendable.obstacle(data_block)) is not None:
        raise TypeError(found.with_fix(found.message))
    return reader.live_ref(data_block)


def caller() -> str:
    """Which add-on calls the extension: "bl_ext.user_default.scatter", "scatter" or "__main__"."""
    own = __package__.rpartition(".addon.")[0]
    frame = sys._getframe(1)
    while frame is not None and _is_of(own, frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    parts = str("" if frame is None else frame.f_globals.get("__name__", "")).split(".")
    return ".".join(parts[: 3 if parts[0] == "bl_ext" else 1])


def _is_of(package: str, module: object) -> bool:
    return f"{module}.".startswith(f"{package}.")


def request(
    job: str,
    script: Any = "",
    timeout: float = 0,
    passed_data: Mapping[str, Any] | None = None,
    passed_data_blocks: Iterable[bpy.types.ID] = (),
    use_blend_file: bool = False,
    *,
    overwrite_data: bool = False,
    when_changed: str = "keep",
    push_undo: bool = True,
    other_file: str = "drop",
    priority: float = 0,
    after: Iterable[Any] = (),
    passed_results: Mapping[str, Any] | None = None,
    addons: Iterable[str] = (),
    preferences: str = "factory",
    cache: bool = False,
    on_complete: Callable[[Any], object] | None = None,
    on_progress: Callable[[Any], object] | None = None,
    job_of: Callable[[Any], Work | str],
) -> JobRequest:
    """What a job is to do; the arguments are those of `JobManager.add_job`.

    `job_of` finds a job by itself or its name; of one that is added with it, there is but the name.

    Raises:
        SignatureError, TypeError, ValueError, UnknownJobError: if something of it can't be.
    """
    if isinstance(after, str) or not isinstance(after, Iterable):
        raise TypeError(f"after is {after!r:.40}: give a list of jobs, or of their names")
    results = _results(passed_results or {}, passed_data or {}, job_of)
    return JobRequest(
        name=_text(job),
        source=_source(script or job, job),
        variables=_variables(passed_data or {}),
        blocks=_blocks(passed_data or {}),
        passed=tuple(dict.fromkeys(_refs(passed_data_blocks))),
        use_blend_file=use_blend_file,
        timeout=_seconds(timeout),
        overwrite_data=overwrite_data,
        when_changed=_when_changed(when_changed),
        push_undo=push_undo,
        waits_for_file=_waits_for_file(other_file),
        filepath=bpy.data.filepath,
        owner=caller(),
        priority=_priority(priority),
        after=tuple(dict.fromkeys([*map(job_of, after), *results.values()])),
        results=results,
        addons=_modules(addons),
        uses_artists_preferences=_uses_artists(preferences, cache),
        uses_cache=cache,
        on_complete=_callback(on_complete, "on_complete"),
        on_progress=_callback(on_progress, "on_progress"),
    )
