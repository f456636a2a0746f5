"""Run a node tree on a farm by the extension Background Nodes Farm: python use_extension.py SETTINGS, which are JSON.

Writes what it saw as JSON: the task's state and result, what the preferences could show of the farm, errors.
"""

import importlib
import importlib.util
import json
import sys
import time
import types
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[2]
#: As Blender names extensions: by their repository.
REPOSITORY = "bl_ext.user_default"
FIRST, FARM = f"{REPOSITORY}.background_nodes", f"{REPOSITORY}.background_nodes_farm"


def enable() -> None:
    """Do what Blender does with both extensions, the farm first."""
    for name in ("bl_ext", REPOSITORY):
        sys.modules.setdefault(name, types.ModuleType(name)).__path__ = []
    for name in (FARM, FIRST):
        bpy.context.preferences.addons.new().module = name
    imported(FARM, ROOT / "farm").register()
    assert f"{FIRST}.farm" not in sys.modules, "there is nothing yet that it could be added to"
    imported(FIRST, ROOT).register()


def imported(name: str, folder: Path):
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


def tree() -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
    node = tree.nodes.new("BackgroundNodeScript")
    node.name = "Raise"
    node.script = bpy.data.texts.new("raise.py")
    node.script.from_string(
        "import bpy\n\ndef main(source: bpy.types.Object) -> bpy.types.Object:\n"
        "    source.data.vertices[0].co.z = 5.0\n    return source\n"
    )
    node.script = node.script
    node.inputs[0].default_value = bpy.data.objects["Cube"]
    return tree


def run(preferences) -> dict:
    """A run as the button starts it."""
    try:
        return result(sys.modules[FIRST].run(tree(), allow_scripts=True))
    except sys.modules[FIRST].BackgroundNodesError as error:
        return {"error": str(error)}


def run_detached(file: str) -> dict:
    """A detached run of the saved file, which is followed here."""
    made = tree()
    bpy.ops.wm.save_as_mainfile(filepath=file)
    trust(made)
    detached = importlib.import_module(f"{FARM}.extension.detached")
    session = importlib.import_module(f"{FIRST}.addon.session.current").session
    detached._begun.append((types.SimpleNamespace(file=f"{file}.other", has_begun=lambda: True), made.name))
    detached.tick()
    assert not session.history, "a run of another file, which was open before, is not followed in this one"
    detached.start(made.name)
    while detached._begun:
        detached.tick()
        time.sleep(0.01)
    (followed,) = session.history
    found = result(followed)
    (shown,) = detached._found
    return found | {"shown": shown[1].tree}


def trust(made: bpy.types.NodeTree) -> None:
    """Trust its scripts for good, as a window does of the artist's own: where the process of the run looks for that."""
    modules, trusted = (
        importlib.import_module(f"{FIRST}.{name}")
        for name in ("runtime.keys.own_modules", "addon.consent.trusted_scripts")
    )
    theirs = Path(bpy.utils.user_resource("CONFIG"), "background_nodes", "trusted_scripts")
    for task in importlib.import_module(f"{FIRST}.addon.session.checks").checked(made).tasks:
        parts = modules.read(task.script)
        trusted.TrustedScripts(lambda: theirs).add(modules.digest(parts), "raise.py", "", parts, is_own=True)


def result(run) -> dict:
    run.wait(200.0)
    task = run.tasks["Raise"]
    found = {"state": str(task.state), "error": str(task.error or "")}
    if not found["error"]:
        found["height"] = run.fetch("Raise", "result").data.vertices[0].co.z
    return found


def main(settings: dict) -> dict:
    enable()
    attaching, watch = (importlib.import_module(f"{FARM}.extension.{name}") for name in ("attaching", "watch"))
    told = {"engines_before": engines()}
    attaching._attach()  # what its timer does once Blender has enabled all
    told["engines"] = engines()
    own = bpy.context.preferences.addons[FARM].preferences
    own.python, own.address = settings["python"], settings["address"]
    bpy.context.preferences.system.use_online_access = settings.get("online", True)
    first = bpy.context.preferences.addons[FIRST].preferences
    first.engine_name = "dask"
    told["run"] = run_detached(settings["file"]) if "file" in settings else run(first)
    if settings.get("watch"):
        watch.start()
        looking = watch.engine()
        while looking.farm is None and not looking.reason:
            looking.poll()
            time.sleep(0.01)
        told["machines"] = [[station.name, station.slots, station.blender] for station in looking.farm.stations]
        watch.end()
    sys.modules[FARM].unregister()
    told["engines_after"] = engines()
    sys.modules[FIRST].unregister()
    return told


def engines() -> list[str]:
    return [kind.name for kind in importlib.import_module(f"{FIRST}.runtime.engine.kinds").engine_kinds]


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(sys.argv[1]))))
