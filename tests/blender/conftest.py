"""Every test starts from an empty file, with the extension registered."""

import textwrap
from collections.abc import Callable

import pytest


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
