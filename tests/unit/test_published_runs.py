"""How a run is told to other processes: as text, of which they read what has changed."""

from dataclasses import replace

import pytest

from background_nodes.runtime.engine import published_runs
from background_nodes.runtime.engine.published_runs import PublishedItem, PublishedRun, PublishedTask, RunText, text_of

ITEMS = (PublishedItem("running", "key", 0.5, "half\nof it"), PublishedItem("ready"))
RUN = PublishedRun("scene.blend", "Tree", "dask", 1.0, "running", 0.25, error="one\ntwo")
TASKS = {"a": PublishedTask("Node", "running", ITEMS), "b": PublishedTask("Other", "waiting")}
WHOLE = replace(RUN, tasks=TASKS)


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("BACKGROUND_NODES_STORE", str(tmp_path))
    return published_runs.new_place(WHOLE)


@pytest.fixture
def decoded(monkeypatch):
    """The classes of what was decoded."""
    found, decode = [], published_runs.wire.decode

    def noted(cls, record):
        found.append(cls.__name__)
        return decode(cls, record)

    monkeypatch.setattr(published_runs.wire, "decode", noted)
    return found


def test_run_is_read_as_it_was_told(place):
    run = place.read()
    assert run.head == RUN.head
    assert {uid: replace(task, items=tuple(task.items)) for uid, task in run.tasks.items()} == TASKS
    assert place.read_head() == RUN.head


def test_only_what_is_asked_for_and_has_changed_is_decoded(decoded):
    """Of a thousand items one is asked for; then it and another one change."""
    items = [PublishedItem("ready", f"key {number}") for number in range(1000)]

    def told() -> str:
        return text_of(replace(RUN, tasks={"a": PublishedTask("Node", "running", tuple(items))}))

    text = RunText()
    assert text.read(told()).tasks["a"].items[7] == items[7]
    assert sorted(decoded) == ["PublishedItem", "RunHead", "_TaskHead"]
    items[7], items[8] = (PublishedItem("running", f"key {number}", 0.5) for number in (7, 8))
    decoded.clear()
    found = text.read(told()).tasks["a"].items
    assert [found[7], found[8]] == items[7:9]
    assert sorted(decoded) == ["PublishedItem", "PublishedItem", "RunHead"]
    decoded.clear()
    assert text.read(told()).tasks["a"].items[8] == items[8]
    assert decoded == ["RunHead"]


def test_head_is_read_without_the_tasks(place, decoded):
    assert place.read_head() == RUN.head
    assert decoded == ["RunHead"]


@pytest.mark.parametrize("text", ["", "{}", "[]", text_of(WHOLE).rpartition("\n")[0].rpartition("\n")[0]])
def test_what_is_no_run_or_not_all_of_it_is_none(place, text):
    (place.path / "run.json").write_text(text, encoding="utf-8")
    assert place.read() is None


def test_item_of_another_version_is_one_that_nobody_waits_for(place):
    text = text_of(WHOLE).replace('"state":"ready"', '"mood":"ready"')
    (place.path / "run.json").write_text(text, encoding="utf-8")
    items = place.read().tasks["a"].items
    assert items[0] == ITEMS[0]
    assert items[1].is_over
    assert not items[1].key
