"""Every test starts from an empty file, with the extension registered."""

import dataclasses
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def registered_extension(pytestconfig):
    """The extension; an installed one is enabled already (../conftest.py)."""
    import bpy

    import background_nodes

    if bpy.app.binary_path:
        yield background_nodes
        return
    background_nodes.register()
    yield background_nodes
    background_nodes.unregister()


@pytest.fixture(scope="session")
def name_of_extension(registered_extension) -> str:
    """The module of the extension, as the preferences name it."""
    return registered_extension.JobManager.__module__.partition(".addon.")[0]


@pytest.fixture
def enabled_name(name_of_extension):
    """The same, with the preferences naming it: on the wheels nobody enables it."""
    import bpy

    addons = bpy.context.preferences.addons
    is_new = name_of_extension not in addons
    if is_new:
        addons.new().module = name_of_extension
    yield name_of_extension
    if is_new:
        addons.remove(addons[name_of_extension])


@pytest.fixture(autouse=True)
def scripts_may_run(registered_extension, request, monkeypatch):
    """Scripts run as in a Blender that runs those of all files, but in modules that test whether they are asked for."""
    from background_nodes.addon.consent.current import consent

    if not getattr(request.module, "ASKS_FOR_CONSENT", False):
        monkeypatch.setattr(consent._host, "runs_scripts", lambda: True)
        monkeypatch.setattr(consent, "_is_of_a_file", lambda *_script: True)


@pytest.fixture(autouse=True)
def undo_steps(registered_extension, monkeypatch):
    """What comes home is an undo step, as in a window."""
    from background_nodes.addon.session import undo

    monkeypatch.setattr(undo, "has_artist", True)


@pytest.fixture(autouse=True)
def store_folder(registered_extension, tmp_path, monkeypatch):
    """A store for this test alone. Its runs don't use it unless it takes `store`; commands that it starts do."""
    from background_nodes.addon.preferences import preferences
    from background_nodes.addon.session.current import session

    folder = tmp_path / "store of results"
    monkeypatch.setenv("BACKGROUND_NODES_STORE", str(folder))
    session.use_settings(lambda: dataclasses.replace(preferences.settings(), uses_store=False))
    session.open()  # a test before may have closed it
    yield folder
    session.use_settings(preferences.settings)


@pytest.fixture
def store(store_folder, session):
    """Let runs keep results, and use those of earlier ones. Gives the folder of the store."""
    from background_nodes.addon.preferences import preferences

    session.use_settings(lambda: dataclasses.replace(preferences.settings(), store_folder=str(store_folder)))
    return store_folder


@pytest.fixture
def session(registered_extension):
    """The session of this Blender. Its workers stay warm from test to test; opening an empty file ends its runs."""
    from background_nodes.addon.session.current import session

    return session


@pytest.fixture(autouse=True)
def empty_file(registered_extension):
    """A file without a data-block, as factory settings make it."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


@pytest.fixture
def manager(registered_extension):
    """A `JobManager` of its own, with two workers."""
    manager = registered_extension.JobManager()
    manager.max_workers = 2
    yield manager
    manager.kill_all()


@pytest.fixture
def write(tmp_path) -> Callable[..., str]:
    """Writes a script and gives its path."""

    def write_one(body: str, name: str = "script.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(body), encoding="utf-8")
        return str(path)

    return write_one


@pytest.fixture
def run_program(tmp_path) -> Callable[[str], subprocess.CompletedProcess]:
    """Runs a program in a Python of its own, in the folder `tmp_path`. It has this folder as `background_nodes`."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "background_nodes").symlink_to(ROOT)

    def run(source: str) -> subprocess.CompletedProcess:
        (tmp_path / "program.py").write_text(source, encoding="utf-8")
        return subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "modules"), "PWD": str(tmp_path)},  # Blender goes by PWD
            capture_output=True,
            text=True,
            timeout=150,
        )

    return run
