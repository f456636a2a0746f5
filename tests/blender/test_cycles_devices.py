"""What Cycles renders with is read from the preferences; a graphics card that is chosen is used."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.runtime.blender import cycles_devices
from background_nodes.runtime.engine.workers import CyclesDevices


@pytest.fixture
def preferences():
    """Cycles' preferences with a graphics card, as on another machine, that is not chosen."""
    found = bpy.context.preferences.addons["cycles"].preferences
    card = found.devices.add()
    card.id, card.name, card.type, card.use = "CUDA_card", "Card", "CUDA", False
    yield found
    found.devices.clear()
    found.compute_device_type = "NONE"


def test_nothing_is_chosen_at_first(preferences):
    assert cycles_devices.chosen() == CyclesDevices()
    cycles_devices.use_in(bpy.context.scene)
    assert bpy.context.scene.cycles.device == "CPU"


def test_chosen_card_is_read_and_used(preferences):
    preferences.compute_device_type = "CUDA"
    preferences.devices[0].use = True
    assert cycles_devices.chosen() == CyclesDevices("CUDA", ("CUDA_card",))
    cycles_devices.use_in(bpy.context.scene)
    assert bpy.context.scene.cycles.device == "GPU"


def test_card_that_is_not_chosen_is_not_used(preferences):
    preferences.compute_device_type = "CUDA"
    assert cycles_devices.chosen() == CyclesDevices("CUDA")
    cycles_devices.use_in(bpy.context.scene)
    assert bpy.context.scene.cycles.device == "CPU"
