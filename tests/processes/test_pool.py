"""Workers are started when needed, kept warm, recycled, retired and replaced; and no task is lost on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.interface import Request
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.pool import launcher as launching
from background_nodes.runtime.pool import pool, priority
from background_nodes.runtime.pool.memory import resident_memory
from background_nodes.runtime.pool.pool import Pool
from background_nodes.runtime.script.signature import ScriptSource

from ..store_files import files_in, folders_in
from .conftest import Process, files_of, planned, threads_of_this_process, wait_until

pytestmark = pytest.mark.any_blender

PID = "import os; return os.getpid()"


def numbered(count: int, body: str = PID, **settings):
    return [planned(body, f"task {number}", **settings) for number in range(count)]


def pids_of(engine, run) -> list[int]:
    return [engine.outcome(run, name).value for name in run.tasks]


def states(engine) -> list[str]:
    return [worker.state.name for worker in engine.pool._workers]


def test_workers_start_with_the_first_task_and_stay(make_engine):
    engine = make_engine(capacity=3)
    assert engine.pool.num_workers == 0
    first = engine.run(PID).value
    assert [engine.run(PID).value for _ in range(3)] == [first] * 3
    assert engine.pool.process_ids == (first,)


def test_tasks_run_side_by_side_up_to_capacity(make_engine, tmp_path):
    """Two tasks wait for each other, so both must run at the same time; a third one waits for a free worker."""
    engine = make_engine(capacity=2)
    meet = f"""
        import os, time
        open(os.path.join({str(tmp_path)!r}, str(os.getpid())), "w").close()
        while len(os.listdir({str(tmp_path / ".")!r})) < 3: time.sleep(0.01)
        """
    run = engine.wait(
        engine.start(planned(meet, "a"), planned(meet, "b"))
    )  # the scratch folders' folder is the third entry
    assert run.state == "succeeded"
    assert engine.pool.num_workers == 2


def test_workers_that_are_wanted_at_once_start_one_a_poll(make_engine, monkeypatch):
    """What each start takes of the foreground must not come in a row."""
    monkeypatch.setattr(pool, "_MAX_STARTING", 3)
    engine = make_engine(capacity=3)
    counts = []
    run = engine.start(*numbered(5))
    while engine.pool.num_workers < 3:
        counts.append(engine.pool.num_workers)
        assert engine.pool.next_look() == 0.0, "nobody waits for a message before the next one"
        engine.pool.poll()
    assert counts == [1, 2]
    assert engine.pool.next_look() > 0.0
    engine.runner.cancel(run)


def test_worker_starts_when_those_before_are_ready_where_processors_are_few(make_engine, monkeypatch):
    monkeypatch.setattr(pool, "_MAX_STARTING", 1)
    monkeypatch.setattr(pool, "_USUAL_START", 100.0)
    engine = make_engine(capacity=3)
    run = engine.start(*numbered(3, body="import time; time.sleep(600)"))
    seen = set()

    def work() -> bool:
        engine.runner.update(0.05)
        seen.add((states(engine).count("STARTING"), engine.pool.next_look() == 0.0))
        return states(engine).count("BUSY") == 3

    assert wait_until(work)
    assert {num_starting for num_starting, _is_polled_at_once in seen} <= {0, 1}
    assert (1, True) not in seen, "the foreground polls without a pause"
    engine.runner.cancel(run)


def test_worker_that_starts_for_long_keeps_no_other_from_starting(make_engine, monkeypatch):
    monkeypatch.setattr(pool, "_MAX_STARTING", 1)
    monkeypatch.setattr(pool, "_USUAL_START", 0.0)
    engine = make_engine(capacity=2, command=(sys.executable, "-c", "import time; time.sleep(600)"))
    run = engine.start(*numbered(2))
    while engine.pool.num_workers < 2:
        engine.pool.poll()
    assert states(engine) == ["STARTING", "STARTING"]
    engine.runner.cancel(run)


def test_fresh_process_has_a_process_of_its_own(make_engine):
    engine = make_engine(capacity=2)
    used = engine.run(PID).value
    run = engine.wait(engine.start(*numbered(3, fresh_process=True), planned(PID, "usual")))
    assert run.state == "succeeded"
    pids = [engine.outcome(run, f"task {number}").value for number in range(3)]
    assert len({*pids, used}) == 4


def test_fresh_process_is_not_reset_to_be_one(make_engine):
    engine = make_engine()
    seen = [engine.run(PID, fresh_process=fresh).value for fresh in (False, True, True, False)]
    assert len(set(seen)) >= 3
    assert seen[0] != seen[1] != seen[2]


def test_worker_retires_after_its_number_of_tasks(make_engine):
    engine = make_engine(max_tasks=3)
    run = engine.wait(engine.start(*numbered(7)))
    pids = pids_of(engine, run)
    assert run.state == "succeeded"
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
    assert all(item.attempt == 1 for task in run.scheduler.tasks.values() for item in task.items)


def test_worker_that_holds_much_memory_retires(make_engine):
    engine = make_engine(max_memory=1)
    run = engine.wait(engine.start(*numbered(3)))
    assert len(set(pids_of(engine, run))) == 3


def test_worker_whose_memory_grew_retires(make_engine):
    probe = make_engine().run("from background_nodes.runtime.pool.memory import resident_memory as m; return m()")
    engine = make_engine(max_memory=probe.value + 150 * 1024**2)
    hoard = "import ctypes; m = ctypes.CDLL(None).malloc; m.restype = ctypes.c_void_p\n"
    hoard += "ctypes.memset(m(ctypes.c_size_t(300 << 20)), 1, 300 << 20); import os; return os.getpid()"
    first = engine.run(PID).value
    assert engine.run(hoard).value == first
    assert engine.run(PID).value != first


def test_idle_worker_retires_and_leaves_nothing(make_engine):
    engine = make_engine(idle_seconds=0.1)
    worker = Process(engine.run(PID).value)
    assert wait_until(lambda: engine.runner.update(0.05) or engine.pool.num_workers == 0)
    assert not worker.is_alive
    assert wait_until(lambda: engine.runner.update(0.05) or folders_in(engine.scratch) == [])


def test_task_given_to_a_worker_that_has_just_retired_is_not_lost(make_engine):
    """The pool has not polled since, so it takes the worker for idle."""
    engine = make_engine(idle_seconds=0.05)
    pids = set()
    for _ in range(3):
        outcome = engine.run(PID)
        assert (outcome.state, outcome.attempts) == ("succeeded", 1), outcome.message
        pids.add(outcome.value)
        worker = Process(outcome.value)
        assert wait_until(lambda: engine.runner.update(0) or "RESETTING" not in states(engine))
        assert wait_until(lambda worker=worker: not worker.is_alive)
    assert len(pids) == 3


def test_tasks_that_come_around_the_time_a_worker_retires_are_not_lost(make_engine):
    engine = make_engine(idle_seconds=0.02)
    for index in range(10):
        outcome = engine.run(PID)
        assert (outcome.state, outcome.attempts) == ("succeeded", 1), outcome.message
        due = time.monotonic() + 0.018 + index / 2000
        wait_until(lambda due=due: engine.runner.update(0) or time.monotonic() > due)


class Script:
    """A worker whose every message the test writes: it copies a file to its channel, then hangs, or exits."""

    _CODE = """
import os, sys, time
open({starts!r}, "a").write("1")
channel = int(sys.argv[2])
first, _, rest = open({file!r}, "rb").read().partition(b"WAIT")
os.write(channel, first)
if rest:
    os.read(channel, 1)
    os.write(channel, rest)
time.sleep({hangs})
"""

    def __init__(self, tmp_path: Path, hangs: float = 1000.0) -> None:
        self.file = tmp_path / "messages"
        self.starts = tmp_path / "starts"
        code = self._CODE.format(starts=str(self.starts), file=str(self.file), hangs=hangs)
        self.command = (sys.executable, "-I", "-S", "-c", code)

    def says(self, *said) -> None:
        from background_nodes.runtime.pool.transport import Channel

        ours, theirs = Channel.pair()
        for message in said:
            if isinstance(message, bytes):
                os.write(theirs.fileno(), message)
            else:
                theirs.send(message)
        theirs.close()
        data = b""
        while chunk := os.read(ours.fileno(), 65536):
            data += chunk
        ours.close()
        self.file.write_bytes(data)

    @property
    def num_starts(self) -> int:
        return len(self.starts.read_text()) if self.starts.exists() else 0


def test_task_given_to_a_worker_that_says_it_retires_goes_to_another(make_engine, tmp_path):
    script = Script(tmp_path, hangs=0.0)
    script.says(messages.Idle(), messages.Retiring("it was idle"))
    engine = make_engine(command=script.command)
    run = engine.start(planned("return 1"))
    engine.wait(run, lambda: script.num_starts >= 6)
    assert run.state == "running", "however often: it says nothing about the task"
    assert run.scheduler.tasks["task"].items[0].attempt == 1


@pytest.fixture
def cleaning_up(make_engine, tmp_path):
    """An engine, its run, and the worker: that never says that it is clean, and has its next task already."""
    script = Script(tmp_path)
    script.says(messages.Idle(), b"WAIT", messages.Started(), messages.Failed("so it is"))
    engine = make_engine(command=script.command)
    run = engine.start(*numbered(2))
    engine.wait(run, lambda: any(task.error for task in run.scheduler.tasks.values()))
    (worker,) = engine.pool._workers
    assert worker.state.name == "RESETTING"
    assert worker.request.key.task == "task 1"
    return engine, run, worker


def test_worker_that_cleans_up_with_its_next_task_does_not_tell_it_as_running(cleaning_up):
    _engine, run, worker = cleaning_up
    assert (worker.info().state, worker.info().task_name) == ("cleaning up", "")
    assert run.scheduler.tasks["task 1"].items[0].started is None


def test_task_given_to_a_worker_that_is_killed_while_it_cleans_up_goes_to_another(cleaning_up):
    engine, run, worker = cleaning_up
    os.kill(worker.process.process_id, signal.SIGKILL)
    engine.wait(run)
    assert engine.outcome(run, "task 1").message == "so it is"
    assert engine.outcome(run, "task 1").attempts == 1


def test_task_that_waits_for_a_fresh_worker_is_not_overtaken(make_engine, tmp_path):
    """A worker that cleans up would never be idle, and so never make room, if it were given each task that comes."""
    script = Script(tmp_path)
    script.says(messages.Idle(), b"WAIT", messages.Started(), messages.Failed("so it is"))
    engine = make_engine(command=script.command)
    run = engine.start(planned(PID))
    engine.wait(run)
    (worker,) = engine.pool._workers
    names = engine.scratch.new_blob(), engine.scratch.new_log()
    task = messages.Execute("n", ScriptSource("", ""), (), (), SceneSettings(), *names)
    engine.pool.submit(Request("fresh", task, is_fresh=True))
    engine.pool.submit(Request("other", task))
    assert worker.request is None
    engine.pool.stop("fresh")
    assert worker.request.key == "other"


def test_run_that_is_paused_lets_the_worker_that_has_its_next_task_stand_still(cleaning_up):
    engine, run, worker = cleaning_up
    engine.runner.pause(run)
    assert worker.frozen is not None
    engine.runner.resume(run)
    assert worker.frozen is None


def test_task_given_to_a_worker_that_does_not_become_clean_goes_to_another(make_engine, tmp_path):
    """However often: it says nothing about the task."""
    script = Script(tmp_path, hangs=0.0)
    script.says(messages.Idle(), b"WAIT", messages.Started(), messages.Failed("so it is"))
    engine = make_engine(command=script.command)
    run = engine.wait(engine.start(*numbered(6)))
    assert [engine.outcome(run, name).message for name in run.tasks] == ["so it is"] * 6
    assert script.num_starts == 6


def test_what_a_script_makes_of_json_does_not_read_the_next_task(make_engine):
    """1. A script changes how JSON is read. 2. Its result is sent. 3. The next task comes. 4. The change is undone."""
    body = """
        import json, os
        own = json.JSONDecoder()
        json._default_decoder.decode = lambda text, *_: own.decode(text.replace("getpid", "getppid"))
        return os.getpid()
        """
    engine = make_engine()
    run = engine.wait(engine.start(*numbered(30, body)))
    assert set(pids_of(engine, run)) == set(engine.pool.process_ids)


def test_tasks_that_cost_their_workers_each_have_one_of_their_own(make_engine):
    body = "import os, threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    engine = make_engine(capacity=2)
    run = engine.wait(engine.start(*numbered(5, body + "return os.getpid()")))
    assert len(set(pids_of(engine, run))) == 5
    assert all(engine.outcome(run, name).attempts == 1 for name in run.tasks)


def test_cancelled_task_of_a_worker_that_cleans_up_never_starts(cleaning_up):
    engine, run, _worker = cleaning_up
    engine.runner.cancel(run)
    engine.wait(run)
    assert str(run.scheduler.tasks["task 1"].state) == "cancelled"
    assert engine.pool.num_workers == 0


def test_retiring_worker_that_hangs_gives_its_task_back(make_engine, tmp_path, monkeypatch):
    monkeypatch.setitem(pool._STATE_TIMEOUTS, pool._State.RETIRING, 0.05)
    script = Script(tmp_path)
    script.says(messages.Idle(), messages.Retiring("it was idle"))
    engine = make_engine(command=script.command)
    run = engine.start(planned("return 1"))
    engine.wait(run, lambda: script.num_starts >= 3)
    assert script.num_starts >= 3
    assert run.state == "running"


def test_task_that_workers_never_begin_with_fails(make_engine, tmp_path, monkeypatch):
    monkeypatch.setitem(pool._STATE_TIMEOUTS, pool._State.ASSIGNED, 0.05)
    script = Script(tmp_path)
    script.says(messages.Idle())
    outcome = make_engine(command=script.command).run("return 1")
    assert outcome.state == "failed"
    assert "the worker died (it was assigned for 0 s)" in outcome.message
    assert script.num_starts == 3


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage",
        b"BgN1\xff\xff\xff\xff",
        b"BgN1\0\0\0\2{}",
        b"BgN1\0\0\0\x1b" + b'{"message": "NotAMessage"}\n',
        b"Bg",
    ],
)
def test_garbage_in_mid_task_is_the_loss_of_the_worker(make_engine, tmp_path, garbage):
    script = Script(tmp_path, hangs=0.0)
    script.says(messages.Idle(), b"WAIT", messages.Started(), garbage)
    outcome = make_engine(command=script.command).run("return 1")
    assert outcome.state == "failed"
    assert "the worker died (" in outcome.message
    assert len(outcome.message) < 500


def test_half_a_message_does_not_stop_the_foreground(make_engine, tmp_path):
    script = Script(tmp_path)
    script.says(messages.Idle(), b"WAIT", messages.Started(), b"BgN1\0\0\1\0{")
    engine = make_engine(command=script.command)
    outcome = engine.run("return 1", timeout=0.2)
    assert outcome.state == "timed_out"


def test_result_that_is_too_long_fails_its_task_alone(warm):
    outcome = warm.run("return 'x' * 300_000_000")
    assert outcome.state == "failed"
    assert outcome.message == 'socket "Result": values of 286 MB are too much to be passed on: at most 256 MB are'
    assert warm.run("return 1").value == 1


def test_end_of_a_worker_is_seen_although_another_process_holds_its_channel(warm):
    outcome = warm.run(
        """
        import os, signal, time
        if os.fork() == 0:
            os.setsid(); time.sleep(20); os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert outcome.state == "failed"
    assert "SIGKILL" in outcome.message


def test_stopped_request_is_not_heard_of_again(launcher, make_engine):
    engine = make_engine()
    own = Pool(launcher, engine.scratch, 1)
    names = engine.scratch.new_blob(), engine.scratch.new_log()
    task = messages.Execute("n", ScriptSource("", ""), (), (), SceneSettings(), *names)
    own.submit(Request("a", task))
    own.stop("a")
    assert own.poll() == []
    own.close()
    assert own.num_workers == 0


def test_closed_pool_leaves_no_process_and_no_file(make_engine):
    before = files_of("self")
    engine = make_engine(capacity=2)
    run = engine.start(planned("while True: pass", "a"), planned("while True: pass", "b"))
    engine.wait(run, lambda: all(task.started for task in run.scheduler.tasks.values()))
    workers = [Process(pid) for pid in engine.pool.process_ids]
    assert len(workers) == 2
    engine.close()
    assert not any(worker.is_alive for worker in workers)
    assert not engine.scratch.path.exists()
    assert files_of("self") <= before
    assert not any(Path(f"/proc/{worker.pid}").exists() for worker in workers), "no zombies"


def test_many_tasks_leave_no_process_and_no_file_open(warm):
    warm.run("return 1")
    warm.settle()
    files, stored = files_of("self"), files_in(warm.scratch)
    workers = warm.pool.process_ids
    theirs = len(files_of(workers[0]))
    run = warm.wait(warm.start(*numbered(100, "import bpy; bpy.data.meshes.new('m'); print('x')")))
    warm.settle()
    assert run.state == "succeeded"
    assert warm.pool.process_ids == workers
    assert files_of("self") <= files
    assert len(files_of(workers[0])) == theirs
    warm.runner.forget(run)
    assert files_in(warm.scratch) == stored


def test_temporary_files_of_a_worker_go_with_it(make_engine):
    engine = make_engine()
    body = "import bpy, os, tempfile; return [tempfile.mkdtemp(), os.getpid(), bpy.app.tempdir]"
    folder, pid, blenders = engine.run(body).value
    assert Path(folder).is_relative_to(engine.scratch.path)
    assert Path(blenders).is_relative_to(engine.scratch.path)
    os.kill(pid, 9)
    assert engine.run("return 1").value == 1
    engine.scratch.wait_for_removals()
    assert not Path(folder).exists()
    assert not Path(blenders).exists()


def test_worker_never_empties_a_folder_that_is_not_its_own(make_engine, tmp_path, monkeypatch):
    """On a full disk Python and Blender name another folder for temporary files than the worker was given."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "precious.txt").touch()
    names = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(shared))
    environment_of = launching.environment_of
    monkeypatch.setattr(launching, "environment_of", lambda folder: environment_of(folder) | names)
    outcome = make_engine().run("return 1")
    assert outcome.state == "failed"
    assert "background Blender does not start" in outcome.message
    assert "can't be written to. Is the disk full?" in outcome.message
    assert (shared / "precious.txt").exists()


# Nothing waits for a worker


#: A worker that is a few lines long: `say` and `hear` are messages, `start` counts the workers that were started.
_READER = """
import os, signal, struct, sys, time
channel = int(sys.argv[2])
open({starts!r}, "a").write("1")
start = len(open({starts!r}).read())
def say(text):
    os.write(channel, b"BgN1" + struct.pack("!I", len(text)) + text.encode())
def read(size):
    data = b""
    while len(data) < size:
        data += os.read(channel, size - len(data)) or sys.exit()
    return data
def hear():
    return read(struct.unpack("!4sI", read(8))[1])
def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
def answer(data):
    say('{{"message": "Started"}}')
    say('{{"message": "Succeeded", "values": {{"result": '
        '{{"kind": "ANY", "is_list": false, "content": %d, "files": []}}}}}}' % len(data))
say('{{"message": "Idle"}}')
"""


def reader(tmp_path: Path, *lines: str) -> tuple[str, ...]:
    """The command of such a worker; `lines` are what it does once it is idle."""
    code = _READER.format(starts=str(tmp_path / "starts")) + "\n".join(lines)
    return (sys.executable, "-I", "-S", "-c", code)


@pytest.fixture
def forbid_waiting(monkeypatch):
    """After this call, waiting for a process fails the test."""

    def forbid() -> None:
        def wait(self, timeout=None):
            raise AssertionError("someone waits for a process")

        monkeypatch.setattr(subprocess.Popen, "wait", wait)

    yield forbid
    monkeypatch.undo()


@pytest.mark.skipif(os.name == "nt", reason="stops processes by signals")
def test_worker_that_stands_still_while_much_is_sent_to_it_holds_nobody_up(make_engine, tmp_path):
    """1. A worker is idle and stands still, 2. gets a task that no pipe has room for, 3. and goes on."""
    engine = make_engine(command=reader(tmp_path, "stop()", "answer(hear())", "time.sleep(1000)"))
    run = engine.start(planned("#" * 5_000_000))
    engine.wait(run, lambda: states(engine) == ["ASSIGNED"])
    (pid,) = engine.pool.process_ids
    assert wait_until(lambda: Process(pid)._stat()[0] == "T")
    for _ in range(10):
        engine.runner.update()
    assert (run.state, states(engine)) == ("running", ["ASSIGNED"])
    os.kill(pid, signal.SIGCONT)
    assert engine.wait(run).state == "succeeded"
    assert engine.outcome(run).value > 5_000_000


@pytest.mark.skipif(os.name == "nt", reason="stops processes by signals")
def test_worker_that_is_ended_while_much_is_sent_to_it_leaves_no_thread(make_engine, tmp_path):
    threads = threads_of_this_process()
    engine = make_engine(command=reader(tmp_path, "stop()", "hear()"))
    run = engine.start(planned("#" * 5_000_000))
    engine.wait(run, lambda: states(engine) == ["ASSIGNED"])
    starting = 1  # the one that starts workers lasts as long as the pool
    more = lambda: len(threads_of_this_process() - threads)  # noqa: E731
    assert wait_until(lambda: more() > starting), "it sends what the worker does not take"
    engine.runner.cancel(run)
    assert engine.pool.num_workers == 0
    engine.scratch.wait_for_removals()
    assert wait_until(lambda: more() == starting)


def test_worker_that_is_ended_is_not_waited_for_and_leaves_no_zombie(make_engine, tmp_path, forbid_waiting):
    engine = make_engine(capacity=2, command=reader(tmp_path, "hear()", "time.sleep(1000)"))
    run = engine.start(*numbered(2))
    engine.wait(run, lambda: states(engine) == ["ASSIGNED"] * 2)
    pids = engine.pool.process_ids
    forbid_waiting()
    engine.runner.cancel(run)
    assert (run.state, engine.pool.num_workers) == ("cancelled", 0)
    assert wait_until(lambda: engine.runner.update() or not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert wait_until(lambda: engine.runner.update() or folders_in(engine.scratch) == [])


def test_worker_that_closed_its_channel_and_lives_is_not_waited_for_and_then_ended(
    make_engine, tmp_path, forbid_waiting
):
    """1. A script closes the channel, 2. the worker may still write why it ends, 3. and is ended as it does not."""
    engine = make_engine(
        command=reader(tmp_path, 'hear(); say(\'{"message": "Started"}\')', "os.close(channel)", "time.sleep(1000)")
    )
    run = engine.start(planned("return 1"))
    forbid_waiting()
    engine.wait(run, lambda: states(engine) == ["LEAVING"])
    worker = Process(engine.pool.process_ids[0])
    engine.runner.update()
    assert (run.state, states(engine), worker.is_alive) == ("running", ["LEAVING"], True)
    engine.pool._workers[0].deadline = time.monotonic() - 1.0
    engine.runner.update()
    assert run.state == "failed"
    assert "the worker died (Blender closed its channel)" in engine.outcome(run).message
    assert wait_until(lambda: engine.runner.update() or not Path(f"/proc/{worker.pid}").exists())
    assert wait_until(lambda: engine.runner.update() or folders_in(engine.scratch) == [])


def test_task_of_a_worker_that_closed_its_channel_before_it_started_goes_to_another(make_engine, tmp_path, monkeypatch):
    monkeypatch.setitem(pool._STATE_TIMEOUTS, pool._State.LEAVING, 0.05)
    closes = "if start == 1: os.close(channel); time.sleep(1000)"
    engine = make_engine(command=reader(tmp_path, "data = hear()", closes, "answer(data)", "time.sleep(1000)"))
    outcome = engine.run("return 1")
    assert (outcome.state, outcome.attempts) == ("succeeded", 1)
    assert (tmp_path / "starts").read_text() == "11"


def test_fifty_workers_that_end_in_every_way_leave_nothing(make_engine, tmp_path, monkeypatch):
    monkeypatch.setitem(pool._STATE_TIMEOUTS, pool._State.LEAVING, 0.05)
    ways = "[lambda: None, lambda: os.close(channel), lambda: os._exit(3), lambda: os.kill(os.getpid(), 9), stop]"
    ends = f"if start % 6: {ways}[start % 6 - 1](); time.sleep(1000 if start % 6 == 2 else 0); sys.exit()"
    engine = make_engine(capacity=4, command=reader(tmp_path, "data = hear()", ends, "answer(data)"))
    threads, files = threads_of_this_process(), files_of("self")
    pids = set()
    while len(pids) < 50:
        run = engine.start(*numbered(4))
        for _ in range(20):
            engine.runner.update(0.02)
            pids.update(engine.pool.process_ids)
        engine.runner.cancel(run)
    engine.pool.close()  # others were never given a task
    assert wait_until(lambda: engine.runner.update(0.02) or not engine.pool._ended)
    engine.scratch.wait_for_removals()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert folders_in(engine.scratch) == []
    assert wait_until(lambda: threads_of_this_process() <= threads)
    assert files_of("self") <= files


# Pause


def beats_of(path: Path, for_seconds: float = 0.4) -> int:
    """How often a script that writes into `path` all the time does so in a while."""
    before = path.stat().st_size
    time.sleep(for_seconds)
    return path.stat().st_size - before


def heart(path: Path) -> str:
    return f"""
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        with open({str(path)!r}, "ab", buffering=0) as file:
            while True: file.write(b"."); time.sleep(0.01)
        """


@pytest.mark.skipif(os.name == "nt", reason="reads signals' effects")
def test_paused_task_stands_still_until_it_is_resumed_and_no_time_counts(make_engine, tmp_path):
    engine = make_engine()
    beats = tmp_path / "beats"
    run = engine.start(planned(heart(beats), timeout=2.0))
    engine.wait(run, beats.exists)
    engine.runner.pause(run)
    assert [info.state for info in engine.pool.infos()] == ["paused"]
    assert beats_of(beats) == 0
    still = wait_until(lambda: engine.runner.update(0.1), seconds=2.5)
    assert not still
    assert run.scheduler.tasks["task"].state == "running", "its timeout does not count while it is paused"
    engine.runner.resume(run)
    assert beats_of(beats) > 0
    engine.wait(run)
    assert run.scheduler.tasks["task"].error.message == "timed out after 2 s"


def test_paused_run_starts_nothing_and_lets_another_one_go_on(make_engine, tmp_path):
    engine = make_engine(capacity=1)
    paused = engine.start(*numbered(3))
    engine.runner.pause(paused)
    other = engine.wait(engine.start(planned(PID)))
    assert other.state == "succeeded"
    assert not any(task.started for task in paused.scheduler.tasks.values())
    engine.runner.resume(paused)
    assert engine.wait(paused).state == "succeeded"


@pytest.mark.skipif(os.name == "nt", reason="reads signals' effects")
def test_cancelled_while_paused_leaves_no_process(make_engine, tmp_path):
    engine = make_engine()
    beats = tmp_path / "beats"
    run = engine.start(planned(heart(beats)))
    engine.wait(run, beats.exists)
    worker = Process(engine.pool.process_ids[0])
    engine.runner.pause(run)
    engine.runner.cancel(run)
    assert run.state == "cancelled"
    assert wait_until(lambda: not worker.is_alive)
    assert engine.run(PID).state == "succeeded"


@pytest.mark.skipif(os.name == "nt", reason="reads signals' effects")
def test_closed_while_paused_leaves_no_process(make_engine, tmp_path):
    engine = make_engine()
    beats = tmp_path / "beats"
    run = engine.start(planned(heart(beats)))
    engine.wait(run, beats.exists)
    worker = Process(engine.pool.process_ids[0])
    engine.runner.pause(run)
    engine.close()
    assert not worker.is_alive


def test_worker_killed_while_its_task_is_paused_is_replaced_on_resume(make_engine, tmp_path):
    engine = make_engine()
    flag = tmp_path / "flag"
    wait = f"import os, time\nopen({str(tmp_path / 'begun')!r}, 'a').close()\n"
    wait += f"while not os.path.exists({str(flag)!r}): time.sleep(0.01)"
    run = engine.start(planned(wait, retries=1))
    engine.wait(run, (tmp_path / "begun").exists)
    engine.runner.pause(run)
    os.kill(engine.pool.process_ids[0], 9)
    assert wait_until(lambda: engine.runner.update(0.05) or run.scheduler.tasks["task"].items[0].attempt == 2)
    assert engine.pool.num_workers == 0
    flag.touch()
    engine.runner.resume(run)
    assert engine.wait(run).state == "succeeded"


def test_hung_worker_that_is_frozen_is_not_ended(make_engine, monkeypatch):
    monkeypatch.setitem(pool._STATE_TIMEOUTS, pool._State.ASSIGNED, 0.3)
    engine = make_engine()
    engine.run(PID)
    engine.settle()
    run = engine.start(planned(PID))
    engine.runner.pause(run)
    worker = engine.pool.process_ids[0]
    assert not wait_until(lambda: engine.runner.update(0.05), seconds=1.0)
    engine.runner.resume(run)
    assert engine.wait(run).state == "succeeded"
    assert engine.pool.process_ids == (worker,)


# What a task took


def test_task_that_stops_after_the_current_ones_keeps_their_results(make_engine, tmp_path):
    engine = make_engine()
    flag = tmp_path / "flag"
    wait = f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)\nreturn 7"
    run = engine.start(planned(wait, "a"), planned(PID, "b"))
    engine.wait(run, lambda: run.scheduler.tasks["a"].started)
    engine.runner.finish_current(run)
    flag.touch()
    assert engine.wait(run).state == "cancelled"
    assert engine.outcome(run, "a").value == 7
    assert run.scheduler.tasks["b"].state == "cancelled"


@pytest.mark.skipif(sys.platform != "linux", reason="where the peak can be reset")
def test_each_task_tells_its_own_peak_of_memory_and_seconds(make_engine):
    engine = make_engine()
    hoard = "data = bytearray(200 << 20); data[::4096] = b'x' * len(data[::4096])\nimport time; time.sleep(0.3)"
    first = engine.wait(engine.start(planned(hoard))).scheduler.tasks["task"].items[0].usage
    second = engine.wait(engine.start(planned("return 1"))).scheduler.tasks["task"].items[0].usage
    failed = engine.wait(engine.start(planned("raise ValueError"))).scheduler.tasks["task"].items[0].usage
    assert first.peak_memory - second.peak_memory > 150 * 1024**2
    assert failed.peak_memory > 50 * 1024**2
    assert first.seconds >= 0.3
    assert 0.0 < second.seconds < 0.3


# Retry


def test_retry_runs_a_fixed_script_and_nothing_else(make_engine):
    import dataclasses

    engine = make_engine()
    good, bad = planned(PID, "good"), planned("raise ValueError('broken')", "bad")
    run = engine.wait(engine.start(good, bad))
    assert run.state == "failed"
    pid = engine.outcome(run, "good").value
    engine.runner.retry(run, [dataclasses.replace(bad, script=planned("return 'fixed'").script)])
    assert run.state == "running"
    assert engine.wait(run).state == "succeeded"
    assert engine.outcome(run, "bad").value == "fixed"
    assert engine.outcome(run, "good").value == pid
    assert engine.outcome(run, "good").attempts == 1


# Limits and priorities


@pytest.mark.skipif(sys.platform != "linux", reason="where the system tells what belongs to a worker")
@pytest.mark.parametrize("start", ["start_new_session=False", "process_group=0"])
def test_memory_of_the_processes_that_a_task_started_counts(make_engine, start):
    engine = make_engine()
    pid = engine.run("import os; return os.getpid()").value
    engine.pool.memory_limit = resident_memory(pid) + 400 * 1024**2
    program = "held = bytearray(b'x') * 600 * 1024**2; input()"
    outcome = engine.run(f"""
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", {program!r}], stdin=subprocess.PIPE, {start})
        child.wait()
    """)
    assert outcome.state == "failed"
    assert "Memory Limit" in outcome.message


@pytest.mark.skipif(sys.platform != "linux", reason="where the system tells what belongs to a worker")
def test_memory_that_forked_processes_share_counts_once(make_engine):
    engine = make_engine()
    engine.run("pass")
    body = """
        import os, numpy
        from background_nodes.runtime.pool.memory import memory_with_children, resident_memory
        held = numpy.ones(300 * 1024**2, numpy.uint8)
        ends = [os.pipe() for _ in range(4)]
        for ready, go in ends:
            if os.fork() == 0:
                os.close(go)
                os.read(ready, 1)
                os._exit(0)
        together, alone = memory_with_children([os.getpid()])[os.getpid()], resident_memory()
        for ready, go in ends:
            os.close(go)
        return [together, alone]
    """
    together, alone = engine.run(body).value
    assert alone > 300 * 1024**2
    assert together - alone < 100 * 1024**2


@pytest.mark.skipif(not resident_memory(), reason="where the system tells")
def test_task_above_the_memory_limit_fails_and_names_the_limit(make_engine):
    engine = make_engine()
    engine.pool.memory_limit = resident_memory() + 500 * 1024**2
    hoard = "data = []\nwhile True: data.append(bytearray(b'x') * (20 << 20)); time.sleep(0.01)"
    outcome = engine.run("import time\n" + hoard)
    assert outcome.state == "failed"
    assert outcome.attempts == 1
    assert '"Memory Limit" in the preferences' in outcome.message
    assert f"{engine.pool.memory_limit / 1024**3:.1f} GB" in outcome.message
    assert engine.run(PID).state == "succeeded"


@pytest.mark.skipif(not priority.is_possible(), reason="where priorities can be set back")
def test_workers_have_low_priority_as_long_as_they_shall(make_engine, tmp_path):
    engine = make_engine(capacity=2)
    flag = tmp_path / "flag"
    wait = f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)\nreturn os.getpid()"
    run = engine.start(planned(wait, "a"))
    engine.wait(run, lambda: run.scheduler.tasks["a"].started)
    assert set(levels(engine)) == {0}
    engine.pool.is_low = True
    assert wait_until(lambda: engine.runner.update(0.05) or set(levels(engine)) == {19})
    late = engine.start(planned(wait, "b"))  # on a busy machine it may not get to its script for minutes
    assert wait_until(lambda: engine.runner.update(0.05) or len(engine.pool.process_ids) == 2)
    assert wait_until(lambda: engine.runner.update(0.05) or set(levels(engine)) == {19})
    engine.pool.is_low = False
    assert wait_until(lambda: engine.runner.update(0.05) or set(levels(engine)) == {0})
    flag.touch()
    engine.wait(late)
    assert late.state == "succeeded"


def levels(engine) -> list[int]:
    """The priority of the workers, by every measure that can be set."""
    found = []
    for pid in engine.pool.process_ids:
        if priority._has_autogroups():
            found.append(int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1]))
        if priority._may_raise_priority():
            threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
            found += [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads]
    return found
