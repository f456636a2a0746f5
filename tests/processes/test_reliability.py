"""The worst: workers are killed, and the foreground is, at any moment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..store_files import files_in
from .conftest import Process, literal, planned, wait_until


@pytest.mark.any_blender
def test_killed_worker_is_replaced_and_its_task_retried(make_engine, tmp_path):
    engine = make_engine()
    body = f"""
        import os, time
        first = not os.path.exists({str(tmp_path / "tried")!r})
        open({str(tmp_path / "tried")!r}, 'a').write('x')
        print('try', flush=True)
        while first: time.sleep(0.01)
        return os.getpid()
        """
    run = engine.start(planned(body, retries=1))
    engine.wait(run, (tmp_path / "tried").exists)
    killed = engine.pool.process_ids[0]
    os.kill(killed, signal.SIGKILL)
    engine.wait(run)
    outcome = engine.outcome(run)
    assert (str(run.state), outcome.state, outcome.attempts) == ("succeeded", "succeeded", 2)
    assert outcome.value != killed
    assert outcome.log == "try\n"
    assert len(files_in(engine.scratch, "*.log")) == 1, "nothing is kept of the first try"


@pytest.mark.any_blender
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_killed_worker_without_retries_fails_its_task_and_names_the_signal(warm, number):
    run = warm.start(planned("while True: pass"))
    warm.wait(run, lambda: run.scheduler.tasks["task"].started)
    os.kill(warm.pool.process_ids[0], number)
    warm.wait(run)
    outcome = warm.outcome(run)
    assert outcome.state == "failed"
    assert number.name in outcome.message or "exited with code" in outcome.message
    assert number is signal.SIGTERM or number.name in outcome.message
    assert warm.run("return 1").value == 1


@pytest.mark.any_blender
def test_killed_worker_of_one_task_does_not_touch_the_other(make_engine, tmp_path):
    engine = make_engine(capacity=2)
    wait = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\nreturn os.getpid()"
    run = engine.start(planned(wait, "a"), planned("while True: pass", "b"))
    engine.wait(run, lambda: all(task.started for task in run.scheduler.tasks.values()))
    victim = next(w for w in engine.pool._workers if "b" in str(w.request.key))
    os.kill(victim.process.process_id, signal.SIGKILL)
    engine.wait(run, lambda: run.scheduler.tasks["b"].state.is_final)
    (tmp_path / "go").touch()
    engine.wait(run)
    assert [str(task.state) for task in run.scheduler.tasks.values()] == ["succeeded", "failed"]


@pytest.mark.any_blender
def test_killed_idle_worker_is_nobodys_failure(warm):
    pid = warm.run("import os; return os.getpid()").value
    warm.settle()
    os.kill(pid, signal.SIGKILL)
    outcome = warm.run("import os; return os.getpid()")
    assert (outcome.state, outcome.attempts) == ("succeeded", 1)
    assert outcome.value != pid


BUSY = {
    "in Python": "while True: pass",
    "holding the GIL": "import ctypes\nctypes.PyDLL(None).sleep(1000)",
    "in a modifier": """
        import bpy
        mesh = bpy.data.meshes.new("m"); mesh.from_pydata([(0,0,0),(1,0,0),(1,1,0),(0,1,0)], [], [(0,1,2,3)])
        ob = bpy.data.objects.new("o", mesh); bpy.context.scene.collection.objects.link(ob)
        modifier = ob.modifiers.new("s", "SUBSURF"); modifier.subdivision_type = "SIMPLE"; modifier.levels = 11
        while True: ob.update_tag(); ob.evaluated_get(bpy.context.evaluated_depsgraph_get()); print("round")
        """,
    "deadlocked": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "ignoring signals": "import signal\nfor s in range(1, 30):\n try: signal.signal(s, signal.SIG_IGN)\n"
    " except OSError: pass\nwhile True: pass",
}
ENDINGS = {
    "kill -9": "os.kill(os.getpid(), signal.SIGKILL)",
    "terminated": "os.kill(os.getpid(), signal.SIGTERM)",
    "sys.exit": "sys.exit(0)",
    "os._exit": "os._exit(0)",
    "exception": "raise RuntimeError('the foreground fails')",
    "abort": "os.abort()",
    "kill -9 while paused": "engine.runner.pause(run); os.kill(os.getpid(), signal.SIGKILL)",
    "sys.exit while paused": "engine.runner.pause(run); sys.exit(0)",
}
FOREGROUND = """
import os, signal, sys, time
engine = Engine(launcher, Scratch(parent), 2)
busy = {busy!r}
run = engine.start(planned(busy, "a"), planned(busy, "b"))
engine.wait(run, lambda: all(task.started for task in run.scheduler.tasks.values()))
print(repr([str(engine.scratch.path), *engine.pool.process_ids]), flush=True)
sys.stderr = open(os.devnull, "w")
{ending}
"""


@pytest.mark.any_blender
@pytest.mark.parametrize(
    ("busy", "ending"),
    [
        *((busy, "kill -9") for busy in BUSY),
        *(("holding the GIL", ending) for ending in ENDINGS if ending != "kill -9"),
    ],
)
def test_no_worker_outlives_its_foreground(start_foreground, busy, ending):
    process = start_foreground(FOREGROUND.format(busy=BUSY[busy], ending=ENDINGS[ending]))
    scratch, *pids = literal(process.stdout.readline())
    workers = [Process(pid) for pid in pids]
    assert len(workers) == 2
    process.wait(30)
    assert wait_until(lambda: not any(worker.is_alive for worker in workers), 2.0)

    from background_nodes.runtime.scratch.scratch import Scratch

    swept = Scratch(Path(scratch).parent)
    swept.wait_for_removals()
    assert not Path(scratch).exists()
    swept.close()


def test_worker_that_is_starting_does_not_outlive_its_foreground(start_foreground):
    process = start_foreground(
        """
        import os, signal
        engine = Engine(launcher, Scratch(parent), 2)
        engine.start(planned("return 1", "a"), planned("return 1", "b"))
        print(repr(list(engine.pool.process_ids)), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    workers = [Process(pid) for pid in literal(process.stdout.readline())]
    process.wait(30)
    assert wait_until(lambda: not any(worker.is_alive for worker in workers), 20.0)


def test_paths_with_spaces_quotes_and_other_letters_work_end_to_end(start_foreground, awkward_path):
    (awkward_path / "helper.py").write_text("WORD = 'ünïcödé'", encoding="utf-8")
    process = start_foreground(
        """
        import sys, tempfile
        engine = Engine(launcher, Scratch(), 1)
        body = "import bpy, helper, tempfile; print(helper.WORD); return [tempfile.gettempdir(), bpy.app.tempdir]"
        run = engine.wait(engine.start(planned(body, folder=Path(tempfile.gettempdir()))))
        outcome = engine.outcome(run)
        print(ascii([outcome.state, outcome.message, outcome.value, outcome.log, str(engine.scratch.path)]), flush=True)
        engine.close()
        """,
        environment={"TMPDIR": str(awkward_path)},
    )
    state, message, folders, log, scratch = literal(process.communicate()[0])
    assert (state, message, log) == ("succeeded", "", "ünïcödé\n")
    assert scratch.startswith(str(awkward_path))
    assert all(folder.startswith(scratch) for folder in folders)
    assert [file.name for file in awkward_path.iterdir()] == ["helper.py"]


# Progress


def count_reports(engine, body: str, **settings) -> tuple[list, object]:
    seen = []
    run = engine.start(planned(body, **settings))
    handle = engine.pool._report

    def counted(worker, report):
        if type(report).__name__ == "Progressed":
            seen.append(report)
        handle(worker, report)

    engine.pool._report = counted
    try:
        engine.wait(run)
    finally:
        engine.pool._report = handle
    return seen, engine.outcome(run)


@pytest.mark.any_blender
def test_a_million_reports_are_few_messages_and_the_last_one_arrives(warm, record_property):
    seen, outcome = count_reports(
        warm,
        """
        import time
        from background_nodes.script import progress
        start = time.perf_counter()
        for i in range(1_000_000): progress(i / 2_000_000, str(i))
        return time.perf_counter() - start
        """,
    )
    record_property("seconds for a million reports", outcome.value)
    print("seconds for a million reports:", outcome.value)
    assert len(seen) <= 12 + 20 * (outcome.value + 1)
    fractions = [report.fraction for report in seen]
    assert fractions == sorted(fractions)
    assert (seen[-1].fraction, seen[-1].text) == (999_999 / 2_000_000, "999999")


@pytest.mark.any_blender
def test_last_report_of_a_failed_script_is_kept(warm):
    body = "from background_nodes.script import progress\nfor i in range(1000): progress(i / 2000, str(i))\n1 / 0"
    _, outcome = count_reports(warm, body)
    assert (outcome.state, outcome.progress, outcome.text) == ("failed", 999 / 2000, "999")


@pytest.mark.any_blender
def test_reports_now_and_then_are_passed_on_at_once(warm, tmp_path):
    go = tmp_path / "go"
    body = f"""
        import os, time
        from background_nodes.script import progress
        for i in range(200): progress(i / 400)
        progress(0.75, "late")
        while not os.path.exists({str(go)!r}): time.sleep(0.01)
        """
    run = warm.start(planned(body))
    warm.wait(run, lambda: warm.outcome(run).text == "late")
    assert warm.outcome(run).progress == 0.75, "the last of a flood comes although none follows"
    go.touch()
    assert str(warm.wait(run).state) == "succeeded"


@pytest.mark.any_blender
@pytest.mark.parametrize(
    ("call", "fraction", "text"),
    [
        ("progress(-1)", 0.0, ""),
        ("progress(7, 'x')", 1.0, "x"),
        ("progress(float('inf'))", 1.0, ""),
        ("progress(0.5, 'a'); progress(float('nan'), 'b')", 0.5, "b"),
        ("progress(True)", 1.0, ""),
        ("import numpy; progress(numpy.float32(0.5))", 0.5, ""),
        ("progress(0.5, 'x' * 10_000_000)", 0.5, "x" * 200),
        ("progress(0.5, 3)", 0.5, "3"),
        ("progress(0.5, '\\udc80ä')", 0.5, "?ä"),
        ("list(track([1, 2, 3, 4], text='t'))", 1.0, "t"),
        ("list(track((i for i in range(4)), total=8, text='t'))", 0.5, "t"),
        ("list(track((i for i in range(4)), text='t'))", 0.0, "t"),
        ("import itertools; list(itertools.islice(track(itertools.count(), 10), 6))", 0.5, ""),
    ],
)
def test_progress_is_shown_sensibly(warm, call, fraction, text):
    outcome = warm.run(f"from background_nodes.script import progress, track\n{call}\nraise ValueError('here')")
    assert (outcome.message, outcome.progress, outcome.text) == ("ValueError: here", fraction, text)


@pytest.mark.any_blender
@pytest.mark.parametrize(("call", "error"), [("progress('x')", "ValueError"), ("progress(None)", "TypeError")])
def test_progress_that_is_no_number_is_the_scripts_error(warm, call, error):
    outcome = warm.run(f"from background_nodes.script import progress\nfor i in range(20): progress(i / 20)\n{call}")
    assert outcome.message.startswith(error)
    assert outcome.line == 4


def test_progress_from_threads_arrives(warm):
    seen, outcome = count_reports(
        warm,
        """
        import threading
        from background_nodes.script import progress
        def work():
            for i in range(20_000): progress(0.25, "thread")
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        """,
    )
    assert outcome.state == "succeeded"
    assert {(report.fraction, report.text) for report in seen} == {(0.25, "thread")}


def test_foreground_of_the_public_kind_ends_with_no_worker_left(tmp_path):
    """A script for bpy that starts a run and ends by itself, as a render farm's does."""
    import bpy

    if bpy.app.binary_path:
        pytest.skip("needs Blender as a Python module")
    from background_nodes.runtime.pool.launcher import BOOTSTRAP

    program = tmp_path / "farm.py"
    program.write_text(
        f"""
import sys
sys.path.insert(0, {str(BOOTSTRAP.parent)!r})
import bootstrap; bootstrap.alias_package()
import background_nodes, bpy
background_nodes.register()
from background_nodes.addon.session.current import session
tree = bpy.data.node_groups.new("t", "BackgroundNodeTree")
node = tree.nodes.new("BackgroundNodeScript")
text = bpy.data.texts.new("s"); text.write("def main() -> int:\\n    while True: pass\\n")
node.script = text
run = session.start(tree)
while not next(iter(run.tasks.values())).seconds: run.wait(0.1)
print(repr(session.worker_process_ids), flush=True)
sys.exit(0)
""",
        encoding="utf-8",
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True, env=environment, timeout=60
    )
    pids = literal(done.stdout.splitlines()[-1])
    assert pids
    assert wait_until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() and _is_worker(pid) for pid in pids), 2.0)
    assert list(tmp_path.glob("background_nodes-*")) == []


def _is_worker(pid: int) -> bool:
    return b"bootstrap" in Path(f"/proc/{pid}/cmdline").read_bytes()
