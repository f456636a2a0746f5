"""Every test starts from an empty file, with the extension registered."""

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
    """The session of this Blender. Its workers stay warm from test to test; its runs end with their file."""
    from background_nodes.addon.session import session

    return session


@pytest.fixture(autouse=True)
def empty_file(registered_extension):
    """A file without a data-block, as factory settings make it."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
