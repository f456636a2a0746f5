"""The example add-ons that scatter and render thumbnails, run from the Text Editor and used by mouse."""

from __future__ import annotations

import pytest
from editor import Editor
from screen import ROOT
from window import Window


@pytest.fixture
def examples(window: Window):
    """Both add-ons, beside each other, in the Sidebar of the 3D Viewport."""
    window.run(
        """
        for path in paths:
            text = bpy.data.texts.load(path)
            exec(compile(text.as_string(), path, "exec"), {"__name__": "__main__", "__file__": path})
            bpy.data.texts.remove(text)
        bpy.ops.mesh.primitive_ico_sphere_add(radius=0.05, location=(3, 0, 0))
        pebble, ground = bpy.context.object, bpy.data.objects["Cube"]
        for item in (pebble, ground):
            item.select_set(True)
        bpy.context.view_layer.objects.active = ground
        bpy.ops.ed.undo_push(message="Pebble")
        """,
        paths=[str(ROOT / "examples" / f"{name}.py") for name in ("scatter", "thumbnails")],
    )
    left, bottom, right, top = window.run('return places.rectangle("VIEW_3D", "WINDOW")')
    window.move(left + (right - left) * 0.3, (bottom + top) / 2)
    window.press("N")
    window.wait_for("return places.show_tab('Jobs', 'VIEW_3D')")
    window.settle(10)
    yield window
    if not window.has_ended:
        window.run(
            """
            JobManager = places.module("addon.jobs.job_manager").JobManager
            for name in ("scatter", "thumbnails"):
                JobManager.get_instance(name).kill_all()
            """
        )


def keep_picture(window: Window, name: str) -> None:
    """For people to look at."""
    folder = ROOT / "build" / "gui"
    folder.mkdir(parents=True, exist_ok=True)
    window.screen.save(folder / f"job_examples_{name}.png")


def test_copies_and_thumbnails_come_while_the_artist_looks_on(examples):
    window, editor = examples, Editor(examples)
    before = window.run("return len(bpy.data.objects)")
    editor.press_button("thumbnails.render", region="UI", ui_type="VIEW_3D")
    editor.press_button("scatter.scatter", region="UI", ui_type="VIEW_3D")
    window.settle(10)
    keep_picture(window, "under_way")
    window.wait_for("return 'Scatter Icosphere' in bpy.data.collections", 180.0)
    assert window.run("return len(bpy.data.collections['Scatter Icosphere'].objects)") == 3000
    assert window.run("return [mesh.name for mesh in bpy.data.meshes if mesh.name.startswith('Icosphere')]") == [
        "Icosphere"
    ]
    window.wait_for(
        """
        manager = places.module("addon.jobs.job_manager").JobManager.get_instance("thumbnails")
        return manager.jobs and all(job.is_over for job in manager.jobs)
        """,
        180.0,
    )
    issues = window.run(
        """
        manager = places.module("addon.jobs.job_manager").JobManager.get_instance("thumbnails")
        return [job.issue for job in manager.jobs]
        """
    )
    assert issues == [""]
    window.settle(20)
    keep_picture(window, "done")
    left, bottom, right, top = window.run('return places.rectangle("VIEW_3D", "WINDOW")')
    window.move(left + (right - left) * 0.3, (bottom + top) / 2)
    window.press("Z", ctrl=True)
    window.settle(10)
    assert window.run("return len(bpy.data.objects)") == before
