"""Logs: whole up to a limit, beginning and end beyond it, and never much on disk."""

import pytest

from background_nodes.runtime.scratch.logs import KEPT_BYTES, TaskLog, read_log

from ..store_files import files_in
from .conftest import planned

pytestmark = pytest.mark.any_blender


def size_on_disk(folder) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.[lht]*"))


def test_log_that_is_not_there_is_empty(tmp_path):
    TaskLog(tmp_path / "1.log").bound()
    assert read_log(tmp_path / "1.log") == ""


def test_log_up_to_the_limit_is_whole(tmp_path):
    path = tmp_path / "1.log"
    text = "".join(f"{number:07}\n" for number in range(2 * KEPT_BYTES // 8))
    path.write_text(text)
    TaskLog(path).bound()
    assert read_log(path) == text


def test_long_log_keeps_its_beginning_and_its_end(tmp_path):
    path = tmp_path / "1.log"
    log, number, largest = TaskLog(path), 0, 0
    with path.open("ab", buffering=0) as file:
        for _ in range(40):
            lines = range(number, number + 100_000)
            file.write(b"".join(b"%07d\n" % line for line in lines))
            number = lines.stop
            log.bound()
            largest = max(largest, size_on_disk(tmp_path))
    head, cut, tail = read_log(path).partition("\n[...]\n")
    assert cut
    assert head.startswith("0000000\n0000001\n")
    assert len(head) == KEPT_BYTES
    assert tail.endswith(f"{number - 1:07}\n")
    numbers = [int(line) for line in tail.split("\n")[1:-1]]
    assert numbers == list(range(numbers[0], number)), "without a gap"
    assert len(tail) == KEPT_BYTES
    assert largest <= 4 * KEPT_BYTES


def test_log_is_bounded_even_where_nothing_can_be_set_aside(tmp_path):
    path = tmp_path / "1.log"
    (tmp_path / "1.tail").mkdir()
    path.write_bytes(b"x" * 3 * KEPT_BYTES)
    TaskLog(path).bound()
    assert path.stat().st_size == 0


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path):
    (tmp_path / "1.log").write_bytes(b"a\xff\xfe\xc3b\xe7\xaf\x80")
    assert read_log(tmp_path / "1.log") == "a\ufffd\ufffd\ufffdb節"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("how", ["python", "C"])
def test_script_that_prints_100_mb_keeps_beginning_and_end(warm, stream, how):
    prints = {
        "python": "for i in range(1_000_000): print(f'{i:099}', file=file)",
        "C": "for i in range(1_000): os.write(file.fileno(), b'%099d\\n' % i * 1_000)",
    }
    body = f"import os, sys\nfile = sys.{stream}\nprint('first', file=file)\n{prints[how]}\nprint('last', file=file)"
    run = warm.start(planned(body))
    largest = 0

    def measure():
        nonlocal largest
        largest = max(largest, size_on_disk(warm.scratch.path))

    warm.wait(run, measure)
    log = warm.outcome(run).log
    assert warm.outcome(run).state == "succeeded"
    assert log.startswith("first\n0000")
    assert log.endswith("9999\nlast\n" if how == "python" else "0999\nlast\n")
    assert "\n[...]\n" in log
    assert len(log) <= 2 * KEPT_BYTES + 10
    assert size_on_disk(warm.scratch.path) <= 4 * KEPT_BYTES
    warm.runner.forget(run)
    assert size_on_disk(warm.scratch.path) == 0


def test_everything_is_heard_in_its_order(warm):
    outcome = warm.run(
        r"""
        import ctypes, os, subprocess, sys
        print("ä 節点 \udc80 \N{GRINNING FACE}")
        os.write(1, b"bytes \xff\n")
        print("error", file=sys.stderr)
        subprocess.run(["echo", "child"])
        ctypes.CDLL(None).puts(b"from C")
        ctypes.CDLL(None).fflush(None)
        from background_nodes.script import log
        log("logged", 1)
        """
    )
    assert outcome.state == "succeeded", outcome.traceback
    assert outcome.log.splitlines() == [
        "ä 節点 \\udc80 \N{GRINNING FACE}", "bytes \ufffd", "error", "child", "from C", "logged 1",
    ]  # fmt: skip


def test_what_c_code_holds_back_is_heard_in_the_log_of_its_own_task(warm):
    assert warm.run("import ctypes; ctypes.CDLL(None).puts(b'held back')").log == "held back\n"
    assert warm.run("return 1").log == ""


def test_log_can_be_read_while_the_script_runs(warm, tmp_path):
    go = tmp_path / "go"
    run = warm.start(planned(f"import os, time\nprint('now')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"))
    warm.wait(run, lambda: warm.outcome(run).log)
    assert (warm.outcome(run).log, run.state) == ("now\n", "running")
    go.touch()
    warm.wait(run)
    assert warm.outcome(run).log == "now\n"


def test_task_that_prints_nothing_leaves_no_log(make_engine):
    engine = make_engine(1)
    assert engine.run("return 1").value == 1
    assert files_in(engine.scratch, "*.log") == []
    outcome = engine.run("print('once'); return 2")
    assert (outcome.value, outcome.log) == (2, "once\n")
    assert len(files_in(engine.scratch, "*.log")) == 1
    assert engine.run("import bpy; bpy.ops.mesh.primitive_cube_add(); return 3").log == ""
    assert len(files_in(engine.scratch, "*.log")) == 1
