# SPDX-License-Identifier: GPL-3.0-or-later
"""When Blender is woken before it would wake. That no tool hears of it: `tests/gui/test_timers.py`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from background_nodes.addon.session import waking

pytestmark = pytest.mark.any_blender


class Manager:
    """A window manager that only has timers."""

    def __init__(self) -> None:
        self.timers: list[float] = []

    def event_timer_add(self, seconds: float) -> float:
        self.timers.append(seconds)
        return seconds

    def event_timer_remove(self, timer: float) -> None:
        self.timers.remove(timer)


@pytest.fixture
def manager(monkeypatch):
    manager = Manager()
    monkeypatch.setattr(waking, "bpy", SimpleNamespace(context=SimpleNamespace(window_manager=manager)))
    return manager


def test_blender_has_one_timer_for_the_next_call_and_none_where_it_wakes_in_time(manager):
    for seconds, timers in ((0.003, [0.003]), (0.004, [0.004]), (0.005, []), (0.002, [0.002]), (None, []), (5.0, [])):
        waking.wake_in(seconds)
        assert manager.timers == timers, seconds
