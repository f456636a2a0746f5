"""In which order the sessions of `make test` start, with sessions that do nothing."""

import importlib.util
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.any_python
PATIENCE = 60


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("run_sessions", ROOT / "tools" / "run_sessions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_session_with_a_real_blender_waits_for_the_first_and_the_others_do_not(program):
    other_runs = threading.Event()
    ended, started = [], []

    def run(name):
        if name == "makes it":
            assert other_runs.wait(PATIENCE), "a session that needs no Blender of its own waited for it"
            ended.append(name)
        elif name == "needs it":
            started.extend(ended)
        else:
            other_runs.set()
        return name != "needs it"

    sessions = {"makes it": False, "needs it": True, "does not": False}
    assert dict(program.run_all(sessions, run)) == {"makes it": True, "needs it": False, "does not": True}
    assert started == ["makes it"]


def test_session_that_waited_comes_before_those_behind_it(program):
    """1. The first one runs, and as many as there is room for. 2. It ends: the one that stands behind it starts."""
    started = []
    has_started = threading.Event()

    def run(name):
        started.append(name)
        if name == "long":
            has_started.set()
        elif name.isdigit():
            assert has_started.wait(PATIENCE), "what stands behind the long one took its place"
        return True

    sessions = {"makes it": False, "long": True} | dict.fromkeys(map(str, range(program.NUM_AT_A_TIME)), False)
    assert all(has_succeeded for _, has_succeeded in program.run_all(sessions, run))
    # Which of those that start at once is first is for the system to say; the last one had no place then.
    assert started.index("long") < started.index(str(program.NUM_AT_A_TIME - 1))
