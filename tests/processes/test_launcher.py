"""How workers start, and what is told when they don't."""

import os
import signal
import sys
from pathlib import Path

import pytest

from background_nodes.runtime.pool import pool
from background_nodes.runtime.pool.launcher import Launcher, describe_exit, read_tail

from ..store_files import folders_in
from .conftest import wait_until


def sh(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script, "worker")


def test_program_that_does_not_exist_is_named(make_engine):
    engine = make_engine(command=("/not/there/blender", "--"))
    outcome = engine.run("return 1")
    assert outcome.state == "failed"
    assert "'/not/there/blender' can't be started" in outcome.message
    assert "No such file" in outcome.message
    assert folders_in(engine.scratch) == []


def test_program_that_is_none_is_named(make_engine, tmp_path):
    (tmp_path / "blender").write_text("no program")
    assert "Permission denied" in make_engine(command=(str(tmp_path / "blender"),)).run("return 1").message


def test_worker_that_dies_at_start_is_tried_three_times_and_its_log_is_told(make_engine, tmp_path):
    engine = make_engine(command=sh(f"echo once >> '{tmp_path}/starts'; echo 'libGL is missing' >&2; exit 5"))
    outcome = engine.run("return 1")
    assert outcome.state == "failed"
    assert "background Blender does not start: Blender exited with code 5" in outcome.message
    assert "libGL is missing" in outcome.message
    assert (tmp_path / "starts").read_text().count("once") == 3
    assert engine.pool.num_workers == 0


def test_worker_killed_at_start_names_the_signal(make_engine):
    assert "SIGKILL" in make_engine(command=sh("kill -9 $$")).run("return 1").message


def test_worker_that_hangs_at_start_is_ended(make_engine, monkeypatch):
    monkeypatch.setitem(pool._STATE_TIMEOUTS, pool._State.STARTING, 0.1)
    engine = make_engine(command=sh("echo 'waiting for a licence'; exec sleep 1000"))
    outcome = engine.run("return 1")
    assert outcome.state == "failed"
    assert "does not start: it was starting for 0 s" in outcome.message
    assert "waiting for a licence" in outcome.message
    assert engine.pool.num_workers == 0


@pytest.mark.parametrize("garbage", [b"GARBAGE\n", b"Bg", b"BgN1\xff\xff\xff\xff", b"BgN1\0\0\0\2{}"])
def test_worker_that_writes_garbage_at_start_is_a_failed_start(make_engine, garbage):
    code = f"import os, sys, time; os.write(int(sys.argv[2]), {garbage!r}); {garbage == b'Bg'} or time.sleep(1000)"
    outcome = make_engine(command=(sys.executable, "-I", "-S", "-c", code)).run("return 1")
    assert outcome.state == "failed"
    assert "does not start" in outcome.message


def test_next_task_after_failed_starts_tries_again(make_engine, tmp_path, launcher):
    """The artist may have fixed the cause."""
    command = " ".join(f"'{word}'" for word in launcher.command)
    engine = make_engine(command=sh(f'[ -e "{tmp_path}/fixed" ] || exit 1; exec {command} "$@"'))
    assert engine.run("return 1").state == "failed"
    (tmp_path / "fixed").touch()
    assert engine.run("return 1").value == 1


def test_failed_starts_beside_a_working_worker_fail_no_task(make_engine, tmp_path, launcher):
    """There may be memory for one worker only: the run goes on with that one."""
    command = " ".join(f"'{word}'" for word in launcher.command)
    engine = make_engine(capacity=2, command=sh(f'mkdir "{tmp_path}/first" || exit 1; exec {command} "$@"'))
    from .conftest import planned

    assert engine.run("return 1").value == 1
    run = engine.wait(engine.start(*(planned("return 1", f"task {number}") for number in range(6))))
    assert run.state == "succeeded"


def test_worker_runs_apart_from_the_terminal(warm):
    seen = warm.run("import os, sys; return [os.getpgrp(), os.getsid(0), os.getpid(), os.readlink('/proc/self/fd/0')]")
    group, session, pid, stdin = seen.value
    assert group == session == pid != os.getpid()
    assert stdin == os.devnull


def test_worker_inherits_no_files(warm, tmp_path):
    with (tmp_path / "inheritable").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        pid = warm.run("import os; os._exit(0)") and warm.run("import os; return os.getpid()").value
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert str(tmp_path / "inheritable") not in links
    assert str(warm.scratch.path / "owner.lock") not in links


def test_script_sees_no_trace_of_how_it_was_started(warm):
    arguments, path = warm.run("import sys; return [sys.argv[1:], sys.path]").value
    assert "--" not in arguments
    assert not any(entry.endswith("runtime/blender") for entry in path)


@pytest.mark.parametrize(
    ("returncode", "words"),
    [(None, "closed its channel"), (3, "code 3"), (-9, "SIGKILL"), (-11, "crashed"), (-200, "signal 200")],
)
def test_exit_is_told_in_words(returncode, words):
    assert words in describe_exit(returncode)


def test_tail_of_a_log_is_its_end_as_text(tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 10_000 + b"\xff the end\n")
    assert read_tail(tmp_path / "log").endswith("\ufffd the end")
    assert len(read_tail(tmp_path / "log")) <= 2000
    assert read_tail(tmp_path / "missing") == ""


def test_wheel_without_binary_is_started_with_this_python():
    assert Launcher.for_blender("").command[0] == sys.executable
    assert Launcher.for_blender("/a b/blender").command[0] == "/a b/blender"


def test_signal_to_the_foregrounds_group_does_not_reach_workers(start_foreground):
    """Ctrl-C in a terminal goes to the whole group."""
    process = start_foreground(
        """
        engine = Engine(launcher, Scratch(parent), 1)
        run = engine.start(planned("import os, time; from background_nodes.script import progress\\n"
                                   "progress(0.5); time.sleep(0.3); return 'whole'"))
        try:
            engine.wait(run, lambda: engine.outcome(run).progress)
            print("ready", flush=True)
            while True: time.sleep(1)
        except KeyboardInterrupt:
            engine.wait(run)
            print(engine.outcome(run).value, flush=True)
            engine.close()
        """.replace(
            "engine =",
            # A shell that put this test into the background has had Ctrl-C ignored.
            "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); engine =",
            1,
        ),
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "whole\n"
    assert process.wait(30) == 0


def test_processes_of_a_stopped_script_end_with_it(warm, tmp_path):
    pids = tmp_path / "pids"
    outcome = warm.run(
        f"""
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        open({str(pids)!r}, "w").write(str(child.pid))
        child.wait()
        """,
        timeout=1.0,
    )
    assert outcome.state == "timed_out"
    pid = int(pids.read_text())
    assert wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text(), 5)


def test_script_and_what_it_starts_see_the_environment_but_not_where_the_token_of_a_farm_is(make_engine, monkeypatch):
    monkeypatch.setenv("BACKGROUND_NODES_FARM_TOKEN", "/secret/farm.pem")
    monkeypatch.setenv("BACKGROUND_NODES_TEST", "seen")
    outcome = make_engine().run(
        """
        import os, subprocess, sys
        ask = [sys.executable, "-c", "import os; print(sorted(os.environ.items()))"]
        own = [open(f"/proc/{os.getpid()}/environ").read()] if sys.platform == "linux" else []
        return [str(sorted(os.environ.items())), subprocess.run(ask, capture_output=True, text=True).stdout, *own]
        """
    )
    assert outcome.state == "succeeded", outcome.message
    for seen in outcome.value:
        assert "BACKGROUND_NODES_TEST" in seen
        assert "FARM_TOKEN" not in seen
        assert "/secret" not in seen


@pytest.fixture
def artists_home(tmp_path, monkeypatch):
    """A home with preferences, a startup file and an add-on of the artist's, for engines that are made from now on."""
    import bpy

    for variable in [name for name in os.environ if name.startswith(("BLENDER_USER_", "XDG_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / ".config" / "blender" / bpy.app.version_string.rpartition(".")[0]
    (folder / "config").mkdir(parents=True)
    (folder / "scripts" / "addons").mkdir(parents=True)
    for name in ("userpref.blend", "startup.blend"):
        (folder / "config" / name).write_text("the artist's")
    (folder / "scripts" / "addons" / "artists_addon.py").write_text("def register(): pass\ndef unregister(): pass\n")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="Blender's folders are elsewhere")
def test_script_that_saves_the_preferences_leaves_the_artists_alone(artists_home, make_engine):
    engine = make_engine()
    outcome = engine.run(
        """
        import bpy, os
        bpy.ops.wm.save_userpref()
        bpy.ops.wm.save_homefile()
        return [bpy.utils.user_resource('CONFIG'), bpy.utils.user_resource('SCRIPTS'), os.getpid()]
        """
    )
    configuration, scripts, pid = outcome.value
    assert {path.name: path.read_bytes() for path in (artists_home / "config").iterdir()} == {
        "userpref.blend": b"the artist's",
        "startup.blend": b"the artist's",
    }
    assert Path(configuration).is_relative_to(engine.scratch.path)
    assert Path(scripts) == artists_home / "scripts"
    left = engine.run("import bpy, os; return [os.listdir(bpy.utils.user_resource('CONFIG')), os.getpid()]").value
    assert left == [[], pid], "the next task finds nothing of it"


@pytest.mark.skipif(sys.platform != "linux", reason="Blender's folders are elsewhere")
def test_addon_in_the_artists_home_is_found_by_a_worker(artists_home, make_engine):
    body = "import addon_utils; return addon_utils.check('artists_addon')[1]"
    assert make_engine().run(body, addons=("artists_addon",)).value is True
