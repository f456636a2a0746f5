"""A used worker equals a new one: whatever a script leaves behind, the next one does not see it."""

import importlib.util
import os
import py_compile
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import Engine, planned

#: Looks at all that may differ between a used worker and a new one; what is random by itself is left out.
PROBE = """
import builtins, contextlib, decimal, gc, json, locale, logging, math, os, pathlib, signal, sys, threading, warnings
import codecs, copyreg, csv, faulthandler, mimetypes, resource, socket, string, subprocess, tempfile
import bpy, addon_utils
import numpy as np

OWN = ("background_nodes_script", "background_nodes.runtime")

def plain(value):
    if isinstance(value, (int, float, str, bytes, type(None))):
        return repr(value)
    return getattr(value, "__qualname__", None) or type(value).__name__

def properties_of(data):
    return {p.identifier: repr(sorted(v) if isinstance(v := getattr(data, p.identifier), set) else v)
            for p in data.bl_rna.properties
            if p.type not in {"POINTER", "COLLECTION"} and not getattr(p, "is_array", False)
            and p.identifier != "session_uid"}

def has_handler(name):
    try: return bool(codecs.lookup_error(name))
    except LookupError: return False

def has_codec(name):
    try: return bool(codecs.lookup(name))
    except LookupError: return False

def main(given=None):
    seen = {"given": given and [given.name, given.data.name, given.users]}
    for name in ("builtins", "json", "math", "os", "os.path", "sys", "threading", "warnings", "numpy", "mathutils",
                 "bpy", "bpy.utils", "random", "tempfile", "pathlib", "background_nodes.script", "addon_utils"):
        module = __import__(name, fromlist=["x"])
        seen[name] = {k: plain(v) for k, v in vars(module).items() if k not in {"_reporter", "__warningregistry__",
                      "last_exc", "last_type", "last_value", "last_traceback", "tempdir"} and not is_below(v, name)}
    seen["modules"] = sorted(name for name in sys.modules if not name.startswith(OWN) and is_of_scripts(name))
    own_folder = tempfile.gettempdir() + os.sep  # of each worker another one
    seen["path"] = [path.removeprefix(own_folder) for path in sys.path]
    seen["argv"], seen["cwd"] = sys.argv, os.getcwd()
    seen["import"] = [len(sys.meta_path), len(sys.path_hooks), sys.dont_write_bytecode]
    own = {"TMPDIR", "TEMP", "TMP", "BLENDER_USER_CONFIG", "PYTEST_CURRENT_TEST"}
    seen["env"] = {k: v for k, v in os.environ.items() if k not in own}
    umask = os.umask(0); os.umask(umask)
    seen["umask"] = umask
    seen["handlers"] = {n: [f.__qualname__ for f in fs] for n in dir(bpy.app.handlers)
                        if isinstance(fs := getattr(bpy.app.handlers, n), list)}
    seen["classes"] = [hasattr(bpy.types, n) for n in ("SCENE_OT_left", "SCENE_PT_left", "SCENE_MT_left")]
    types = (bpy.types.Scene, bpy.types.Object, bpy.types.WindowManager, bpy.types.Mesh)
    seen["blender types"] = {cls.__name__: sorted(vars(cls)) for cls in types}
    seen["scene"] = [properties_of(bpy.context.scene), properties_of(bpy.context.scene.render),
                     list(bpy.context.scene.keys()), bpy.context.mode, bpy.data.filepath]
    seen["data"] = {p.identifier: sorted(d.name for d in getattr(bpy.data, p.identifier))
                    for p in bpy.data.bl_rna.properties if p.type == "COLLECTION"}
    seen["window manager"] = list(bpy.context.window_manager.keys())
    preferences = bpy.context.preferences
    parts = (preferences.view, preferences.edit, preferences.filepaths, preferences.system, preferences.inputs)
    seen["preferences"] = [properties_of(part) for part in parts]
    seen["cycles"] = properties_of(preferences.addons["cycles"].preferences)
    seen["addons"] = sorted(addon.module for addon in preferences.addons)
    seen["enabled"] = sorted(a.__name__ for a in addon_utils.modules() if addon_utils.check(a.__name__)[1])
    seen["drivers"] = sorted(bpy.app.driver_namespace)
    seen["debug"] = {n: getattr(bpy.app, n) for n in dir(bpy.app) if n.startswith("debug")}
    seen["threads"] = threading.active_count()
    seen["warnings"] = [(f[0], f[2].__name__) for f in warnings.filters]
    seen["logging"] = [logging.root.level, len(logging.root.handlers), logging.root.manager.disable]
    seen["locale"] = [locale.setlocale(locale.LC_ALL), locale.localeconv()["decimal_point"]]
    seen["signals"] = {int(n): plain(signal.getsignal(n)) for n in signal.valid_signals()}
    seen["alarm"] = signal.getitimer(signal.ITIMER_REAL)
    seen["limits"] = [sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()]
    seen["gc"] = [gc.isenabled(), gc.get_threshold(), gc.get_debug()]
    seen["trace"] = [sys.gettrace() is None, sys.getprofile() is None]
    seen["decimal"] = repr(decimal.getcontext())
    seen["numpy state"] = [repr(np.get_printoptions()), repr(np.geterr()), repr(np.array([1 / 3]))]
    seen["read"] = pathlib.Path.read_text.__module__
    seen["streams"] = [(s.encoding, s.errors, s.line_buffering, s.fileno()) for s in (sys.stdout, sys.stderr)]
    seen["files"] = [os.listdir(bpy.app.tempdir), sorted(set(os.listdir(tempfile.gettempdir()))
                     - {os.path.basename(os.path.normpath(bpy.app.tempdir))})]
    limits = [resource.getrlimit(n) for n in range(resource.RLIM_NLIMITS if hasattr(resource, "RLIM_NLIMITS") else 15)]
    seen["process"] = [limits, os.nice(0), sorted(os.sched_getaffinity(0)), os.getresuid(),
                       sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, set())))]
    ours = sorted(line for line in subprocess.run(["env"], capture_output=True, text=True).stdout.splitlines()
                  if not line.startswith(("TMPDIR=", "TEMP=", "TMP=", "BLENDER_USER_CONFIG=", "PYTEST_", "_=")))
    seen["environment of programs"] = ours
    seen["modules in C"] = [socket.getdefaulttimeout(), sorted(csv.list_dialects()), csv.field_size_limit(),
                            threading.stack_size(), faulthandler.is_enabled(), repr(decimal.DefaultContext)]
    seen["codecs"] = has_handler("mine"), has_codec("mine")
    seen["loggers"] = sorted(logging.root.manager.loggerDict), logging.getLevelName(10)
    logger = logging.getLogger("concurrent.futures")
    seen["a logger"] = [len(logger.handlers), logger.level, logger.propagate]
    seen["classes of modules"] = {cls.__qualname__: {k: plain(v) for k, v in vars(cls).items()} for cls in
                                  (json.JSONEncoder, json.JSONDecoder, string.Template, pathlib.Path, logging.Logger)}
    seen["tables"] = [sorted(map(plain, copyreg.dispatch_table)), sorted(string.Template.__dict__), len(np.sctypeDict)
                      if hasattr(np, "sctypeDict") else 0, mimetypes.guess_type("a.mine")]
    seen["operators"] = {n: hasattr(bpy.types, n) and getattr(bpy.types, n).__module__ for n in
                         ("OBJECT_OT_select_pattern", "OBJECT_OT_isolate_type_render", "OBJECT_OT_left")}
    seen["more classes"] = [hasattr(bpy.types, n) for n in ("FH_left", "AS_left", "LeftGroup")]
    seen["methods"] = [plain(bpy.types.Object.users_collection), plain(bpy.types.Mesh.from_pydata)]
    menu = bpy.types.VIEW3D_MT_object.draw
    seen["menu"] = len(getattr(menu, "_draw_funcs", ()))
    seen["keymaps"] = [(c.name, sorted(k.name for k in c.keymaps)) for c in bpy.context.window_manager.keyconfigs]
    seen["template"] = preferences.app_template
    seen["areas"] = sorted(a.type for w in bpy.context.window_manager.windows for a in w.screen.areas)
    seen["first stream"] = os.fstat(0).st_mode
    seen["numpy's function for errors"] = plain(np.geterrcall())
    try: bpy.app.translations.register("mine", {"fr_FR": {("*", "a"): "b"}})
    except ValueError as error: seen["translations"] = str(error)
    bpy.app.translations.unregister("mine")
    paths = preferences.filepaths
    lists = (paths.asset_libraries, paths.script_directories, preferences.autoexec_paths, preferences.themes)
    seen["lists of preferences"] = [[item.name for item in one] for one in lists]
    seen["theme"] = list(preferences.themes[0].view_3d.grid)
    seen["presets"] = list(bpy.utils.preset_paths("mine"))
    seen["painting"] = bpy.context.scene.tool_settings.image_paint.seam_bleed
    spaces = [s for w in bpy.context.window_manager.windows for a in w.screen.areas for s in a.spaces]
    seen["views"] = [(s.lens, s.clip_end, s.shading.type, s.overlay.show_overlays, s.region_3d.view_distance)
                     for s in spaces if s.type == "VIEW_3D"]
    empty = bpy.data.objects.new("Empty", None)
    bpy.context.scene.collection.objects.link(empty)
    driver = empty.driver_add("location", 0).driver
    driver.expression = "len(str(1)) + 1.0"
    bpy.context.view_layer.update()
    seen["code in drivers"] = [empty.location.x, driver.is_valid]
    return {key: json.loads(json.dumps(value, default=repr)) for key, value in seen.items()}

def is_below(value, name):  # modules that a script has imported stay imported
    return isinstance(value, type(sys)) and value.__name__.startswith(name + ".")

def is_of_scripts(name):
    file = getattr(sys.modules[name], "__file__", None)
    return not file and getattr(sys.modules[name], "__spec__", None) is None and "cython" not in name
"""


def differences(seen, expected, where=""):
    """What differs, place by place."""
    if isinstance(seen, dict) and isinstance(expected, dict):
        for key in sorted({*seen, *expected}):
            yield from differences(seen.get(key, "MISSING"), expected.get(key, "MISSING"), f"{where}/{key}")
    elif isinstance(seen, list) and isinstance(expected, list) and len(seen) == len(expected):
        for index, (one, other) in enumerate(zip(seen, expected, strict=True)):
            yield from differences(one, other, f"{where}/{index}")
    elif seen != expected:
        yield f"{where}: {seen!r:.200}, not {expected!r:.200}"


def seen_after(engine, body, **settings):
    """What the second task of a chain sees, of which the first is `body` and gives an object."""
    from background_nodes.runtime.planning.plan import Argument, TaskOutput
    from background_nodes.runtime.script.signature import Parameter
    from background_nodes.runtime.script.socket_types import SocketType

    body = textwrap.dedent(body).strip("\n")
    kind = SocketType("Object")
    left = planned(f"{body}\nimport bpy\nreturn bpy.data.objects.new('Given', bpy.data.meshes.new('Given'))", "left")
    left = replace(left, outputs=(TaskOutput("result", "Result", kind),))
    given = Argument(Parameter("given", "given", kind), (left.source(left.outputs[0]),))
    run = engine.wait(engine.start(left, replace(planned(PROBE, "probe", **settings), arguments=(given,))))
    assert str(run.state) == "succeeded", [task.error for task in run.scheduler.tasks.values()]
    return engine.outcome(run, "probe").value


@pytest.fixture(scope="module")
def cold(launcher, tmp_path_factory):
    """What a task sees in a new Blender."""
    from background_nodes.runtime.scratch.scratch import Scratch

    engine = Engine(launcher, Scratch(tmp_path_factory.mktemp("cold")), 1)
    yield seen_after(engine, "pass", fresh_process=True)
    engine.close()


LEFT_BEHIND = {
    "nothing": "pass",
    "functions put in the place of others": """
        import builtins, json, os, random
        builtins.print = json.dumps = os.getcwd = random.random = lambda *a, **k: "mine"
        """,
    "constants put in the place of others": "import math, os, string; math.pi = 3; os.sep = '!'; math.tau = None",
    "attributes added to modules": "import math, bpy, builtins; math.mine = bpy.mine = builtins.mine = 1",
    "attributes removed from modules": "import math, json, builtins; del math.pi, json.loads, builtins.abs",
    "methods of classes": "import pathlib; pathlib.Path.read_text = lambda self: 'mine'",
    "modules": """
        import sys, types
        sys.modules["mine"] = types.ModuleType("mine")
        sys.modules["json"] = None
        del sys.modules["random"]
        """,
    "handlers": """
        import bpy
        bpy.app.handlers.load_post.append(print)
        bpy.app.handlers.depsgraph_update_post.append(lambda *a: 1 / 0)
        """,
    "places": """
        import os, sys, tempfile
        sys.path.insert(0, "/mine"); sys.argv.append("mine"); sys.meta_path.clear(); sys.path_hooks.clear()
        os.environ["MINE"] = "1"; os.environ.pop("PATH"); os.environ["HOME"] = "/mine"; os.environ["TZ"] = "Asia/Tokyo"
        os.umask(0o077); os.chdir(tempfile.mkdtemp()); sys.dont_write_bytecode = False
        """,
    "other lists": "import sys, os; sys.path = ['/mine']; sys.argv = []; sys.meta_path = []; os.environ = {}",
    "a folder that is gone": "import os, tempfile; f = tempfile.mkdtemp(); os.chdir(f); os.rmdir(f)",
    "classes": """
        import bpy
        class Left(bpy.types.Operator):
            bl_idname, bl_label = "scene.left", "Left"
        class Panel(bpy.types.Panel):
            bl_idname, bl_label, bl_space_type, bl_region_type = "SCENE_PT_left", "Left", "VIEW_3D", "UI"
            def draw(self, context): pass
        class Menu(bpy.types.Menu):
            bl_idname, bl_label = "SCENE_MT_left", "Left"
            def draw(self, context): pass
        class Group(bpy.types.PropertyGroup):
            size: bpy.props.FloatProperty()
        for cls in (Left, Panel, Menu, Group):
            bpy.utils.register_class(cls)
        bpy.types.Scene.left = bpy.props.PointerProperty(type=Group)
        """,
    "properties": """
        import bpy
        bpy.types.Scene.foo = bpy.props.IntProperty(default=3)
        bpy.types.WindowManager.foo = bpy.props.IntProperty()
        bpy.types.Object.mine = 3
        bpy.context.window_manager["mine"] = 1
        bpy.context.scene["mine"] = bpy.context.scene.foo = 7
        """,
    "timers": "import bpy; bpy.app.timers.register(lambda: 1.0, persistent=True)",
    "subscriptions": """
        import bpy
        bpy.msgbus.subscribe_rna(key=(bpy.types.Object, "name"), owner=object(), args=(), notify=lambda: 1 / 0)
        """,
    "drawing": """
        import bpy
        bpy.types.SpaceView3D.draw_handler_add(lambda: None, (), "WINDOW", "POST_PIXEL")
        """,
    "threads": "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "processes": "import subprocess; subprocess.Popen(['sleep', '1000'])",
    "preferences": """
        import bpy
        bpy.context.preferences.view.show_splash ^= True
        bpy.context.preferences.edit.undo_steps = 7
        """,
    "preferences of add-ons": """
        import bpy
        cycles = bpy.context.preferences.addons["cycles"].preferences
        names = [p.identifier for p in cycles.bl_rna.properties if p.type == "BOOLEAN"]
        for name in names: setattr(cycles, name, not getattr(cycles, name))
        """,
    "add-ons": """
        import addon_utils
        known = next(m.__name__ for m in addon_utils.modules() if not addon_utils.check(m.__name__)[1])
        addon_utils.enable(known, default_set=True)
        """,
    "add-ons gone": "import addon_utils; addon_utils.disable('io_anim_bvh', default_set=True)",
    "the states of numbers": """
        import random, decimal, locale
        import numpy as np
        random.seed(1); np.random.seed(1); np.set_printoptions(precision=2, suppress=True); np.seterr(all="raise")
        decimal.getcontext().prec = 3
        """,
    "filters": """
        import warnings, logging
        warnings.simplefilter("error"); warnings.resetwarnings(); logging.basicConfig(level=1); logging.disable(50)
        """,
    "the interpreter's settings": """
        import gc, sys, signal, os
        sys.setrecursionlimit(2000); sys.setswitchinterval(0.5); sys.set_int_max_str_digits(0)
        gc.disable(); gc.set_threshold(1); sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)
        """,
    "locale": """
        import locale
        for name in ("C", "C.UTF-8", "C.utf8", ""):
            try: locale.setlocale(locale.LC_ALL, name)
            except locale.Error: pass
        """,
    "signals": """
        import signal
        signal.signal(signal.SIGUSR1, signal.SIG_IGN); signal.signal(signal.SIGTERM, lambda *a: None)
        signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.alarm(1000)
        """,
    "open files": "import os, tempfile; os.open(tempfile.mktemp(), os.O_CREAT | os.O_WRONLY)",
    "drivers": "import bpy; bpy.app.driver_namespace['mine'] = lambda: 1; bpy.app.driver_namespace['two'] = 2",
    "the file": """
        import bpy
        mesh = bpy.data.meshes.new("left"); left = bpy.data.objects.new("left", mesh)
        left.use_fake_user = True; bpy.context.scene.collection.objects.link(left)
        bpy.data.scenes.new("another"); bpy.context.scene.frame_set(77); bpy.context.scene.render.fps = 7
        bpy.context.scene.render.engine = "CYCLES"; bpy.context.scene.name = "mine"
        bpy.context.view_layer.objects.active = left; left.select_set(True)
        bpy.ops.object.mode_set(mode="EDIT"); bpy.ops.ed.undo_push(message="left")
        """,
    "another file": """
        import bpy, os, tempfile
        bpy.ops.wm.save_as_mainfile(filepath=os.path.join(tempfile.mkdtemp(), "left.blend"))
        bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
        """,
    "debugging": "import bpy; bpy.app.debug_value = 7; bpy.app.debug = True",
    "temporary files": """
        import bpy, os, pathlib, tempfile
        for folder in (tempfile.gettempdir(), bpy.app.tempdir):
            pathlib.Path(folder, "left.txt").write_text("stale")
            os.makedirs(os.path.join(folder, "left", "deep"))
            os.symlink("/", os.path.join(folder, "left", "root"))
            os.symlink("nowhere", os.path.join(folder, "broken"))
        """,
    "no temporary folder": "import shutil, tempfile; shutil.rmtree(tempfile.gettempdir())",
    "limits of the process": """
        import resource
        limits = ((resource.RLIMIT_NOFILE, 1000), (resource.RLIMIT_FSIZE, 1 << 30), (resource.RLIMIT_CPU, 1000))
        for limit, value in limits:
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
        """,
    "the process": """
        import os, signal, threading, faulthandler
        os.nice(5); os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); os.putenv("MINE", "1")
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        threading.stack_size(262144); faulthandler.enable()
        """,
    "modules in C": """
        import codecs, csv, decimal, socket
        socket.setdefaulttimeout(0.5); csv.register_dialect("mine", delimiter=";"); csv.field_size_limit(5)
        decimal.DefaultContext.prec = 3
        codecs.register_error("mine", codecs.lookup_error("ignore"))
        codecs.register(lambda name: codecs.lookup("ascii") if name == "mine" else None); codecs.lookup("mine")
        """,
    "loggers": """
        import logging
        for logger in (logging.getLogger("mine"), logging.getLogger("concurrent.futures")):
            logger.addHandler(logging.NullHandler()); logger.setLevel(1); logger.propagate = False
        logging.addLevelName(10, "mine")
        """,
    "constants of classes": """
        import json, string
        json.JSONEncoder.item_separator = ";"; string.Template.delimiter = "%"; json.JSONDecoder.mine = 1
        """,
    "methods that know nothing of the script": """
        import json, pathlib
        space = {}
        exec("def default(self, o): return 'x'", space)
        json.JSONEncoder.default = space["default"]; pathlib.Path.exists = pathlib.Path.is_dir
        """,
    "tables of modules": """
        import copyreg, mimetypes
        copyreg.pickle(complex, abs); mimetypes.add_type("x/y", ".mine")
        """,
    "modules imported just now": """
        import colorsys, fractions, textwrap, wave
        colorsys.ONE_THIRD = 5; fractions.Fraction.mine = 1; textwrap.TextWrapper.x = 2; wave.WAVE_FORMAT_PCM = 7
        """,
    "form of the output": "import sys; sys.stdout.reconfigure(encoding='ascii', errors='strict', line_buffering=False)",
    "operators of Blender's gone": "import bpy; bpy.utils.unregister_class(bpy.types.OBJECT_OT_select_pattern)",
    "operators in the place of Blender's": """
        import bpy
        class Mine(bpy.types.Operator):
            bl_idname, bl_label = "object.isolate_type_render", "Mine"
        bpy.utils.register_class(Mine)
        """,
    "classes of other kinds": """
        import bpy
        class Base(bpy.types.Operator):
            bl_idname, bl_label = "object.base", "Base"
        class Left(Base):
            bl_idname, bl_label = "object.left", "Left"
            def execute(self, context): return {"FINISHED"}
        bpy.utils.register_class(Left)
        empty = type("Empty", (bpy.types.PropertyGroup,), {})
        bpy.utils.register_class(type("LeftGroup", (empty,), {}))
        handler = {"bl_idname": "FH_left", "bl_label": "x", "bl_import_operator": "wm.obj_import"}
        bpy.utils.register_class(type("FH_left", (bpy.types.FileHandler,), {**handler, "bl_file_extensions": ".zz"}))
        shelf = {"bl_idname": "AS_left", "bl_space_type": "VIEW_3D"}
        bpy.utils.register_class(type("AS_left", (bpy.types.AssetShelf,), shelf))
        """,
    "methods of Blender's types": """
        import bpy
        bpy.types.Object.users_collection = 5; bpy.types.Mesh.from_pydata = bpy.types.Mesh.shade_flat
        """,
    "menus": "import bpy; bpy.types.VIEW3D_MT_object.append(print)",
    "keymaps": """
        import bpy
        bpy.context.window_manager.keyconfigs.addon.keymaps.new(name="Mine", space_type="EMPTY")
        """,
    "preferences that call themselves saved": """
        import bpy
        bpy.context.preferences.edit.undo_steps = 4; bpy.context.preferences.is_dirty = False
        """,
    "another template": "import bpy; bpy.ops.wm.read_homefile(app_template='2D_Animation')",
    "the window": """
        import bpy
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                area.type = "TEXT_EDITOR"
        bpy.data.workspaces[0].name = "Mine"
        """,
    "files open for reading": "import os; os.open('/etc/passwd', os.O_RDONLY)",
    "the first stream": "import os; os.close(0)",
    "streams and hooks": """
        import io, sys
        sys.stdout = io.StringIO(); sys.displayhook = sys.excepthook = print; sys.ps1 = "x"
        """,
    "functions that numpy calls": "import numpy; numpy.seterrcall(print)",
    "tables of numpy": "import numpy; numpy.sctypeDict['mine'] = float",
    "translations": "import bpy; bpy.app.translations.register('mine', {'fr_FR': {('*', 'a'): 'b'}})",
    "lists of preferences": """
        import bpy
        preferences = bpy.context.preferences
        preferences.filepaths.asset_libraries.new(name="mine", directory="/mine")
        preferences.filepaths.script_directories.new(); preferences.autoexec_paths.new()
        """,
    "a theme": "import bpy; bpy.context.preferences.themes[0].view_3d.grid = (1, 0, 0, 1)",
    "places of presets": "import bpy; bpy.utils.register_preset_path('/mine')",
    "settings of tools": "import bpy; bpy.context.scene.tool_settings.image_paint.seam_bleed = 99",
    "views": """
        import bpy
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                for space in area.spaces:
                    if space.type == "VIEW_3D":
                        space.lens, space.clip_end, space.shading.type = 20, 12345, "WIREFRAME"
                        space.overlay.show_overlays, space.region_3d.view_distance = False, 77
        """,
    "factory settings": "import bpy; bpy.ops.wm.read_factory_settings(use_empty=False)",
    "a file whose code runs": """
        import bpy, os
        path = os.path.join(bpy.app.tempdir, "left.blend")
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.wm.open_mainfile(filepath=path, use_scripts=True)
        """,
    "a process without a parent": """
        import subprocess
        subprocess.run("setsid sleep 1000 &", shell=True)
        """,
}


@pytest.mark.parametrize("body", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_used_worker_equals_a_new_one_for_the_next_task_of_a_chain(warm, cold, body):
    assert list(differences(seen_after(warm, body), cold)) == []


def test_next_task_after_a_clean_script_meets_the_same_worker(warm):
    pid = warm.run("import os; return os.getpid()").value
    assert warm.run("import os, json, numpy, bpy, typing; return os.getpid()").value == pid


def test_used_worker_still_has_blenders_own_classes(warm):
    body = """
        import bpy
        return sorted(name for name in dir(bpy.types) if "bl_rna" in getattr(getattr(bpy.types, name), "__dict__", ()))
    """
    first = warm.run(body).value
    assert "ShaderNodeTree" in first
    assert warm.run(body).value == first


@pytest.mark.parametrize(
    "left",
    [
        *("functions put in the place of others", "classes", "properties", "places", "filters", "signals", "the file"),
        *("temporary files", "limits of the process", "the process", "modules in C", "loggers", "constants of classes"),
        *("methods that know nothing of the script", "tables of modules", "modules imported just now", "the window"),
        *("form of the output", "classes of other kinds", "methods of Blender's types"),
    ],
)
def test_what_can_be_put_back_costs_no_worker(warm, left):
    pid = warm.run("import os; return os.getpid()").value
    outcome = warm.run(LEFT_BEHIND[left])
    assert outcome.state == "succeeded", outcome.traceback
    assert warm.run("import os; return os.getpid()").value == pid


#: It can change nothing but what it made itself, so that nothing is cleaned up after it.
SELF_CONTAINED = """
    from typing import Annotated, Any, NamedTuple, Optional
    from background_nodes.script import Range, log, progress, track

    calls = []

    class Output(NamedTuple):
        result: Any

    def main(fails: Optional[Annotated[int, Range(0, 1)]] = 0) -> Output:
        calls.append(fails)
        log("one", *track(["two"]))
        progress(0.5, "half")
        print("three", end="")
        print(1 / (1 - fails))
        return Output([len(calls), f"{fails:03d}"])
    """


def test_used_worker_equals_a_new_one_after_scripts_that_can_change_nothing(make_engine):
    cold, used = make_engine(), make_engine()
    expected = cold.run(PROBE).value
    pid = used.run("import os; return os.getpid()").value
    states = [used.run(body).state for body in (SELF_CONTAINED, SELF_CONTAINED.replace("fails: O", "fails = 1, x: O"))]
    assert states == ["succeeded", "failed"]
    assert list(differences(used.run(PROBE).value, expected)) == []
    assert used.run("import os; return os.getpid()").value == pid


def test_script_that_can_change_nothing_begins_anew_each_time(warm):
    for _ in range(3):
        outcome = warm.run(SELF_CONTAINED)
        assert (outcome.state, outcome.value, outcome.log) == ("succeeded", [1, "000"], "one two\nthree1.0\n")
        assert outcome.text == "half"


def test_script_that_can_change_nothing_tells_where_it_failed(warm):
    for number in range(2):
        outcome = warm.run("# a comment\n" * number + "def main():\n    print('so far')\n    return [1 / 0]")
        assert (outcome.state, outcome.message, outcome.log) == (
            "failed",
            "ZeroDivisionError: division by zero",
            "so far\n",
        )
        assert outcome.line == 3 + number
        assert "return [1 / 0]" in outcome.traceback


def test_warning_about_a_script_that_would_change_nothing_is_in_each_log(warm):
    for _ in range(2):
        assert "SyntaxWarning" in warm.run("def main():\n    return 1 is 1").log


USUAL_SCRIPTS = {
    "types": """
        from typing import NamedTuple, Optional
        class P(NamedTuple):
            x: int
        return repr(Optional[P])
        """,
    "dataclass": """
        from dataclasses import dataclass
        @dataclass
        class P:
            x: int
        return repr(P(1))
        """,
    "enum": "import enum; return repr(enum.Enum('E', 'a b').a)",
    "cache": """
        import functools
        @functools.lru_cache
        def f(x): return x
        return f(1)
        """,
    "exception": """
        class P: pass
        try: raise ValueError(P())
        except ValueError as error: kept = error
        """,
    "bmesh": "import bmesh, numpy; b = bmesh.new(); numpy.sort(numpy.zeros(3))",
    "ctypes": """
        import ctypes
        class S(ctypes.Structure):
            _fields_ = [('x', ctypes.c_int)]
        P = ctypes.POINTER(S)
        """,
    "thread pool": """
        import concurrent.futures
        with concurrent.futures.ThreadPoolExecutor(2) as executor: return list(executor.map(abs, [1]))
        """,
    "processes": """
        import multiprocessing
        with multiprocessing.get_context('fork').Pool(2) as pool: return pool.map(abs, [1])
        """,
    "subprocess": "import subprocess; return subprocess.run(['true']).returncode",
    "operator": "import bpy; bpy.ops.mesh.primitive_cube_add(); return bpy.context.object.data.name",
    "failure": "raise ValueError",
}


@pytest.mark.parametrize("body", USUAL_SCRIPTS.values(), ids=USUAL_SCRIPTS.keys())
def test_usual_scripts_cost_no_worker(warm, body):
    pid = warm.run("import os; return os.getpid()").value
    warm.run(body)
    assert warm.run("import os; return os.getpid()").value == pid


def test_helper_beside_a_script_that_changed_is_read_anew(warm, awkward_path):
    for number in (1, 2, 3):
        (awkward_path / "own_helper.py").write_text(f"NUMBER = {number}\n", encoding="utf-8")
        assert warm.run("import own_helper; return own_helper.NUMBER", folder=awkward_path).value == number
    assert [file.name for file in awkward_path.iterdir()] == ["own_helper.py"], "nothing is written beside a script"


def test_helper_that_appeared_meanwhile_is_found(warm, tmp_path):
    assert "No module named" in warm.run("import newcomer", folder=tmp_path).message
    (tmp_path / "newcomer.py").write_text("X = 1\n")
    assert warm.run("import newcomer; return newcomer.X", folder=tmp_path).value == 1


def test_helpers_of_the_same_name_in_two_folders_are_told_apart(warm, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper.py").write_text(f"NAME = {name!r}\n")
    for name in ("a", "b", "a"):
        assert warm.run("import helper; return helper.NAME", folder=tmp_path / name).value == name


@pytest.fixture
def engine_with_path(make_engine, monkeypatch, tmp_path):
    """An engine whose workers have a folder in `PYTHONPATH`, and that folder."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return make_engine(), tmp_path


@pytest.mark.parametrize("place", [".", "below/it"])
def test_helper_in_or_below_an_entry_of_the_path_that_changed_is_read_anew(engine_with_path, place):
    engine, folder = engine_with_path
    (folder / place).mkdir(parents=True, exist_ok=True)
    body = "import own_helper, own_package.part, os; return [own_helper.X, own_package.part.X, os.getpid()]"
    (folder / place / "own_package").mkdir()
    pids = set()
    for number in (1, 22, 333):
        for name in ("own_helper.py", "own_package/__init__.py", "own_package/part.py"):
            (folder / place / name).write_text(f"X = {number}\n")
        *numbers, pid = engine.run(body, folder=folder / place).value
        assert numbers == [number, number]
        pids.add(pid)
    assert len(pids) == 1, "it costs no worker"


@pytest.mark.parametrize("place", [".", "below"])
def test_helper_called_like_a_module_of_python_is_its_own_scripts_alone(engine_with_path, place, tmp_path_factory):
    engine, folder = engine_with_path
    (folder / place).mkdir(exist_ok=True)
    (folder / place / "statistics.py").write_text("def mean(values): return 'mine'\n")
    body = "import statistics; return str(statistics.mean([1, 2]))"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    # What lies in `PYTHONPATH` itself is everybody's; a real Blender does not look there.
    is_everybodys = place == "." and str(folder) in engine.run("import sys; return sys.path").value
    expected = "mine" if is_everybodys else "1.5"
    assert [engine.run(body, folder=folder / place).value for _ in range(2)] == ["mine", "mine"]
    assert engine.run(body, folder=elsewhere).value == expected
    assert engine.run(body, folder=folder / place).value == "mine", "whoever imported the other one before"
    assert engine.run(body, folder=elsewhere).value == expected


def test_helper_whose_compiled_code_is_as_old_and_as_long_is_read_from_its_source(warm, tmp_path):
    """Python trusts what it compiled for a source of the same second and size."""
    helper = tmp_path / "own_helper.py"
    helper.write_text("NUMBER = 1\n")
    os.utime(helper, (1_700_000_000, 1_700_000_000))
    py_compile.compile(str(helper), importlib.util.cache_from_source(str(helper), optimization=""))
    compiled = importlib.util.cache_from_source(str(helper))
    version = warm.run("import importlib.util; return importlib.util.cache_from_source('x.py')").value
    if Path(compiled).name.split(".")[-2] != Path(version).name.split(".")[-2]:
        pytest.skip("workers have another Python")
    helper.write_text("NUMBER = 2\n")
    os.utime(helper, (1_700_000_000, 1_700_000_000))
    assert warm.run("import own_helper; return own_helper.NUMBER", folder=tmp_path).value == 2


def test_installed_module_stays_with_all_that_its_import_changed_elsewhere(warm):
    """A registration that an import makes is not made again, as nothing is imported twice."""
    body = """
        import os, sys, xmlrpc.client, copyreg, logging
        import wsgiref.simple_server
        logging.getLogger("wsgiref")
        return [os.getpid(), sys.modules["xmlrpc"].client is xmlrpc.client, hasattr(wsgiref, "simple_server")]
    """
    first = warm.run(body).value
    assert first[1:] == [True, True]
    assert warm.run(body).value == first


def test_installed_module_that_changed_is_read_anew(engine_with_path):
    """As a studio's own, or a package that is upgraded while Blender is open."""
    engine, folder = engine_with_path
    if str(folder) not in engine.run("import sys; return sys.path").value:
        pytest.skip("a real Blender does not look in PYTHONPATH")
    (folder / "studio_tools.py").write_text("from studio_numbers import X\n")
    for number in (1, 22, 333):
        (folder / "studio_numbers.py").write_text(f"X = {number}\n")
        assert engine.run("import studio_tools; return studio_tools.X").value == number


def test_import_after_a_change_keeps_the_import_and_not_the_change(warm):
    warm.run("import json; json.loads = None; json.mine = 1; import json.tool")
    body = "import json, sys; return [json.loads('[1]'), hasattr(json, 'mine'), hasattr(json, 'tool')]"
    assert warm.run(body).value == [[1], False, True]


def test_list_that_a_script_keeps_in_its_temporary_folder_is_its_own(warm):
    body = """
        import os, tempfile
        cache = os.path.join(tempfile.gettempdir(), "cache.txt")
        if not os.path.exists(cache):
            open(cache, "w").write(str({number}))
        return int(open(cache).read())
    """
    assert [warm.run(body.format(number=number)).value for number in (3, 4, 5)] == [3, 4, 5]


def test_temporary_file_as_a_result_is_an_error_that_tells_where_to_write(warm):
    body = """
        import os, tempfile
        from pathlib import Path
        def main() -> Path:
            file = Path(tempfile.mkdtemp(), "result.txt")
            file.write_text("mine")
            return file
    """
    from background_nodes.runtime.planning import plan
    from background_nodes.runtime.script.socket_types import SocketType

    output = plan.TaskOutput("result", "Result", SocketType("PATH"))
    run = warm.wait(warm.start(replace(planned(body), outputs=(output,))))
    outcome = warm.outcome(run)
    assert outcome.state == "failed"
    assert "is a temporary file" in outcome.message


def test_random_numbers_differ_from_task_to_task(warm):
    body = "import random, numpy, mathutils.noise as n; return [random.random(), numpy.random.random(), n.random()]"
    for seed in (
        "pass",
        "import random, numpy, mathutils.noise as n; random.seed(1); numpy.random.seed(1); n.seed_set(1)",
    ):
        warm.run(seed)
        first = warm.run(body).value
        warm.run(seed)
        assert all(a != b for a, b in zip(first, warm.run(body).value, strict=True))
