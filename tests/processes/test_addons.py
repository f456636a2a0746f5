"""Add-ons that a task wants are enabled in its worker, and in no other task's; the next task that wants them has it."""

import sys
import textwrap
from pathlib import Path

import pytest

from background_nodes.runtime.engine.workers import AddonPlaces
from background_nodes.runtime.pool import pool
from background_nodes.runtime.scratch.scratch import Scratch

from .conftest import Engine, planned

NAME = "background_nodes_test_addon"
ADDON = """
bl_info = {"name": "Test", "blender": (4, 2, 0), "category": "Object"}
import bpy
from bpy.app.handlers import persistent

NOTES, COUNT = {"calls": []}, 0

class Settings(bpy.types.AddonPreferences):
    bl_idname = __package__ or __name__
    size: bpy.props.IntProperty(default=3)

class OBJECT_OT_note(bpy.types.Operator):
    bl_idname, bl_label = "object.background_nodes_note", "Note"
    seen = []

    def execute(self, context):
        global COUNT
        COUNT += 1
        NOTES["calls"].append(COUNT)
        self.seen.append(COUNT)
        return {"FINISHED"}

class Later(bpy.types.Panel):
    bl_idname, bl_label, bl_space_type, bl_region_type = "VIEW3D_PT_later", "Later", "VIEW_3D", "UI"

    def draw(self, context):
        pass

def tick():
    return 1.0

def tock():
    return 1.0

@persistent
def loaded(*_arguments):
    NOTES["loads"] = NOTES.get("loads", 0) + 1

def register():
    bpy.utils.register_class(Settings)
    bpy.utils.register_class(OBJECT_OT_note)
    bpy.types.Scene.from_test_addon = bpy.props.IntProperty(default=7)
    bpy.app.handlers.depsgraph_update_post.append(loaded)
    bpy.app.timers.register(tick, persistent=True)

def unregister():
    pass
"""
ASK = """
    import bpy, os
    return [getattr(bpy.context.scene, "from_test_addon", None), os.getpid()]
    """
#: All of an add-on that another task could find changed.
SEEN = f"""
import bpy, sys
addon = sys.modules[{NAME!r}]
settings = bpy.context.preferences.addons[{NAME!r}].preferences
return [
    addon.COUNT, addon.NOTES, addon.OBJECT_OT_note.seen, settings.size, bpy.context.scene.from_test_addon,
    sorted(name for name in vars(addon) if not name.startswith("__")),
    bpy.app.timers.is_registered(addon.tick), bpy.app.timers.is_registered(addon.tock),
    [len(handlers) for handlers in (bpy.app.handlers.load_post, bpy.app.handlers.depsgraph_update_post)],
    hasattr(bpy.types, "VIEW3D_PT_later"), hasattr(bpy.types.Object, "from_script"),
    hasattr(bpy.types, "OBJECT_OT_background_nodes_note"),
    sorted(module for module in sys.modules if "test_addon" in module), bpy.context.preferences.addons.keys(),
]
"""
LEFT_BEHIND = {
    "module": "addon.COUNT = 5; addon.NOTES['calls'].append(1); addon.new = 1",
    "operator": "bpy.ops.object.background_nodes_note(); bpy.ops.object.background_nodes_note()",
    "handlers": "bpy.app.handlers.load_post.append(addon.loaded); bpy.app.handlers.depsgraph_update_post.clear()",
    "timers": "bpy.app.timers.register(addon.tock, persistent=True); bpy.app.timers.unregister(addon.tick)",
    "class": "bpy.utils.register_class(addon.Later)",
    "its class": "bpy.utils.unregister_class(addon.OBJECT_OT_note)",
    "property": "bpy.types.Object.from_script = bpy.props.IntProperty()",
    "its property": "del bpy.types.Scene.from_test_addon",
    "preferences": "bpy.context.preferences.addons[addon.__name__].preferences.size = 8",
    "value": "bpy.context.scene.from_test_addon = 9",
    "its function": "addon.OBJECT_OT_note.execute = lambda self, context: {'CANCELLED'}",
    "its module": "del sys.modules[addon.__name__]",
    "its end": "import addon_utils; addon_utils.disable(addon.__name__, default_set=True)",
}


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """The folder for add-ons of the workers of engines that are made from now on."""
    folder = tmp_path / "scripts" / "addons"
    folder.mkdir(parents=True)
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", str(folder.parent))
    return folder


@pytest.fixture
def install(scripts):
    """Installs an add-on for the workers of engines that are made from now on."""

    def write(source: str, name: str = NAME) -> Path:
        file = scripts / f"{name}.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return file

    return write


def after(left: str) -> str:
    return f"import bpy, sys\naddon = sys.modules[{NAME!r}]\n{left}\nreturn 1"


def test_addon_is_there_for_the_tasks_that_want_it_and_for_no_other_and_costs_one_blender(install, make_engine):
    install(ADDON)
    engine = make_engine(capacity=2)
    usual, usual_process = engine.run(ASK).value
    wanted, process = engine.run(ASK, addons=(NAME,)).value
    again, again_process = engine.run(ASK).value
    wanted_again, next_process = engine.run(ASK, addons=(NAME,)).value
    assert (usual, wanted, again, wanted_again) == (None, 7, None, 7)
    assert usual_process == again_process != process == next_process


@pytest.fixture(scope="module")
def used(launcher, tmp_path_factory):
    """An engine with one worker for all tests that use it, the add-on, and what is seen of that in a new worker."""
    folder = tmp_path_factory.mktemp("used")
    (folder / "addons").mkdir()
    (folder / "addons" / f"{NAME}.py").write_text(ADDON, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLENDER_USER_SCRIPTS", str(folder))
        engine = Engine(launcher, Scratch(folder / "store"), 1)
        yield engine, engine.run(SEEN, addons=(NAME,)).value
        engine.close()


@pytest.mark.parametrize("left", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_used_worker_with_an_addon_equals_a_new_one(used, left):
    engine, first = used
    assert first
    outcome = engine.run(after(left), addons=(NAME,))
    assert outcome.value == 1, outcome.message
    assert engine.run(SEEN, addons=(NAME,)).value == first


@pytest.mark.parametrize("left", ["module", "operator", "handlers", "timers", "property", "value"])
def test_what_an_addon_leaves_behind_costs_no_worker_if_it_can_be_put_back(used, left):
    engine, _first = used
    process = engine.run(ASK, addons=(NAME,)).value
    assert engine.run(after(LEFT_BEHIND[left]), addons=(NAME,)).value == 1
    assert engine.run(ASK, addons=(NAME,)).value == process


@pytest.mark.any_blender
def test_addon_that_was_changed_is_enabled_anew(install, make_engine):
    install(ADDON)
    engine = make_engine()
    assert engine.run(ASK, addons=(NAME,)).value[0] == 7
    install(ADDON.replace("default=7", "default=77"))
    assert engine.run(ASK, addons=(NAME,)).value[0] == 77


@pytest.mark.any_blender
def test_addon_that_is_missing_is_an_error_that_names_it_and_the_node_until_it_is_there(install, make_engine):
    engine = make_engine()
    outcome = engine.run(ASK, "Bake", addons=(NAME,))
    assert outcome.state == "failed"
    assert outcome.message == (
        f'"Bake" can\'t run: the add-on "{NAME}" can\'t be enabled in a background Blender: it is not installed. '
        "Install it, or do without it"
    )
    assert outcome.line is None
    install(ADDON)
    while engine.pool.num_workers:  # it ends soon, as it is of no use
        engine.runner.update(0.1)
    assert engine.run(ASK, "Bake", addons=(NAME,)).value[0] == 7


def test_addon_that_needs_something_that_is_missing_is_an_error_with_the_reason(install, make_engine):
    install("import no_such_module")
    outcome = make_engine().run(ASK, addons=(NAME,))
    assert outcome.state == "failed"
    assert "no_such_module" in outcome.message


def test_addon_that_fails_to_register_is_an_error_with_the_reason(install, make_engine):
    install(ADDON.replace("bpy.types.Scene.from_test_addon =", "raise ValueError('broken')  #"))
    outcome = make_engine().run(ASK, addons=(NAME,))
    assert outcome.state == "failed"
    assert "ValueError: broken" in outcome.message


@pytest.mark.any_blender
def test_addon_that_ends_blender_fails_the_tasks_that_want_it_and_no_other(install, make_engine):
    install(ADDON.replace("def register():", "def register():\n    import os; os._exit(3)"))
    engine = make_engine(capacity=2)
    run = engine.start(planned(ASK, "bad", addons=(NAME,)), *(planned(ASK, f"good {number}") for number in range(3)))
    engine.wait(run)
    assert [engine.outcome(run, f"good {number}").state for number in range(3)] == ["succeeded"] * 3
    assert f"with the add-ons {NAME} does not start: Blender exited with code 3" in engine.outcome(run, "bad").message


@pytest.mark.any_blender
def test_kinds_of_workers_share_the_room_of_the_pool(install, make_engine):
    """With room for one worker, each kind gets it in turn, and there is never a second one."""
    install(ADDON)
    install("def register(): pass\ndef unregister(): pass\n", "background_nodes_other_addon")
    engine = make_engine(capacity=1)
    kinds = [(), (NAME,), ("background_nodes_other_addon",)]
    run = engine.start(
        *(planned(ASK, f"{number} {len(kind)}", addons=kind) for number in range(2) for kind in kinds[:2])
    )
    most = 0
    while not run.state.is_final:
        engine.runner.update(0.1)
        most = max(most, engine.pool.num_workers)
    assert (run.state, most) == ("succeeded", 1)
    assert engine.run(ASK, addons=kinds[2]).value[0] is None


@pytest.mark.any_blender
def test_request_of_another_kind_is_not_overtaken_for_long(install, make_engine, monkeypatch):
    """1. More tasks come for the one worker, which has no add-on. 2. One that wants it waits. 3. It is not the last."""
    install(ADDON)
    monkeypatch.setattr(pool, "_PATIENCE", 0.0)
    engine = make_engine(capacity=1)
    ended = []
    tasks = [planned("import time; time.sleep(0.02); return 1", f"usual {number}") for number in range(8)]
    tasks.insert(2, planned(ASK, "wants", addons=(NAME,)))
    for task in tasks:  # each at once, as several runs would
        engine.start(task, listener=lambda event, name=task.name: ended.append(name))
    while engine.runner.is_active:
        engine.runner.update(0.1)
    order = list(dict.fromkeys(reversed(ended)))[::-1]
    assert order[-1] != "wants", order


def make_extension(repository: Path, name: str = "thing", source: str = ADDON) -> None:
    folder = repository / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(source, encoding="utf-8")
    manifest = {
        "schema_version": "1.0.0",
        "id": name,
        "version": "1.0.0",
        "name": name.title(),
        "tagline": "For tests",
        "maintainer": "Tests",
        "type": "add-on",
        "blender_version_min": "4.2.0",
    }
    lines = [f'{key} = "{value}"' for key, value in manifest.items()]
    (folder / "blender_manifest.toml").write_text("\n".join([*lines, 'license = ["SPDX:GPL-3.0-or-later"]']))


@pytest.fixture
def extensions(tmp_path, monkeypatch):
    """Blender's folder for extensions, for the workers of engines that are made from now on."""
    folder = tmp_path / "extensions"
    folder.mkdir()
    monkeypatch.setenv("BLENDER_USER_EXTENSIONS", str(folder))
    return folder


def test_extensions_of_all_repositories_and_addons_of_all_script_folders_are_found(
    extensions, make_engine, awkward_path
):
    make_extension(extensions / "user_default", "first")
    make_extension(awkward_path / "studio", "second")
    (awkward_path / "scripts" / "addons").mkdir(parents=True)
    (awkward_path / "scripts" / "addons" / "third_addon.py").write_text(ADDON, encoding="utf-8")
    places = AddonPlaces((("studio", str(awkward_path / "studio")),), (str(awkward_path / "scripts"),))
    engine = make_engine(places=places)
    for name in ("bl_ext.user_default.first", "bl_ext.studio.second", "third_addon"):
        body = f"import bpy; return bpy.context.preferences.addons[{name!r}].preferences.size"
        outcome = engine.run(body, addons=(name,))
        assert outcome.value == 3, outcome.message


def test_packages_of_the_artists_other_extensions_stay(extensions, make_engine):
    """Blender removes packages that no enabled extension needs, from a folder that all Blenders of the artist share."""
    make_extension(extensions / "user_default", "first")
    make_extension(extensions / "user_default", "second", "import no_such_module")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = extensions / ".local" / "lib" / version / "site-packages"
    installed = [packages / "of_another" / "__init__.py", packages / "of_another-1.0.dist-info" / "RECORD"]
    for file in installed:
        file.parent.mkdir(parents=True)
        file.write_text("")
    engine = make_engine()
    assert engine.run(ASK, addons=("bl_ext.user_default.first",)).value[0] == 7
    assert "enable the add-on in the preferences" in engine.run(ASK, addons=("bl_ext.user_default.second",)).message
    assert [file.exists() for file in installed] == [True, True]
