"""Background Blenders make room while the artist plays back or sculpts, seen from the system's side."""

from __future__ import annotations

from pathlib import Path

import pytest
from window import wait_until

STEPS = """
import time
from background_nodes.script import progress
def main(steps: int = 200) -> int:
    for step in range(steps):
        progress(step / steps)
        time.sleep(0.05)
    return steps
"""
SESSION = """
import importlib
session = importlib.import_module(extension + ".addon.session.current").session
preferences = importlib.import_module(extension + ".addon.preferences.preferences").found()
run = session.history[-1] if session.history else None
"""
AUTOGROUP = Path("/proc/self/autogroup")


@pytest.fixture
def going(editor):
    """A run that takes ten seconds; the window in which it goes on."""
    editor.add_script(STEPS, "Wait")
    editor.window.run(SESSION + "session.start(places.tree(), workers=1)")
    editor.window.wait_for(SESSION + "return run.progress > 0.02")
    yield editor.window
    editor.window.run(SESSION + "preferences.artist_first = 'LOWER'; run.cancel()")


def autogroup(window) -> str:
    """How nice the worker's session is to others."""
    (process,) = window.run(SESSION + "return session.worker_process_ids")
    return Path(f"/proc/{process}/autogroup").read_text().split()[-1]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="where Linux groups processes by sessions")
def test_workers_have_low_priority_while_the_animation_plays(going):
    assert autogroup(going) == "0"
    going.press("SPACE")
    going.wait_for("return bpy.context.screen.is_animation_playing")
    wait_until(lambda: autogroup(going) == "19", 10.0, "low priority")
    going.press("SPACE")
    wait_until(lambda: autogroup(going) == "0", 10.0, "the usual priority")
    assert not going.run(SESSION + "return run.is_paused")


def test_run_pauses_while_the_artist_sculpts_if_that_is_preferred(going):
    going.run(SESSION + "preferences.artist_first = 'PAUSE'")
    going.run("bpy.ops.mesh.primitive_cube_add()")
    going.run("bpy.ops.object.mode_set(mode='SCULPT')")
    going.wait_for(SESSION + "return run.is_paused and run.pause_reason == 'Paused while you sculpt'")
    assert going.run(SESSION + "return [info.state for info in session.workers]") == ["paused"]
    going.run("bpy.ops.object.mode_set(mode='OBJECT')")
    going.wait_for(SESSION + "return not run.is_paused")
    assert going.run(SESSION + "return [info.state for info in session.workers]") == ["working"]
