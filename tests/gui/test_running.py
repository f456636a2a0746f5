"""A graph built, run and watched by mouse and keys."""

from __future__ import annotations

STEPS = """
import time
from background_nodes.script import progress
def main(value: int = 1, steps: int = 20) -> int:
    for step in range(steps):
        progress(step / steps, "Counting")
        time.sleep(0.05)
    return value + 1
"""


def test_graph_of_dragged_links_runs_at_the_press_of_a_button(editor):
    editor.add_script(STEPS, "First", (-250.0, 100.0))
    editor.add_script(STEPS, "Second", (50.0, 100.0))
    editor.frame_all()
    editor.link("First", "Result", "Second", "Value")
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "succeeded"
    assert editor.window.run("return places.tree().nodes['Second'].outputs[0].result") == 3
