"""Blender as a module, with the project registered, and a store of the test's own."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def registered_project(tmp_path_factory):
    os.environ["BACKGROUND_NODES_STORE"] = str(tmp_path_factory.mktemp("store"))
    import background_nodes

    background_nodes.register()
    yield background_nodes
    background_nodes.unregister()
