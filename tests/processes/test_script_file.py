"""Scripts that start processes: their own functions are found there, or an error says why not. Nothing hangs."""

import pytest

from .conftest import Engine, planned
from .test_without_main import planned as planned_without_main

#: Seconds after which a pool that hangs has failed.
PATIENCE = 60.0

POOL = """
import multiprocessing

def double(number):
    return 2 * number

def main():
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        return pool.map(double, [1, 2, 3])
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pool_calls_a_function_of_the_script(launcher, method):
    from background_nodes.runtime.scratch.scratch import Scratch

    # Where artists have it: the fork server's socket lies in it, and can't have a path as long as pytest's.
    engine = Engine(launcher, Scratch(), 1)
    try:
        outcome = engine.run(POOL.format(method=method), timeout=PATIENCE)
    finally:
        engine.close()
    assert (outcome.value, outcome.message) == ([2, 4, 6], "")


def test_pool_executor_calls_a_function_of_the_script(warm):
    body = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    def double(number):
        return 2 * number

    def main():
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            return list(pool.map(double, [1, 2, 3]))
    """
    assert warm.run(body, timeout=PATIENCE).value == [2, 4, 6]


def test_script_that_cant_be_imported_in_another_process_is_an_error_at_once(warm):
    body = POOL.format(method="spawn").replace(
        "import multiprocessing\n",
        "import multiprocessing\nif multiprocessing.current_process().name != 'MainProcess': import there_is_no_such\n",
        1,
    )
    outcome = warm.run(body, timeout=PATIENCE)
    assert outcome.state == "failed"
    assert "double can't be called in another process" in outcome.message
    assert "there_is_no_such" in outcome.message


def test_pool_of_a_script_without_main_calls_its_function(warm):
    body = """
    import multiprocessing

    def double(number):
        return 2 * number

    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            python_data = {"doubled": pool.map(double, [1, 2, 3])}
    """
    active = warm.wait(warm.start(planned_without_main(body)))
    assert warm.outcome(active).message == ""
    (given,) = active.results.item("task", 0).values()
    assert given.content == {"doubled": [2, 4, 6]}


def test_next_script_finds_nothing_of_the_last_ones_module(warm):
    warm.run(POOL.format(method="spawn"), timeout=PATIENCE)
    task = planned("import sys; return [path for path in sys.path if path.endswith('script')]")
    assert len(warm.outcome(warm.wait(warm.start(task))).value) == 1, "its own"


def test_script_of_the_same_length_that_comes_next_is_the_one_that_is_found(warm):
    for factor in (2, 3, 3, 2):
        body = POOL.format(method="spawn").replace("2 * number", f"{factor} * number")
        assert warm.run(body, timeout=PATIENCE).value == [factor, 2 * factor, 3 * factor]


def test_what_a_script_leaves_beside_its_file_is_gone_when_it_runs_again(warm):
    body = """
    import sys
    from pathlib import Path

    def main():
        folder = Path(next(path for path in sys.path if path.endswith("script")))
        found = sorted(file.name for file in folder.iterdir())
        (folder / "left.py").write_text("")
        return found
    """
    assert [warm.run(body).value for _ in range(2)] == [["background_nodes_script.py"]] * 2
