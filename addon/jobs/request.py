# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job is to do, and the plan of it: one task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ...runtime.blender.paths import files_in_use
from ...runtime.planning.graph import NodeSettings, WhenChanged
from ...runtime.planning.plan import Argument, Plan, PlannedTask, TaskOutput
from ...runtime.planning.sources import Constant
from ...runtime.script.signature import Parameter, ScriptSource
from ...runtime.script.socket_types import ANY_DATA_BLOCK, OPEN_FILE, LiveRef, SocketType
from ...runtime.script.without_main import DATA_BLOCKS, PASSED_DATA_BLOCKS, PYTHON_DATA

if TYPE_CHECKING:
    from .job import Job
    from .work import Work

#: The id of the one task of a job's plan.
TASK: Final = "job"
_ANY = SocketType("ANY")
_DATA_BLOCKS = SocketType(ANY_DATA_BLOCK, is_list=True)
#: The argument that holds a copy of the open file. No passed variable can have this name.
_BLEND_FILE = "__blend_file__"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job is to do.

    Attributes:
        name: any text.
        source: its script.
        variables: the script's variables by name, in wire form; a `ValueFile` for one that is large.
        blocks: those of its variables that are data-blocks.
        passed: the data-blocks it is given beside.
        use_blend_file: whether it works on a copy of the open file.
        timeout: seconds it may take, 0 for no limit.
        overwrite_data: whether its results replace data-blocks of the open file.
        when_changed: what becomes of those that were changed since the job was added.
        push_undo: whether to make an undo step when its results come home.
        waits_for_file: whether its results wait, if another file is opened, until its own is open again.
        filepath: the open file when it was added, "" if that was never saved.
        owner: the add-on that added it.
        priority: jobs of a higher one start first.
        after: jobs that must be completed before it starts; jobs that are added with it by their names, at first.
        results: the jobs among these whose `python_data` are variables of its script, by the names of these.
        addons: modules of add-ons that its worker has enabled.
        uses_artists_preferences: whether its worker has the artist's preferences, with their add-ons.
        preferences: name of the file with these, "" for factory settings.
        uses_cache: whether it takes over a kept result of the same script and data, and its own is kept.
        on_complete: called with the job when it has ended. A job with it needs no calls of `process_jobs`.
        on_progress: called with the job when it has got further. The same.
    """

    name: str
    source: ScriptSource
    variables: Mapping[str, Any]
    blocks: Mapping[str, LiveRef] = field(default_factory=dict)
    passed: tuple[LiveRef, ...] = ()
    use_blend_file: bool = False
    timeout: float = 0.0
    overwrite_data: bool = False
    when_changed: WhenChanged = WhenChanged.MINE
    push_undo: bool = True
    waits_for_file: bool = False
    filepath: str = ""
    owner: str = ""
    priority: float = 0.0
    after: tuple[Work | str, ...] = ()
    results: Mapping[str, Work | str] = field(default_factory=dict)
    addons: tuple[str, ...] = ()
    uses_artists_preferences: bool = False
    preferences: str = ""
    uses_cache: bool = False
    on_complete: Callable[[Job], object] | None = field(default=None, compare=False)
    on_progress: Callable[[Job], object] | None = field(default=None, compare=False)

    @property
    def refs(self) -> tuple[LiveRef, ...]:
        """All data-blocks that it is given, each once."""
        return tuple(dict.fromkeys([*self.blocks.values(), *self.passed]))

    def plan(self) -> Plan:
        arguments = [_argument(name, value, _ANY) for name, value in self.variables.items()]
        arguments += [_argument(name, ref, SocketType(ref.kind)) for name, ref in self.blocks.items()]
        if self.passed:
            arguments.append(_argument(PASSED_DATA_BLOCKS, self.passed, _DATA_BLOCKS))
        if self.use_blend_file:
            arguments.append(_argument(_BLEND_FILE, OPEN_FILE, SocketType("BLEND_FILE")))
        outputs = (TaskOutput(PYTHON_DATA, PYTHON_DATA, _ANY), TaskOutput(DATA_BLOCKS, DATA_BLOCKS, _DATA_BLOCKS))
        settings = NodeSettings(self.timeout, retries=0, addons=self.addons, preferences=self.preferences)
        task = PlannedTask(TASK, self.name, self.source, tuple(arguments), outputs, settings)
        return Plan(self.name, (task,), files=files_in_use())


def _argument(name: str, value: Any, socket_type: SocketType) -> Argument:
    return Argument(Parameter(name, name, socket_type, is_optional=True), (Constant(value, socket_type),))
