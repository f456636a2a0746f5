"""A tree that runs at each frame waits while the animation plays."""

COUNT = "def main(number: int = 1) -> int:\n    return number\n"
NUM_RUNS = "return len(places.session().history)"


def test_no_frame_starts_a_run_while_the_animation_plays(editor):
    editor.add_script(COUNT, "Count")
    window = editor.window
    window.run("places.tree().auto_run = 'FRAME'")
    before = window.run(NUM_RUNS)
    window.press("SPACE")
    window.wait_for("return bpy.context.screen.is_animation_playing")
    first = window.run("return bpy.context.scene.frame_current")
    window.wait_for("return bpy.context.scene.frame_current > first + 10", first=first)
    assert window.run(NUM_RUNS) == before
    window.press("SPACE")
    window.wait_for("return len(places.session().history) > before", before=before)
