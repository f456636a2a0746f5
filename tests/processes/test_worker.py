"""What a script may do to its worker: each way out is a clear state, and the next task is fine."""

import pytest

from .conftest import planned


@pytest.fixture(autouse=True)
def next_task_is_fine(warm):
    yield
    assert warm.run("return 6 * 7").value == 42


def test_value_returned_comes_back(warm):
    assert warm.run('return {"a": [1, 2.5, None], "b": "ä"}').value == {"a": [1, 2.5, None], "b": "ä"}


def test_exception_tells_message_line_and_the_scripts_own_traceback(warm):
    outcome = warm.run("x = 1\nraise ValueError(f'no {x}')")
    assert (outcome.state, outcome.message, outcome.line) == ("failed", "ValueError: no 1", 3)
    assert "execution.py" not in outcome.traceback


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import sys; sys.exit()", "the script called sys.exit()"),
        ("import sys; sys.exit('enough')", "the script called sys.exit('enough')"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise type('Odd', (BaseException,), {})('odd')", "Odd: odd"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
        ("raise MemoryError", "MemoryError"),
        ("x = bytearray(1 << 60)", "MemoryError"),
        ("class E(Exception):\n def __str__(self): raise TypeError\nraise E", "E: <exception str() failed>"),
        ("class E(Exception):\n def __str__(self): raise SystemExit\nraise E", "E: <exception str() failed>"),
        ("class C:\n def __repr__(self): raise OSError\nraise SystemExit(C())", "the script called sys.exit(<C>)"),
        ("e = ValueError('first')\ne.add_note('a note')\nraise e", "ValueError: first"),
        (
            "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
            "ExceptionGroup: several (2 sub-exceptions)",
        ),
        ("raise ValueError('two\\nlines')", "ValueError: two\nlines"),
        ("def main(:", "SyntaxError: "),
        ("def main(): pass\ndel main", 'the script has no function "main"'),
        ("def main(): pass\nmain = 3", 'the script has no function "main"'),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("return object()", 'output "Result" is of type object, which can\'t be passed on'),
        ("input('name? ')", "EOFError: "),
        ("import sys; sys.stdin.buffer.readline() or 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_script_that_raises_fails_with_its_message(warm, body, message):
    before = warm.pool.process_ids
    outcome = warm.run(body)
    assert outcome.state == "failed"
    assert message in outcome.message
    assert len(outcome.message) < 300
    assert not before or warm.pool.process_ids == before, "no script error costs a worker"


def test_script_without_console_is_told_so(warm):
    assert "no console" in warm.run("input()").message


def test_syntax_error_names_its_line(warm):
    outcome = warm.run("def main():\n    x = 1\n    y = = 2")
    assert (outcome.state, outcome.line) == ("failed", 3)


def test_huge_message_and_traceback_are_bounded(warm):
    outcome = warm.run("raise ValueError('x' * 50_000_000)")
    assert outcome.message.startswith("ValueError: xxx")
    assert len(outcome.message) <= 10_000
    assert len(outcome.traceback) <= 100_000


def test_deep_recursion_without_repetition_has_a_bounded_traceback(warm):
    outcome = warm.run(
        """
        import sys
        sys.setrecursionlimit(30_000)
        names = [f"f{i}" for i in range(20_000)]
        space = {}
        for this, following in zip(names, names[1:] + ["stop"]):
            exec(f"def {this}():\\n    {following}()\\n", space)
        space["stop"] = lambda: 1 / 0
        space["f0"]()
        """
    )
    assert "ZeroDivisionError" in outcome.message or "died" in outcome.message
    assert len(outcome.traceback) <= 100_000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os; os._exit(3)", "Blender exited with code 3"),
        ("import os; os._exit(0)", "Blender exited with code 0"),
        ("import os; os.abort()", "SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import os; os.closerange(3, 200)", "Blender"),
    ],
)
def test_script_that_ends_blender_fails_and_says_how(warm, body, message):
    outcome = warm.run(f"print('the last words')\n{body}")
    assert outcome.state == "failed"
    assert message in outcome.message
    assert outcome.message.startswith("the worker died (")
    assert "tried" not in outcome.message
    assert "the last words" in outcome.log, "what was printed before the crash is what one looks for"


def test_script_that_quits_blender_fails_or_goes_on_where_that_does_nothing(warm):
    outcome = warm.run("import bpy; bpy.ops.wm.quit_blender(); return 1")
    if outcome.state == "failed":
        assert outcome.message.startswith("the worker died (")
    else:
        assert outcome.value == 1  # the module does not end by it
    assert warm.run("return 2").value == 2


@pytest.mark.any_blender
@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import ctypes; ctypes.PyDLL(None).sleep(1000)",
        "import threading; l = threading.Lock(); l.acquire(); l.acquire()",
        "while True:\n try:\n  while True: pass\n except BaseException: pass",
        "import signal\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "while True: print('for ever')",
    ],
    ids=["python", "holding the GIL", "deadlock", "catching all", "ignoring signals", "printing"],
)
def test_script_without_end_times_out(warm, body):
    outcome = warm.run(body, timeout=0.2)
    assert outcome.state == "timed_out"
    assert "timed out" in outcome.message


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import sys, io; sys.stdout = sys.stderr = io.StringIO()",
        "import sys; sys.stdout = sys.stderr = sys.stdin = None",
        "import sys; del sys.stdout, sys.stderr",
        "import sys; sys.stdout.detach()",
        "import os; os.close(1); os.close(2)",
        "import os; os.close(0)",
    ],
)
def test_script_that_breaks_its_streams_succeeds_and_the_next_one_prints(warm, body):
    outcome = warm.run(f"{body}\nreturn 'fine'")
    assert (outcome.state, outcome.value) == ("succeeded", "fine")
    assert warm.run("print('heard')").log == "heard\n"


@pytest.mark.parametrize(
    "body",
    [
        "import json; json.dumps = json.loads = None; json.JSONEncoder.encode = None",
        "import os; os.dup2 = os.write = os.close = os.chdir = None",
        "import sys; sys.setrecursionlimit(60)",
        "import sys; sys.settrace(lambda *a: 1 / 0)",
        "import sys; sys.modules.clear()",
        "import builtins; builtins.isinstance = builtins.len = builtins.getattr = None",
        "import traceback; traceback.TracebackException = None\nraise ValueError",
        "import threading; threading.Lock = threading.Thread = threading.enumerate = None",
        "import background_nodes.script as s; s.progress = s.telling.set_reporter = None",
        "import bpy; bpy.ops.wm.read_homefile(); bpy.data.batch_remove(list(bpy.data.objects))",
        "import os, tempfile; f = tempfile.mkdtemp(); os.chdir(f); os.rmdir(f)",
    ],
)
def test_script_that_saws_at_its_workers_branch_ends_in_a_clear_state(warm, body):
    """The worker may end, but the run and the next task go on (see the fixture above)."""
    outcome = warm.run(f"{body}\nreturn 1")
    assert outcome.state in {"succeeded", "failed"}
    assert outcome.state == "succeeded" or outcome.message


def test_large_values_go_from_task_to_task_in_files_and_come_back_whole(warm):
    """The foreground passes the names of files on and does not read them."""
    from dataclasses import replace

    from background_nodes.runtime.planning.plan import Argument
    from background_nodes.runtime.planning.sources import FromTask
    from background_nodes.runtime.scratch.typed_values import ValueFile
    from background_nodes.runtime.scratch.value_files import loaded
    from background_nodes.runtime.script.signature import Parameter
    from background_nodes.runtime.script.socket_types import SocketType

    many = SocketType("FLOAT", is_list=True)
    first = planned("return [index + 0.5 for index in range(200_000)]", "first")
    first = replace(first, outputs=(replace(first.outputs[0], type=many),))
    whole = Argument(Parameter("values", "Values", many), (FromTask("first", "result", many),))
    second = planned("def main(values): return [sum(values), 'x' * 100_000]", "second")
    run = warm.wait(warm.start(first, replace(second, arguments=(whole,))))
    value = run.results.item("first", 0)["result"]
    assert isinstance(value.parts()[0], ValueFile)
    assert value.num_elements == 200_000
    assert loaded(value, warm.scratch.folder).content[-1] == 199_999.5
    gave = loaded(run.results.item("second", 0)["result"], warm.scratch.folder).content
    assert gave == [sum(index + 0.5 for index in range(200_000)), "x" * 100_000]


def test_item_of_a_large_list_is_read_alone(warm):
    from dataclasses import replace

    from background_nodes.runtime.planning.plan import Argument
    from background_nodes.runtime.planning.sources import FromTask
    from background_nodes.runtime.script.signature import Parameter
    from background_nodes.runtime.script.socket_types import SocketType

    texts = SocketType("STRING", is_list=True)
    first = planned("return [letter * 50_000 for letter in 'abc']", "first")
    first = replace(first, outputs=(replace(first.outputs[0], type=texts),))
    each = Argument(
        Parameter("text", "Text", SocketType("STRING")), (FromTask("first", "result", texts),), is_mapped=True
    )
    second = planned("def main(text): return text[0] + str(len(text))", "second")
    run = warm.wait(warm.start(first, replace(second, arguments=(each,))))
    assert [run.results.item("second", index)["result"].content for index in range(3)] == ["a50000", "b50000", "c50000"]
