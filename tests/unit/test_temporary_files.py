# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker empties, and what it must never empty: folders that are not its own."""

import pytest

from background_nodes.runtime.blender import temporary_files
from background_nodes.runtime.blender.temporary_files import TemporaryFiles, remove_blenders_folder


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch):
    monkeypatch.setattr(temporary_files, "_folder", None)


@pytest.fixture
def folders(tmp_path):
    """Those of a worker: the scratch folder, the temporary one, Blender's in it, and that of the configuration."""
    scratch = tmp_path / "scratch"
    temporary, configuration = scratch / "000001" / "temporary", scratch / "000001" / "configuration"
    blenders = temporary / "blender_a1"
    for folder in (blenders, configuration):
        folder.mkdir(parents=True)
    return scratch, temporary, blenders, configuration


def fill(*folders):
    files = [folder / "file.txt" for folder in folders]
    for file in files:
        file.write_text("Precious")
    return files


def test_all_three_folders_are_emptied_and_stay(folders):
    scratch, *own = folders
    mine = fill(*own)
    (other,) = fill(scratch)
    assert TemporaryFiles(*folders).remove() == ""
    assert not any(file.exists() for file in mine)
    assert all(folder.is_dir() for folder in own)
    assert other.exists()


@pytest.mark.parametrize("index", [1, 2, 3], ids=["temporary", "blenders", "configuration"])
@pytest.mark.parametrize("where", ["shared", "above", "scratch"])
def test_folder_that_other_programs_use_is_not_emptied(folders, tmp_path, index, where):
    """On a full disk Python names /tmp, or at last the folder that a program began in, and Blender /tmp."""
    shared = {"shared": tmp_path / "shared", "above": tmp_path, "scratch": folders[0]}[where]
    shared.mkdir(exist_ok=True)
    (precious,) = fill(shared)
    given = list(folders)
    given[index] = shared
    with pytest.raises(FileNotFoundError, match="can't be written to"):
        TemporaryFiles(*given)
    assert precious.exists()
    assert not temporary_files.is_temporary(precious)


@pytest.mark.parametrize("level", [0, 1], ids=["itself", "above"])
def test_link_in_the_place_of_a_folder_is_not_followed(folders, tmp_path, level):
    files = TemporaryFiles(*folders)
    temporary = folders[1]
    artists = tmp_path / "artists" / "temporary"
    artists.mkdir(parents=True)
    (precious,) = fill(artists)
    place, target = ((temporary, artists), (temporary.parent, artists.parent))[level]
    place.rename(tmp_path / "away")
    try:
        place.symlink_to(target)
    except OSError:
        pytest.skip("no links can be made here")
    assert "has made a link" in files.remove()
    assert precious.exists()


def test_folder_that_blender_has_made_is_removed_and_no_other(tmp_path):
    made, shared = tmp_path / "blender_x3Kq", tmp_path / "shared"
    for folder in (made, shared):
        folder.mkdir()
    fill(made, shared)
    for folder in (made, shared):
        remove_blenders_folder(f"{folder}/")
    assert not made.exists()
    assert (shared / "file.txt").exists()
