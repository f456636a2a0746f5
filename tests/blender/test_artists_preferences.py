"""The artist's preferences, as they are given to background Blenders: `runtime/blender/preferences.py`."""

import os

import bpy

from background_nodes.runtime.blender import preferences


def test_preferences_are_read_without_a_trace_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("BLENDER_USER_CONFIG", str(tmp_path))
    for is_dirty in (True, False):
        bpy.context.preferences.is_dirty = is_dirty
        assert len(preferences.contents()) > 10_000
        assert bpy.context.preferences.is_dirty is is_dirty
    assert os.environ["BLENDER_USER_CONFIG"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("BLENDER_USER_CONFIG")
    preferences.contents()
    assert "BLENDER_USER_CONFIG" not in os.environ


def test_digest_of_preferences_changes_with_them(monkeypatch):
    def digest() -> str:
        return preferences.digest(preferences.contents())

    before = digest()
    assert digest() == before
    monkeypatch.setattr(bpy.context.preferences.edit, "undo_steps", 77)
    assert digest() != before
