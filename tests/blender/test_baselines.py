"""What results were like when they came home is read bit by bit, and known whatever happens in between."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.addon.session import keeper
from background_nodes.node_tree import arrival, hand_changes, noted_results
from background_nodes.node_tree import baselines as baselines_module
from background_nodes.node_tree.baselines import baselines

from .graphs import new_tree, output, script, socket_of

#: As many objects, each with a mesh.
COUNT = 4
MAKE = """
def main(size: float = 1.0) -> list[bpy.types.Object]:
    found = []
    for number in range(4):
        mesh = bpy.data.meshes.new("Made")
        mesh.from_pydata([(size, 0, 0), (0, size, 0), (0, 0, size)], [], [(0, 1, 2)])
        found.append(bpy.data.objects.new("Made", mesh))
    return found
"""


@pytest.fixture
def tree(session, monkeypatch):
    """A tree whose results have come home in a tick. Each tick reads one data-block of them; it has read the first."""
    monkeypatch.setattr(keeper, "TICK_BUDGET", 0.0)
    tree = new_tree()
    output(tree, "LINK", script(tree, "Make", MAKE), name="Output")
    bpy.ops.ed.undo_push(message="before")
    come_home(session, tree)
    session.tick()
    assert baselines.num_pending == 2 * COUNT - 1
    yield tree
    baselines.finish()


def come_home(session, tree):
    run = session.start(tree)
    while not run.is_home:
        if not run.state.is_final:
            session.update_jobs(1.0)
        session.tick()
    return run


def run_with_another_size(tree=None):
    tree = tree or bpy.data.node_groups["Tree"]
    socket_of(tree.nodes["Make"].inputs, "size").default_value += 1.0
    return background_nodes.run(tree)


def made() -> tuple[bpy.types.Object, ...]:
    return bpy.data.node_groups["Tree"].nodes["Make"].outputs[0].result


def sizes() -> list[float]:
    return [item.data.vertices[0].co.x for item in made()]


def test_each_tick_reads_some_more(session, tree):
    left = []
    while baselines.num_pending:
        session.tick()
        left.append(baselines.num_pending)
    assert left == list(range(2 * COUNT - 2, -1, -1))
    assert run_with_another_size(tree).notes == ()
    assert sizes() == [2.0] * COUNT


def test_change_after_the_last_one_was_read_stays(session, tree):
    while baselines.num_pending:
        session.tick()
    made()[-1].data.vertices[0].co.x = 7
    assert len(run_with_another_size(tree).notes) == 1
    assert sizes() == [2.0] * (COUNT - 1) + [7.0]


def test_results_of_a_run_at_once_take_the_place_of_those_not_read(session, tree):
    socket_of(tree.nodes["Make"].inputs, "size").default_value = 2.0
    assert come_home(session, tree).notes == ()
    assert sizes() == [2.0] * COUNT
    assert len(bpy.data.objects) == COUNT


def test_undo_and_redo_lose_nothing(tree):
    bpy.ops.ed.undo()
    assert baselines.num_pending == 0
    bpy.ops.ed.redo()
    made()[0].data.vertices[0].co.x = 7
    assert len(run_with_another_size().notes) == 1
    assert sizes() == [7.0] + [2.0] * (COUNT - 1)


def test_step_in_which_results_came_home_knows_what_was_read_later(tree):
    baselines.finish()
    made()[0].data.vertices[0].co.x = 7
    bpy.ops.ed.undo_push(message="changed")
    bpy.ops.ed.undo()
    assert run_with_another_size().notes == ()
    assert sizes() == [2.0] * COUNT


def test_saved_file_holds_what_was_not_read_before(tree, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    assert baselines.num_pending == 0
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    made()[0].data.vertices[0].co.x = 7
    assert len(run_with_another_size().notes) == 1
    assert sizes() == [7.0] + [2.0] * (COUNT - 1)


def test_what_a_file_without_our_handlers_lacks_counts_as_changed(tree, tmp_path):
    bpy.app.handlers.save_pre.remove(noted_results._before_save)  # as in Blender's own auto-save
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.app.handlers.save_pre.append(noted_results._before_save)
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert len(run_with_another_size().notes) == 2 * COUNT
    assert sizes() == [1.0] * COUNT


@pytest.mark.parametrize("what", ["tree", "results"])
def test_what_was_removed_in_between_is_not_missed(session, tree, what, capfd):
    if what == "tree":
        bpy.data.node_groups.remove(tree)
    else:
        bpy.data.batch_remove(bpy.data.objects)
    while baselines.num_pending:
        session.tick()
    assert "Traceback" not in capfd.readouterr().err


def test_results_that_are_asked_for_are_read_at_once(session):
    tree = new_tree()
    script(tree, "Make", MAKE)
    run = background_nodes.run(tree)
    assert baselines.num_pending == 0
    run.fetch("Make", "result")
    assert baselines.num_pending == 0


# Before a homecoming


class FakeEdits:
    """What Blender tells of edits, in a window. `edited` has the names of what may have been edited."""

    def __init__(self) -> None:
        self.edited: set[str] = set()

    def now(self) -> int:
        return 1

    def look(self, *, awaits_artist: bool = False) -> None:
        pass

    def may_have_changed(self, item: bpy.types.ID, _since: int) -> bool:
        return item.name in self.edited

    def has_told(self, _since: int) -> bool:
        return bool(self.edited)


class Doubt(FakeEdits):
    """What an older Blender tells of them: that something was edited."""

    def may_have_changed(self, _item: bpy.types.ID, _since: int) -> bool:
        return True


@pytest.fixture
def edits(monkeypatch):
    fake = FakeEdits()
    monkeypatch.setattr(hand_changes, "edits", fake)
    return fake


@pytest.fixture
def num_compared(monkeypatch):
    """Counts the results that were compared with what was noted of them."""
    counted = []

    def digest(item, *arguments):
        counted.append(item.name)
        return baselines_module.digest(item, *arguments)

    monkeypatch.setattr(hand_changes, "digest", digest)
    return lambda: len(counted)


def run_again(session, tree, do=lambda _num_compared: None, num_compared=lambda: 0):
    """Run with another size. Returns how many results each tick compared, of those that did."""
    socket_of(tree.nodes["Make"].inputs, "size").default_value = 2.0
    run = session.start(tree)
    compared = []
    while not run.is_home:
        if not run.state.is_final:
            session.update_jobs(1.0)
        before = num_compared()
        session.tick()
        compared += [num_compared() - before] if num_compared() > before else []
        do(num_compared())
    return run, compared


def test_earlier_results_are_compared_before_the_new_ones_come_home(session, tree, edits, num_compared):
    baselines.finish()
    run, compared = run_again(session, tree, num_compared=num_compared)
    assert run.notes == ()
    assert compared == [1] * 2 * COUNT
    assert sizes() == [2.0] * COUNT


def test_change_after_a_result_was_compared_stays(session, tree, edits, num_compared):
    baselines.finish()

    def edit(count):
        if count == 2 * COUNT - 1 and not edits.edited:
            made()[-1].data.vertices[0].co.x = 7
            edits.edited = {made()[-1].data.name}

    run, _compared = run_again(session, tree, edit, num_compared)
    assert len(run.notes) == 1
    assert sizes() == [2.0] * (COUNT - 1) + [7.0]


def test_where_blender_does_not_tell_what_was_edited_each_portion_is_compared_before_it_comes(
    session, tree, monkeypatch, num_compared
):
    monkeypatch.setattr(arrival, "_PORTION", 2)
    baselines.finish()
    run, compared = run_again(session, tree, num_compared=num_compared)
    assert run.notes == ()
    assert compared == [1] * 2 * COUNT
    assert sizes() == [2.0] * COUNT


def test_change_between_a_portion_and_what_it_is_compared_with_stays(session, tree, monkeypatch, num_compared):
    fake = Doubt()
    monkeypatch.setattr(hand_changes, "edits", fake)
    baselines.finish()
    last = made()[-1]

    def edit(count):
        if count == 2 * COUNT and not fake.edited:  # all is compared, and nothing has come
            last.data.vertices[0].co.x = 7
            fake.edited = {"something"}

    run, _compared = run_again(session, tree, edit, num_compared)
    assert len(run.notes) == 1
    assert sizes() == [2.0] * (COUNT - 1) + [7.0]


def test_what_was_found_changed_is_not_compared_again(session, tree, num_compared):
    baselines.finish()
    made()[-1].data.vertices[0].co.x = 7
    run, compared = run_again(session, tree, num_compared=num_compared)
    assert len(run.notes) == 1
    assert compared == [1] * 2 * COUNT


def test_oldest_are_forgotten_where_there_are_very_many(tree, monkeypatch):
    monkeypatch.setattr(baselines_module, "_MAX_DIGESTS", 3)
    first = next(iter(baselines._digests))
    baselines.finish()
    assert len(baselines._digests) == 3
    assert baselines.digest(first) == "", "nobody knows it, so it counts as changed"
