# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences, and their defaults where there are none (the bpy wheel)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...runtime.engine.kinds import POOL, engine_kinds
from ...runtime.engine.workers import WorkerLimits
from ...runtime.store.limits import Limits
from ..consent.current import consent
from ..session.current import session
from ..session.settings import Settings, default_num_workers
from . import layout
from .trusted_list import BackgroundNodesTrustedScript

#: The name under which Blender knows the extension: "bl_ext.user_default.background_nodes", or "background_nodes".
ADDON_ID = __package__.rpartition(".addon")[0]

#: What shows a folder, or another preference, and is none itself.
_ONLY_SHOWN = ("trusted_scripts", "trusted_index", "engine")
_DEFAULT_IDLE_MINUTES = 5.0
_DEFAULT_MEMORY_GB = 4.0


class BackgroundNodesScriptFolder(bpy.types.PropertyGroup):
    """A folder with the artist's own scripts."""

    directory: bpy.props.StringProperty(
        name="Folder",
        description="Folder whose scripts are offered in the Add menu, its sub-folders as categories",
        subtype="DIR_PATH",
    )


#: Kept here, as Blender wants the items of a menu to live as long as it shows them.
_shown_engines: list[tuple[str, str, str]] = []


def _engine_items(preferences: BackgroundNodesPreferences, _context: object) -> list[tuple[str, str, str]]:
    """The engines that can be chosen. One that was chosen and is gone is among them."""
    items = [(kind.name, kind.label, kind.description) for kind in engine_kinds]
    if preferences.engine_name not in [kind.name for kind in engine_kinds]:
        label = translated("{name} (missing)").format(name=preferences.engine_name)
        items.append((preferences.engine_name, label, "Nothing adds this engine: is its add-on enabled?"))
    _shown_engines[:] = items
    return _shown_engines


def _shown_engine(preferences: BackgroundNodesPreferences) -> int:
    names = [name for name, _label, _description in _engine_items(preferences, None)]
    return names.index(preferences.engine_name)


def _choose_engine(preferences: BackgroundNodesPreferences, number: int) -> None:
    preferences.engine_name = _engine_items(preferences, None)[number][0]


class BackgroundNodesPreferences(bpy.types.AddonPreferences):
    """Preferences of Background Nodes."""

    bl_idname = ADDON_ID

    engine_name: bpy.props.StringProperty(name="Engine", description="The engine that is chosen", default=POOL)
    engine: bpy.props.EnumProperty(
        name="Engine",
        description="What runs the tasks of runs and jobs",
        items=_engine_items,
        get=_shown_engine,
        set=_choose_engine,
        options={"SKIP_SAVE"},
    )
    num_workers: bpy.props.IntProperty(
        name="Workers",
        description="How many background Blenders work at the same time, 0 for half of the processors",
        default=0,
        min=0,
        soft_max=16,
        max=256,
    )
    idle_minutes: bpy.props.FloatProperty(
        name="Keep Warm",
        description="Minutes for which a background Blender that has nothing to do is kept open for the next run",
        default=_DEFAULT_IDLE_MINUTES,
        min=0.1,
        soft_max=60.0,
    )
    memory_gb: bpy.props.FloatProperty(
        name="Renew Above",
        description="Gigabytes of memory above which a background Blender is replaced by a new one after its task",
        default=_DEFAULT_MEMORY_GB,
        min=0.5,
        soft_max=64.0,
    )
    script_folders: bpy.props.CollectionProperty(
        name="Script Folders",
        description="Folders with scripts of your own for the Add menu; their sub-folders are its categories",
        type=BackgroundNodesScriptFolder,
    )
    trusted_scripts: bpy.props.CollectionProperty(
        name="Trusted Scripts",
        description="Scripts that run without being asked for: those that you always allow, and your own. "
        "They are kept at once, beside the preferences; nothing of it is in your files",
        type=BackgroundNodesTrustedScript,
        options={"SKIP_SAVE"},
    )
    trusted_index: bpy.props.IntProperty(
        name="Trusted Script", description="The script that is chosen", options={"SKIP_SAVE"}
    )
    overlay_forecast: bpy.props.BoolProperty(
        name="Forecast",
        description="Find out after each change what a run would do, mark the nodes, and say it in the tooltip of Run",
        default=True,
    )
    overlay_previews: bpy.props.BoolProperty(
        name="Previews", description="Show on each node pictures of the images and objects that it gave"
    )
    overlay_time: bpy.props.BoolProperty(name="Time", description="Show over each node how long it took")
    overlay_memory: bpy.props.BoolProperty(
        name="Peak Memory", description="Show over each node how much memory its background Blender held at most"
    )
    overlay_heat_map: bpy.props.BoolProperty(
        name="Heat Map", description="Colour the nodes by the time they took, the slowest one red"
    )

    memory_limit_gb: bpy.props.FloatProperty(
        name="Memory Limit",
        description="Gigabytes of memory above which a task is ended with an error while it runs, 0 for no limit",
        default=0.0,
        min=0.0,
        soft_max=64.0,
    )
    history_gb: bpy.props.FloatProperty(
        name="Last Runs",
        description="Gigabytes on disk that the last runs of this session may keep for their logs and for Retry; the "
        "oldest runs are deleted first, and the last run stays",
        default=4.0,
        min=0.0,
        soft_max=100.0,
    )
    use_store: bpy.props.BoolProperty(
        name="Keep Results",
        description="Keep results for later runs, also of other sessions: only what changed runs again",
        default=True,
    )
    store_gb: bpy.props.FloatProperty(
        name="Store Size",
        description="Gigabytes on disk that kept results may have; what is cheap to make again and was not used for "
        "long is removed first",
        default=20.0,
        min=0.0,
        soft_max=500.0,
    )
    free_gb: bpy.props.FloatProperty(
        name="Keep Free",
        description="Gigabytes of the disk that must stay free; results are not kept where they would take them",
        default=5.0,
        min=0.0,
        soft_max=100.0,
    )
    store_directory: bpy.props.StringProperty(
        name="Store Folder",
        description="Folder of the kept results, if it is not to be the usual one",
        subtype="DIR_PATH",
    )
    use_gpu: bpy.props.BoolProperty(
        name="Cycles Devices",
        description="Render with the devices that Blender's preferences choose for Cycles; else with the processor",
        default=True,
    )
    artist_first: bpy.props.EnumProperty(
        name="Artist First",
        description="What background Blenders do while you play back, sculpt, paint or render",
        items=(
            ("LOWER", "Lower Priority", "They go on with what the processor has left"),
            ("PAUSE", "Pause", "Runs are paused, and go on when it ends"),
            ("OFF", "Off", "They go on as usual"),
        ),
        default="LOWER",
    )
    preset_author: bpy.props.StringProperty(
        name="Author", description="Who presets that you save are by, as it was said last"
    )
    preset_licence: bpy.props.StringProperty(
        name="License", description="What others may do with presets that you save, as it was said last"
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout.draw(self, context)


def found() -> BackgroundNodesPreferences | None:
    """The preferences; None where there are none."""
    addon = bpy.context.preferences.addons.get(ADDON_ID)
    return None if addon is None else addon.preferences


def get(name: str) -> Any:
    """One preference, or its default where there are none."""
    return _reader()(name)


def _reader() -> Callable[[str], Any]:
    """Reads preferences, which are looked up once."""
    preferences = found()
    return _default if preferences is None else functools.partial(getattr, preferences)


@functools.cache
def _default(name: str) -> Any:
    return BackgroundNodesPreferences.bl_rna.properties[name].default


def names() -> tuple[str, ...]:
    """The names of all preferences."""
    return tuple(name for name in BackgroundNodesPreferences.__annotations__ if name not in _ONLY_SHOWN)


def settings() -> Settings:
    """The settings for runs and jobs."""
    read = _reader()
    return Settings(
        num_workers=read("num_workers") or default_num_workers(),
        limits=WorkerLimits(idle_seconds=read("idle_minutes") * 60.0, max_memory=int(read("memory_gb") * 1024**3)),
        memory_limit=int(read("memory_limit_gb") * 1024**3),
        history_size=int(read("history_gb") * 1024**3),
        uses_store=read("use_store"),
        store_folder=bpy.path.abspath(read("store_directory")),
        store_limits=Limits(int(read("store_gb") * 1024**3), int(read("free_gb") * 1024**3)),
        artist_first=read("artist_first"),
        use_gpu=read("use_gpu"),
        engine=read("engine_name"),
    )


def script_folders() -> tuple[str, ...]:
    """The artist's own folders of scripts, as absolute paths."""
    preferences = found()
    folders = () if preferences is None else preferences.script_folders
    return tuple(bpy.path.abspath(folder.directory) for folder in folders if folder.directory)


def own_script_folders() -> tuple[str, ...]:
    """Those whose scripts are the artist's own: none that lies where the open file does, whosever that is."""
    preferences = found()
    folders = () if preferences is None else preferences.script_folders
    return tuple(folder.directory for folder in folders if folder.directory and not folder.directory.startswith("//"))


classes = (BackgroundNodesScriptFolder, BackgroundNodesPreferences)


def register() -> None:
    session.use_settings(settings)
    consent.use_script_folders(own_script_folders)


def unregister() -> None:
    consent.use_script_folders(tuple)
    session.use_settings(Settings)
