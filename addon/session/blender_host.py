# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender that the session lives in: its trees, timers, undo history and binary."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import addon_utils
import bpy

from ...node_tree.baselines import baselines
from ...node_tree.identity import background_trees
from ...node_tree.writer import Writer
from ...runtime.blender import color_management, cycles_devices, installed_addons, paths, preferences, snapshot
from ...runtime.blender.edits import edits
from ...runtime.blender.snapshot import Snapshot
from ...runtime.blender.written import Written
from ...runtime.engine.active_run import ActiveRun
from ...runtime.engine.kinds import POOL, EngineKind, engine_kinds
from ...runtime.engine.workers import CyclesDevices, ManagedEngine, WorkerSettings
from ...runtime.errors import EngineError
from ...runtime.keys import files
from ...runtime.keys.key import Environment
from ...runtime.planning.destinations import FilesInUse
from ...runtime.planning.plan import Plan, PlannedTask
from ...runtime.pool.launcher import Launcher
from ...runtime.pool.pool import Pool
from ...runtime.scratch.scratch import Scratch
from ...runtime.script.socket_types import LiveRef
from ...runtime.store.folder import default_folder
from ...runtime.store.store import Store
from ..consent.current import consent
from . import checks, gestures, interruptions, occupation, undo, waking
from .settings import Settings

_Timer = Callable[[], float | None]
#: What Blender calls. It knows a timer by the Python object, and a method is another one each time it is asked for.
_timers: dict[_Timer, _Timer] = {}


def store_folder(settings: Settings) -> Path:
    """Where results are kept. Raises StoreError if there is no place."""
    if settings.store_folder:
        return Path(settings.store_folder)
    if os.environ.get("BACKGROUND_NODES_STORE") or not __package__.startswith("bl_ext."):
        return default_folder()
    return Path(bpy.utils.extension_path_user(__package__.partition(".addon.")[0], path="store"))


def _addon_version(module: str) -> str:
    """The version of an add-on, "" if it is not installed. If Blender did not bring it, its files count, too."""
    found = next((each for each in addon_utils.modules() if each.__name__ == module), None)
    if found is None:
        return ""
    version, path = str(addon_utils.module_bl_info(found)["version"]), Path(found.__file__)
    if path.is_relative_to(bpy.utils.system_resource("SCRIPTS")):
        return version
    return f"{version} {files.outline(path.parent if path.name == '__init__.py' else path)}"


def _new_pool(told: str, scratch: Scratch) -> ManagedEngine:
    if told:
        raise EngineError(f'the engine "{POOL}" is this machine, and has no address', f"Choose {POOL} alone")
    return Pool(Launcher.for_blender(bpy.app.binary_path), scratch, capacity=1)


engine_kinds.add(EngineKind(POOL, _new_pool, "This Machine", "Background Blenders of this machine"))


class BlenderHost:
    """The session's `Host` (see `keeper.py`) in a real Blender."""

    def __init__(self) -> None:
        self._written: Written | None = None

    def checked_plan(
        self, tree: bpy.types.NodeTree, until: str | Sequence[str] | None, *, takes_over: bool = False
    ) -> Plan:
        return checks.checked(tree, until, takes_over=takes_over)

    def plan(self, tree: bpy.types.NodeTree, until: str | Sequence[str] | None) -> Plan:
        return checks.compiled(tree, until)

    def admit(self, tasks: Sequence[PlannedTask]) -> None:
        consent.check(tasks)
        if not bpy.app.background:  # nobody wrote it by hand
            consent.keep_own(task.script for task in tasks)

    def check_consent(self, tasks: Sequence[PlannedTask]) -> None:
        consent.check(tasks)

    def find_tree(self, session_uid: int) -> bpy.types.NodeTree | None:
        return next((tree for tree in bpy.data.node_groups if tree.session_uid == session_uid), None)

    def node_ids(self) -> Sequence[str]:
        return tuple(node.uid for tree in background_trees() for node in tree.nodes if hasattr(node, "uid"))

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
        if self._written is None or self._written.scratch is not scratch:
            self._written = Written(scratch)
        written = self._written if reuses else None
        return snapshot.take(
            groups, scratch, with_file=with_file, written=written, writes=writes, notes_moment=notes_moment
        )

    def files_in_use(self) -> FilesInUse:
        return paths.files_in_use()

    def writer(self, active: ActiveRun, taken: Snapshot) -> Writer:
        return Writer(active, taken)

    def read_baselines(self, seconds: float) -> bool:
        return baselines.work(seconds)

    def await_artist(self) -> bool:
        return bpy.app.background or interruptions.wait()

    def push_undo(self, message: str) -> None:
        undo.push_undo(message)

    def preferences(self) -> tuple[str, bytes]:
        contents = preferences.contents()
        return preferences.digest(contents), contents

    def new_scratch(self) -> Scratch:
        return Scratch()

    def new_store(self, settings: Settings) -> Store:
        return Store(store_folder(settings), settings.store_limits)

    def environment(self, plan: Plan) -> Environment:
        devices = cycles_devices.chosen()
        build = bpy.app.build_hash.decode("ascii", "replace")
        return Environment(
            blender=bpy.app.version_string,
            build=f"{build} {platform.system()} {platform.machine()}",
            color=color_management.configuration(),
            scene=plan.scene,
            open_file=plan.files.open_file,
            devices=(devices.backend, *devices.ids),
            addons={module: _addon_version(module) for task in plan.tasks for module in task.settings.addons},
        )

    def new_engine(self, chosen: str, scratch: Scratch) -> ManagedEngine:
        kind, told = engine_kinds.find(chosen)
        return kind.make(told, scratch)

    def worker_settings(self, settings: Settings) -> WorkerSettings:
        devices = cycles_devices.chosen() if settings.use_gpu else CyclesDevices()
        version = ".".join(map(str, bpy.app.version))
        addons, places = installed_addons.versions(), preferences.addon_places()
        online = bpy.app.online_access  # the preferences may say otherwise: --offline-mode goes before them
        return WorkerSettings(settings.limits, settings.memory_limit, devices, version, places, addons, online)

    def occupation(self) -> str:
        return occupation.occupation()

    def is_gesture_going_on(self) -> bool:
        return gestures.is_going_on()

    def start_timer(self, function: _Timer) -> None:
        # Timers don't fire in background mode, and some wheels crash at exit if one is still registered.
        if not bpy.app.background:
            self.stop_timer(function)
            _timers[function] = _turn(function)
            bpy.app.timers.register(_timers[function], first_interval=0.0, persistent=True)

    def stop_timer(self, function: _Timer) -> None:
        known = _timers.pop(function, None)
        if known is not None and bpy.app.timers.is_registered(known):
            bpy.app.timers.unregister(known)
            waking.wake_in(None)


def _turn(function: _Timer) -> _Timer:
    """What Blender calls: nothing comes between what the function changes, and the next call comes when it is due."""

    def turn() -> float | None:
        with edits.turn():
            interval = function()
        waking.wake_in(interval)
        return interval

    return turn
