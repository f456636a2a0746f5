"""Trees that run by themselves: after a save, after a change, on another frame; and what is no reason to run."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.auto_run import events
from background_nodes.addon.auto_run.known_trees import KnownTrees
from background_nodes.addon.auto_run.queue import queue
from background_nodes.addon.editor import end_report
from background_nodes.addon.session import gestures, problems
from background_nodes.addon.session.current import bring_back

from .graphs import advance, new_tree, output, quad, script, socket_of, value
from .test_cache import COUNT, SCALE

WAIT = """
import time
def main(value: int = 1) -> int:
    progress(0.5)
    time.sleep(600)
    return value
"""


FAILS_AT_ONE = """
def main(number: int, notes: str) -> int:
    with open(notes, "a") as file:
        file.write(str(number))
    if number == 1:
        raise ValueError("one")
    return number
"""


@pytest.fixture(autouse=True)
def artist(store, monkeypatch, tmp_path):
    """As if there were an artist, and a timer that the test calls: see `take_turns`."""
    monkeypatch.setattr(events, "is_attended", lambda: True)
    monkeypatch.setattr(queue, "rest", 0.0)
    monkeypatch.setattr(queue, "known", KnownTrees(lambda: tmp_path / "known trees"))


@pytest.fixture
def said(monkeypatch) -> list[tuple[str, str]]:
    """What was reported."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(end_report, "say", lambda level, message: found.append((level, message)))
    return found


@pytest.fixture
def tree():
    """A tree with a value that counts the vertices of an object."""
    tree = new_tree()
    script(tree, "Count", COUNT, source=quad("Rock"))
    return tree


@pytest.fixture
def save(tmp_path):
    def save_as(name: str = "mine.blend", **options) -> None:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / name), **options)

    return save_as


def take_turns(session) -> list[str]:
    """Let all that is due run. Gives the names of the trees that ran, one after the other."""
    known = set(session.history)
    while queue.turn() is not None or session.is_busy:
        for run in session.history:
            if not run.is_home:
                run.wait()
    return [run.tree_name for run in session.history if run not in known]


def change(tree: bpy.types.NodeTree) -> None:
    """Move a vertex of what the tree reads."""
    mesh = socket_of(tree.nodes["Count"].inputs, "source").default_value.data
    mesh.vertices[0].co.x += 1.0
    mesh.update()
    look()


def look() -> None:
    """As Blender does after each action of the artist."""
    bpy.context.view_layer.update()


def live(tree: bpy.types.NodeTree, session) -> None:
    look()
    tree.auto_run = "LIVE"
    assert take_turns(session) == ["Tree"]
    look()
    assert take_turns(session) == [], "that was its own work"


# After a save


def test_save_runs_what_has_changed_and_says_why(tree, session, save, said):
    tree.auto_run = "SAVE"
    save()
    assert take_turns(session) == ["Tree"]
    assert tree.nodes["Count"].outputs[0].result == 4
    assert '"Tree" ran by itself in ' in said[-1][1]
    assert said[-1][1].endswith(": Count (never ran)")
    change(tree)
    save()
    assert take_turns(session) == ["Tree"]
    assert said[-1][1].endswith(': Count (object "Rock": mesh changed)')
    save()
    take_turns(session)
    assert said[-1] == ("INFO", '"Tree": nothing has changed')


def test_save_tries_only_items_again_that_failed(tree, session, save, said, tmp_path):
    tree.nodes.clear()
    numbers = value(tree, "INT", [0, 1, 2], is_list=True)
    notes = tmp_path / "notes"
    make = script(tree, "Make", FAILS_AT_ONE, number=numbers, notes=str(notes))
    double = script(tree, "Double", "def main(number: int) -> int: return number * 2", number=make)
    tree.auto_run = "SAVE"
    for content, ran, states in (
        ([0, 1, 2], "012", ["succeeded", "failed", "succeeded"]),
        ([0, 1, 2], "1", ["succeeded", "failed", "succeeded"]),
        ([0, 3, 2], "3", ["succeeded"] * 3),
    ):
        numbers.outputs[0].default_value = content
        save()
        assert take_turns(session) == ["Tree"]
        items = session.run_of(tree).tasks["Make"].items
        assert [item.state for item in items] == states
        assert "".join(sorted(notes.read_text())) == ran
        assert ("failed" in said[-1][1]) == ("failed" in states)
        notes.unlink()
    assert double.outputs[0].result == (0, 6, 4)


def test_copy_and_startup_file_are_no_save(tree, session, save, tmp_path, monkeypatch):
    save()
    tree.auto_run = "SAVE"
    save("copy.blend", copy=True)
    events._after_save("")  # as for the startup file
    assert take_turns(session) == []
    bpy.ops.wm.save_mainfile()
    assert take_turns(session) == ["Tree"]


def test_nobody_is_there_so_nothing_runs(tree, session, save, monkeypatch):
    monkeypatch.setattr(events, "is_attended", lambda: False)
    tree.auto_run = "SAVE"
    session.start(tree).wait()
    save()
    assert take_turns(session) == []


def reopened() -> bpy.types.NodeTree:
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    return bpy.data.node_groups["Tree"]


def test_tree_of_an_opened_file_waits_for_a_run_by_hand(tree, session, save, said):
    tree.auto_run = "SAVE"
    save()
    tree = reopened()
    assert take_turns(session) == [], "nothing runs on load"
    save()
    save()
    assert take_turns(session) == []
    assert [message for _level, message in said] == ['"Tree" runs by itself once you have run it in this session']
    session.start(tree).wait()
    save()
    assert take_turns(session) == ["Tree"]


def test_tree_that_ran_by_itself_before_does_so_after_the_first_save(tree, session, save):
    tree.auto_run = "SAVE"
    save()
    assert take_turns(session) == ["Tree"]
    reopened()
    assert take_turns(session) == [], "nothing runs on load"
    save()
    assert take_turns(session) == ["Tree"]


def test_live_tree_of_an_opened_file_waits_for_a_save_and_runs_from_then_on(tree, session, save):
    live(tree, session)
    save()
    tree = reopened()
    change(tree)
    assert take_turns(session) == []
    save()
    assert take_turns(session) == ["Tree"]
    change(tree)
    assert take_turns(session) == ["Tree"]
    save()
    assert take_turns(session) == [], "a save is no change"


def test_tree_of_an_opened_file_that_ran_on_other_frames_before_does_so_again(tree, session, save):
    tree.auto_run = "FRAME"
    bpy.context.scene.frame_set(5)
    assert take_turns(session) == ["Tree"]
    save()
    reopened()
    assert take_turns(session) == [], "nothing runs on load"
    bpy.context.scene.frame_set(6)
    assert take_turns(session) == ["Tree"]


@pytest.mark.parametrize("mode", ["SAVE", "LIVE", "FRAME"])
def test_tree_of_an_opened_file_waits_for_a_run_by_hand_if_its_mode_is_another_one(tree, session, save, mode):
    before = "SAVE" if mode == "LIVE" else "LIVE"
    tree.auto_run = before
    save()
    assert take_turns(session) == ["Tree"]
    tree.auto_run = mode
    save("stranger.blend")
    tree = reopened()
    queue.forget()
    change(tree)
    bpy.context.scene.frame_set(7)
    save()
    assert take_turns(session) == []


def test_result_that_is_brought_back_is_no_run_by_hand(session, save):
    tree = new_tree()
    node = script(tree, "Make", "def main() -> bpy.types.Mesh: return bpy.data.meshes.new('Made')")
    node.keep_result = True
    session.start(tree).wait()
    bpy.data.meshes.remove(node.outputs[0].result)
    save()
    tree = reopened()
    tree.auto_run = "SAVE"
    queue.allowed.clear()  # it came so with the file
    bring_back(tree.nodes["Make"].outputs[0]).wait()
    save()
    assert take_turns(session) == []
    session.start(tree).wait()
    save()
    assert take_turns(session) == ["Tree"]


@pytest.mark.parametrize("changes", ["path", "script", "number"])
def test_tree_is_known_by_its_scripts_and_texts(session, save, tmp_path, changes):
    tree = new_tree()
    source = "from pathlib import Path\ndef main(to: Path, size: int = 1) -> int: return size"
    script(tree, "Write", source, to="//mine.txt")
    tree.auto_run = "SAVE"
    save()
    assert take_turns(session) == ["Tree"]
    node = tree.nodes["Write"]
    if changes == "path":
        socket_of(node.inputs, "to").default_value = "/etc/passwd"
    elif changes == "script":
        node.script.write("\n# other")
    else:
        socket_of(node.inputs, "size").default_value = 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "stranger.blend"), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "stranger.blend"))
    bpy.ops.wm.save_mainfile()
    assert take_turns(session) == (["Tree"] if changes == "number" else [])


def test_file_that_was_opened_takes_the_place_of_what_was_due(tree, session, save):
    save()
    tree.auto_run = "SAVE"
    save()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert take_turns(session) == []


def test_several_trees_run_one_after_the_other(tree, session, save):
    other = new_tree("Other")
    script(other, "One", "def main() -> int: return 1")
    tree.auto_run = other.auto_run = "SAVE"
    save()
    queue.turn()
    assert sum(not run.is_home for run in session.runs) == 1
    assert sorted([run.tree_name for run in session.history] + take_turns(session)) == ["Other", "Tree"]


def test_removed_tree_is_not_run(tree, session, save):
    tree.auto_run = "SAVE"
    save()
    bpy.data.node_groups.remove(tree)
    assert take_turns(session) == []


def test_tree_whose_mode_was_changed_back_is_not_run(tree, session, save):
    tree.auto_run = "SAVE"
    save()
    tree.auto_run = "MANUAL"
    assert take_turns(session) == []


def test_linked_tree_does_not_run(tree, session, save, tmp_path):
    tree.auto_run = "SAVE"
    tree.use_fake_user = True
    save("library.blend")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_source, wanted):
        wanted.node_groups = ["Tree"]
    save()
    assert bpy.data.node_groups["Tree"].auto_run == "SAVE"
    assert take_turns(session) == []


def test_problems_are_told_and_open_nothing(tree, session, save, said):
    shown = []
    problems.wanted.listen(shown.append)
    script(tree, "Needs", "def main(value: int) -> int: return value")
    tree.auto_run = "SAVE"
    save()
    assert take_turns(session) == []
    problems.wanted.stop_listening(shown.append)
    assert shown == []
    assert [problem.node for problem in problems.of(tree)] == ["Needs"]
    assert said == [("WARNING", '"Tree" did not run: see Problems in the Sidebar')]


# A save in mid-run


@pytest.fixture
def going(session):
    """A tree in mid-run: one task that never ends, and one beside it that is over."""
    tree = new_tree()
    script(tree, "Wait", WAIT)
    script(tree, "Beside", "def main(value: int = 1) -> int: return value")
    tree.auto_run = "SAVE"
    run = session.start(tree)
    advance(run, lambda: run.tasks["Wait"].progress > 0.0 and run.tasks["Beside"].state.is_final)
    yield tree
    session.run_of(tree).cancel()


def test_save_cancels_what_is_stale_and_runs_the_tree_again(going, session, save, said):
    run = session.run_of(going)
    going.nodes["Wait"].script.from_string("def main(value: int = 1) -> int: return value + 1")
    save()
    assert take_turns(session) == ["Tree"]
    assert (str(run.tasks["Wait"].state), str(run.tasks["Beside"].state)) == ("cancelled", "succeeded")
    again = session.run_of(going)
    assert (again.tasks["Beside"].cached, again.tasks["Wait"].cached) == (True, False)
    assert going.nodes["Wait"].outputs[0].result == 2
    assert len(said) == 1, "the end of what was superseded is not told"


def test_save_lets_go_on_what_is_not_stale(going, session, save):
    run = session.run_of(going)
    socket_of(going.nodes["Beside"].inputs, "value").default_value = 2
    save()
    for _ in range(3):
        queue.turn()
    assert session.run_of(going) is run
    assert str(run.tasks["Wait"].state) == "running"
    run.cancel()
    run.wait()
    queue.turn()
    assert session.run_of(going) is not run


# After a change


def test_live_tree_runs_after_a_change_of_what_it_reads(tree, session):
    live(tree, session)
    change(tree)
    assert take_turns(session) == ["Tree"]


def test_live_tree_does_not_run_after_other_changes(tree, session):
    quad("Other")
    live(tree, session)
    bpy.data.objects["Other"].location.x = 3.0
    look()
    assert take_turns(session) == []


def test_live_tree_runs_after_a_change_of_a_value_or_a_link(tree, session):
    node = script(tree, "Double", "def main(value: int = 2) -> int: return 2 * value")
    live(tree, session)
    socket_of(node.inputs, "value").default_value = 5
    assert take_turns(session) == ["Tree"]
    assert node.outputs[0].result == 10
    tree.links.new(tree.nodes["Count"].outputs[0], node.inputs[0])
    assert take_turns(session) == ["Tree"]
    assert node.outputs[0].result == 8
    node.location.x += 100.0
    tree.update()
    assert take_turns(session) == []


def test_live_tree_whose_result_replaces_what_it_reads_runs_once(session):
    tree = new_tree()
    output(tree, "REPLACE", script(tree, "Scale", SCALE, source=quad("Rock")))
    live(tree, session)
    assert bpy.data.objects["Rock"].data.vertices[3].co.y == 2.0


def test_result_that_the_artist_asks_for_is_no_reason_to_run(session):
    tree = new_tree()
    source = "def main(source: bpy.types.Object) -> bpy.types.Object: source['mine'] = 1; return source"
    node = script(tree, "Make", source, source=quad("Rock"))
    live(tree, session)
    assert node.outputs[0].result is not None
    look()
    assert take_turns(session) == []


MAKE = """
def main(size: int = 1) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("Made")
    mesh.from_pydata([(size, 0, 0)], [], [])
    return bpy.data.objects.new("Made", mesh)
"""


@pytest.mark.parametrize("mode", ["SAVE", "LIVE", "FRAME"])
def test_result_that_was_deleted_stays_so_until_its_node_gives_something_else(tree, session, save, mode):
    node = script(tree, "Make", MAKE)
    output(tree, "LINK", node)
    tree.auto_run = mode
    session.start(tree).wait()

    def run_by_itself() -> None:
        change(tree)
        save()
        bpy.context.scene.frame_set(bpy.context.scene.frame_current + 1)
        assert take_turns(session) == ["Tree"]

    bpy.data.objects.remove(node.outputs[0].result)
    for _ in range(2):
        run_by_itself()
        assert node.outputs[0].result is None
        assert node.outputs[0].shows_result, "it says that it was deleted"
    session.start(tree).wait()
    assert node.outputs[0].result.name == "Made"

    bpy.data.objects.remove(node.outputs[0].result)
    socket_of(node.inputs, "size").default_value = 2
    run_by_itself()
    assert node.outputs[0].result.data.vertices[0].co.x == 2.0


def test_undo_of_results_does_not_bring_them_back(tree, session):
    bpy.ops.ed.undo_push(message="Before")
    node = script(tree, "Double", "def main(value: int = 2) -> int: return 2 * value")
    bpy.ops.ed.undo_push(message="Node")
    live(tree, session)
    bpy.ops.ed.undo()
    look()
    assert take_turns(session) == []
    assert node is not None


def test_undo_of_a_value_runs_a_live_tree(session):
    tree = new_tree()
    node = script(tree, "Double", "def main(value: int = 2) -> int: return 2 * value")
    live(tree, session)
    bpy.ops.ed.undo_push(message="Before")
    socket_of(node.inputs, "value").default_value = 5
    bpy.ops.ed.undo_push(message="Value")
    assert take_turns(session) == ["Tree"]
    bpy.ops.ed.undo()  # the results
    bpy.ops.ed.undo()  # the value
    assert socket_of(bpy.data.node_groups["Tree"].nodes["Double"].inputs, "value").default_value == 2
    assert take_turns(session) == ["Tree"]


def test_live_tree_waits_until_a_gesture_is_over(tree, session, monkeypatch):
    live(tree, session)
    monkeypatch.setattr(gestures, "is_going_on", lambda: True)
    change(tree)
    assert queue.turn() is not None
    assert session.run_of(tree).is_home
    monkeypatch.setattr(gestures, "is_going_on", lambda: False)
    assert take_turns(session) == ["Tree"]


def test_each_change_begins_the_rest_anew(tree, session, monkeypatch):
    live(tree, session)
    monkeypatch.setattr(queue, "rest", 1000.0)
    change(tree)
    assert queue.turn() is not None
    assert session.run_of(tree).is_home


READ = """
from pathlib import Path
def main(file: Path) -> str:
    return file.read_text()
"""


def look_at_files() -> None:
    """As the timer does, twice: the first look is over then."""
    for _ in range(2):
        queue.look_at_files()
        queue.files.wait()
    queue.look_at_files()


def test_live_tree_runs_after_a_file_that_an_input_names_has_changed(session, tmp_path):
    file = tmp_path / "given.txt"
    file.write_text("one")
    tree = new_tree()
    node = script(tree, "Read", READ, file=str(file))
    live(tree, session)
    look_at_files()
    assert take_turns(session) == []
    file.write_text("another")
    look_at_files()
    assert take_turns(session) == ["Tree"]
    assert node.outputs[0].result == "another"
    look_at_files()
    assert take_turns(session) == []


def test_file_that_a_live_tree_writes_itself_is_no_reason_to_run(session, tmp_path):
    tree = new_tree()
    source = "from pathlib import Path\ndef main(file: Path) -> str: return str(file.write_text('made'))"
    script(tree, "Write", source, file=str(tmp_path / "made.txt"))
    live(tree, session)
    look_at_files()
    assert take_turns(session) == []


def test_no_file_is_looked_at_where_no_tree_is_live(session, tmp_path):
    tree = new_tree()
    script(tree, "Read", READ, file=__file__)
    live(tree, session)
    assert queue.look_at_files() is not None
    tree.auto_run = "MANUAL"
    assert queue.look_at_files() is None


# On another frame


def test_other_frame_runs_the_tree(tree, session):
    tree.auto_run = "FRAME"
    bpy.context.scene.frame_set(5)
    assert take_turns(session) == ["Tree"]


def test_render_runs_nothing(tree, session, tmp_path):
    tree.auto_run = "FRAME"
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.render.filepath = str(tmp_path / "frame")
    scene.frame_end = 2
    bpy.ops.render.render(animation=True)
    assert take_turns(session) == []
    scene.frame_set(7)
    assert take_turns(session) == ["Tree"]


# Handlers


def test_handlers_are_on_only_while_a_tree_wants_them(tree, save):
    known = bpy.app.handlers
    lists = (known.save_post, known.depsgraph_update_post, known.frame_change_post, known.render_init)

    def lengths() -> list[int]:
        return [len(functions) for functions in lists]

    before = lengths()
    seen = {}
    for mode in ("SAVE", "LIVE", "FRAME", "MANUAL"):
        tree.auto_run = mode
        seen[mode] = [now - then for now, then in zip(lengths(), before, strict=True)]
    assert seen == {"SAVE": [1, 1, 0, 0], "LIVE": [1, 1, 0, 1], "FRAME": [0, 0, 1, 1], "MANUAL": [0, 0, 0, 0]}
    tree.auto_run = "SAVE"
    tree.use_fake_user = True
    save()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert lengths() == before


def test_appended_tree_is_found_and_waits_for_a_run_by_hand(tree, session, save, tmp_path):
    tree.auto_run = "SAVE"
    tree.use_fake_user = True
    save("library.blend")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.append(directory=str(tmp_path / "library.blend" / "NodeTree") + "/", filename="Tree")
    save()
    assert take_turns(session) == []
    session.start(bpy.data.node_groups["Tree"]).wait()
    save()
    assert take_turns(session) == ["Tree"]
