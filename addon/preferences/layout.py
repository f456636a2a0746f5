# SPDX-License-Identifier: GPL-3.0-or-later
"""How the preferences are laid out: in parts that can be closed, a sentence with each, and what the workers do now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_tip

from ...runtime.engine.kinds import POOL, engine_kinds
from ...runtime.engine.workers import WorkerInfo
from ...runtime.pool import priority
from ..drawing import keymaps, paragraphs
from ..drawing.quantities import memory_size
from ..session.current import session
from ..session.settings import default_num_workers
from . import trusted_list

if TYPE_CHECKING:
    from .preferences import BackgroundNodesPreferences

#: The properties of each part, in the order in which they are drawn.
WORKERS: Final = (
    "engine_name",
    "num_workers",
    "artist_first",
    "use_gpu",
    "memory_limit_gb",
    "memory_gb",
    "idle_minutes",
    "history_gb",
)
RESULTS: Final = ("use_store", "store_gb", "free_gb", "store_directory")
OVERLAYS: Final = ("overlay_forecast", "overlay_previews", "overlay_time", "overlay_memory", "overlay_heat_map")
PRESETS: Final = ("preset_author", "preset_licence")

#: What a 0 says, where it is no number.
_MEANINGS_OF_0: Final = {"num_workers": "Automatic", "memory_limit_gb": "None"}

#: Shares of a panel's width: Blender's for the names of properties, and ours for the sentences below their values.
_NAMES: Final = 0.4
_SENTENCE: Final = 0.54

_Drawer = Callable[["BackgroundNodesPreferences", bpy.types.UILayout, bpy.types.Context], None]


def draw(preferences: BackgroundNodesPreferences, context: bpy.types.Context) -> None:
    layout = preferences.layout
    layout.use_property_split = True
    layout.use_property_decorate = False
    for title, is_closed, draw_part in _PARTS:
        header, body = layout.panel(f"background_nodes_{title.lower().replace(' ', '_')}", default_closed=is_closed)
        header.label(text=title)
        if body is not None:
            draw_part(preferences, body, context)
    row = layout.row()
    row.alignment = "RIGHT"
    row.operator("background_nodes.preferences_reset", icon="LOOP_BACK")


def _draw_workers(
    preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, context: bpy.types.Context
) -> None:
    _draw_now(layout)
    for name in WORKERS:
        if name != "engine_name":
            _draw_property(preferences, layout, context, name)
        elif len(tuple(engine_kinds)) > 1 or preferences.engine_name != POOL:  # there is something to choose
            _draw_property(preferences, layout, context, "engine")
    if preferences.artist_first == "LOWER" and not priority.is_possible():
        _draw_sentence(layout, context, translated("This system does not let priorities be set back: they stay"))


def _draw_results(
    preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, context: bpy.types.Context
) -> None:
    info = session.store_info
    if info is not None:
        box = layout.box().column(align=True)
        used, free = memory_size(info.size), memory_size(info.free)
        text = translated("{number} results: {used}. Free on the disk: {free}")
        box.label(text=text.format(number=info.num_records, used=used, free=free), icon="DISK_DRIVE", translate=False)
    for name in RESULTS:
        _draw_property(preferences, layout, context, name)
    row = layout.row(align=True)
    row.operator("background_nodes.store_clear", text="Clear Unused").unused_only = True
    row.operator("background_nodes.store_clear", text="Clear").unused_only = False


def _draw_overlays(
    preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, context: bpy.types.Context
) -> None:
    for name in OVERLAYS:
        _draw_property(preferences, layout, context, name)


def _draw_presets(
    preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, context: bpy.types.Context
) -> None:
    for name in PRESETS:
        _draw_property(preferences, layout, context, name)


def _draw_property(
    preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, context: bpy.types.Context, name: str
) -> None:
    column = layout.column(align=True)
    label = translated(preferences.bl_rna.properties[name].name)
    meaning = "" if getattr(preferences, name) else _MEANINGS_OF_0.get(name, "")
    column.prop(preferences, name, text=f"{label} ({translated(meaning)})" if meaning else label, translate=False)
    sentence = pgettext_tip(preferences.bl_rna.properties[name].description)
    if name == "num_workers":
        sentence += translated(", here {count}").format(count=default_num_workers())
    _draw_sentence(column, context, sentence)


def _draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str) -> None:
    split = layout.split(factor=_NAMES)
    split.column()
    column = split.column()
    column.active = False
    paragraphs.draw(column, context, text, share=_SENTENCE)


def _draw_now(layout: bpy.types.UILayout) -> None:
    """What the background Blenders are doing at this moment."""
    box = layout.box().column(align=True)
    workers = session.workers
    if not workers:
        box.label(text="No background Blender is open: the next run opens them", icon="INFO")
    for worker in workers:
        row = box.row()
        row.label(text=_doing(worker), icon="PLAY" if worker.task_name else "TIME", translate=False)
        size = row.row()
        size.alignment = "RIGHT"
        size.label(text=memory_size(worker.memory) if worker.memory else "", translate=False)


def _doing(worker: WorkerInfo) -> str:
    state = translated(worker.state.capitalize())
    doing = f"{state}: {worker.task_name}" if worker.task_name else state
    return translated("Background Blender {process_id}: {doing}").format(process_id=worker.process_id, doing=doing)


def _draw_scripts(
    preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, context: bpy.types.Context
) -> None:
    paragraphs.draw(layout, context, pgettext_tip(preferences.bl_rna.properties["script_folders"].description))
    column = layout.column(align=True)
    for index, folder in enumerate(preferences.script_folders):
        row = column.row(align=True)
        row.use_property_split = False
        row.prop(folder, "directory", text="")
        row.operator("background_nodes.script_folder_remove", text="", icon="REMOVE").index = index
    layout.operator("background_nodes.script_folder_add", icon="ADD")


def _draw_keymap(
    _preferences: BackgroundNodesPreferences, layout: bpy.types.UILayout, _context: bpy.types.Context
) -> None:
    layout.use_property_split = False
    keymaps.draw(layout)


#: Title, whether it is closed at first, and what draws it.
_PARTS: Final[tuple[tuple[str, bool, _Drawer], ...]] = (
    ("Workers", False, _draw_workers),
    ("Results", False, _draw_results),
    ("Scripts", False, _draw_scripts),
    ("Trusted Scripts", False, trusted_list.draw),
    ("Presets", True, _draw_presets),
    ("Overlays", True, _draw_overlays),
    ("Keymap", True, _draw_keymap),
)
