"""Preferences: folders of scripts, back to the defaults, and that each is drawn and explained."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.preferences import layout, preferences


@pytest.fixture
def defaults():
    yield
    bpy.ops.background_nodes.preferences_reset()


@pytest.mark.blender_only  # the wheel has no preferences of extensions
def test_reset_sets_all_back(defaults):
    settings = preferences.found()
    settings.num_workers, settings.artist_first = 7, "OFF"
    bpy.ops.background_nodes.script_folder_add(directory="/scripts/")
    assert bpy.ops.background_nodes.preferences_reset() == {"FINISHED"}
    assert (settings.num_workers, settings.artist_first) == (0, "LOWER")
    assert not settings.script_folders


@pytest.mark.blender_only
def test_script_folders_are_added_once_and_removed(defaults):
    for directory in ("/one/", "/two/", "/one/"):
        bpy.ops.background_nodes.script_folder_add(directory=directory)
    assert [folder.directory for folder in preferences.found().script_folders] == ["/one/", "/two/"]
    bpy.ops.background_nodes.script_folder_remove(index=0)
    assert [folder.directory for folder in preferences.found().script_folders] == ["/two/"]


def test_each_preference_is_drawn_and_has_a_sentence():
    drawn = {*layout.WORKERS, *layout.RESULTS, *layout.OVERLAYS, *layout.PRESETS, "script_folders"}
    assert drawn == set(preferences.names())
    properties = preferences.BackgroundNodesPreferences.bl_rna.properties
    assert all(properties[name].description for name in drawn)
