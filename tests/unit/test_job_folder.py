"""A job's folder, and the template in it for OpenJD."""

import dataclasses
import json
import os

import pytest

from background_nodes.submit import openjd
from background_nodes.submit.division import Step
from background_nodes.submit.job import AllowedScript, Job, JobError, note_place, places

pytestmark = pytest.mark.any_python

STEPS = (Step("Heights", ("h",)), Step("Lift", ("l",), (0,), 10), Step("Rest", ("r", "s"), (0, 1)))
JOB = Job(
    "scene: Tree",
    "files/scene.blend",
    "files",
    "/home/scene.blend",
    "Tree",
    (),
    ("Lift.height=2",),
    "5.2.3",
    "ann@desk",
    (AllowedScript("ab", "lift.py"),),
    STEPS,
)


def test_job_is_read_as_it_was_written(tmp_path):
    JOB.save(tmp_path)
    assert Job.load(tmp_path) == JOB


def test_folder_without_a_job_is_said_to_be_none(tmp_path):
    with pytest.raises(JobError, match="is no folder of a job"):
        Job.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 99},
        {"steps": [{"name": 3}]},
        {"steps": []},
        {"file": "../elsewhere.blend"},
        {"file": "files/../files/scene.blend"},
        {"home": "scene.blend", "file": "files/a/b/scene.blend"},
    ],
)
def test_job_that_does_not_fit_is_refused(tmp_path, damage):
    JOB.save(tmp_path)
    path = tmp_path / "job.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(JobError):
        Job.load(tmp_path)


def test_places_where_the_folder_was_are_noted_once_each(tmp_path):
    for _ in range(2):
        note_place(tmp_path)
    assert places(tmp_path) == (str(tmp_path),)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_place_that_a_link_leads_to_is_noted_too(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    note_place(tmp_path / "link")
    assert set(places(tmp_path / "real")) == {str(tmp_path / "link"), str((tmp_path / "real").resolve())}


def test_step_comes_after_those_it_depends_on_and_its_items_are_a_task_parameter():
    heights, lift, rest = openjd.template(JOB, 4)["steps"]
    assert "dependencies" not in heights
    assert "parameterSpace" not in heights
    assert lift["dependencies"] == [{"dependsOn": heights["name"]}]
    (first,) = lift["parameterSpace"]["taskParameterDefinitions"]
    assert first["range"] == "0-9:4"
    assert lift["script"]["actions"]["onRun"]["args"][5:] == ["--first", "{{Task.Param.First}}", "--count", "4"]
    assert [each["dependsOn"] for each in rest["dependencies"]] == [heights["name"], lift["name"]]


def test_names_of_nodes_break_no_template():
    """They may be long, the same, hold line ends, or what OpenJD would put a value into."""
    names = ["{{Param.JobFolder}}", "x\ny", "a" * 200, "a" * 200]
    job = dataclasses.replace(JOB, steps=tuple(Step(name, (name,)) for name in names))
    found = [step["name"] for step in openjd.template(job)["steps"]]
    assert len(set(found)) == len(names)
    assert all(len(name) <= 64 and name.isprintable() and "{{" not in name for name in found)


def test_step_on_openjd_requires_of_its_machine_what_its_nodes_need():
    step = dataclasses.replace(STEPS[0], needs=("GPU=1, memory=1.5, my-tool=2", "GPU=2, OS=macOS, Blender=5.2"))
    found = openjd.template(dataclasses.replace(JOB, steps=(step, STEPS[1])))["steps"]
    assert found[0]["hostRequirements"] == {
        "amounts": [
            {"name": "amount.worker.gpu", "min": 2.0},
            {"name": "amount.my_tool", "min": 2.0},
            {"name": "amount.worker.memory", "min": 1431},
        ],
        "attributes": [{"name": "attr.worker.os.family", "allOf": ["macos"]}],
    }
    assert "hostRequirements" not in found[1]


def test_job_of_another_digest_is_refused(tmp_path):
    JOB.save(tmp_path)
    assert Job.load(tmp_path, JOB.digest) == JOB
    JOB.save(tmp_path)
    (tmp_path / "job.json").write_text((tmp_path / "job.json").read_text().replace("ann", "eve"))
    with pytest.raises(JobError, match="somebody has changed it since"):
        Job.load(tmp_path, JOB.digest)
