"""Run in a fresh Blender by test_extension.py: turns the extension on and off, and notes what is there after each step.

Reads from the environment PROBE_EXTENSION (module of an installed extension; empty: the package that pip installed)
and writes its notes, a JSON object of step -> kind -> names, to the file PROBE_REPORT.
"""

import importlib
import json
import os
import sys
import threading
from pathlib import Path

import bpy


def qualified_name(thing) -> str:
    return f"{thing.__module__}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


def subclasses(cls):
    for subclass in type.__subclasses__(cls):
        yield subclass
        yield from subclasses(subclass)


def registered_classes() -> list[str]:
    # An unregistered class lives on in its module, without its RNA. Those of `bpy.types` itself come into being when
    # Blender first needs them.
    return [
        qualified_name(cls)
        for cls in subclasses(bpy.types.bpy_struct)
        if "bl_rna" in cls.__dict__ and cls.__module__ != "bpy.types"
    ]


def handlers() -> list[str]:
    lists = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    return [
        f"{name} {qualified_name(function)}"
        for name, functions in lists.items()
        if isinstance(functions, list)
        for function in functions
    ]


def properties() -> list[str]:
    types = [getattr(bpy.types, name) for name in dir(bpy.types)]
    return [
        f"{cls.__name__}.{found.identifier}"
        for cls in types
        if hasattr(cls, "bl_rna")
        for found in cls.bl_rna.properties
    ]


def draw_functions() -> list[str]:
    types = [getattr(bpy.types, name) for name in dir(bpy.types)]
    return [
        f"{cls.__name__} {qualified_name(function)}"
        for cls in types
        for function in getattr(getattr(cls, "draw", None), "_draw_funcs", ())
        if function.__name__ != "draw"  # the menu's own joins the list with the first that others add
    ]


def keys() -> list[str]:
    keymaps = bpy.context.window_manager.keyconfigs.addon.keymaps
    return [f"{keymap.name} {item.idname} {item.to_string()}" for keymap in keymaps for item in keymap.keymap_items]


def child_processes() -> list[str]:
    return [child for file in Path("/proc/self/task").glob("*/children") for child in file.read_text().split()]


def snapshot() -> dict[str, list[str]]:
    found = {
        "classes": registered_classes(),
        "handlers": handlers(),
        "properties": properties(),
        "draw functions": draw_functions(),
        "keys": keys(),
        "operators": dir(bpy.ops),
        "add-ons": list(bpy.context.preferences.addons.keys()),
        "threads": [thread.name for thread in threading.enumerate()],
        "child processes": child_processes(),
        "import path": sys.path,
        "importers": [str(finder) for finder in sys.meta_path],
        "environment": [f"{name}={value}" for name, value in os.environ.items()],
    }
    return {kind: sorted(names) for kind, names in found.items()}


def switch(extension: str, *, on: bool) -> None:
    if extension:
        operator = bpy.ops.preferences.addon_enable if on else bpy.ops.preferences.addon_disable
        assert operator(module=extension) == {"FINISHED"}
    else:
        package = importlib.import_module("background_nodes")
        package.register() if on else package.unregister()


def main(extension: str, report: Path) -> None:
    snapshot()  # the first look at some of Blender's types is what makes their Python classes
    notes = {"before": snapshot()}
    for step, on in (("on", True), ("off", False), ("on again", True), ("off again", False)):
        switch(extension, on=on)
        notes[step] = snapshot()
    report.write_text(json.dumps(notes), encoding="utf-8")


main(os.environ["PROBE_EXTENSION"], Path(os.environ["PROBE_REPORT"]))
