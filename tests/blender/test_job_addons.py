"""Add-ons and preferences of the background Blenders that jobs run in."""

from dataclasses import replace
from pathlib import Path

import bpy
import pytest

from tests.blender.jobs import PATIENCE, run

reads_preferences = pytest.mark.skipif(
    not bpy.app.binary_path and bpy.app.version < (4, 5), reason="Blender 4.2 as a module can't read preferences"
)
ADDON = "def register(): pass\ndef unregister(): pass\n"
MANIFEST = """
schema_version = "1.0.0"
id = "{name}"
version = "1.0.0"
name = "For tests"
tagline = "For tests"
maintainer = "Tests"
type = "add-on"
blender_version_min = "4.2.0"
license = ["SPDX:GPL-3.0-or-later"]
"""
WHO = "import os, bpy\npython_data = [os.getpid(), bpy.context.preferences.edit.undo_steps]\n"


@pytest.fixture
def repository(awkward_path):
    """Makes repositories of extensions, and extensions in them."""
    made = []

    def make(module: str, *extensions: str):
        for name in extensions:
            folder = awkward_path / module / name
            folder.mkdir(parents=True)
            (folder / "__init__.py").write_text(ADDON, encoding="utf-8")
            (folder / "blender_manifest.toml").write_text(MANIFEST.format(name=name), encoding="utf-8")
        places = bpy.context.preferences.extensions.repos
        made.append(places.new(name=module.title(), module=module, custom_directory=str(awkward_path / module)).module)
        return next(each for each in places if each.module == module)

    yield make
    places = bpy.context.preferences.extensions.repos
    for each in [each for each in places if each.module in made]:
        places.remove(each)


def refusal(manager, *addons: str, **options) -> str:
    is_added, reason = manager.add_job("job", WHO, addons=addons, **options)
    assert not is_added
    return reason


def enabled(manager, *addons: str) -> list[str]:
    script = "import bpy\npython_data = [name for name in bpy.context.preferences.addons.keys() if 'test_' in name]\n"
    return run(manager, script, addons=addons).python_data


def test_extension_of_any_repository_is_found_by_its_module_or_its_last_part(manager, repository):
    repository("studio", "test_nails", "test_wood")
    assert enabled(manager, "bl_ext.studio.test_nails") == ["bl_ext.studio.test_nails"]
    assert enabled(manager, "test_wood") == ["bl_ext.studio.test_wood"]
    assert enabled(manager) == []


def test_what_cannot_be_found_is_refused_before_the_job_runs_with_what_to_do(manager, repository):
    studio = repository("studio", "test_nails")
    repository("attic", "test_nails")
    told = refusal(manager, "test_nials")
    assert "'test_nials' in it, which is not installed (is 'bl_ext." in told
    assert told.endswith("test_nails' meant?): install it in the preferences")
    told = refusal(manager, "test_nails")
    assert "may be 'bl_ext.attic.test_nails' or 'bl_ext.studio.test_nails': give one of these" in told
    assert "there is no repository 'nowhere'" in refusal(manager, "bl_ext.nowhere.test_wood")
    assert "there, but as 'bl_ext.attic.test_nails' or" in refusal(manager, "bl_ext.nowhere.test_nails")
    studio.enabled = False
    assert "its repository 'Studio' is off" in refusal(manager, "bl_ext.studio.test_wood")
    assert "Leave it out" in refusal(manager, "bl_ext.user_default.background_nodes")
    assert "give a list of the names of modules" in manager.add_job("job", WHO, addons="io_scene_fbx")[1]
    assert "give the names of modules" in refusal(manager, "")
    assert manager.jobs == ()


def test_extension_that_was_removed_is_refused(manager, repository, awkward_path):
    repository("studio", "test_nails")
    assert enabled(manager, "test_nails") == ["bl_ext.studio.test_nails"]
    (awkward_path / "studio" / "test_nails" / "__init__.py").unlink()
    (awkward_path / "studio" / "test_nails" / "blender_manifest.toml").unlink()
    assert "not installed" in refusal(manager, "test_nails")


def test_next_job_with_the_same_addons_has_the_same_blender(manager):
    """Each kind of job keeps its own, as far as there is room."""
    first = run(manager, WHO, addons=["node_wrangler"]).python_data
    other = run(manager, WHO).python_data
    assert run(manager, WHO, addons=["node_wrangler"]).python_data == first
    assert run(manager, WHO).python_data == other != first


# Preferences


@pytest.fixture
def undo_steps():
    """The number of undo steps in the artist's preferences, to be set."""
    edit = bpy.context.preferences.edit
    before, was_dirty = edit.undo_steps, bpy.context.preferences.is_dirty
    yield lambda number: setattr(edit, "undo_steps", number)
    edit.undo_steps, bpy.context.preferences.is_dirty = before, was_dirty


@reads_preferences
def test_job_has_the_artists_preferences_as_they_are_or_factory_settings(manager, undo_steps):
    factory = run(manager, WHO).python_data
    undo_steps(77)
    process, number = run(manager, WHO, preferences="artist").python_data
    assert number == 77
    assert run(manager, WHO, preferences="artist").python_data == [process, 77], "no new Blender for the next job"
    assert run(manager, WHO, preferences="factory").python_data[1] == factory[1] != 77
    undo_steps(78)
    assert run(manager, WHO, preferences="artist").python_data[1] == 78


@reads_preferences
def test_jobs_of_a_batch_have_the_preferences_of_when_they_were_added(manager, undo_steps, session):
    manager.max_workers = 1
    undo_steps(77)
    batch = manager.map(WHO, range(3), preferences="artist")
    undo_steps(78)
    assert manager.add_job("later", WHO, preferences="artist") == (True, "")
    assert batch.wait(PATIENCE)
    assert [job.issue for job in batch] == [""] * 3
    assert {number for _process, number in batch.python_data} == {77}
    assert manager.get_job("later").wait(PATIENCE) == "COMPLETED"
    assert manager.get_job("later").python_data[1] == 78
    scratch = session._runner.scratch
    scratch.wait_for_removals()
    kept = [path for path in scratch.path.glob("0*/*.blend") if b"undosteps" in path.read_bytes()[:2_000_000]]
    assert len(kept) <= 1, "only the last ones are kept"


@reads_preferences
def test_addons_of_the_artist_are_enabled_but_the_extension_itself_does_nothing(manager, tmp_path, monkeypatch):
    script = """
        import bpy, sys
        modules = [module for name, module in sys.modules.items() if name.endswith("background_nodes")]
        python_data = [bpy.context.preferences.addons.keys(), hasattr(bpy.types, "BACKGROUND_NODES_OT_run")]
        """
    addon = bpy.context.preferences.addons.new()
    addon.module = "node_wrangler"
    try:
        names, is_registered = run(manager, script, preferences="artist").python_data
    finally:
        bpy.context.preferences.addons.remove(addon)
    assert "node_wrangler" in names
    assert not is_registered


@reads_preferences
@pytest.mark.parametrize(("prefers", "may"), [(False, False), (True, False), (True, True)])
def test_job_with_the_artists_preferences_may_go_online_only_if_this_blender_may(
    manager, session, monkeypatch, prefers, may
):
    """With --offline-mode it may not, though the preferences say so. With factory settings no job may."""
    usual = session._host.worker_settings
    monkeypatch.setattr(session._host, "worker_settings", lambda settings: replace(usual(settings), is_online=may))
    system = bpy.context.preferences.system
    before, was_dirty = system.use_online_access, bpy.context.preferences.is_dirty
    system.use_online_access = prefers
    script = "import bpy\npython_data = bpy.app.online_access\n"
    try:
        assert usual(session.settings).is_online == bpy.app.online_access
        assert run(manager, script, preferences="artist").python_data is may
        assert run(manager, script).python_data is False
    finally:
        system.use_online_access, bpy.context.preferences.is_dirty = before, was_dirty


@reads_preferences
def test_temporary_folder_of_the_preferences_is_none_of_a_jobs(manager, tmp_path, session):
    (tmp_path / "temporary").mkdir()
    before = bpy.context.preferences.filepaths.temporary_directory
    bpy.context.preferences.filepaths.temporary_directory = str(tmp_path / "temporary")
    try:
        script = "import bpy\npython_data = bpy.app.tempdir\n"
        folder = Path(run(manager, script, preferences="artist").python_data)
    finally:
        bpy.context.preferences.filepaths.temporary_directory = before
    assert folder.is_relative_to(session._runner.scratch.path.resolve())


def test_other_choices_of_preferences_are_refused(manager):
    assert "give one of 'factory', 'artist'" in refusal(manager, preferences="mine")
    assert "cache=True is for results" in refusal(manager, preferences="artist", cache=True)


@pytest.mark.skipif(bool(bpy.app.binary_path) or bpy.app.version >= (4, 5), reason="can read preferences")
def test_module_that_cannot_read_preferences_says_so(manager):
    assert manager.add_job("job", WHO, preferences="artist") == (True, "")
    manager.get_job("job").wait(PATIENCE)
    assert "can't read preferences" in manager.get_issue_string("job")
