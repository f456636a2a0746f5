"""Forecasts of real trees: they say what the next run then does, and neither start nor change anything."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes import CompileError, Outlook, RunState

from .graphs import SCALE, new_material, new_tree, quad, script, socket_of

COUNT = "def main(source: bpy.types.Object) -> int: return len(source.data.vertices)"
READ = """
from pathlib import Path
def main(path: Path) -> str: return path.read_text()
"""
EACH = "def main(value: int, factor: int = 2) -> int: return value * factor"


@pytest.fixture
def tree(store, tmp_path):
    """A tree with an object, a file, a list, and what takes them."""
    tree = new_tree()
    rock = quad("Rock")
    rock.data.materials.append(new_material("Stone"))
    (tmp_path / "text.txt").write_text("some")
    scale = script(tree, "Scale", SCALE, source=rock)
    script(tree, "Count", COUNT, source=scale)
    read = script(tree, "Read", READ, path=str(tmp_path / "text.txt"))
    script(tree, "Length", "def main(text: str) -> int: return len(text)", text=read)
    numbers = script(tree, "Numbers", "def main(count: int = 3) -> list[int]: return list(range(count))")
    each = script(tree, "Each", EACH, value=numbers)
    script(tree, "Sum", "def main(values: list[int]) -> int: return sum(values)", values=each)
    return tree


def not_cached(forecast: background_nodes.Forecast) -> dict[str, str]:
    return {name: str(task.state) for name, task in forecast.tasks.items() if task.state is not Outlook.CACHED}


def check(tree: bpy.types.NodeTree, **options) -> dict[str, str]:
    """What is told is what a run then does. Gives what was told of the nodes that are not cached."""
    forecast = background_nodes.forecast(tree, **options)
    run = background_nodes.run(tree, **options)
    assert run.state is RunState.SUCCEEDED
    for name, task in run.tasks.items():
        told = forecast.tasks[name]
        if told.is_sure_to_run:
            assert not task.cached
            assert set(told.reasons) <= set(task.reasons)
            assert told.num_items is None or told.num_run == sum(not item.cached for item in task.items)
        elif told.state is Outlook.CACHED:
            assert task.cached
    return not_cached(forecast)


def set_value(tree, node, name, value):
    socket_of(tree.nodes[node].inputs, name).default_value = value


def change_script(tree, node, before, after):
    text = tree.nodes[node].script
    text.from_string(text.as_string().replace(before, after))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda tree, _: set_value(tree, "Scale", "size", 3.0), {"Scale": "runs", "Count": "waits"}),
        (lambda tree, _: change_script(tree, "Scale", "*= size", "*= 2 * size"), {"Scale": "runs", "Count": "waits"}),
        (lambda tree, _: change_script(tree, "Count", "len(", "2 * len("), {"Count": "runs"}),
        (lambda tree, _: change_script(tree, "Count", "return", "return  "), {}),
        (lambda *_: setattr(bpy.data.materials["Stone"], "roughness", 0.1), {"Scale": "runs", "Count": "waits"}),
        (lambda *_: setattr(bpy.data.objects["Rock"], "location", (1, 2, 3)), {"Scale": "runs", "Count": "waits"}),
        (lambda _, folder: (folder / "text.txt").write_text("other"), {"Read": "runs", "Length": "waits"}),
        (lambda tree, _: setattr(tree.nodes["Read"], "cache", "NEVER"), {"Read": "never_cached", "Length": "waits"}),
        (lambda tree, _: set_value(tree, "Numbers", "count", 4), {"Numbers": "runs", "Each": "waits", "Sum": "waits"}),
        (lambda tree, _: set_value(tree, "Each", "factor", 3), {"Each": "runs", "Sum": "waits"}),
        (lambda *_: new_material("Other"), {}),
    ],
    ids=["value", "script", "script behind", "layout", "material", "object", "file", "never", "list", "items", "other"],
)
def test_what_is_told_is_what_the_run_does(tree, tmp_path, change, expected):
    assert set(check(tree).values()) == {"runs"}
    assert check(tree) == {}
    change(tree, tmp_path)
    assert check(tree) == expected


def test_a_changed_node_behind_one_that_runs_runs_too(tree):
    check(tree)
    set_value(tree, "Numbers", "count", 4)
    set_value(tree, "Each", "factor", 5)
    assert check(tree) == {"Numbers": "runs", "Each": "runs", "Sum": "waits"}


def test_all_of_a_forced_run_runs(tree):
    check(tree)
    assert set(check(tree, force=True).values()) == {"runs"}
    assert set(check(tree, cache=False).values()) == {"runs"}
    assert set(background_nodes.forecast(tree, until="Count").tasks) == {"Scale", "Count"}


def test_it_tells_what_the_nodes_took_the_last_time_also_in_another_session(tree, session):
    background_nodes.run(tree)
    session.close()
    set_value(tree, "Scale", "size", 3.0)
    forecast = background_nodes.forecast(tree)
    assert forecast.tasks["Scale"].seconds > 0.0
    assert forecast.tasks["Scale"].peak_memory > 1024**2
    assert 0.0 < forecast.seconds <= forecast.most_seconds


def test_data_blocks_that_are_not_looked_at_are_waited_for(tree, session):
    background_nodes.run(tree)
    forecaster = session.forecaster(tree, writes=False)
    while not forecaster.update():
        session.update_jobs(0.01)
    forecaster.close()
    assert not_cached(forecaster.result) == {"Scale": "waits", "Count": "waits"}
    assert forecaster.result.tasks["Scale"].waits_for == ('object "Rock"',)


def test_a_damaged_result_is_none(tree, session, store):
    background_nodes.run(tree)
    session.close()
    blend = max((file for file in store.rglob("files/*/*")), key=lambda file: file.stat().st_size)
    content = bytearray(blend.read_bytes())
    content[len(content) // 2] ^= 1
    blend.chmod(0o600)
    blend.write_bytes(content)
    assert background_nodes.forecast(tree).tasks["Scale"].reasons == ("result was removed to make room",)


def test_nothing_starts_and_nothing_stays(tree, session):
    session.close()
    before = {item.name for item in bpy.data.user_map()}
    assert set(not_cached(background_nodes.forecast(tree)).values()) == {"runs"}
    assert session.workers == session.runs == ()
    assert {item.name for item in bpy.data.user_map()} == before


def test_what_can_not_run_has_no_forecast(tree):
    script(tree, "Missing", "def main(source: bpy.types.Object) -> int: return 1")
    with pytest.raises(CompileError):
        background_nodes.forecast(tree)
