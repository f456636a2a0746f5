"""What the page says of each name that add-ons know from background_processing, row by row of its table.

What is called the same is asked of both, if the former one is there: put its repository in a folder, and

    BACKGROUND_NODES_FORMER=FOLDER/background_processing .venv/dev/bin/nox --session "extension(a-j)" -- -k former
"""

import contextlib
import importlib
import inspect
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

from tests.blender.former_names import FORMER, differences
from tests.blender.jobs import PATIENCE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "job_manager.md"
FETCHED = os.environ.get("BACKGROUND_NODES_FORMER", "")
pytestmark = [pytest.mark.any_blender]
if FETCHED:  # it leaves the pipes of its processes open
    pytestmark.append(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
#: The names that tests of rows are about.
TESTED: set[str] = set()


def row(*names: str) -> Callable:
    """Of which names of the table a test is."""
    TESTED.update(names)
    return lambda test: test


def told() -> dict[str, str]:
    """What the table says of each name."""
    table = PAGE.read_text(encoding="utf-8").partition("### Name by name")[2].partition("And for scripts:")[0]
    rows = re.findall(r"^\| (`.*?`) \| (.*) \|$", table, re.MULTILINE)
    return {name: here for names, here in rows for name in re.findall(r"`(\w+)`", names)}


def is_here(name: str) -> bool:
    return not told()[name].startswith("gone")


def former_class():
    folder = Path(FETCHED)
    if str(folder.parent) not in sys.path:
        sys.path.insert(0, str(folder.parent))
    return importlib.import_module(f"{folder.name}.classes.job_manager").JobManager


@pytest.fixture(params=["ours", *(["former"] if FETCHED else [])])
def cls(request, registered_extension, tmp_path):
    """The class `JobManager`, with a saved file open, which the former one needs."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    return registered_extension.JobManager if request.param == "ours" else former_class()


@pytest.fixture
def either(cls):
    """A manager of one of the two."""
    manager = cls()
    yield manager
    with contextlib.suppress(KeyError):  # the former one knows no process of a job that has not started
        manager.kill_all()


def poll(manager, *jobs: str) -> None:
    """Carry jobs on until they are over."""
    deadline = time.monotonic() + PATIENCE
    while not all(manager.get_job_state(job) in {"COMPLETED", "DROPPED"} for job in jobs):
        assert time.monotonic() < deadline
        manager.process_jobs()
        time.sleep(0.01)


# The table as a whole


def test_table_tells_of_each_former_name_and_of_no_other():
    assert sorted(told()) == sorted(FORMER)


def test_each_name_of_the_table_has_its_test():
    assert sorted(TESTED) == sorted(FORMER)


@pytest.mark.skipif(not FETCHED, reason="needs the former one: see above")
def test_former_names_are_noted_as_they_are():
    assert differences((Path(FETCHED) / "classes" / "job_manager.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", FORMER)
def test_name_is_here_and_called_the_same_if_the_table_says_so(registered_extension, name):
    """Defaults too; of what is left out and empty, ours are other empty ones. What is new can be given by name only."""
    manager = registered_extension.JobManager()
    assert hasattr(manager, name) == is_here(name)
    if not is_here(name) or not FORMER[name].startswith("("):
        return
    space: dict[str, Callable] = {}
    exec(f"def former{FORMER[name]}: ...", space)
    theirs = inspect.signature(space["former"]).parameters.values()
    ours = inspect.signature(getattr(manager, name)).parameters.values()
    positional = [each for each in ours if each.kind is not each.KEYWORD_ONLY]
    assert [each.name for each in positional] == [each.name for each in theirs]
    for mine, former in zip(positional, theirs, strict=True):
        if former.default is former.empty:
            assert (mine.default is mine.empty) != ((name, mine.name) == ("add_job", "script"))
        else:
            assert mine.default == former.default or not (mine.default or former.default)
    assert all(each.default is not each.empty for each in ours if each.kind is each.KEYWORD_ONLY)


# Its rows, as both do it


@row("get_instance")
def test_instances(cls):
    assert cls.get_instance(41) is cls.get_instance(41) is not cls.get_instance(42)
    assert cls.get_instance() is cls.get_instance(0) is cls.get_instance(index=0)


@row("max_workers", "max_attempts")
def test_settings(cls, monkeypatch):
    assert [cls.max_workers, cls.max_attempts] == [int(FORMER["max_workers"]), int(FORMER["max_attempts"])]
    one, other = cls(), cls()
    monkeypatch.setattr(cls, "max_workers", 7)
    assert one.max_workers == 7
    one.max_workers = 2
    assert (one.max_workers, other.max_workers) == (2, 7)


@row("get_job_names", "get_queued_job_names", "get_active_job_names", "get_completed_job_names")
@row("get_dropped_job_names", "get_job_state", "job_started", "job_complete", "job_dropped", "jobs_complete")
@row("num_available_workers", "num_pending_jobs", "num_running_jobs", "num_completed_jobs", "num_dropped_jobs")
@row("add_job", "start_job", "process_jobs")
def test_two_jobs_from_the_queue_to_their_end(either, write):
    def told_of(job):
        return [either.job_started(job), either.job_complete(job), either.job_dropped(job)]

    def numbers():
        kinds = ("available_workers", "pending_jobs", "running_jobs", "completed_jobs", "dropped_jobs")
        return [getattr(either, f"num_{kind}")() for kind in kinds]

    def named():
        kinds = ("", "queued_", "active_", "completed_", "dropped_")
        return [list(getattr(either, f"get_{kind}job_names")()) for kind in kinds]

    either.max_workers = 1
    assert either.jobs_complete()
    assert either.add_job("fails", write("1 / 0", "fails.py")) == (True, "")
    assert either.add_job("ends", write("python_data = {}", "ends.py")) == (True, "")
    assert named() == [["fails", "ends"], ["fails", "ends"], [], [], []]
    assert numbers() == [1, 2, 0, 0, 0]
    assert told_of("ends") == [False, False, False]
    assert either.get_job_state("ends") == "QUEUED"
    assert not either.jobs_complete()
    either.process_jobs()
    assert named()[1:3] == [["ends"], ["fails"]]
    assert numbers() == [0, 1, 1, 0, 0]
    assert told_of("fails") == [True, False, False]
    either.start_job("ends")  # though there is no room
    assert numbers() == [-1, 0, 2, 0, 0]
    poll(either, "fails", "ends")
    assert named() == [["fails", "ends"], [], [], ["ends"], ["fails"]]
    assert numbers() == [1, 0, 0, 1, 1]
    assert told_of("fails") == [True, False, True]
    assert told_of("ends") == [True, True, False]
    assert (either.get_job_state("fails"), either.get_job_state("ends")) == ("DROPPED", "COMPLETED")
    assert not either.jobs_complete()
    either.cleanup_job("fails")
    assert either.jobs_complete()


@row("get_retrieved_python_data", "get_retrieved_data_blocks", "get_issue_string", "get_job_progress", "process_job")
def test_what_jobs_give(either, write):
    new = "mesh = bpy.data.meshes.new('Made')\ndata_blocks = [mesh]\n"
    half = "update_job_progress(0.5)\nimport time\ntime.sleep(0.2)\npython_data = {'x': y + 1}\n"
    assert either.add_job("gives", write(half + new, "gives.py"), passed_data={"y": 1}) == (True, "")
    assert either.add_job("fails", write("1 / 0", "fails.py")) == (True, "")
    assert either.get_job_progress("gives") == 0.0
    poll(either, "gives", "fails")
    assert either.get_retrieved_python_data("gives") == {"x": 2}
    assert [mesh.name for mesh in either.get_retrieved_data_blocks("gives").meshes] == ["Made"]
    assert either.get_retrieved_python_data("fails") is None
    assert either.get_retrieved_data_blocks("fails") is None
    assert either.get_issue_string("gives") == ""
    assert "ZeroDivisionError" in either.get_issue_string("fails")
    with pytest.raises(KeyError, match="no such job"):
        either.get_job_progress("no such job")
    if type(either).__module__.startswith(Path(FETCHED).name or "-") and bpy.app.version >= (5, 0):
        return  # there, the former one can't overwrite anything
    bpy.data.meshes["Made"].name = "Kept"
    assert either.add_job("again", write(new, "again.py")) == (True, "")
    bpy.data.meshes["Kept"].name = "Made"
    while either.get_job_state("again") != "COMPLETED":
        either.process_job("again", debug_level=0, overwrite_data=True)
        time.sleep(0.01)
    assert list(bpy.data.meshes.keys()) == ["Made"]


@row("kill_job", "job_killed", "job_timed_out", "kill_all", "cleanup_job")
def test_ends_that_are_not_the_scripts_own(either, write):
    never = write("import time\ntime.sleep(20)", "never.py")  # the former one may kill but the shell, and wait
    assert either.add_job("killed", never) == (True, "")
    assert either.add_job("late", never, timeout=0.5) == (True, "")
    assert not either.job_killed("killed")
    assert not either.job_timed_out("late")
    either.process_jobs()
    either.kill_job("killed")
    poll(either, "killed", "late")
    assert [either.job_killed(job) for job in ("killed", "late")] == [True, True]
    assert [either.job_timed_out(job) for job in ("killed", "late")] == [False, True]
    assert either.add_job("killed", never) == (True, "")  # takes the place of the first
    assert either.get_job_state("killed") == "QUEUED"
    either.process_jobs()
    either.cleanup_job("killed")
    assert list(either.get_job_names()) == ["late"]
    either.kill_all()
    assert list(either.get_job_names()) == []
    assert either.num_running_jobs() == 0


# Where the former one differs


def test_table_tells_what_the_former_one_does_otherwise(write, tmp_path):
    if not FETCHED:
        pytest.skip("needs the former one: see above")
    cls = former_class()
    manager = cls()
    script = write("python_data = {'x': 1}")
    assert not manager.add_job("not saved", script)[0]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    with pytest.raises(FileNotFoundError, match=r"missing\.py"):
        manager.add_job("missing", str(tmp_path / "missing.py"))
    with pytest.raises(TypeError, match="not int"):
        manager.add_job("no path", 5)
    manager = cls()
    assert manager.add_job("job", script) == (True, "")
    assert manager.jobs is manager.get_job_names()
    assert manager.jobs == ["job"]
    with pytest.raises(KeyError, match=r"^'job'$"):  # of its own tables
        manager.get_retrieved_python_data("job")
    with pytest.raises(KeyError, match=r"^'job'$"):
        manager.kill_job("job")
    with pytest.raises(AssertionError, match=r"^$"):  # it says nothing
        manager.cleanup_job("no such job")
    poll(manager, "job")
    assert manager.add_job("half", write("update_job_progress(7)", "half.py")) == (True, "")
    poll(manager, "half")
    assert manager.get_job_progress("half") != 1.0
    assert manager.add_job("killed", write("import time\ntime.sleep(20)", "never.py")) == (True, "")
    manager.process_job("killed")
    manager.kill_job("killed")
    assert manager.get_job_state("killed") == "ACTIVE"


# Where ours differs


def test_instance_of_a_text_is_one_of_its_own(registered_extension):
    cls = registered_extension.JobManager
    assert cls.get_instance("a") is cls.get_instance("a") is not cls.get_instance("b")


def test_adding_gives_the_reason_instead_of_raising(manager, write, tmp_path):
    added, reason = manager.add_job("missing", str(tmp_path / "missing.py"))
    assert not added
    assert "missing.py" in reason
    added, reason = manager.add_job("no path", 5)
    assert not added
    assert "no path" in reason
    assert not bpy.data.filepath  # never saved
    path = write("python_data = {'x': 1}")
    assert manager.add_job(path) == (True, "")
    assert manager.get_job_names() == [path]


def test_starting_prints_nothing_and_each_debug_level_but_0_what_the_script_prints(manager, write, capsys):
    for level in (0, 1, 2):
        assert manager.add_job("job", write(f"print('level', {level})")) == (True, "")
        manager.start_job("job")
        assert capsys.readouterr().out == ""
        while manager.get_job_state("job") != "COMPLETED":
            manager.process_job("job", debug_level=level)
            time.sleep(0.005)
        assert capsys.readouterr().out == ("" if level == 0 else f"level {level}\n")


@row("jobs")
def test_jobs_are_objects_and_lists_of_names_are_copies(manager, write):
    assert manager.add_job("job", write("python_data = {'x': 1}")) == (True, "")
    for kind in ("", "queued_", "active_", "completed_", "dropped_"):
        getattr(manager, f"get_{kind}job_names")().append("other")
    assert [job.name for job in manager.jobs] == manager.get_job_names() == ["job"]
    assert manager.get_queued_job_names() == ["job"]
    assert manager.get_active_job_names() == manager.get_completed_job_names() == manager.get_dropped_job_names() == []


def test_nothing_is_retrieved_before_the_start_and_a_queued_job_can_be_killed(manager, write):
    assert manager.add_job("job", write("python_data = {'x': 1}")) == (True, "")
    assert manager.get_retrieved_python_data("job") is None
    assert manager.get_retrieved_data_blocks("job") is None
    manager.kill_job("job")
    assert manager.get_job_state("job") == "DROPPED"


def test_running_job_that_is_killed_is_dropped_at_once(manager, write):
    assert manager.add_job("job", write("while True: pass")) == (True, "")
    manager.process_job("job")
    assert manager.get_job_state("job") == "ACTIVE"
    manager.kill_job("job")
    assert manager.get_job_state("job") == "DROPPED"


def test_progress_is_from_0_to_1_and_1_at_the_end(manager, write):
    for number in (-3, 0.5, 7):
        script = f"update_job_progress({number})\nimport time\ntime.sleep(0.05)"
        assert manager.add_job("job", write(script)) == (True, "")
        seen = set()
        while manager.get_job_state("job") != "COMPLETED":
            manager.process_jobs()
            seen.add(manager.get_job_progress("job"))
            time.sleep(0.005)
        assert all(0.0 <= progress <= 1.0 for progress in seen)
        assert manager.get_job_progress("job") == 1.0


def test_job_that_is_tried_again_has_not_timed_out(manager, write, tmp_path):
    manager.max_attempts = 2
    first = f"path = {str(tmp_path / 'tried')!r}\nif not os.path.exists(path):\n    open(path, 'w').close()\n"
    assert manager.add_job("job", write(f"{first}    while True: pass\n"), timeout=0.5) == (True, "")
    poll(manager, "job")
    assert manager.get_job("job").num_attempts == 2
    assert not manager.job_timed_out("job")
    assert manager.get_job_state("job") == "COMPLETED"


def test_unknown_job_is_an_error_of_ours_that_is_a_key_error(manager, registered_extension):
    for call in (manager.cleanup_job, manager.kill_job, manager.get_job_state, manager.get_job_progress):
        with pytest.raises(registered_extension.UnknownJobError, match=r"^there is no job 'no such job': add it with"):
            call("no such job")
    assert issubclass(registered_extension.UnknownJobError, KeyError)


@row("instance", "temp_path", "get_job_path", "job_paths", "blendfile_paths", "job_processes", "job_statuses")
@row("update_job_progress", "passed_data", "uses_blend_file", "job_timeouts", "stop_now")
@row("retrieved_data", "retrieve_data")
def test_what_is_said_to_stand_for_what_is_gone_is_there(manager, write):
    gone = {name for name in FORMER if not is_here(name)}
    said = {name for here in map(told().get, gone) for name in re.findall(r"`(?:Job)?\.(\w+)`", here)}
    assert said == {"folder", "state", "progress", "num_attempts", "seconds", "log", "python_data", "data_blocks"}
    assert manager.add_job("job", write("python_data = {'x': 1}")) == (True, "")
    poll(manager, "job")  # results come by themselves
    job = manager.get_job("job")
    assert all(hasattr(job, name) for name in said)
    assert job.python_data == {"x": 1}


def test_exit_code_of_a_script_is_told(manager, write):
    assert manager.add_job("exit", write("import sys\nsys.exit(0)", "exit.py")) == (True, "")
    poll(manager, "exit")
    assert manager.get_job_state("exit") == "DROPPED"
    assert "the script called sys.exit(0)" in manager.get_issue_string("exit")
