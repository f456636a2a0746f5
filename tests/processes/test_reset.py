"""Warm equals cold: whatever a script leaves behind, the next one sees a worker as if it were the first."""

import pytest

#: Looks at all that may differ between a used worker and a new one; what is random by itself is left out.
PROBE = """
import builtins, contextlib, decimal, gc, json, locale, logging, math, os, pathlib, signal, sys, threading, warnings
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

def main():
    seen = {}
    for name in ("builtins", "json", "math", "os", "os.path", "sys", "threading", "warnings", "numpy", "mathutils",
                 "bpy", "bpy.utils", "random", "tempfile", "pathlib", "background_nodes.script", "addon_utils"):
        module = __import__(name, fromlist=["x"])
        seen[name] = {k: plain(v) for k, v in vars(module).items() if k not in {"_reporter", "__warningregistry__",
                      "last_exc", "last_type", "last_value", "last_traceback", "tempdir"}}
    seen["modules"] = sorted(name for name in sys.modules if not name.startswith(OWN) and is_of_scripts(name))
    seen["path"], seen["argv"], seen["cwd"] = sys.path, sys.argv, os.getcwd()
    seen["import"] = [len(sys.meta_path), len(sys.path_hooks), sys.dont_write_bytecode]
    seen["env"] = {k: v for k, v in os.environ.items() if k not in {"TMPDIR", "TEMP", "TMP", "PYTEST_CURRENT_TEST"}}
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
    seen["streams"] = [(s.encoding, s.errors, s.fileno()) for s in (sys.stdout, sys.stderr)]
    return {key: json.loads(json.dumps(value, default=repr)) for key, value in seen.items()}

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


@pytest.fixture(scope="module")
def cold(make_engines_cold):
    return make_engines_cold.run(PROBE).value


@pytest.fixture(scope="module")
def make_engines_cold(launcher, tmp_path_factory):
    from background_nodes.runtime.store import Store

    from .conftest import Engine

    engine = Engine(launcher, Store(tmp_path_factory.mktemp("cold")), 1)
    yield engine
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
}


@pytest.mark.parametrize("body", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_used_worker_equals_a_new_one(warm, cold, body):
    left = warm.run(body)
    assert left.state == "succeeded", left.traceback
    seen = warm.run(PROBE).value
    assert list(differences(seen, cold)) == []


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
    ["functions put in the place of others", "classes", "properties", "places", "filters", "signals", "the file"],
)
def test_what_can_be_put_back_costs_no_worker(warm, left):
    pid = warm.run("import os; return os.getpid()").value
    outcome = warm.run(LEFT_BEHIND[left])
    assert outcome.state == "succeeded", outcome.traceback
    assert warm.run("import os; return os.getpid()").value == pid


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
