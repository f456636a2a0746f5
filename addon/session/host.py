# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session needs of the Blender it lives in. `blender_host` is a real one; tests have another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.workers import ManagedEngine, WorkerSettings
from ...runtime.script.socket_types import LiveRef
from .run import ResultWriter
from .settings import Settings

if TYPE_CHECKING:
    import bpy

    from ...runtime.blender.snapshot import Snapshot
    from ...runtime.keys.key import Environment
    from ...runtime.planning.destinations import FilesInUse
    from ...runtime.planning.plan import Plan, PlannedTask
    from ...runtime.scratch.scratch import Scratch
    from ...runtime.store.store import Store


class Host(Protocol):
    """What the session needs of the Blender it lives in."""

    def checked_plan(
        self, tree: bpy.types.NodeTree, until: str | Sequence[str] | None, *, takes_over: bool = False
    ) -> Plan:
        """The plan of a tree as it is now, if it can be sent to workers. Raises CompileError.

        If it `takes_over`, what Blender does not tell of may be left out: enough for what is shown.
        """
        ...

    def plan(self, tree: bpy.types.NodeTree, until: str | Sequence[str] | None) -> Plan:
        """The plan of a tree as it is now. Raises CompileError."""
        ...

    def admit(self, tasks: Sequence[PlannedTask]) -> None:
        """Let the scripts of these tasks run. Raises ConsentError, a CompileError, if one of them may not."""
        ...

    def check_consent(self, tasks: Sequence[PlannedTask]) -> None:
        """Raise ConsentError, a CompileError, if a script of these tasks may not run."""
        ...

    def find_tree(self, session_uid: int) -> bpy.types.NodeTree | None:
        """The tree of that uid, None if it is gone."""
        ...

    def node_ids(self) -> Sequence[str]:
        """The stable ids of all nodes of all trees."""
        ...

    def take_snapshot(
        self,
        groups: Iterable[Sequence[LiveRef]],
        scratch: Scratch,
        *,
        with_file: bool,
        reuses: bool = False,
        writes: bool = True,
        notes_moment: bool = False,
    ) -> Snapshot:
        """Write what a run or a job reads to the scratch folder, groups together. Raises RunError or StoreError.

        With `reuses`, what was not changed since it was written for a run is not written again; with that and without
        `writes`, all else is left out. With `notes_moment`, the snapshot knows what may have been edited since.
        """
        ...

    def files_in_use(self) -> FilesInUse:
        """The files that the artist works on now."""
        ...

    def writer(self, active: ActiveRun, snapshot: Snapshot) -> ResultWriter:
        """The writer that brings the results of a run home."""
        ...

    def read_baselines(self, seconds: float) -> bool:
        """Read what results are like that came home, for about so long. Returns whether all was read."""
        ...

    def await_artist(self) -> bool:
        """Have `Session.finish_homecomings` called before the artist does anything, while it `has_homecomings`.

        Returns:
            whether that can be.
        """
        ...

    def push_undo(self, message: str) -> None:
        """Make what was changed one step of the undo history."""
        ...

    def preferences(self) -> tuple[str, bytes]:
        """The digest of the artist's preferences as they are now, and the contents of Blender's file of them.

        Raises:
            RunError: if Blender can't write that.
        """
        ...

    def new_scratch(self) -> Scratch:
        """A scratch folder. Raises StoreError."""
        ...

    def new_store(self, settings: Settings) -> Store:
        """The store of results. Raises StoreError if there is no place for it."""
        ...

    def environment(self, plan: Plan) -> Environment:
        """What the results of a plan depend on beside its scripts and values."""
        ...

    def new_engine(self, chosen: str, scratch: Scratch) -> ManagedEngine:
        """The engine that carries tasks out, as `Settings.engine` chooses it. Raises EngineError."""
        ...

    def worker_settings(self, settings: Settings) -> WorkerSettings:
        """The settings of its workers."""
        ...

    def occupation(self) -> str:
        """Why workers must make room for the artist now, "" if they need not."""
        ...

    def is_gesture_going_on(self) -> bool:
        """Whether the artist is using a tool that results must not disturb."""
        ...

    def start_timer(self, function: Callable[[], float | None]) -> None:
        """Call a function soon, and again after the seconds it returns, until that is None."""
        ...

    def stop_timer(self, function: Callable[[], float | None]) -> None:
        """Stop calling a function, if it is being called."""
        ...
