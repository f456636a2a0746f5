"""Makes `import background_nodes` mean the code under test: this folder, or the extension in a real Blender."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Set by noxfile.py: the module name of the installed extension.
EXTENSION = os.environ.get("BACKGROUND_NODES_TEST_EXTENSION", "")


class ExtensionAlias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers an import of `background_nodes.x` with the very module `bl_ext.<repository>.background_nodes.x`."""

    def find_spec(self, fullname, path, target=None):
        package, _, rest = fullname.partition(".")
        if package != "background_nodes":
            return None
        original = importlib.import_module(f"{EXTENSION}.{rest}".rstrip("."))
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=hasattr(original, "__path__"))
        spec.loader_state = (original, original.__spec__)
        return spec

    def create_module(self, spec) -> ModuleType:
        return spec.loader_state[0]

    def exec_module(self, module) -> None:
        # Python has just given the module the alias's spec; relative imports in it need its own.
        module.__spec__ = module.__spec__.loader_state[1]


def alias_extension() -> None:
    import addon_utils

    if not addon_utils.check(EXTENSION)[1]:
        addon_utils.enable(EXTENSION, default_set=True)
    for name in [name for name in sys.modules if name.partition(".")[0] == "background_nodes"]:
        del sys.modules[name]
    sys.meta_path.insert(0, ExtensionAlias())


def import_this_folder() -> None:
    location = ROOT / "__init__.py"
    spec = importlib.util.spec_from_file_location("background_nodes", location, submodule_search_locations=[str(ROOT)])
    package = importlib.util.module_from_spec(spec)
    sys.modules["background_nodes"] = package
    spec.loader.exec_module(package)


def is_wheel() -> bool:
    """Is Blender here as a module of Python? It is not asked of unit tests, which must not import bpy."""
    return "bpy" in sys.modules and not sys.modules["bpy"].app.binary_path


# In a hook and not above: pytest-blender also reads this file in a Python of its own, which has no Blender and stops
# before the hook.
def pytest_configure(config):
    if EXTENSION:
        alias_extension()
    else:
        import_this_folder()


def pytest_runtest_setup(item):
    if item.get_closest_marker("wheel_only") and EXTENSION:
        pytest.skip("needs Blender as a Python module")
    if item.get_closest_marker("blender_only") and not EXTENSION:
        pytest.skip("needs a real Blender with the extension installed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_unconfigure(config):
    # A wheel crashes (4.2) or hangs for ever (4.5) at Python's exit if a test left a class or a handler registered.
    # The tests have told what they had to tell: leave without an exit, also if one of pytest's own parts raises here.
    try:
        yield
    except BaseException:
        if not is_wheel():
            raise
        traceback.print_exc()
        config.stash[EXIT_STATUS] = 1
    if is_wheel() and EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[EXIT_STATUS])


EXIT_STATUS = pytest.StashKey[int]()


@pytest.fixture
def awkward_path(tmp_path) -> Path:
    """A folder with all that a careless quoting or encoding stumbles over."""
    folder = tmp_path / "a 'quoted' \"folder\" % #ünïcödé 節点"
    folder.mkdir()
    return folder


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 2 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a tiny file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
