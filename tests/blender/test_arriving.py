"""The results of a job come into the file in portions: as in one go, and nobody comes between two of them."""

import bpy
import pytest

from background_nodes.addon.jobs import arriving
from background_nodes.runtime.blender.homecoming import Homecoming
from tests.blender.graphs import link_to_scene, names, new_material
from tests.blender.jobs import PATIENCE, add, process
from tests.unit.growth import num_steps

LIFT = """
for obj in [item for item in passed_data_blocks if isinstance(item, bpy.types.Object)]:
    obj.location.z = 1
    obj.data["lifted"] = True
    data_blocks.append(obj)
"""
COUNT = 7


@pytest.fixture
def plates():
    """Objects that share a mesh and its material."""
    mesh = bpy.data.meshes.new("Plate")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    mesh.materials.append(new_material("Rust"))
    return [link_to_scene(bpy.data.objects.new(f"Plate {number}", mesh)) for number in range(COUNT)]


@pytest.fixture
def one_by_one(monkeypatch):
    monkeypatch.setattr(arriving, "_PORTION", 1)
    monkeypatch.setattr(arriving, "_NUM_PORTIONS", 10_000)


def step(manager, session) -> None:
    """Bring as little home as can be."""
    manager.process_jobs()
    session.bring_jobs_home(0.0)


def begin(manager, session, write, plates, **options):
    """A job of which some results are home, and some are not."""
    add(manager, "job", write(LIFT), passed_data_blocks=set(plates), overwrite_data=True, **options)
    plates[2].location.x = 5
    process(manager, lambda: not manager.num_running_jobs())
    while sum(item.location.z for item in bpy.data.objects) < 2:
        step(manager, session)
    assert sum(item.location.z for item in bpy.data.objects) < COUNT - 1
    assert session.has_homecomings
    assert manager.get_job_state("job") == "ACTIVE"
    return manager.get_job("job")


def check(job) -> None:
    assert job.state == "COMPLETED", job.issue
    assert [item.name for item in job.kept.objects] == ["Plate 2"]
    assert sorted(item.name for item in job.data_blocks.objects) == [f"Plate {number}" for number in range(COUNT)]
    assert {item.name: (item.location.x, item.location.z) for item in bpy.data.objects} == {
        f"Plate {number}": (5, 0) if number == 2 else (0, 1) for number in range(COUNT)
    }
    assert bpy.data.meshes.keys() == ["Plate"]
    assert bpy.data.materials.keys() == ["Rust"]
    assert not bpy.data.libraries
    assert {item.data for item in bpy.data.objects} == {bpy.data.meshes["Plate"]}
    assert bpy.data.meshes["Plate"]["lifted"]


def test_results_in_portions_take_their_places_as_in_one_go(manager, session, write, plates, one_by_one):
    job = begin(manager, session, write, plates)
    while not job.is_over:
        step(manager, session)
    check(job)


def test_results_in_one_go_take_their_places(manager, session, write, plates):
    add(manager, "job", write(LIFT), passed_data_blocks=set(plates), overwrite_data=True)
    plates[2].location.x = 5
    manager.get_job("job").wait(PATIENCE)
    check(manager.get_job("job"))


@pytest.mark.parametrize("way", ["click", "save", "wait", "kill", "job"])
def test_all_results_are_home_before_anything_else_happens(manager, session, write, plates, one_by_one, way, tmp_path):
    job = begin(manager, session, write, plates)
    match way:
        case "click":
            session.finish_homecomings()
        case "save":
            bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"))
        case "wait":
            job.wait(PATIENCE)
        case "kill":
            job.kill()
        case "job":
            add(manager, "another", write("python_data = {}"), passed_data_blocks={bpy.data.objects["Plate 0"]})
    check(job)


def test_each_portion_of_many_results_is_small(manager, session, write, plates, monkeypatch):
    """One call that replaced all of thousands would let the window stand."""
    sizes, bring = [], Homecoming.bring

    def counted(self, refs, **options):
        sizes.append(len(refs))
        return bring(self, refs, **options)

    monkeypatch.setattr(Homecoming, "bring", counted)
    many = [*plates, *(link_to_scene(plates[0].copy()) for _ in range(90))]
    before = names()
    add(manager, "job", write(LIFT), passed_data_blocks=set(many), overwrite_data=True)
    process(manager)
    assert manager.get_job_state("job") == "COMPLETED"
    assert sum(sizes) == len(many)
    assert max(sizes) <= 8
    assert names() == before


def test_no_step_takes_longer_where_there_are_more_results(manager, session, write, plates, one_by_one):
    """What takes longer, such as reading what the file was like when the job was added, is no step of the window's."""

    def longest(num_objects: int) -> int:
        many = [*plates, *(link_to_scene(plates[0].copy()) for _ in range(num_objects - COUNT))]
        add(manager, "job", write(LIFT), passed_data_blocks=set(many), overwrite_data=True)
        work = manager.get_job("job")._work
        manager.process_jobs()
        while work.is_running or work.is_preparing or not work.is_arriving:
            session.update_jobs(1.0)
            work.settle()
        counts = [num_steps(lambda: work.bring_home(0.0)) for _ in range(7)]
        assert work.is_coming_home
        manager.kill_all()
        plates[:] = [bpy.data.objects[f"Plate {number}"] for number in range(COUNT)]  # which the results replaced
        bpy.data.batch_remove(set(bpy.data.objects) - {*plates})
        return max(counts)

    longest(10)  # makes what is made once
    few = longest(70)
    assert longest(700) < 4 * few


def test_another_file_in_between_drops_the_job(manager, session, write, plates, one_by_one):
    job = begin(manager, session, write, plates)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert job.state == "DROPPED"
    assert "another file was opened while its results came home" in job.issue
    for _ in range(5):
        step(manager, session)
    assert not bpy.data.objects
    assert not session.has_homecomings
