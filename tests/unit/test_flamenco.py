"""Jobs for Flamenco: what its manager is sent, and what its job type makes of that."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from background_nodes.submit import flamenco
from background_nodes.submit.job import JobError, RefusedError

from ..flamenco_manager import TYPES, manager
from .test_job_folder import JOB

pytestmark = pytest.mark.any_python

#: What Flamenco gives a job type to work with, as far as it is used; then the tasks that came of it.
FLAMENCO = """
const tasks = [];
const author = {
  Task: (name, type) => ({ name, type, commands: [], dependencies: [],
    addCommand(command) { this.commands.push(command); },
    addDependency(other) { this.dependencies.push(other.name); } }),
  Command: (name, parameters) => ({ name, parameters }),
};
const job = { settings: JSON.parse(process.argv[1]), addTask: (task) => tasks.push(task) };
"""


def compiled(data: dict) -> list[dict]:
    """The tasks that the job type makes of a submission."""
    if shutil.which("node") is None:
        pytest.skip("there is no node to run JavaScript")
    source = FLAMENCO + flamenco.SCRIPT.read_text() + "compileJob(job); console.log(JSON.stringify(tasks));"
    run = subprocess.run(["node", "-e", source, json.dumps(data["settings"])], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def submission(items_per_task: int = 4) -> dict:
    return flamenco.submission(JOB, Path("/shared/job"), "abc", items_per_task, "bn", 50)


def test_manager_is_sent_all_that_it_requires_of_a_job():
    with manager((200, TYPES), (200, {"id": "1234", "status": "queued"})) as (url, asked):
        found = flamenco.Manager(f"{url}/")
        assert found.check() == "abc"
        assert found.submit(submission())["id"] == "1234"
    assert [question for question, _data in asked] == ["GET /api/v3/jobs/types", "POST /api/v3/jobs"]
    data = asked[1][1]
    assert data == submission()
    assert {"name", "type", "priority", "submitter_platform"} <= data.keys()
    assert all(isinstance(value, str | int | float | bool) for value in data["settings"].values()), "nothing is nested"


def test_manager_without_the_job_type_is_said_to_lack_it():
    with (
        manager((200, {"job_types": TYPES["job_types"][:1]})) as (url, _asked),
        pytest.raises(JobError, match="has no job type background-nodes"),
    ):
        flamenco.Manager(url).check()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_what_is_for_this_machine_goes_through_no_proxy(monkeypatch, name):
    with manager((200, {"job_types": []})) as (proxy, others), manager((200, TYPES)) as (url, asked):
        monkeypatch.setenv(name, proxy)
        assert flamenco.Manager(url).check() == "abc"
    assert len(asked) == 1
    assert others == []


def test_what_the_manager_says_of_a_refused_job_is_told():
    with (
        manager((412, {"code": 412, "message": "rejecting job because its settings are outdated"})) as (url, _asked),
        pytest.raises(JobError, match="settings are outdated"),
    ):
        flamenco.Manager(url).submit(submission())


def test_job_that_is_sent_to_another_address_counts_as_refused():
    """Python would ask that for the jobs that it has, and take the answer for that to the new one."""
    with (
        manager((200, {"jobs": []})) as (other, others),
        manager((302, {"location": f"{other}/api/v3/jobs"})) as (url, _),
    ):
        with pytest.raises(RefusedError, match=f"it says: {other}"):
            flamenco.Manager(url).submit(submission())
        assert others == []


@pytest.mark.parametrize("answer", [(504, {}), (200, {}), (200, {"jobs": []})])
def test_answer_that_does_not_tell_whether_the_job_was_taken_is_no_refusal(answer):
    """Its folder must stay: the farm may have begun with it."""
    with manager(answer) as (url, _asked), pytest.raises(JobError) as caught:
        flamenco.Manager(url).submit(submission())
    assert not isinstance(caught.value, RefusedError)


@pytest.mark.parametrize("answer", [[], "text", {"job_types": None}])
def test_something_else_than_a_manager_is_an_error(answer):
    with manager((200, answer)) as (url, _asked), pytest.raises(JobError):
        flamenco.Manager(url).check()


@pytest.mark.parametrize("url", ["host:8080", "file:///etc/passwd", "http://", "http://ann:secret@host:8080"])
def test_address_that_is_none_or_holds_a_password_is_refused(url):
    with pytest.raises(JobError) as caught:
        flamenco.Manager(url)
    assert "secret" not in str(caught.value)


def test_job_type_makes_a_task_of_each_portion_of_items_after_all_tasks_before():
    tasks = compiled(submission(items_per_task=4))
    lifts = [f"1 Lift {number}/3" for number in (1, 2, 3)]
    assert [(task["name"], task["dependencies"]) for task in tasks] == [
        ("0 Heights", []),
        *((name, ["0 Heights"]) for name in lifts),
        ("2 Rest", ["0 Heights", *lifts]),
    ]
    commands = [command for task in tasks for command in task["commands"]]
    assert {command["name"] for command in commands} == {"exec"}
    assert {command["parameters"]["exe"] for command in commands} == {"bn"}
    assert [command["parameters"]["args"] for command in commands] == [
        ["step", "/shared/job", "0", "--job", JOB.digest],
        *(
            ["step", "/shared/job", "1", "--job", JOB.digest, "--first", str(first), "--count", "4"]
            for first in (0, 4, 8)
        ),
        ["step", "/shared/job", "2", "--job", JOB.digest],
    ]
