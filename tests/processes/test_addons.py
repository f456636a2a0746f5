"""Add-ons that a node wants are enabled in its worker, and in no other task's."""

import textwrap

import pytest

NAME = "background_nodes_test_addon"
ADDON = """
bl_info = {"name": "Test", "blender": (4, 2, 0), "category": "Object"}
import bpy

def register():
    bpy.types.Scene.from_test_addon = bpy.props.IntProperty(default=7)

def unregister():
    del bpy.types.Scene.from_test_addon
"""
ASK = """
    import bpy, os
    return [getattr(bpy.context.scene, "from_test_addon", None), os.getpid()]
    """


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs an add-on for the workers of engines that are made from now on."""
    folder = tmp_path / "scripts" / "addons"
    folder.mkdir(parents=True)
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", str(folder.parent))

    def write(source: str) -> None:
        (folder / f"{NAME}.py").write_text(textwrap.dedent(source), encoding="utf-8")

    return write


def test_addon_is_enabled_before_the_script_and_gone_for_the_next_task(install, make_engine):
    install(ADDON)
    engine = make_engine()
    usual, usual_process = engine.run(ASK).value
    wanted, process = engine.run(ASK, addons=(NAME,)).value
    again, next_process = engine.run(ASK).value
    assert (usual, wanted, again) == (None, 7, None)
    assert usual_process == process != next_process


def test_addon_that_is_enabled_already_changes_nothing(make_engine):
    engine = make_engine()
    first = engine.run(ASK, addons=("cycles",)).value
    assert engine.run(ASK).value == first


def test_addon_that_is_missing_is_an_error_that_names_it_and_the_node(make_engine):
    outcome = make_engine().run(ASK, "Bake", addons=("no_such_addon",))
    assert outcome.state == "failed"
    assert outcome.message == (
        'the add-on "no_such_addon", which the node "Bake" wants, can\'t be enabled in a background Blender '
        "(it is not installed). Install it, or take it off the node"
    )
    assert outcome.line is None


def test_addon_that_needs_something_that_is_missing_is_an_error_with_the_reason(install, make_engine):
    install("import no_such_module")
    outcome = make_engine().run(ASK, addons=(NAME,))
    assert outcome.state == "failed"
    assert "no_such_module" in outcome.message


def test_addon_that_fails_to_register_is_an_error_with_the_reason(install, make_engine):
    install(ADDON.replace("bpy.types.Scene.from_test_addon =", "raise ValueError('broken')  #"))
    outcome = make_engine().run(ASK, addons=(NAME,))
    assert outcome.state == "failed"
    assert "ValueError: broken" in outcome.message
