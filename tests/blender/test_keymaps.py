"""Keys of the extension: added by the modules that have the operators, gone without a trace."""

import bpy
import pytest

from background_nodes.addon.drawing import keymaps


def keys() -> list[tuple[str, str]]:
    """Our operators' keys in the add-on key configuration."""
    found = bpy.context.window_manager.keyconfigs.addon.keymaps.get("Node Editor")
    items = () if found is None else found.keymap_items
    return [(item.idname, item.to_string()) for item in items if item.idname.startswith("background_nodes.")]


@pytest.fixture
def no_keys_of_ours(monkeypatch):
    monkeypatch.setattr(keymaps, "_items", [])
    yield
    keymaps.unregister()


def test_added_key_calls_the_operator_with_its_properties(no_keys_of_ours):
    before = keys()
    properties = {"force": True}
    keymaps.add("Node Editor", "NODE_EDITOR", "background_nodes.run", "F13", ctrl=True, properties=properties)
    assert set(keys()) - set(before) == {("background_nodes.run", "Ctrl F13")}
    item = keymaps._items[-1][1]
    assert item.properties.force
    assert item.value == "PRESS"


def test_unregistering_removes_what_was_added_and_nothing_else(no_keys_of_ours):
    before = keys()
    keymaps.add("Node Editor", "NODE_EDITOR", "background_nodes.cancel", "F13", shift=True)
    keymaps.unregister()
    assert keys() == before


def test_unknown_property_is_an_error_of_whoever_adds_it(no_keys_of_ours):
    with pytest.raises(AttributeError):
        keymaps.add("Node Editor", "NODE_EDITOR", "background_nodes.run", "F13", properties={"nonsense": 1})
