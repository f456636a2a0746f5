"""Consent: a script that came from elsewhere runs only after the artist allowed it; what they wrote here is theirs.

Each script leaves a mark on disk, so that a test sees whether it ran.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
import pytest

from background_nodes import ConsentError
from background_nodes.addon.auto_run import events
from background_nodes.addon.auto_run.queue import queue
from background_nodes.addon.consent import blender_scripts, current
from background_nodes.addon.consent.consent import Consent
from background_nodes.addon.consent.current import consent
from background_nodes.addon.consent.origins import Origins
from background_nodes.addon.consent.trusted_scripts import TrustedScripts
from background_nodes.addon.preferences import preferences
from background_nodes.addon.scripts import texts
from background_nodes.addon.session import checks, problems
from background_nodes.node_tree import grouping, sources, text_modules
from background_nodes.node_tree.text_form.building import build, build_nodes
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.node_tree.tree import mode_listeners
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.scheduling.states import RunState

from .graphs import add, editor, new_tree, script

#: See conftest.py.
ASKS_FOR_CONSENT = True
TREE = "Tree"


@pytest.fixture(autouse=True)
def trusted(tmp_path, monkeypatch) -> TrustedScripts:
    """Trusted Scripts in a folder of the test's own."""
    trusted = TrustedScripts(lambda: tmp_path / "trusted")
    monkeypatch.setattr(consent, "trusted", trusted)
    return trusted


@pytest.fixture
def mark(tmp_path) -> Path:
    return tmp_path / "it ran"


@pytest.fixture
def source(mark) -> str:
    return f"def main() -> int:\n    open({str(mark)!r}, 'w').close()\n    return 1"


@pytest.fixture
def stranger_s_file(tmp_path, source) -> Path:
    """A file with a tree and its script, which nobody here has seen."""
    tree = new_tree(TREE)
    tree.use_fake_user = True
    text = script(tree, "Node", source).script
    path = tmp_path / "stranger.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    forget(text)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return path


def forget(text: bpy.types.Text) -> None:
    """It was not written here after all."""
    consent.revoke([own_modules.digest_of_text(text.as_string())])


def tree_here(name: str = TREE) -> bpy.types.NodeTree:
    return bpy.data.node_groups[name]


def open_file(path: Path, **options) -> bpy.types.NodeTree:
    bpy.ops.wm.open_mainfile(filepath=str(path), **options)
    return tree_here()


def append_by_operator(path: Path) -> bpy.types.NodeTree:
    bpy.ops.wm.append(filepath=f"{path}/NodeTree/{TREE}", directory=f"{path}/NodeTree/", filename=TREE)
    return tree_here()


def append_by_python(path: Path) -> bpy.types.NodeTree:
    with bpy.data.libraries.load(str(path)) as (_names, wanted):
        wanted.node_groups = [TREE]
    return wanted.node_groups[0]


def link(path: Path) -> bpy.types.NodeTree:
    with bpy.data.libraries.load(str(path), link=True) as (_names, wanted):
        wanted.node_groups = [TREE]
    return wanted.node_groups[0]


def link_and_make_local(path: Path) -> bpy.types.NodeTree:
    tree = link(path).make_local()
    tree.nodes["Node"].script.make_local()
    return tree


def copy_of_text(path: Path) -> bpy.types.NodeTree:
    text = open_file(path).nodes["Node"].script.copy()
    tree = new_tree("Mine")
    add(tree, "BackgroundNodeScript", "Node").script = text
    return tree


def copy_of_content(path: Path) -> bpy.types.NodeTree:
    content = open_file(path).nodes["Node"].script.as_string()
    tree = new_tree("Mine")
    text = bpy.data.texts.new("mine.py")
    text.from_string(content)
    add(tree, "BackgroundNodeScript", "Node").script = text
    return tree


ROADS = [open_file, append_by_operator, append_by_python, link, link_and_make_local, copy_of_text, copy_of_content]


def questions(tree: bpy.types.NodeTree):
    return consent.questions(checks.checked(tree).tasks)


def allow(tree: bpy.types.NodeTree) -> None:
    for question in questions(tree):
        consent.allow(question)


def type_into(text: bpy.types.Text, typed: str) -> None:
    """What the artist types at the end of a text, in a Text Editor."""
    text.write(typed)
    current.look_at(text)


# A script that came from elsewhere


@pytest.mark.parametrize("come", ROADS, ids=lambda come: come.__name__)
def test_script_that_came_is_asked_for_whatever_its_road(come, stranger_s_file, registered_extension, mark):
    tree = come(stranger_s_file)
    with pytest.raises(ConsentError) as caught:
        registered_extension.run(tree)
    assert [problem.node for problem in caught.value.problems] == ["Node"]
    assert caught.value.problems[0].needs_consent
    assert "stranger.blend" in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    "does", [append_by_python, lambda _path: bpy.context.view_layer.update()], ids=["append", "update"]
)
def test_handler_that_is_called_before_ours_lets_nothing_slip_by(does, stranger_s_file, monkeypatch, tmp_path):
    """1. A file opens. 2. Another add-on hears of it first, and imports or evaluates. 3. Our handler hears of it."""
    write_library(tmp_path / "library.blend", "def main() -> None: ...")
    monkeypatch.setattr(consent, "origins", Origins(consent._allowed))  # as in a Blender that has seen nothing yet
    handler = bpy.app.handlers.persistent(lambda *_arguments: does(tmp_path / "library.blend"))
    bpy.app.handlers.load_post.insert(0, handler)
    try:
        tree = open_file(stranger_s_file)
    finally:
        bpy.app.handlers.load_post.remove(handler)
    assert questions(tree)


@pytest.mark.parametrize("come", ROADS, ids=lambda come: come.__name__)
def test_allowed_script_runs(come, stranger_s_file, registered_extension, mark):
    tree = come(stranger_s_file)
    allow(tree)
    assert registered_extension.run(tree).state is RunState.SUCCEEDED
    assert mark.exists()


def test_nodes_that_were_copied_in_another_file_are_asked_for(stranger_s_file):
    """Blender 5.2 brings their texts along, earlier ones leave them without."""
    tree = open_file(stranger_s_file)
    tree.nodes["Node"].select = True
    with editor(tree):
        bpy.ops.node.clipboard_copy()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    mine = new_tree("Mine")
    with editor(mine):
        bpy.ops.node.clipboard_paste()
    (node,) = mine.nodes
    if bpy.app.version < (5, 2, 0):
        assert node.script is None
    else:
        assert questions(mine)


@pytest.mark.parametrize("mode", ["SAVE", "LIVE", "FRAME"])
def test_tree_that_is_to_run_by_itself_only_asks(mode, stranger_s_file, session, mark, monkeypatch, tmp_path):
    monkeypatch.setattr(events, "is_attended", lambda: True)
    monkeypatch.setattr(queue, "rest", 0.0)
    tree = append_by_operator(stranger_s_file)
    tree.auto_run = mode
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"))
    bpy.context.scene.frame_set(7)
    queue.turn()
    assert [problem.needs_consent for problem in problems.of(tree)] == [True]
    assert (session.runs, mark.exists()) == ((), False)


@pytest.mark.parametrize("come", ROADS, ids=lambda come: come.__name__)
@pytest.mark.parametrize("mode", ["SAVE", "LIVE", "FRAME"])
def test_nothing_runs_by_itself(come, mode, stranger_s_file, session, mark, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "is_attended", lambda: True)
    monkeypatch.setattr(queue, "rest", 0.0)
    come(stranger_s_file).auto_run = mode
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"))
    queue.turn()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "mine.blend"))
    queue.turn()
    bpy.ops.wm.save_mainfile()
    queue.turn()
    scene = bpy.context.scene
    scene.frame_set(2)
    queue.turn()
    scene.render.filepath = str(tmp_path / "picture")
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.ops.render.render(write_still=True)
    queue.turn()
    assert (session.runs, mark.exists()) == ((), False)


def test_run_button_reports_what_is_not_allowed(stranger_s_file, mark):
    tree = open_file(stranger_s_file)
    with editor(tree), pytest.raises(RuntimeError, match=r'"Node\.py" came with stranger\.blend .* not allowed'):
        bpy.ops.background_nodes.run()
    assert not mark.exists()


def test_problems_of_a_tree_tell_of_scripts_that_are_not_allowed(stranger_s_file):
    tree = open_file(stranger_s_file)
    assert [(problem.node, problem.needs_consent) for problem in problems.find(tree)] == [("Node", True)]
    allow(tree)
    assert problems.find(tree) == ()


def test_caller_may_allow_scripts_for_one_run(stranger_s_file, registered_extension, mark):
    tree = open_file(stranger_s_file)
    assert registered_extension.run(tree, allow_scripts=True).state is RunState.SUCCEEDED
    mark.unlink()
    with pytest.raises(ConsentError):
        registered_extension.run(tree)
    assert not mark.exists()


def test_script_in_two_nodes_is_asked_for_once(stranger_s_file):
    tree = open_file(stranger_s_file)
    add(tree, "BackgroundNodeScript", "Other").script = tree.nodes["Node"].script
    (question,) = questions(tree)
    assert [name for _uid, name in question.nodes] == ["Node", "Other"]


# Allowed, revoked, changed


def test_script_that_is_trusted_for_good_runs_in_the_next_session(stranger_s_file, trusted):
    tree = open_file(stranger_s_file)
    consent.trust(questions(tree)[0])
    next_session = Consent(blender_scripts.BlenderScripts(), trusted)
    assert next_session.questions(checks.checked(tree).tasks) == ()
    assert [(script.name, Path(script.origin)) for script in trusted.listed()] == [("Node.py", stranger_s_file)]


def test_script_that_is_allowed_for_the_session_is_asked_for_in_the_next_one(stranger_s_file, trusted):
    tree = open_file(stranger_s_file)
    allow(tree)
    next_session = Consent(blender_scripts.BlenderScripts(), trusted)
    assert next_session.questions(checks.checked(tree).tasks)


@pytest.mark.parametrize("grant", [consent.allow, consent.trust], ids=["session", "always"])
def test_revoked_script_is_asked_for_again(grant, stranger_s_file):
    tree = open_file(stranger_s_file)
    (question,) = questions(tree)
    grant(question)
    assert questions(tree) == ()
    consent.revoke([question.digest])
    assert questions(tree) == (question,)


def test_permission_is_not_in_the_file(stranger_s_file, trusted, tmp_path):
    consent.trust(questions(open_file(stranger_s_file))[0])
    bpy.ops.wm.save_mainfile()
    elsewhere = Consent(blender_scripts.BlenderScripts(), TrustedScripts(lambda: tmp_path / "another computer"))
    assert elsewhere.questions(checks.checked(open_file(stranger_s_file)).tasks)


def test_what_the_artist_changes_in_an_allowed_script_is_theirs(stranger_s_file):
    tree = open_file(stranger_s_file)
    allow(tree)
    type_into(tree.nodes["Node"].script, "# mine\n")
    assert questions(tree) == ()


def test_key_pressed_in_a_script_that_is_read_does_not_allow_it(stranger_s_file):
    tree = open_file(stranger_s_file)
    type_into(tree.nodes["Node"].script, " ")
    (question,) = questions(tree)
    assert Path(question.origin) == stranger_s_file


def test_change_of_what_is_allowed_for_the_session_is_not_trusted_for_longer(stranger_s_file, trusted):
    tree = open_file(stranger_s_file)
    allow(tree)
    type_into(tree.nodes["Node"].script, "# mine\n")
    consent.keep_own(task.script for task in checks.checked(tree).tasks)
    assert trusted.listed() == ()


def test_script_that_changed_in_its_file_is_asked_for_again(stranger_s_file):
    tree = open_file(stranger_s_file)
    allow(tree)
    text = tree.nodes["Node"].script
    text.from_string("# changed elsewhere\ndef main() -> None: ...\n")
    bpy.ops.wm.save_mainfile()
    forget(text)
    assert questions(open_file(stranger_s_file))


def test_reloaded_library_is_asked_for_again(stranger_s_file, source, registered_extension, mark):
    tree = link(stranger_s_file)
    allow(tree)
    write_library(stranger_s_file.with_name("changed.blend"), f"{source} + 1")
    stranger_s_file.with_name("changed.blend").replace(stranger_s_file)
    tree.library.reload()
    tree = next(tree for tree in bpy.data.node_groups if tree.library is not None)
    assert "1 + 1" in tree.nodes["Node"].script.as_string()
    with pytest.raises(ConsentError):
        registered_extension.run(tree)
    assert not mark.exists()


def write_library(path: Path, source: str) -> None:
    """Write a library with a tree and its script, beside what is open."""
    tree = new_tree("Temporary")
    text = script(tree, "Node", source).script
    tree.name = TREE
    bpy.data.libraries.write(str(path), {tree}, fake_user=True)
    forget(text)
    bpy.data.node_groups.remove(tree)
    bpy.data.texts.remove(text)


def test_undo_that_brings_a_script_back_does_not_allow_it(stranger_s_file, registered_extension, mark):
    tree = open_file(stranger_s_file)
    bpy.ops.ed.undo_push(message="opened")
    mine = bpy.data.texts.new("mine.py")
    mine.from_string("def main() -> int:\n    return 2\n")
    tree.nodes["Node"].script = mine
    bpy.ops.ed.undo_push(message="another script")
    assert registered_extension.run(tree).state is RunState.SUCCEEDED
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    tree = tree_here()
    assert tree.nodes["Node"].script.name == "Node.py"
    with pytest.raises(ConsentError):
        registered_extension.run(tree)
    assert not mark.exists()


def test_undo_to_what_a_text_held_before_it_was_changed_asks(stranger_s_file):
    tree = open_file(stranger_s_file)
    bpy.ops.ed.undo_push(message="opened")
    type_into(tree.nodes["Node"].script, "# harmless now\n")
    bpy.ops.ed.undo_push(message="typed")
    allow(tree)
    assert questions(tree) == ()
    bpy.ops.ed.undo()
    assert questions(tree_here())


def test_retry_asks_for_a_script_that_came_meanwhile(session, stranger_s_file, registered_extension, mark):
    tree = new_tree("Mine")
    node = script(tree, "Node", "def main() -> int: raise ValueError")
    run = registered_extension.run(tree)
    with bpy.data.libraries.load(str(stranger_s_file)) as (_names, wanted):
        wanted.texts = ["Node.py"]
    node.script = wanted.texts[0]
    with pytest.raises(ConsentError):
        run.retry()
    assert not mark.exists()
    consent.allow(questions(tree)[0])
    run.retry()
    assert run.wait() is RunState.SUCCEEDED


# What the artist wrote here


def test_artist_s_own_script_is_not_asked_for(registered_extension, source, mark):
    tree = new_tree()
    node = script(tree, "Node", source)
    assert registered_extension.run(tree).state is RunState.SUCCEEDED
    type_into(node.script, "# more\n")
    assert questions(tree) == ()


def test_own_script_of_a_file_that_is_opened_again_is_not_asked_for(source, trusted, tmp_path):
    tree = new_tree(TREE)
    tree.use_fake_user = True
    script(tree, "Node", source)
    consent.check(checks.checked(tree).tasks)
    consent.keep_own(task.script for task in checks.checked(tree).tasks)
    path = tmp_path / "mine.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    next_session = Consent(blender_scripts.BlenderScripts(), trusted)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert next_session.questions(checks.checked(tree_here()).tasks) == ()
    assert [(script.name, script.is_own) for script in trusted.listed()] == [("Node.py", True)]


def test_shipped_script_is_not_asked_for(tmp_path):
    tree = new_tree(TREE)
    tree.use_fake_user = True
    add(tree, "BackgroundNodeScript", "Folder").library_script = "image/load_image"
    tree.nodes["Folder"].inputs["filepath"].default_value = str(tmp_path / "x.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shipped.blend"))
    assert questions(open_file(tmp_path / "shipped.blend")) == ()


def test_link_to_a_shipped_script_is_none_as_its_modules_are_others(folder_of_stranger):
    shipped = sources.LIBRARY / "mesh" / "measure.py"
    (folder_of_stranger / "measure.py").symlink_to(shipped)
    assert consent.may_run(sources.from_file(str(shipped)))
    assert not consent.may_run(sources.from_file(str(folder_of_stranger / "measure.py")))


# Scripts that are files


@pytest.fixture
def folder_of_stranger(tmp_path, write, source) -> Path:
    """A folder with a file, the script that its tree names, and a module that this imports."""
    write(f"import helper\n{source}", "made/node.py")
    folder = Path(write("number = 1\n", "made/helper.py")).parent
    tree = new_tree(TREE)
    tree.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "stranger.blend"))
    add(tree, "BackgroundNodeScript", "Node").filepath = "//node.py"
    bpy.ops.wm.save_mainfile()
    return shutil.copytree(folder, tmp_path / "downloaded")  # where nobody here chose the file


def test_file_that_a_tree_names_is_asked_for(folder_of_stranger, registered_extension, mark):
    with pytest.raises(ConsentError):
        registered_extension.run(open_file(folder_of_stranger / "stranger.blend"))
    assert not mark.exists()


def test_file_is_asked_for_again_when_a_module_that_it_imports_changed(folder_of_stranger):
    tree = open_file(folder_of_stranger / "stranger.blend")
    allow(tree)
    assert questions(tree) == ()
    (folder_of_stranger / "helper.py").write_text("number = 2\n", encoding="utf-8")
    assert questions(tree)


def test_file_that_the_artist_chose_here_is_not_asked_for(write, source):
    path = Path(write(source))
    tree = new_tree()
    add(tree, "BackgroundNodeScript", "Node").filepath = str(path)
    assert questions(tree) == ()
    path.write_text(f"{source} + 1", encoding="utf-8")  # in the artist's own editor
    assert questions(tree) == ()


def test_file_of_a_tree_that_came_stays_foreign_when_it_is_chosen_again(folder_of_stranger):
    tree = open_file(folder_of_stranger / "stranger.blend")
    tree.nodes["Node"].filepath = "//node.py"
    assert questions(tree)


def test_file_in_an_own_script_folder_is_not_asked_for(folder_of_stranger):
    tree = open_file(folder_of_stranger / "stranger.blend")
    consent.use_script_folders(lambda: [str(folder_of_stranger)])
    try:
        assert questions(tree) == ()
    finally:
        consent.use_script_folders(preferences.own_script_folders)
    assert questions(tree)


def test_own_file_that_is_edited_here_is_not_asked_for(folder_of_stranger):
    """It is the artist's own: of an earlier session, with the modules that it imports."""
    tree = open_file(folder_of_stranger / "stranger.blend")
    (question,) = questions(tree)
    consent.trusted.add(question.digest, question.name, question.origin, question.parts, is_own=True)
    text = texts.of_node(tree.nodes["Node"])
    type_into(text, "# more\n")
    Path(question.origin).write_text(text.as_string(), encoding="utf-8")
    assert questions(tree) == ()


def test_text_made_by_new_script_is_the_artist_s_own(stranger_s_file):
    link(stranger_s_file)
    text = texts.new()
    for typed in ("", "# more\n"):
        type_into(text, typed)
        assert consent.may_run(sources.from_text(text))


def local_copy_of_a_shipped_script() -> bpy.types.Text:
    node = add(new_tree("Mine"), "BackgroundNodeScript", "Node")
    node.library_script = "mesh/measure"
    return texts.make_local(node)


@pytest.mark.parametrize("make", [texts.new, local_copy_of_a_shipped_script], ids=["new", "local copy"])
def test_text_made_of_what_ships_is_the_artist_s_own_though_the_same_came_with_a_file(make, stranger_s_file):
    came = open_file(stranger_s_file).nodes["Node"].script
    came.from_string(make().as_string())
    forget(came)
    text = make()
    for typed in ("", "# more\n"):
        type_into(text, typed)
        assert consent.may_run(sources.from_text(text))


@pytest.mark.parametrize("copy", [texts.make_local, texts.of_node], ids=["make local", "edit"])
def test_text_of_a_file_that_is_not_allowed_is_not_allowed_either(copy, folder_of_stranger):
    text = copy(open_file(folder_of_stranger / "stranger.blend").nodes["Node"])
    current.look_at(text)
    mine = new_tree("Mine")
    add(mine, "BackgroundNodeScript", "Node").script = text
    assert questions(mine)


# Blender's own auto run


@pytest.fixture
def auto_run():
    paths = bpy.context.preferences.filepaths
    paths.use_scripts_auto_execute = True
    yield bpy.context.preferences.autoexec_paths
    paths.use_scripts_auto_execute = False
    for path in list(bpy.context.preferences.autoexec_paths):
        bpy.context.preferences.autoexec_paths.remove(path)


def test_file_whose_scripts_blender_runs_itself_is_not_asked_for(auto_run, stranger_s_file):
    assert questions(open_file(stranger_s_file)) == ()


def test_file_in_an_excluded_folder_is_asked_for(auto_run, stranger_s_file):
    auto_run.new().path = str(stranger_s_file.parent)
    assert questions(open_file(stranger_s_file))


def test_file_that_was_opened_without_its_scripts_is_asked_for(auto_run, stranger_s_file):
    assert questions(open_file(stranger_s_file, use_scripts=False))


@pytest.mark.parametrize(
    ("preference", "arguments", "are_on"),
    [
        (False, "blender f.blend --command background_nodes run", False),
        (True, "blender f.blend --command background_nodes run", True),
        (True, "blender -Y f.blend -c background_nodes run", False),
        (True, "blender --disable-autoexec -y f.blend --command background_nodes run", True),
        (False, "blender f.blend --command background_nodes run --set -y", False),
    ],
)
def test_whether_scripts_of_the_file_were_on_is_known(preference, arguments, are_on):
    paths = bpy.context.preferences.filepaths
    paths.use_scripts_auto_execute = preference
    try:
        assert blender_scripts.is_auto_run_wanted(arguments.split()) is are_on
    finally:
        paths.use_scripts_auto_execute = False


# What came as text


def of_text(tree: bpy.types.NodeTree) -> dict:
    """What somebody else has sent: the artist has not seen its scripts."""
    data = dump(tree)
    for text in list(bpy.data.texts):
        forget(text)
    bpy.data.batch_remove([*bpy.data.node_groups, *bpy.data.texts])
    return data


@pytest.mark.parametrize("way", ["tree", "nodes", "group", "module"])
def test_script_that_came_as_text_asks(way, session, source, mark):
    tree = new_tree(TREE)
    node = script(tree, "Node", source)
    if way == "group":
        grouping.make(tree, [node])
    elif way == "module":
        node.script.from_string("import tools\ndef main() -> int:\n    return tools.main()")
        tools = bpy.data.texts.new("tools.py")
        tools.from_string(source)
        text_modules.set_modules(node.script, {"tools.py": tools})
    data = of_text(tree)
    made = new_tree(TREE)
    if way == "nodes":
        build_nodes(data, made, "a chat")
    else:
        made = build(data, "a chat").tree
    with pytest.raises(ConsentError, match="came with a chat") as caught:
        session.start(made)
    assert not mark.exists()
    for question in caught.value.questions:
        consent.allow(question)
    session.start(made).wait()
    assert mark.exists()


def test_script_that_came_as_text_asks_though_the_open_file_is_trusted(session, source, mark, monkeypatch):
    """1. Blender runs the scripts of the open file. 2. Nodes are pasted. 3. A letter of their script is changed."""
    data = of_text(script(new_tree(TREE), "Node", source).id_data)
    monkeypatch.setattr(current._host, "runs_scripts", lambda: True)
    made = build(data).tree
    with pytest.raises(ConsentError):
        session.start(made)
    made.nodes["Node"].script.write("\n# x")
    with pytest.raises(ConsentError):
        session.start(made)
    assert not mark.exists()


def test_file_that_a_node_names_which_came_as_text_asks(session, source, mark, tmp_path, monkeypatch):
    file = tmp_path / "stranger.py"
    file.write_text(source)
    data = {
        "background_nodes": 1,
        "tree": {
            "name": "T",
            "nodes": {
                "Node": {
                    "type": "BackgroundNodeScript",
                    "settings": {"filepath": str(file)},
                    "outputs": [{"identifier": "result", "type": "Int"}],
                }
            },
            "links": [],
        },
        "groups": {},
        "texts": {},
    }
    for trusts in (False, True):
        monkeypatch.setattr(current._host, "runs_scripts", lambda trusts=trusts: trusts)
        with pytest.raises(ConsentError):
            session.start(build(data).tree)
    assert not mark.exists()


def test_own_nodes_that_are_copied_as_text_may_run_here(session, source, mark):
    tree = new_tree(TREE)
    node = script(tree, "Node", source)
    current.look_at(node.script)
    data = dump(tree)
    bpy.data.batch_remove([tree, node.script])
    session.start(build(data).tree).wait()
    assert mark.exists()


def test_tree_that_came_as_text_does_not_run_by_itself(source, mark):
    tree = new_tree(TREE)
    script(tree, "Node", source)
    tree.auto_run = "LIVE"
    data = of_text(tree)
    heard: list[bpy.types.NodeTree] = []
    mode_listeners.append(heard.append)
    made = build(data).tree
    mode_listeners.remove(heard.append)
    assert made.auto_run == "LIVE"
    assert not heard
