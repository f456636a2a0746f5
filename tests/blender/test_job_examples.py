"""The example add-ons that scatter and render thumbnails, beside each other; the row that they draw."""

import importlib.util
import itertools
from pathlib import Path

import bpy
import pytest

from background_nodes.addon.drawing import job_rows
from tests.blender.graphs import editor, link_to_scene, new_material, new_tree, quad
from tests.blender.jobs import PATIENCE, add, process
from tests.blender.test_job import FOREVER, tick_until

REFUSAL = "the job 'job' can't be added: Background Nodes is not enabled. Enable it in the preferences"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def scatter(registered_extension):
    module = load("scatter")
    module.register()
    yield module
    module.unregister()


@pytest.fixture
def thumbnails(registered_extension):
    module = load("thumbnails")
    module.register()
    yield module
    module.unregister()


@pytest.fixture
def pebble_and_ground():
    ground, pebble = quad("Ground"), link_to_scene(bpy.data.objects.new("Pebble", quad("Shape").data))
    bpy.data.objects.remove(bpy.data.objects["Shape"])
    for item in (ground, pebble):
        item.select_set(True)
    bpy.context.view_layer.objects.active = ground


def test_copies_are_scattered_and_share_the_mesh_of_the_open_file(scatter, pebble_and_ground, session):
    meshes = bpy.data.meshes.keys()
    assert bpy.ops.scatter.scatter(count=300, seed=2) == {"FINISHED"}
    (job,) = scatter.get_manager().jobs
    tick_until(session, lambda: job.is_over)
    assert job.state == "COMPLETED", job.issue
    copies = bpy.data.collections["Scatter Pebble"].objects
    assert len(copies) == 300
    assert bpy.data.meshes.keys() == meshes
    assert {copy.data for copy in copies} == {bpy.data.objects["Pebble"].data}
    places = {tuple(round(each, 4) for each in copy.location) for copy in copies}
    assert len(places) == 300
    assert all(abs(place[2]) < 1e-4 for place in places)


def test_thumbnail_of_each_material_is_shown(thumbnails, session):
    for name in ("Rust", "Moss"):
        new_material(name).use_fake_user = True
    assert bpy.ops.thumbnails.render(size=32) == {"FINISHED"}
    assert thumbnails._batch.wait(PATIENCE)
    assert [job.issue for job in thumbnails._batch] == ["", ""]
    assert sorted(thumbnails._previews) == ["Moss", "Rust"]
    assert tuple(thumbnails._previews["Moss"].image_size) == (32, 32)


# Several add-ons


JOBS = ["job", "other"]
ORDERS = [*itertools.permutations(["scatter", "thumbnails", "extension"])]


class Cast:
    """Both examples and the extension, which come and go; each example has two jobs as soon as it can."""

    def __init__(self, extension, script: str) -> None:
        self.modules = {"scatter": load("scatter"), "thumbnails": load("thumbnails"), "extension": extension}
        self.script = script
        self.on: list[str] = []
        self.ended: list[tuple[str, str]] = []

    @property
    def examples(self) -> list[str]:
        return [name for name in self.on if name != "extension"]

    def manager(self, name: str):
        return self.modules[name].get_manager()

    def come(self, name: str) -> None:
        self.modules[name].register()
        self.on.append(name)
        for each in self.examples:
            if "extension" not in self.on:
                assert self.manager(each).add_job("job", self.script) == (False, REFUSAL)
            elif not self.manager(each).jobs:
                for job in JOBS:
                    add(self.manager(each), job, self.script, on_complete=lambda job, who=each: self.hear(who, job))

    def hear(self, who: str, job) -> None:
        self.ended.append((who, job.name))

    def go(self, name: str) -> None:
        self.modules[name].unregister()
        self.on.remove(name)
        if name == "extension":
            assert sorted(self.ended) == sorted((who, job) for who in self.examples for job in JOBS)
        else:
            assert not hasattr(bpy.types, f"{name.upper()}_PT_{name}")
            if "extension" in self.on:
                assert all(self.manager(each).get_job_names() == JOBS for each in self.examples)

    def leave(self) -> None:
        for name in self.examples:
            self.modules[name].unregister()
        if "extension" not in self.on:
            self.modules["extension"].register()


@pytest.mark.wheel_only
@pytest.mark.parametrize(("coming", "going"), [*zip(ORDERS, reversed(ORDERS), strict=True)], ids=map("-".join, ORDERS))
def test_two_add_ons_and_the_extension_come_and_go_in_any_order_with_jobs_under_way(
    registered_extension, write, session, coming, going
):
    """Jobs of one that is on go on while another one comes or goes, but for the extension, with which all jobs end."""
    with editor(new_tree()):
        bpy.ops.node.clipboard_copy()  # of nothing: Blender 4.2 crashes later over copied nodes whose types are gone
    registered_extension.unregister()
    cast, processes = Cast(registered_extension, write(FOREVER)), set()
    try:
        for name in coming:
            cast.come(name)
            if any(cast.manager(each).jobs for each in cast.examples):
                tick_until(session, lambda: any(session.worker_process_ids))
            assert processes <= {*session.worker_process_ids}, "what is under way goes on"
            processes = {*session.worker_process_ids}
        assert not cast.ended
        assert processes
        for name in going:
            cast.go(name)
            assert "extension" in cast.on or not session.worker_process_ids
        assert all(not cast.manager(name).jobs for name in ("scatter", "thumbnails"))
    finally:
        cast.leave()
    add(cast.manager("scatter"), "again", "python_data = 1\n")
    process(cast.manager("scatter"))
    assert cast.manager("scatter").get_job("again").python_data == 1
    cast.manager("scatter").kill_all()


# The row


class Layout:
    """Notes what is drawn."""

    def __init__(self, drawn):
        self.drawn, self.alert = drawn, False

    def row(self, **_options):
        return self

    def label(self, text, **_options):
        self.drawn.append(text)

    def progress(self, factor, text, **_options):
        self.drawn.append((round(factor, 2), text))

    def operator(self, name, **_options):
        self.button = type("Button", (), {})()
        self.drawn.append(name)
        return self.button


def drawn(job):
    layout = Layout([])
    job_rows.draw_job(layout, job)
    return layout


def test_row_shows_what_a_job_is_like_and_its_button_cancels_it(manager, write, session):
    add(manager, "job", "update_job_progress(0.5, 'Half')\nwhile True: pass\n", on_complete=lambda job: None)
    job = manager.get_job("job")
    tick_until(session, lambda: job.progress == 0.5)
    row = drawn(job)
    assert row.drawn == ["job", (0.5, "Half"), "background_nodes.cancel_job"]
    assert bpy.ops.background_nodes.cancel_job(number=row.button.number) == {"FINISHED"}
    assert job.was_cancelled
    job.kill()
    assert drawn(job).drawn == ["job", "it was killed"]
    assert bpy.ops.background_nodes.cancel_job(number=123456) == {"CANCELLED"}


def test_row_shows_how_much_of_a_batch_is_done(manager):
    batch = manager.map("python_data = 1 / item\n", [1, 0, 2], name="three")
    assert drawn(batch).drawn == ["three", (0.0, "0/3"), "background_nodes.cancel_job"]
    batch.wait(PATIENCE)
    assert drawn(batch).drawn == ["three", "1/3: ZeroDivisionError: division by zero"]
