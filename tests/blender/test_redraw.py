"""When editors that show a run are drawn anew."""

from types import SimpleNamespace

import pytest

from background_nodes.addon.editor import redraw
from background_nodes.addon.session.keeper import BUSY_INTERVAL


class Window:
    """A window in which a redraw takes `seconds`; it notes when the editors were redrawn."""

    def __init__(self):
        self.now = 0.0
        self.seconds = 0.0
        self.redrawn = []
        self.run = SimpleNamespace(tree_uid=-1, version=0, seconds=0.0, is_home=False, tasks={})

    def tick(self):
        """A tick in which the run has news, and what Blender draws after it."""
        self.run.version += 1
        num_before = len(self.redrawn)
        redraw.update([self.run])
        is_redrawn = len(self.redrawn) > num_before
        self.now += max(BUSY_INTERVAL, self.seconds if is_redrawn else 0.0)


@pytest.fixture
def window(monkeypatch):
    window = Window()
    monkeypatch.setattr(redraw, "_pace", redraw._Pace())
    monkeypatch.setattr(redraw.time, "monotonic", lambda: window.now)
    monkeypatch.setattr(redraw, "tag", lambda _trees: window.redrawn.append(window.now))
    yield window
    redraw._drawn.pop(-1, None)
    redraw._bars.pop(-1, None)


def test_redraws_that_take_no_time_follow_each_tick(window):
    for _ in range(20):
        window.tick()

    assert len(window.redrawn) == 20


def test_redraws_that_take_long_leave_most_of_the_time_to_the_run(window):
    window.seconds = 1.0
    for _ in range(400):
        window.tick()

    assert 1.0 * len(window.redrawn) <= 0.4 * window.now
    assert len(window.redrawn) >= 5, "it goes on to be shown"


def test_end_of_a_run_is_shown_at_once(window):
    window.seconds = 1.0
    window.tick()
    window.tick()
    assert len(window.redrawn) == 1, "the second one waits"

    window.run.is_home = True
    window.tick()

    assert len(window.redrawn) == 2


def test_run_that_is_home_is_shown_though_nothing_else_is_new(window):
    window.tick()
    window.run.is_home = True
    redraw.update([window.run])
    redraw.update([window.run])

    assert len(window.redrawn) == 2, "once while it came home, once after"
