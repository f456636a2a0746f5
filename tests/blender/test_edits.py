# SPDX-License-Identifier: GPL-3.0-or-later
"""When it is listened anew to what is set. What Blender tells of edits, in a window: `tests/gui/test_edits.py`."""

from __future__ import annotations

import pytest

from background_nodes.runtime.blender import edits as edits_module
from background_nodes.runtime.blender.edits import Edits

pytestmark = pytest.mark.any_blender


@pytest.fixture
def listened(monkeypatch):
    """A function of set values for each time that it was listened anew."""
    calls: list[object] = []
    monkeypatch.setattr(edits_module.set_values, "listen", calls.append)
    return calls


@pytest.fixture
def edits():
    """As in a window of which Blender tells all."""
    edits = Edits()
    edits._is_sure = True
    return edits


def change(edits: Edits, times: int) -> None:
    for _ in range(times):
        with edits.own():
            pass


def test_changes_of_ours_in_a_turn_are_over_before_it_is_listened_anew_once(edits, listened):
    with edits.turn():
        with edits.turn():
            change(edits, 3)
        assert listened == []
    assert len(listened) == 1
    with edits.turn():
        pass
    assert len(listened) == 1, "nothing was changed"


def test_each_change_of_ours_outside_of_a_turn_is_followed_by_listening_anew(edits, listened):
    change(edits, 2)
    assert len(listened) == 2


def test_turn_with_an_error_is_over(edits, listened):
    def fail() -> None:
        with edits.turn():
            change(edits, 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(listened) == 1
    change(edits, 1)
    assert len(listened) == 2


def test_nothing_is_listened_to_after_a_turn_in_which_all_came_into_doubt(edits, listened):
    with edits.turn():
        change(edits, 1)
        edits.doubt()
    assert listened == []
