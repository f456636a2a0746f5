"""The Sidebar, the log and the status of a run, by mouse and keys."""

from __future__ import annotations

import pytest

FAILS = """
def main(value: int = 1) -> int:
    print("before it failed")
    raise ValueError("no luck")
"""
SUCCEEDS = """
def main(value: int = 1) -> int:
    return value + 1
"""
NEEDS = """
import bpy
def main(source: bpy.types.Object) -> int:
    return 1
"""


@pytest.fixture
def sidebar(editor):
    """Opens the Sidebar on a tab."""

    def show(tab: str) -> None:
        editor.window.move(*editor.middle())
        editor.window.run("places.area().spaces.active.show_region_ui = True")
        editor.window.wait_for("return places.show_tab(tab)", tab=tab)
        editor.window.settle(5)

    return show


def active_tab(editor) -> str:
    return editor.window.run('return next(r for r in places.area().regions if r.type == "UI").active_panel_category')


def selected(editor) -> list[str]:
    return editor.window.run("return [node.name for node in places.tree().nodes if node.select]")


def height(editor, node: str) -> float:
    return editor.window.run("return places.tree().nodes[node].dimensions.y", node=node)


def test_click_on_a_task_selects_its_node(editor, sidebar):
    for number in range(3):
        editor.add_script(SUCCEEDS, f"Node {number}", (number * 250.0 - 250.0, 100.0))
    editor.press_button("background_nodes.run")
    editor.wait_until_home()
    sidebar("Run")
    left, _, _, top = editor.window.run("return places.rectangle(t, 'UI')", t="BackgroundNodeTree")
    found = set()
    for y in range(int(top) - 150, int(top) - 320, -12):
        editor.window.click(left + 70, y)
        found.update(selected(editor) if len(selected(editor)) == 1 else ())
    assert found == {"Node 0", "Node 1", "Node 2"}


def test_problems_come_up_by_themselves_when_a_run_does_not_start_and_go_when_fixed(editor, sidebar):
    editor.add_script(NEEDS, "Needs", (0.0, 100.0))
    editor.add_script(SUCCEEDS, "Fine", (250.0, 100.0))
    editor.press_button("background_nodes.run")
    editor.window.wait_for(
        'return next(r for r in places.area().regions if r.type == "UI").active_panel_category == "Problems"'
    )
    assert active_tab(editor) == "Problems"
    editor.press_button("background_nodes.node_select", region="UI")
    assert selected(editor) == ["Needs"]
    with_problem = height(editor, "Needs")
    editor.window.run("places.tree().nodes['Needs'].inputs[0].default_value = bpy.data.objects[0]")
    editor.window.wait_for(
        """
        import importlib
        return importlib.import_module(extension + ".addon.session.problems").of(places.tree()) == ()
        """
    )
    editor.window.settle(5)
    assert height(editor, "Needs") < with_problem, "the node tells it, as long as it is there"
    editor.press_button("background_nodes.run", region="UI")
    assert editor.wait_until_home()["state"] == "succeeded"


def test_log_opens_beside_the_graph_and_a_report_is_copied(editor, sidebar):
    editor.add_script(FAILS, "Fails", (0.0, 100.0))
    editor.press_button("background_nodes.run")
    assert editor.wait_until_home()["state"] == "failed"
    editor.window.run("tree = places.tree(); tree.nodes.active = tree.nodes['Fails']")
    sidebar("Problems")
    assert editor.button("background_nodes.retry", region="UI"), "it is not just ready to run"
    sidebar("Node")
    editor.press_button("background_nodes.report_copy", region="UI")
    report = editor.window.run("return bpy.context.window_manager.clipboard")
    assert "ValueError: no luck" in report
    assert "before it failed" in report
    editor.press_button("background_nodes.log_show", region="UI")
    shown = editor.window.wait_for(
        """
        editors = [area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "TEXT_EDITOR"]
        return editors and editors[0].spaces.active.text and editors[0].spaces.active.text.as_string()
        """
    )
    assert shown.startswith("Fails · Tree")
    assert "before it failed" in shown


def test_end_of_a_run_is_reported_in_the_info_editor(editor):
    editor.add_script(FAILS, "Fails", (0.0, 100.0))
    editor.press_button("background_nodes.run")
    editor.wait_until_home()
    copied = editor.reports()
    assert '"Tree" failed after ' in copied
    assert copied.rstrip().endswith(": Fails")
